"""Entities of all kinds: on disk, and where they hold one another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.kernel.errors import LocalCloudError
from localcloud.ram import RamError, RamService
from tests.support.clock import Clock
from tests.support.identities import ACCOUNT, FC, READ, code, document


def test_entities_survive_a_restart(reader: RamService, tmp_path: Path, clock: Clock) -> None:
    reader.create_policy_version("read-photos", document=document(Action="*", Resource="*"), set_as_default=True)
    again = RamService(tmp_path, account=ACCOUNT, clock=clock)
    assert again.roles() == reader.roles()
    assert again.policies() == reader.policies()
    assert again.policies_of("reader") == reader.policies_of("reader")


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
    missing: dict[str, Callable[[], object]] = {
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
