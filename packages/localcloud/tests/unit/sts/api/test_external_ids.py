"""A role that is assumed on somebody's behalf: the external id of AssumeRole, and the trust policy that asks for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.kernel.rpc import Call
from localcloud.sts.api.sessions import SessionCalls
from localcloud.sts.errors import StsError
from tests.support.clock import Clock
from tests.support.identities import ACCOUNT, Identities, document


@pytest.fixture
def identities(tmp_path: Path) -> Identities:
    """A role `vendor` that the account may assume for customer-1."""
    made = Identities(tmp_path, Clock())
    trust = document(
        Action="sts:AssumeRole",
        Principal={"RAM": ["acs:ram::1111111111111111:root"]},
        Condition={"StringEquals": {"sts:ExternalId": "customer-1"}},
    )
    made.ram.create_role("vendor", trust_policy=trust)
    return made


def assume(identities: Identities, **more: str) -> object:
    parameters = {"RoleArn": identities.ram.role_arn("vendor"), "RoleSessionName": "me", **more}
    call = Call(
        action="AssumeRole", parameters=parameters, identity=ACCOUNT.identity, secure=False, source_ip="127.0.0.1"
    )
    return SessionCalls(identities.sts).assume_role(call)["Credentials"]


def test_a_role_is_assumed_with_the_external_id_that_it_asks_for(identities: Identities) -> None:
    assert assume(identities, ExternalId="customer-1")
    for wrong in ({}, {"ExternalId": "customer-2"}):
        with pytest.raises(StsError) as error:
            assume(identities, **wrong)
        assert error.value.code == "NoPermission"


def test_an_external_id_of_another_form_is_refused(identities: Identities) -> None:
    for wrong in ("1", "a b", "x" * 1225):
        with pytest.raises(StsError, match="ExternalId is wrongly formed"):
            assume(identities, ExternalId=wrong)
