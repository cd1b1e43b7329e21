"""Keys and their aliases. Values only; times are seconds since the epoch."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

KEY_SIZE = 32  # bytes of a key's material: Aliyun_AES_256
ALIAS = re.compile(r"alias/[A-Za-z0-9/_-]{1,249}", re.ASCII)  # 255 characters with its beginning (CreateAlias)
SERVICES = ("oss",)  # that encipher with a key of their own, `alias/acs/SERVICE`, where the user names none
MANAGED = "alias/acs/"  # how the aliases of those keys begin
EncryptionContext = Mapping[str, str]  # EncryptionContext: what must be given again to decipher


class State(StrEnum):
    """The state of a key; only an enabled one enciphers and deciphers."""

    ENABLED = "Enabled"
    DISABLED = "Disabled"
    PENDING_DELETION = "PendingDeletion"


# By action, the states that it is allowed in, and the state after it ("Overview of key state").
MOVES: Mapping[str, tuple[frozenset[State], State]] = {
    "EnableKey": (frozenset({State.ENABLED, State.DISABLED}), State.ENABLED),
    "DisableKey": (frozenset({State.ENABLED, State.DISABLED}), State.DISABLED),
    "ScheduleKeyDeletion": (frozenset({State.ENABLED, State.DISABLED}), State.PENDING_DELETION),
    "CancelKeyDeletion": (frozenset({State.PENDING_DELETION}), State.ENABLED),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Key:
    """A symmetric key."""

    key_id: str
    version_id: str
    material: str = field(repr=False)  # base64
    creator: str  # the account, or the service whose key it is
    created: float
    description: str = ""
    state: State = State.ENABLED
    deleted_at: float | None = None  # when one that waits for its deletion is gone

    @property
    def is_managed(self) -> bool:
        """Return True for a service's own key, which users cannot disable or delete."""
        return self.creator in SERVICES


@dataclass(frozen=True, kw_only=True, slots=True)
class Contents:
    """All keys and aliases at one moment. A change makes a new value."""

    keys: Mapping[str, Key] = field(default_factory=dict)  # by id
    aliases: Mapping[str, str] = field(default_factory=dict)  # names, with `alias/`, and the ids of their keys


def default_key_id(account_id: str, service: str) -> str:
    """Return the id of the key that a service enciphers with where the user names none."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"acs:kms:{account_id}:{MANAGED}{service}"))
