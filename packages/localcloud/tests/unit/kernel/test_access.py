"""The gate: what it asks, and what it answers to who may not."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from localcloud.kernel.access import Caller, Denial, Gate
from localcloud.kernel.errors import ApiError
from localcloud.kernel.identity import Identity

ROLE = Identity(account_id="1", role_arn="acs:ram::1:role/reader")


class Readers:
    """Everybody may read over TLS, and nothing else."""

    def is_allowed(self, identity: Identity, *, action: str, resource: str, conditions: Mapping[str, str]) -> bool:
        self.asked = (identity, action, resource, dict(conditions))
        return action == "shop:Read" and conditions["acs:SecureTransport"] == "true"

    def is_denied(self, identity: Identity, *, action: str, resource: str, conditions: Mapping[str, str]) -> bool:
        return action == "shop:Burn"


def refuse(denial: Denial) -> ApiError:
    return ApiError("Denied", f"{denial.caller.principal} {denial.action} {denial.resource}", 403)


def test_the_gate_asks_with_the_conditions_of_the_request_and_of_the_action() -> None:
    readers = Readers()
    caller = Caller.of_request(ROLE, source_ip="127.0.0.1", secure=True)
    Gate(readers, refuse).require(caller, "shop:Read", "acs:shop:::a", {"acs:Service": "fc"})
    conditions = {"acs:SourceIp": "127.0.0.1", "acs:SecureTransport": "true", "acs:Service": "fc"}
    assert readers.asked == (ROLE, "shop:Read", "acs:shop:::a", conditions)


@pytest.mark.parametrize(("action", "secure"), [("shop:Write", True), ("shop:Read", False)])
def test_who_may_not_gets_the_services_own_error(action: str, secure: bool) -> None:
    caller = Caller.of_request(ROLE, source_ip=None, secure=secure)
    with pytest.raises(ApiError, match=f"acs:ram::1:role/reader {action} acs:shop:::a") as caught:
        Gate(Readers(), refuse).require(caller, action, "acs:shop:::a")
    assert caught.value.status == 403


def test_the_principal_of_a_caller_is_the_role_or_the_account_itself() -> None:
    assert Caller(identity=ROLE).principal == "acs:ram::1:role/reader"
    assert Caller(identity=Identity(account_id="1")).principal == "acs:ram::1:root"
