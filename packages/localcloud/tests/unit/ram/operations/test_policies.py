"""Roles, policies and sessions, without HTTP."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from localcloud.kernel.errors import LocalCloudError
from localcloud.kernel.identity import Credential, Identity
from localcloud.ram import RamError, RamService
from localcloud.ram.sessions import KEPT

ACCOUNT = Credential(
    access_key_id="LOCALroot", access_key_secret="root-secret", identity=Identity(account_id="1111111111111111")
)
HOURS = 3600
OBJECT = "acs:oss:cn-hangzhou:1111111111111111:photos/a"


def document(**statement: Any) -> str:
    return json.dumps({"Version": "1", "Statement": [{"Effect": "Allow", **statement}]})


def trust(**principal: str) -> str:
    return document(Action="sts:AssumeRole", Principal=principal)


READ = document(Action="oss:GetObject", Resource="acs:oss:*:*:photos/*")
FC = trust(Service="fc.aliyuncs.com")
ROOT = trust(RAM="acs:ram::1111111111111111:root")


class Clock:
    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ram(tmp_path: Path, clock: Clock) -> RamService:
    return RamService(tmp_path, account=ACCOUNT, clock=clock)


def code(caught: pytest.ExceptionInfo[RamError]) -> str:
    return caught.value.code


def assume(ram: RamService, role: str = "reader", duration: int = HOURS, **more: Any) -> Credential:
    return ram.assume_role(ACCOUNT.identity, ram.role_arn(role), session_name="me", duration=duration, **more)


def may_read(ram: RamService, identity: Identity, resource: str = OBJECT) -> bool:
    return ram.is_allowed(identity, action="oss:GetObject", resource=resource, conditions={})


@pytest.fixture
def reader(ram: RamService) -> RamService:
    """A role `reader` that the account may assume, with a policy that reads photos."""
    ram.create_role("reader", trust_policy=ROOT)
    ram.create_policy("read-photos", document=READ)
    ram.attach_policy("reader", "read-photos", "Custom")
    return ram


def test_the_account_may_do_everything_and_strangers_nothing(ram: RamService) -> None:
    assert ram.find("LOCALroot") == ACCOUNT
    assert ram.find("nobody") is None
    assert may_read(ram, ACCOUNT.identity)
    assert not may_read(ram, Identity(account_id="2222222222222222"))


def test_a_role_may_do_what_its_policies_allow(reader: RamService) -> None:
    identity = assume(reader).identity
    assert identity.role_arn == "acs:ram::1111111111111111:role/reader"
    assert may_read(reader, identity)
    assert not may_read(reader, identity, "acs:oss:r:1111111111111111:secret/a")
    assert not reader.is_allowed(identity, action="oss:PutObject", resource=OBJECT, conditions={})


def test_detaching_a_policy_takes_effect_on_sessions_at_once(reader: RamService) -> None:
    identity = assume(reader).identity
    reader.detach_policy("reader", "read-photos", "Custom")
    assert not may_read(reader, identity)


def test_a_session_policy_only_limits(reader: RamService) -> None:
    narrow = assume(reader, session_policy=document(Action="oss:*", Resource="acs:oss:*:*:photos/b*")).identity
    assert not may_read(reader, narrow)
    assert may_read(reader, narrow, "acs:oss:r:1:photos/b1")
    assert not reader.is_allowed(narrow, action="oss:PutObject", resource="acs:oss:r:1:photos/b1", conditions={})
    assert may_read(reader, assume(reader).identity), "another session of the same name is not limited"


def test_the_current_time_is_a_condition_key(ram: RamService, clock: Clock) -> None:
    ram.create_role("reader", trust_policy=ROOT)
    until = document(Action="*", Resource="*", Condition={"DateLessThan": {"acs:CurrentTime": "2027-01-15T08:00:01Z"}})
    ram.create_policy("until", document=until)
    ram.attach_policy("reader", "until", "Custom")
    identity = assume(ram).identity
    assert may_read(ram, identity)
    clock.now += 1
    assert not may_read(ram, identity)


def test_system_policies_are_known_by_name(ram: RamService) -> None:
    ram.create_role("reader", trust_policy=ROOT)
    ram.attach_policy("reader", "AliyunOSSReadOnlyAccess", "System")
    identity = assume(ram).identity
    assert may_read(ram, identity)
    assert not ram.is_allowed(identity, action="oss:PutObject", resource=OBJECT, conditions={})


def test_only_who_the_trust_policy_names_can_assume(reader: RamService) -> None:
    reader.create_role("fc", trust_policy=FC)
    with pytest.raises(RamError) as caught:
        assume(reader, "fc")
    assert code(caught) == "NoPermission"
    assert "does not name RAM acs:ram::1111111111111111:root" in caught.value.message
    arn = reader.role_arn("fc")
    credential = reader.assume_role_for_service(arn, service="fc.aliyuncs.com", session_name="fn", duration=36 * HOURS)
    assert credential.identity.role_arn == arn
    with pytest.raises(RamError) as caught:
        reader.assume_role_for_service(arn, service="ecs.aliyuncs.com", session_name="fn", duration=HOURS)
    assert code(caught) == "NoPermission"


def test_a_role_needs_permission_to_assume_another(reader: RamService) -> None:
    reader.create_role("other", trust_policy=ROOT)
    identity = assume(reader).identity
    arn = reader.role_arn("other")
    with pytest.raises(RamError) as caught:
        reader.assume_role(identity, arn, session_name="me")
    assert code(caught) == "NoPermission"
    reader.attach_policy("reader", "AliyunSTSAssumeRoleAccess", "System")
    assert reader.assume_role(identity, arn, session_name="me").identity.role_arn == arn


def test_a_trust_policy_can_name_one_role(reader: RamService) -> None:
    reader.create_role("other", trust_policy=trust(RAM=reader.role_arn("reader")))
    reader.attach_policy("reader", "AliyunSTSAssumeRoleAccess", "System")
    assert reader.assume_role(assume(reader).identity, reader.role_arn("other"), session_name="me")
    with pytest.raises(RamError):
        assume(reader, "other")


@pytest.mark.parametrize(
    "arn", ["acs:ram::1111111111111111:role/none", "acs:ram::2222222222222222:role/reader", "reader", ""]
)
def test_a_role_that_is_not_there_cannot_be_assumed(reader: RamService, arn: str) -> None:
    with pytest.raises(RamError) as caught:
        reader.assume_role(ACCOUNT.identity, arn, session_name="me")
    assert code(caught) == "EntityNotExist.Role"


@pytest.mark.parametrize("duration", [899, HOURS + 1])
def test_a_session_lasts_from_15_minutes_to_the_roles_limit(reader: RamService, duration: int) -> None:
    with pytest.raises(RamError) as caught:
        assume(reader, duration=duration)
    assert code(caught) == "InvalidParameter.DurationSeconds"


@pytest.mark.parametrize("name", ["a", "x" * 65, "white space", "../../etc", ""])
def test_a_malformed_session_name_is_refused(reader: RamService, name: str) -> None:
    with pytest.raises(RamError) as caught:
        reader.assume_role(ACCOUNT.identity, reader.role_arn("reader"), session_name=name)
    assert code(caught) == "InvalidParameter.RoleSessionName"


def test_a_malformed_session_policy_is_refused(reader: RamService) -> None:
    with pytest.raises(RamError) as caught:
        assume(reader, session_policy="{}")
    assert code(caught) == "InvalidParameter.PolicyGrammar"


def test_a_session_survives_a_restart(reader: RamService, tmp_path: Path, clock: Clock) -> None:
    policy = document(Action="*", Resource="*")
    credential = assume(reader, session_policy=policy)
    assert credential.expires_at == clock.now + HOURS
    assert credential.access_key_id.startswith("STS.")
    again = RamService(tmp_path, account=ACCOUNT, clock=clock)
    assert again.find(credential.access_key_id) == credential
    assert may_read(again, credential.identity)


def test_an_expired_session_is_found_for_a_day_and_then_forgotten(
    reader: RamService, tmp_path: Path, clock: Clock
) -> None:
    credential = assume(reader)
    clock.now += HOURS + KEPT - 1
    assume(reader)
    assert reader.find(credential.access_key_id) == credential
    clock.now += 1
    assume(reader)
    assert reader.find(credential.access_key_id) is None
    assert len(list((tmp_path / "sessions").iterdir())) == 2


def test_deleting_a_role_ends_its_sessions(reader: RamService, tmp_path: Path, clock: Clock) -> None:
    credential = assume(reader)
    reader.detach_policy("reader", "read-photos", "Custom")
    reader.delete_role("reader")
    assert reader.find(credential.access_key_id) is None
    assert not may_read(reader, credential.identity)
    assert RamService(tmp_path, account=ACCOUNT, clock=clock).find(credential.access_key_id) is None


def test_a_kill_between_deleting_a_role_and_its_sessions_leaves_no_session(
    reader: RamService, tmp_path: Path, clock: Clock
) -> None:
    credential = assume(reader)
    kept = tmp_path / "sessions" / f"{credential.access_key_id}.json"
    content = kept.read_bytes()
    reader.detach_policy("reader", "read-photos", "Custom")
    reader.delete_role("reader")
    kept.write_bytes(content)
    reader.create_role("reader", trust_policy=ROOT)
    assert RamService(tmp_path, account=ACCOUNT, clock=clock).find(credential.access_key_id) is None
    assert not kept.exists()


def test_entities_survive_a_restart(reader: RamService, tmp_path: Path, clock: Clock) -> None:
    reader.create_policy_version("read-photos", document=document(Action="*", Resource="*"), set_as_default=True)
    again = RamService(tmp_path, account=ACCOUNT, clock=clock)
    assert again.roles() == reader.roles()
    assert again.policies() == reader.policies()
    assert again.policies_of("reader") == reader.policies_of("reader")


def test_state_is_readable_by_its_owner_only(reader: RamService, tmp_path: Path) -> None:
    assume(reader)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


@pytest.mark.parametrize("content", ["", "{}", '{"roles": [{}], "policies": [], "attachments": []}'])
def test_unreadable_state_is_an_error_that_names_the_file(tmp_path: Path, clock: Clock, content: str) -> None:
    (tmp_path / "entities.json").write_text(content)
    with pytest.raises(LocalCloudError, match=r"entities\.json"):
        RamService(tmp_path, account=ACCOUNT, clock=clock)
    assert (tmp_path / "entities.json").read_text() == content


def test_a_change_that_cannot_be_written_does_not_take_effect(reader: RamService, tmp_path: Path) -> None:
    (tmp_path / "entities.json.new").mkdir()
    with pytest.raises(OSError, match=r"entities\.json"):
        reader.detach_policy("reader", "read-photos", "Custom")
    assert [policy.name for policy in reader.policies_of("reader")] == ["read-photos"]


def test_a_role_is_updated_in_part(reader: RamService, clock: Clock) -> None:
    old = reader.get_role("reader")
    clock.now += 1
    new = reader.update_role("reader", max_session=7200)
    assert (new.max_session, new.trust_policy, new.role_id) == (7200, old.trust_policy, old.role_id)
    assert new.updated == clock.now
    assert reader.update_role("reader", trust_policy=FC, description="d").trust_policy == FC
    assert assume_code(reader) == "NoPermission"


def assume_code(ram: RamService) -> str:
    with pytest.raises(RamError) as caught:
        assume(ram)
    return code(caught)


def test_names_are_taken_once(reader: RamService) -> None:
    with pytest.raises(RamError) as caught:
        reader.create_role("reader", trust_policy=FC)
    assert code(caught) == "EntityAlreadyExists.Role"
    for name in ("read-photos", "AliyunOSSFullAccess"):
        with pytest.raises(RamError) as caught:
            reader.create_policy(name, document=READ)
        assert code(caught) == "EntityAlreadyExists.Policy"
    with pytest.raises(RamError) as caught:
        reader.attach_policy("reader", "read-photos", "Custom")
    assert code(caught) == "EntityAlreadyExists.Role.Policy"


def test_what_is_in_use_is_not_deleted(reader: RamService) -> None:
    with pytest.raises(RamError) as caught:
        reader.delete_role("reader")
    assert code(caught) == "DeleteConflict.Role.Policy"
    with pytest.raises(RamError) as caught:
        reader.delete_policy("read-photos")
    assert code(caught) == "DeleteConflict.Policy.Role"
    reader.detach_policy("reader", "read-photos", "Custom")
    reader.create_policy_version("read-photos", document=READ, set_as_default=False)
    with pytest.raises(RamError) as caught:
        reader.delete_policy("read-photos")
    assert code(caught) == "DeleteConflict.Policy.Version"
    reader.delete_policy_version("read-photos", "v2")
    reader.delete_policy("read-photos")
    reader.delete_role("reader")
    assert reader.roles() == []


def test_what_is_not_there_is_said(reader: RamService) -> None:
    missing = {
        "EntityNotExist.Role": lambda: reader.delete_role("none"),
        "EntityNotExist.Policy": lambda: reader.attach_policy("reader", "none", "Custom"),
        "EntityNotExist.Role.Policy": lambda: reader.detach_policy("reader", "AliyunOSSFullAccess", "System"),
        "EntityNotExist.Policy.Version": lambda: reader.delete_policy_version("read-photos", "v9"),
    }
    for expected, call in missing.items():
        with pytest.raises(RamError) as caught:
            call()
        assert code(caught) == expected
        assert caught.value.status == 404


def test_a_version_comes_into_force_only_as_default(reader: RamService) -> None:
    identity = assume(reader).identity
    nothing = document(Action="fc:*", Resource="*")
    assert reader.create_policy_version("read-photos", document=nothing, set_as_default=False).version_id == "v2"
    assert may_read(reader, identity)
    reader.create_policy_version("read-photos", document=nothing, set_as_default=True)
    assert not may_read(reader, identity)
    with pytest.raises(RamError) as caught:
        reader.delete_policy_version("read-photos", "v3")
    assert code(caught) == "DeleteConflict.Policy.Version.Default"


def test_a_policy_has_at_most_five_versions(reader: RamService) -> None:
    for _ in range(4):
        reader.create_policy_version("read-photos", document=READ, set_as_default=False)
    with pytest.raises(RamError) as caught:
        reader.create_policy_version("read-photos", document=READ, set_as_default=False)
    assert code(caught) == "LimitExceeded.Policy.Version"
    reader.create_policy_version("read-photos", document=READ, set_as_default=False, drop_oldest=True)
    versions = [version.version_id for version in reader.get_policy("read-photos", "Custom").versions]
    assert versions == ["v1", "v3", "v4", "v5", "v6"], "v1 is in force and stays"


@pytest.mark.parametrize("text", ["", "{}", READ])
def test_a_role_needs_a_trust_policy(ram: RamService, text: str) -> None:
    with pytest.raises(RamError) as caught:
        ram.create_role("reader", trust_policy=text)
    assert code(caught) == "MalformedPolicyDocument"
    assert ram.roles() == []


def test_a_policy_document_is_checked_and_bounded(ram: RamService) -> None:
    with pytest.raises(RamError) as caught:
        ram.create_policy("p", document=FC)
    assert code(caught) == "MalformedPolicyDocument"
    with pytest.raises(RamError) as caught:
        ram.create_policy("p", document=READ + " " * 6144)
    assert code(caught) == "InvalidParameter.PolicyDocument.Length"


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


def test_secrets_are_not_in_representations(reader: RamService) -> None:
    credential = assume(reader)
    assert credential.access_key_secret not in repr(credential)
    assert str(credential.security_token) not in repr(credential)
