from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from localcloud.kernel.identity import Identity
from localcloud.ram import RamService
from localcloud.ram.errors import RamError
from tests.support.clock import Clock
from tests.support.identities import ACCOUNT, may_read

TRUST = json.dumps(
    {
        "Version": "1",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["fc.aliyuncs.com"]}}],
    }
)
POLICY = json.dumps({"Version": "1", "Statement": [{"Effect": "Allow", "Action": "oss:*", "Resource": "*"}]})


def test_users_groups_and_keys_outlive_the_process(ram: RamService, tmp_path: Path, clock: Clock) -> None:
    ram.create_user("ann", comments="first")
    ram.create_group("readers")
    ram.add_user_to_group("ann", "readers")
    ram.attach_policy("readers", "AliyunOSSReadOnlyAccess", "System", kind="Group")
    key = ram.create_access_key("ann")
    again = RamService(tmp_path, account=ACCOUNT, clock=clock)
    assert (again.users(), again.groups(), again.access_keys("ann")) == (ram.users(), ram.groups(), [key])
    found = again.find(key.access_key_id)
    assert found is not None
    assert found.access_key_secret == key.access_key_secret
    assert may_read(again, found.identity)


def test_what_was_written_before_there_were_users_is_read(reader: RamService, tmp_path: Path, clock: Clock) -> None:
    path = tmp_path / "entities.json"
    record = json.loads(path.read_text())
    for name in ("users", "groups", "keys"):
        del record[name]
    for attachment in record["attachments"]:
        assert attachment.pop("kind") == "Role"
        attachment["role"] = attachment.pop("name")
    path.write_text(json.dumps(record))
    again = RamService(tmp_path, account=ACCOUNT, clock=clock)
    assert again.policies_of("reader") == reader.policies_of("reader")
    assert again.users() == []


def test_a_role_and_a_user_of_one_name_have_nothing_in_common(reader: RamService) -> None:
    user = reader.create_user("reader")
    identity = Identity(
        account_id=ACCOUNT.identity.account_id, user_arn=reader.user_arn("reader"), user_id=user.user_id
    )
    assert not may_read(reader, identity)


def test_a_key_is_not_in_the_representation_of_anything(ram: RamService) -> None:
    ram.create_user("ann")
    key = ram.create_access_key("ann")
    assert key.access_key_secret not in repr(key) + repr(ram.find(key.access_key_id))


@pytest.mark.parametrize(
    ("create", "most", "code"),
    [
        (lambda ram, text: ram.create_role("r", trust_policy=TRUST, description=text), 1024, "Description"),
        (lambda ram, text: ram.create_policy("p", document=POLICY, description=text), 1024, "Description"),
        (lambda ram, text: ram.create_user("u", comments=text), 128, "Comments"),
        (lambda ram, text: ram.create_user("u", display_name=text), 128, "DisplayName"),
        (lambda ram, text: ram.create_group("my.group_1", comments=text), 128, "Comments"),
    ],
)
def test_free_texts_have_their_limits(
    ram: RamService, create: Callable[[RamService, str], object], most: int, code: str
) -> None:
    with pytest.raises(RamError, match=f"has {most + 1} characters; the limit is {most}") as error:
        create(ram, "é" * (most + 1))
    assert error.value.code == f"InvalidParameter.{code}.Length"
    create(ram, "é" * most)
