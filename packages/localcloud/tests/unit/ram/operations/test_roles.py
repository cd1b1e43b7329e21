"""Roles, without HTTP."""

from __future__ import annotations

import pytest

from localcloud.ram import RamError, RamService
from tests.support.clock import Clock
from tests.support.identities import FC, READ, code


def test_a_role_is_updated_in_part(reader: RamService, clock: Clock) -> None:
    old = reader.get_role("reader")
    clock.now += 1
    new = reader.update_role("reader", max_session=7200)
    assert (new.max_session, new.trust_policy, new.role_id) == (7200, old.trust_policy, old.role_id)
    assert new.updated == clock.now
    assert reader.update_role("reader", trust_policy=FC, description="d").trust_policy == FC


@pytest.mark.parametrize("text", ["", "{}", READ])
def test_a_role_needs_a_trust_policy(ram: RamService, text: str) -> None:
    with pytest.raises(RamError) as caught:
        ram.create_role("reader", trust_policy=text)
    assert code(caught) == "MalformedPolicyDocument"
    assert ram.roles() == []


@pytest.mark.parametrize("name", ["", "a/b", "..\n", "x" * 65])
def test_a_malformed_role_name_is_refused(ram: RamService, name: str) -> None:
    with pytest.raises(RamError) as caught:
        ram.create_role(name, trust_policy=FC)
    assert code(caught) == "InvalidParameter.RoleName.InvalidChars"


@pytest.mark.parametrize("seconds", [3599, 43201])
def test_a_roles_longest_session_is_1_to_12_hours(ram: RamService, seconds: int) -> None:
    with pytest.raises(RamError) as caught:
        ram.create_role("reader", trust_policy=FC, max_session=seconds)
    assert code(caught) == "InvalidParameter.MaxSessionDuration"
