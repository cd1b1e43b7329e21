"""KMS without HTTP: the operations on all kinds of resources together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from localcloud.kernel.accounts import Folders, OfEach
from localcloud.kms.operations.cryptography import Cryptography
from localcloud.kms.store import open_store


class KmsService(Cryptography):
    """KMS of one account in one region; safe for threads."""

    def __init__(self, folder: Path, *, account_id: str, clock: Callable[[], float]) -> None:
        """Open or make KMS's state.

        Args:
            folder: KMS's own folder in the data folder.
            account_id: the account.
            clock: seconds since the epoch.

        Raises:
            LocalCloudError: the state on disk cannot be read.
        """
        super().__init__(open_store(folder), account_id=account_id, clock=clock)


class KmsServices(OfEach[KmsService]):
    """KMS of each account.

    Args:
        folders: returns the folders of all accounts.
        clock: seconds since the epoch.
    """

    def __init__(self, folders: Folders, *, clock: Callable[[], float]) -> None:
        def make(folder: Path, account_id: str) -> KmsService:
            return KmsService(folder / "kms", account_id=account_id, clock=clock)

        super().__init__(make, folders)
