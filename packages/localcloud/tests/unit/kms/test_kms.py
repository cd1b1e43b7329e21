"""Keys, aliases and what is enciphered, without HTTP."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from localcloud.kms.errors import KmsError
from localcloud.kms.model import State, default_key_id
from localcloud.kms.operations.keys import DAY
from localcloud.kms.operations.service import KmsService

ACCOUNT = "1111111111111111"


class Clock:
    """A time that the tests move."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def kms(tmp_path: Path, clock: Clock) -> KmsService:
    return KmsService(tmp_path, account_id=ACCOUNT, clock=clock)


def test_what_was_enciphered_is_deciphered_after_a_restart(kms: KmsService, tmp_path: Path, clock: Clock) -> None:
    key = kms.create_key(description="of tests")
    _, blob = kms.encrypt(key.key_id, "secret", {"purpose": "a test"})
    assert "secret" not in base64.b64decode(blob).decode("latin-1")
    again = KmsService(tmp_path, account_id=ACCOUNT, clock=clock)
    assert again.decrypt(again.read(blob), {"purpose": "a test"}) == (key, "secret")
    assert (tmp_path / "kms.json").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("context", [{}, {"purpose": "another"}, {"purpose": "a test", "more": ""}])
def test_another_context_deciphers_nothing(kms: KmsService, context: dict[str, str]) -> None:
    _, blob = kms.encrypt(kms.create_key(description="").key_id, "secret", {"purpose": "a test"})
    with pytest.raises(KmsError, match="InvalidParameter"):
        kms.decrypt(kms.read(blob), context)


def test_a_changed_blob_is_refused_wherever_it_was_changed(kms: KmsService) -> None:
    key = kms.create_key(description="")
    _, blob = kms.encrypt(key.key_id, "s", {})
    content = base64.b64decode(blob)
    for place in range(len(content)):
        changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
        with pytest.raises(KmsError) as refused:
            kms.decrypt(kms.read(base64.b64encode(changed).decode()), {})
        assert refused.value.code in {"InvalidParameter", "Forbidden.KeyNotFound"}


@pytest.mark.parametrize("blob", ["", "no base64!", "AQ==", "A" * 200])
def test_what_kms_has_not_made_is_refused(kms: KmsService, blob: str) -> None:
    with pytest.raises(KmsError, match="InvalidParameter"):
        kms.read(blob)


def test_data_keys_differ_and_are_deciphered(kms: KmsService) -> None:
    key = kms.create_key(description="")
    first, second = kms.generate(key.key_id, 32, {}), kms.generate(key.key_id, 32, {})
    assert len(base64.b64decode(first.plaintext)) == 32
    assert first.plaintext != second.plaintext
    assert kms.decrypt(kms.read(first.blob), {})[1] == first.plaintext


def test_a_key_that_waits_for_its_deletion_can_be_taken_back_until_it_is_gone(kms: KmsService, clock: Clock) -> None:
    key_id = kms.create_key(description="").key_id
    kms.create_alias("alias/mine", key_id)
    _, blob = kms.encrypt(key_id, "secret", {})
    kms.move(key_id, "ScheduleKeyDeletion", days=7)
    assert kms.key(key_id).deleted_at == clock.now + 7 * DAY
    with pytest.raises(KmsError, match=r"Rejected\.PendingDeletion"):
        kms.decrypt(kms.read(blob), {})
    kms.move(key_id, "CancelKeyDeletion")
    assert kms.decrypt(kms.read(blob), {})[1] == "secret"
    kms.move(key_id, "ScheduleKeyDeletion", days=7)
    clock.now += 7 * DAY
    with pytest.raises(KmsError, match=r"Forbidden\.KeyNotFound"):
        kms.key(key_id)
    assert kms.aliases() == []


def test_a_disabled_key_enciphers_nothing(kms: KmsService) -> None:
    key_id = kms.create_key(description="").key_id
    kms.move(key_id, "DisableKey")
    with pytest.raises(KmsError, match=r"Rejected\.Disabled"):
        kms.encrypt(key_id, "secret", {})
    with pytest.raises(KmsError, match=r"Rejected\.StateModifiedFailed|Rejected\.Disabled"):
        kms.move(key_id, "CancelKeyDeletion")
    kms.move(key_id, "EnableKey")
    assert kms.key(key_id).state is State.ENABLED


def test_the_key_of_a_service_is_made_when_it_is_asked_for_and_stays(kms: KmsService) -> None:
    assert kms.keys() == []
    key_id = kms.resolve("alias/acs/oss")
    assert key_id == default_key_id(ACCOUNT, "oss")
    assert kms.state(key_id) is State.ENABLED
    assert kms.state("another") is None
    (key,) = kms.keys()
    assert (key.key_id, key.creator) == (key_id, "oss")
    assert kms.aliases() == [("alias/acs/oss", key_id)]
    with pytest.raises(KmsError, match=r"Rejected\.UnsupportedOperation"):
        kms.move(key_id, "ScheduleKeyDeletion", days=7)


def test_aliases_go_from_key_to_key(kms: KmsService) -> None:
    first, second = (kms.create_key(description="").key_id for _ in range(2))
    kms.create_alias("alias/a/b_c-1", first)
    assert kms.resolve("alias/a/b_c-1") == first
    with pytest.raises(KmsError, match="AliasAlreadyExists"):
        kms.create_alias("alias/a/b_c-1", second)
    kms.update_alias("alias/a/b_c-1", second)
    assert kms.resolve("alias/a/b_c-1") == second
    kms.delete_alias("alias/a/b_c-1")
    assert kms.resolve("alias/a/b_c-1") is None
    with pytest.raises(KmsError, match=r"Forbidden\.AliasNotFound"):
        kms.delete_alias("alias/a/b_c-1")


@pytest.mark.parametrize("name", ["mine", "alias/", "alias/acs/mine", "alias/ü", "alias/" + "a" * 250])
def test_wrong_names_of_aliases_are_refused(kms: KmsService, name: str) -> None:
    with pytest.raises(KmsError, match="InvalidParameter"):
        kms.create_alias(name, kms.create_key(description="").key_id)
