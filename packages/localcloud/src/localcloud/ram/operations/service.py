"""RAM without HTTP: the operations on all kinds of entities together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from localcloud.kernel.identity import Credential, Identity
from localcloud.ram.operations.account import Preferences
from localcloud.ram.operations.attachments import Attachments
from localcloud.ram.operations.decisions import Decisions
from localcloud.ram.operations.tags import Tags
from localcloud.ram.store import open_store


class RamService(Attachments, Tags, Preferences, Decisions):
    """The account's identities. Implements `identity.CredentialStore` and `identity.Authorizer`; safe for threads."""

    def __init__(self, folder: Path, *, account: Credential, clock: Callable[[], float]) -> None:
        """Open or make RAM's state.

        Args:
            folder: RAM's own folder in the data folder.
            account: the account's long-lived key, which may do everything.
            clock: seconds since the epoch.

        Raises:
            LocalCloudError: the state on disk cannot be read.
        """
        super().__init__(open_store(folder), account_id=account.identity.account_id, clock=clock)
        self._account = account

    def find(self, access_key_id: str) -> Credential | None:
        """Return the credential of a long-lived key; None: it is no such key, nobody's, or switched off."""
        if access_key_id == self._account.access_key_id:
            return self._account
        entities = self._kept  # one moment's
        key = entities.keys.get(access_key_id)
        if key is None or key.status != "Active":
            return None
        user = entities.users[key.user]
        identity = Identity(account_id=self._account_id, user_arn=self.user_arn(user.name), user_id=user.user_id)
        return Credential(access_key_id=key.access_key_id, access_key_secret=key.access_key_secret, identity=identity)
