"""Sessions, without HTTP."""

from __future__ import annotations

import stat
import threading
from pathlib import Path
from typing import Any

import pytest

from localcloud.sts.errors import StsError
from localcloud.sts.operations.sessions import KEPT, StsService
from tests.support.clock import Clock
from tests.support.identities import ACCOUNT, FC, HOURS, ROOT, Identities, code, document, make_reader, may_read, trust


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def reader(tmp_path: Path, clock: Clock) -> Identities:
    """A role `reader` that the account may assume, with a policy that reads photos."""
    identities = Identities(tmp_path, clock)
    make_reader(identities.ram)
    return identities


def test_detaching_a_policy_takes_effect_on_sessions_at_once(reader: Identities) -> None:
    identity = reader.assume().identity
    reader.ram.detach_policy("reader", "read-photos", "Custom")
    assert not may_read(reader.ram, identity)


def test_a_session_policy_only_limits(reader: Identities) -> None:
    narrow = reader.assume(session_policy=document(Action="oss:*", Resource="acs:oss:*:*:photos/b*")).identity
    assert not may_read(reader.ram, narrow)
    assert may_read(reader.ram, narrow, "acs:oss:r:1111111111111111:photos/b1")
    assert not reader.ram.is_allowed(
        narrow, action="oss:PutObject", resource="acs:oss:r:1111111111111111:photos/b1", conditions={}
    )
    assert may_read(reader.ram, reader.assume().identity), "another session of the same name is not limited"


def test_a_part_of_what_the_account_may_is_lent_also_over_a_restart(reader: Identities, tmp_path: Path) -> None:
    policy = document(Action="oss:GetObject", Resource="acs:oss:*:*:photos/b*")
    key = reader.sts.lend(policy, session_name="lent", duration=HOURS).access_key_id
    for sts in (reader.sts, Identities(tmp_path, Clock()).sts):
        found = sts.find(key)
        assert found is not None
        assert may_read(reader.ram, found.identity, "acs:oss:r:1111111111111111:photos/b1")
        assert not may_read(reader.ram, found.identity, "acs:oss:r:1111111111111111:photos/a1")
        assert reader.ram.is_denied(found.identity, action="ram:CreateUser", resource="*", conditions={})
    with pytest.raises(StsError) as caught:
        reader.sts.lend("{}", session_name="lent", duration=HOURS)
    assert code(caught) == "InvalidParameter.PolicyGrammar"


def test_only_who_the_trust_policy_names_can_assume(reader: Identities) -> None:
    reader.ram.create_role("fc", trust_policy=FC)
    with pytest.raises(StsError) as caught:
        reader.assume("fc")
    assert code(caught) == "NoPermission"
    assert "does not name RAM acs:ram::1111111111111111:root" in caught.value.message
    arn = reader.ram.role_arn("fc")
    credential = reader.sts.assume_role_for_service(
        arn, service="fc.aliyuncs.com", session_name="fn", duration=36 * HOURS
    )
    assert credential.identity.role_arn == arn
    with pytest.raises(StsError) as caught:
        reader.sts.assume_role_for_service(arn, service="ecs.aliyuncs.com", session_name="fn", duration=HOURS)
    assert code(caught) == "NoPermission"


def test_a_role_needs_permission_to_assume_another(reader: Identities) -> None:
    reader.ram.create_role("other", trust_policy=ROOT)
    identity = reader.assume().identity
    arn = reader.ram.role_arn("other")
    with pytest.raises(StsError) as caught:
        reader.sts.assume_role(identity, arn, session_name="me")
    assert code(caught) == "NoPermission"
    reader.ram.attach_policy("reader", "AliyunSTSAssumeRoleAccess", "System")
    assert reader.sts.assume_role(identity, arn, session_name="me").identity.role_arn == arn


def test_a_trust_policy_can_name_one_role(reader: Identities) -> None:
    reader.ram.create_role("other", trust_policy=trust(RAM=reader.ram.role_arn("reader")))
    reader.ram.attach_policy("reader", "AliyunSTSAssumeRoleAccess", "System")
    assert reader.sts.assume_role(reader.assume().identity, reader.ram.role_arn("other"), session_name="me")
    with pytest.raises(StsError):
        reader.assume("other")


@pytest.mark.parametrize(
    "arn", ["acs:ram::1111111111111111:role/none", "acs:ram::2222222222222222:role/reader", "reader", ""]
)
def test_a_role_that_is_not_there_cannot_be_assumed(reader: Identities, arn: str) -> None:
    with pytest.raises(StsError) as caught:
        reader.sts.assume_role(ACCOUNT.identity, arn, session_name="me")
    assert code(caught) == "EntityNotExist.Role"


