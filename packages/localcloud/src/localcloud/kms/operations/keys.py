"""Keys: made, described, enabled, disabled, and deleted after a time in which that can be taken back.

A service's own key (`alias/acs/oss`) is made when it is first asked for.

Sources: KMS API reference, "CreateKey", "ScheduleKeyDeletion", "CancelKeyDeletion"; "Overview of key state".
"""

from __future__ import annotations

import base64
import os
import uuid
from dataclasses import replace

from localcloud.kms.errors import KmsError
from localcloud.kms.model import KEY_SIZE, MANAGED, MOVES, SERVICES, Key, State, default_key_id
from localcloud.kms.operations.contents import ContentKeeper

MOST = 1000  # keys of an account; assumed
DAY = 24 * 3600  # seconds


class Keys(ContentKeeper):
    """The keys of the account."""

    def create_key(self, *, description: str) -> Key:
        """Make a key.

        Raises:
            KmsError: Rejected.LimitExceeded.
        """
        with self._lock:
            if len(self._contents.keys) >= MOST:
                raise KmsError(
                    "Rejected.LimitExceeded",
                    "The request was rejected because user create resource limit was exceeded.",
                )
            return self._make(str(uuid.uuid4()), creator=self._account_id, description=description)

    def resolve(self, name: str) -> str | None:
        """Return the id of the key that an alias names, or the name itself when it is none; None: there is no such alias."""
        if not name.startswith("alias/"):
            return name
        service = name.removeprefix(MANAGED)
        return default_key_id(self._account_id, service) if service in SERVICES else self._contents.aliases.get(name)

    def key(self, key_id: str) -> Key:
        """Return a key.

        Raises:
            KmsError: Forbidden.KeyNotFound.
        """
        key = self._contents.keys.get(key_id)
        return key if key is not None else self._make_managed(key_id)

    def keys(self) -> list[Key]:
        """Return all keys, the oldest first."""
        return sorted(self._contents.keys.values(), key=lambda key: (key.created, key.key_id))

    def describe_as(self, key_id: str, description: str) -> None:
        """Give a key another description.

        Raises:
            KmsError: Forbidden.KeyNotFound, Rejected.PendingDeletion.
        """
        with self._lock:
            key = self.key(key_id)
            if key.state is State.PENDING_DELETION:
                raise wrong_state(key)
            self._put(replace(key, description=description))

    def move(self, key_id: str, action: str, *, days: int = 0) -> None:
        """Bring a key into another state.

        Args:
            key_id: the key.
            action: what is done to it, one of `MOVES`.
            days: until it is gone, when it is to be deleted.

        Raises:
            KmsError: Forbidden.KeyNotFound; Rejected.UnsupportedOperation (a service's own key); the state does not allow it.
        """
        before, after = MOVES[action]
        with self._lock:
            key = self.key(key_id)
            if key.is_managed:
                raise KmsError(
                    "Rejected.UnsupportedOperation", f"Unsupported operation: {key_id} is a service's own key."
                )
            if key.state not in before:
                raise wrong_state(key)
            gone = self._clock() + days * DAY if after is State.PENDING_DELETION else None
            self._put(replace(key, state=after, deleted_at=gone))

    def usable(self, key_id: str) -> Key:
        """Return a key that enciphers and deciphers.

        Raises:
            KmsError: Forbidden.KeyNotFound, Rejected.Disabled, Rejected.PendingDeletion.
        """
        key = self.key(key_id)
        if key.state is not State.ENABLED:
            raise wrong_state(key)
        return key

    def state(self, key_id: str) -> State | None:
        """Return the state of a key; None: there is none of that id."""
        try:
            return self.key(key_id).state
        except KmsError:
            return None

    def _make_managed(self, key_id: str) -> Key:
        with self._lock:
            if key_id in self._contents.keys:  # made meanwhile
                return self._contents.keys[key_id]
            for service in SERVICES:
                if key_id == default_key_id(self._account_id, service):
                    return self._make(key_id, creator=service, description=f"The key of {service.upper()}")
        raise KmsError("Forbidden.KeyNotFound", "The specified Key is not found.")

    def _make(self, key_id: str, *, creator: str, description: str) -> Key:
        key = Key(
            key_id=key_id,
            version_id=str(uuid.uuid4()),
            material=base64.b64encode(os.urandom(KEY_SIZE)).decode(),
            creator=creator,
            created=self._clock(),
            description=description,
        )
        self._put(key)
        return key

    def _put(self, key: Key) -> None:
        contents = self._contents
        self._save(replace(contents, keys={**contents.keys, key.key_id: key}))


def wrong_state(key: Key) -> KmsError:
    """Return the error for what a key's state does not allow."""
    if key.state is State.ENABLED:
        return KmsError("Rejected.StateModifiedFailed", "Keystate modified failed: the key waits for no deletion.")
    return KmsError(f"Rejected.{key.state}", f"The request was rejected because the key state is {key.state}.")
