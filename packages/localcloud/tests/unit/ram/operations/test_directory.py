"""Accounts beside the first one, and what each has to say about its own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from localcloud.kernel.accounts import Account, OfEach, new_account
from localcloud.kernel.errors import LocalCloudError
from localcloud.kernel.identity import Identity
from localcloud.ram import Directory, RamService
from localcloud.state import locked
from tests.support.clock import Clock
from tests.support.identities import FC, document, make_reader

FIRST = new_account()


def opened(folder: Path, clock: Clock) -> Directory:
    return Directory(folder, FIRST, clock=clock)


@pytest.fixture
def directory(tmp_path: Path, clock: Clock) -> Directory:
    return opened(tmp_path, clock)


def test_an_account_is_made_once_whoever_asks_for_it(directory: Directory) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = set(pool.map(directory.make, ["other"] * 8))
    assert len(made) == 1
    assert directory.make("third") not in {*made, FIRST}


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "-a", "_a", "a" * 65, "ä", "a\n"])
def test_a_name_that_is_none_is_refused(directory: Directory, tmp_path: Path, name: str) -> None:
    with pytest.raises(LocalCloudError, match="1 to 64 letters"):
        directory.make(name)
    assert not (tmp_path / "accounts").exists()


def test_an_account_is_there_after_a_restart(directory: Directory, tmp_path: Path, clock: Clock) -> None:
    account = directory.make("other")
    directory.of(account.account_id).create_user("me")
    again = opened(tmp_path, clock)
    assert again.make("other") == account
    assert [user.name for user in again.of(account.account_id).users()] == ["me"]
    assert again.first.users() == []


def test_an_account_that_was_not_written_whole_is_made_anew(directory: Directory, tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "accounts" / "other"
    (folder / "ram").mkdir(parents=True)
    for name in ("account.json.new", "ram/entities.json.new"):  # what a kill leaves
        (folder / name).write_text("{")
    with locked(tmp_path):
        assert [path.name for path in folder.rglob("*.new")] == []
    assert opened(tmp_path, clock).make("other").account_id


def test_an_account_that_cannot_be_read_is_told(directory: Directory, tmp_path: Path, clock: Clock) -> None:
    directory.make("other")
    (tmp_path / "accounts" / "other" / "account.json").write_text("[]")
    with pytest.raises(LocalCloudError, match=r"other.account\.json cannot be read"):
        opened(tmp_path, clock)


def test_every_account_s_keys_are_found(directory: Directory) -> None:
    other = directory.make("other")
    ram = directory.of(other.account_id)
    ram.create_user("me")
    key = ram.create_access_key("me")
    for access_key_id, account in (
        (FIRST.access_key_id, FIRST),
        (other.access_key_id, other),
        (key.access_key_id, other),
    ):
        found = directory.find(access_key_id)
        assert found is not None
        assert found.identity.account_id == account.account_id
    assert directory.find("nobody's") is None


def may(directory: Directory, identity: Identity, account: Account) -> bool:
    return directory.is_allowed(
        identity, action="oss:GetObject", resource=f"acs:oss:r:{account.account_id}:photos/a", conditions={}
    )


def test_an_identity_is_allowed_nothing_of_another_account(directory: Directory) -> None:
    other = directory.make("other")
    ram = directory.of(other.account_id)
    ram.create_user("me")
    ram.attach_policy("me", "AdministratorAccess", "System", kind="User")
    user = Identity(account_id=other.account_id, user_arn=ram.user_arn("me"), user_id="1")
    for identity in (other.credential.identity, user):
        assert may(directory, identity, other)
        assert not may(directory, identity, FIRST)
    stranger = Identity(account_id="9" * 16)
    assert not may(directory, stranger, FIRST)
    assert not directory.is_granted(stranger, action="a:b", resource="*", conditions={})
    assert directory.is_denied(stranger, action="a:b", resource="*", conditions={})


def test_another_s_denial_counts_nowhere(directory: Directory) -> None:
    other = directory.make("other")
    ram = directory.of(other.account_id)
    for service in (ram, directory.first):
        service.create_user("me")
    ram.create_policy("deny", document=document(Effect="Deny", Action="*", Resource="*"))
    ram.attach_policy("me", "deny", "Custom", kind="User")
    for service, account, denied in ((ram, other, True), (directory.first, FIRST, False)):
        user = Identity(account_id=account.account_id, user_arn=service.user_arn("me"), user_id="1")
        assert directory.is_denied(user, action="oss:GetObject", resource="*", conditions={}) is denied


def test_roles_are_found_by_their_arns_and_told_of_when_they_go(directory: Directory) -> None:
    told: list[str] = []
    directory.subscribe(lambda role: told.append(role.role_id))
    other = directory.of(directory.make("other").account_id)
    made = {ram.role_arn("reader"): make_reader(ram).get_role("reader") for ram in (directory.first, other)}
    assert len({role.role_id for role in made.values()}) == 2
    for arn, role in made.items():
        assert directory.find_role(arn) == role
    assert sorted(role.role_id for role in directory.roles()) == sorted(role.role_id for role in made.values())
    assert directory.find_role("acs:ram::9999999999999999:role/reader") is None
    role = made[other.role_arn("reader")]
    for principal, trusted in (("acs:ram::1111111111111111:root", True), ("acs:ram::2222222222222222:root", False)):
        assert directory.is_trusted(role, [("RAM", principal)], {}) is trusted
    other.create_role("gone", trust_policy=FC)
    gone = other.get_role("gone")
    other.delete_role("gone")
    assert told == [gone.role_id]


def test_a_domain_is_made_for_each_account_when_it_is_asked_for(directory: Directory) -> None:
    made: list[str] = []

    def make(folder: Path, account_id: str) -> str:
        made.append(account_id)
        return folder.name

    each = OfEach(make, directory.folders)
    other = directory.make("other").account_id
    assert made == []
    assert each.of(other) == each.of(other) == "other"
    assert made == [other]
    assert set(each.all()) == {FIRST.account_id, other}
    with pytest.raises(KeyError):
        each.of("9" * 16)


def test_ram_of_each_account_is_one(directory: Directory) -> None:
    assert isinstance(directory.of(FIRST.account_id), RamService)
    assert directory.of(FIRST.account_id) is directory.first