@pytest.mark.parametrize("duration", [899, HOURS + 1])
def test_a_session_lasts_from_15_minutes_to_the_roles_limit(reader: Identities, duration: int) -> None:
    with pytest.raises(StsError) as caught:
        reader.assume(duration=duration)
    assert code(caught) == "InvalidParameter.DurationSeconds"


@pytest.mark.parametrize("name", ["a", "x" * 65, "white space", "../../etc", ""])
def test_a_malformed_session_name_is_refused(reader: Identities, name: str) -> None:
    with pytest.raises(StsError) as caught:
        reader.sts.assume_role(ACCOUNT.identity, reader.ram.role_arn("reader"), session_name=name)
    assert code(caught) == "InvalidParameter.RoleSessionName"


def test_a_malformed_session_policy_is_refused(reader: Identities) -> None:
    with pytest.raises(StsError) as caught:
        reader.assume(session_policy="{}")
    assert code(caught) == "InvalidParameter.PolicyGrammar"


def test_a_session_survives_a_restart(reader: Identities, tmp_path: Path, clock: Clock) -> None:
    policy = document(Action="*", Resource="*")
    credential = reader.assume(session_policy=policy)
    assert credential.expires_at == clock.now + HOURS
    assert credential.access_key_id.startswith("STS.")
    again = Identities(tmp_path, clock)
    assert again.sts.find(credential.access_key_id) == credential
    assert may_read(again.ram, credential.identity)


def test_an_expired_session_is_found_for_a_day_and_then_forgotten(
    reader: Identities, tmp_path: Path, clock: Clock
) -> None:
    credential = reader.assume()
    clock.now += HOURS + KEPT - 1
    reader.assume()
    assert reader.sts.find(credential.access_key_id) == credential
    clock.now += 1
    reader.assume()
    assert reader.sts.find(credential.access_key_id) is None
    assert len(list((tmp_path / "sessions").iterdir())) == 2


def test_deleting_a_role_ends_its_sessions(reader: Identities, tmp_path: Path, clock: Clock) -> None:
    credential = reader.assume()
    reader.ram.detach_policy("reader", "read-photos", "Custom")
    reader.ram.delete_role("reader")
    assert reader.sts.find(credential.access_key_id) is None
    assert not may_read(reader.ram, credential.identity)
    assert Identities(tmp_path, clock).sts.find(credential.access_key_id) is None


def test_a_kill_between_deleting_a_role_and_its_sessions_leaves_no_session(
    reader: Identities, tmp_path: Path, clock: Clock
) -> None:
    credential = reader.assume()
    kept = tmp_path / "sessions" / f"{credential.access_key_id}.json"
    content = kept.read_bytes()
    reader.ram.detach_policy("reader", "read-photos", "Custom")
    reader.ram.delete_role("reader")
    kept.write_bytes(content)
    reader.ram.create_role("reader", trust_policy=ROOT)
    assert Identities(tmp_path, clock).sts.find(credential.access_key_id) is None
    assert not kept.exists()


def test_state_is_readable_by_its_owner_only(reader: Identities, tmp_path: Path) -> None:
    reader.assume()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) == 2
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}


def test_secrets_are_not_in_representations(reader: Identities) -> None:
    credential = reader.assume()
    assert credential.access_key_secret not in repr(credential)
    assert str(credential.security_token) not in repr(credential)


def test_a_new_trust_policy_counts_at_once(reader: Identities) -> None:
    reader.ram.update_role("reader", trust_policy=FC)
    with pytest.raises(StsError) as caught:
        reader.assume()
    assert code(caught) == "NoPermission"


def test_a_role_that_is_deleted_while_it_is_assumed_leaves_no_session(reader: Identities) -> None:
    class Deleting:
        """The roles of a moment in which `reader` is deleted right after it was looked at."""

        def __getattr__(self, name: str) -> Any:
            return getattr(reader.ram, name)

        def is_granted(self, *args: object, **given: object) -> bool:
            def delete() -> None:
                reader.ram.detach_policy("reader", "read-photos", "Custom")
                reader.ram.delete_role("reader")

            thread.append(threading.Thread(target=delete))
            thread[0].start()
            return True

    thread: list[threading.Thread] = []
    sts = StsService(reader.folder / "sessions", account_id="1111111111111111", roles=Deleting(), clock=reader.clock)
    credential = sts.assume_role(ACCOUNT.identity, reader.ram.role_arn("reader"), session_name="me")
    thread[0].join()
    assert sts.find(credential.access_key_id) is None
    assert not list((reader.folder / "sessions").iterdir())
