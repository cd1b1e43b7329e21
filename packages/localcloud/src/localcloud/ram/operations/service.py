"""RAM without HTTP: the operations on all kinds of entities together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from localcloud.kernel.identity import Credential
from localcloud.ram.operations.attachments import Attachments
from localcloud.ram.operations.decisions import Decisions
from localcloud.ram.store import RamStore


class RamService(Attachments, Decisions):
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
        super().__init__(RamStore(folder), account_id=account.identity.account_id, clock=clock)
        self._account = account

    def find(self, access_key_id: str) -> Credential | None:
        """Return the credential of a long-lived key; None: it is no such key, or nobody's."""
        return self._account if access_key_id == self._account.access_key_id else None
