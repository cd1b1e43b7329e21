"""The rights of an identity."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest

from localcloud.kernel.identity import Identity
from localcloud.ram import RamService
from localcloud.ram.system_policies import SYSTEM_POLICIES
from tests.support.clock import Clock
from tests.support.identities import ACCOUNT, OBJECT, ROOT, document, may_read, session_of


def test_the_account_may_do_everything_and_strangers_nothing(ram: RamService) -> None:
    assert ram.find("LOCALroot") == ACCOUNT
    assert ram.find("nobody") is None
    assert may_read(ram, ACCOUNT.identity)
    assert not may_read(ram, Identity(account_id="2222222222222222"))


@pytest.mark.parametrize(
    ("resource", "allowed"),
    [
        ("*", True),
        ("acs:ram:*:system:policy/ReadOnlyAccess", True),
        ("acs:oss:*:*:photos", True),
        ("acs:oss:r:1111111111111111:photos", True),
        ("acs:oss:r:2222222222222222:photos", False),
        ("acs:fc:r:2222222222222222:layers/l:1", False),
    ],
)
def test_an_account_may_do_everything_with_what_is_its_own_or_nobodys(
    ram: RamService, resource: str, allowed: bool
) -> None:
    assert ram.is_allowed(ACCOUNT.identity, action="a:b", resource=resource, conditions={}) is allowed
    assert ram.is_granted(ACCOUNT.identity, action="a:b", resource=resource, conditions={})


def test_a_role_may_do_what_its_policies_allow(reader: RamService) -> None:
    identity = session_of(reader)
    assert identity.role_arn == "acs:ram::1111111111111111:role/reader"
    assert may_read(reader, identity)
    assert not may_read(reader, identity, "acs:oss:r:1111111111111111:secret/a")
    assert not reader.is_allowed(identity, action="oss:PutObject", resource=OBJECT, conditions={})


def test_what_a_policy_denies_and_what_a_session_does_not_allow_is_denied_whoever_allows_it(reader: RamService) -> None:
    def is_denied(identity: Identity, action: str) -> bool:
        return reader.is_denied(identity, action=action, resource=OBJECT, conditions={})

    identity = session_of(reader)
    assert not is_denied(identity, "oss:PutObject")  # nothing speaks of it
    reader.create_policy("none", document=document(Effect="Deny", Action="oss:Put*", Resource="*"))
    reader.attach_policy("reader", "none", "Custom")
    assert is_denied(identity, "oss:PutObject")
    assert not is_denied(identity, "oss:GetObject")
    narrow = replace(identity, session_policy=document(Action="oss:List*", Resource="*"))
    assert is_denied(narrow, "oss:GetObject")
    assert not is_denied(ACCOUNT.identity, "oss:PutObject")


def test_the_current_time_is_a_condition_key(ram: RamService, clock: Clock) -> None:
    ram.create_role("reader", trust_policy=ROOT)
    until = document(Action="*", Resource="*", Condition={"DateLessThan": {"acs:CurrentTime": "2027-01-15T08:00:01Z"}})
    ram.create_policy("until", document=until)
    ram.attach_policy("reader", "until", "Custom")
    identity = session_of(ram)
    assert may_read(ram, identity)
    clock.now += 1
    assert not may_read(ram, identity)


@pytest.mark.parametrize("name", ["AliyunOSSReadOnlyAccess", "ReadOnlyAccess"])
def test_system_policies_are_known_by_name(ram: RamService, name: str) -> None:
    ram.create_role("reader", trust_policy=ROOT)
    ram.attach_policy("reader", name, "System")
    identity = session_of(ram)
    assert may_read(ram, identity)
    assert not ram.is_allowed(identity, action="oss:PutObject", resource=OBJECT, conditions={})


@pytest.mark.parametrize("name", sorted(SYSTEM_POLICIES))
def test_a_system_policy_is_one_that_ram_takes_and_what_only_reads_changes_nothing(ram: RamService, name: str) -> None:
    document = ram.get_policy(name, "System").default.document
    ram.create_policy("same", document=document)
    allowed = [action for each in json.loads(document)["Statement"] for action in each["Action"]]
    if name.endswith("ReadOnlyAccess"):
        assert all(re.search(r":(Get|List|Describe|Query|Batch|Generate)", action) for action in allowed)
