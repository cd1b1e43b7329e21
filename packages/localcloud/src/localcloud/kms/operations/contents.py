"""The contents of the account's KMS at one moment: the keys that have not gone, and their aliases."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from localcloud.kernel.documents import KeptDocument
from localcloud.kernel.keeper import Keeper
from localcloud.kms.model import Contents


class ContentKeeper(Keeper[Contents]):
    """Keeps the contents of one account; see `Keeper`.

    Args:
        store: where contents are kept.
        account_id: the account.
        clock: seconds since the epoch.

    Raises:
        LocalCloudError: the state on disk cannot be read.
    """

    def __init__(self, store: KeptDocument[Contents], *, account_id: str, clock: Callable[[], float]) -> None:
        super().__init__(store, clock=clock)
        self._account_id = account_id

    @property
    def _contents(self) -> Contents:
        """The contents without the keys whose time has come, and without their aliases."""
        now = self._clock()
        kept = self._kept
        gone = {key.key_id for key in kept.keys.values() if key.deleted_at is not None and key.deleted_at <= now}
        if not gone:
            return kept
        return replace(
            kept,
            keys={key_id: key for key_id, key in kept.keys.items() if key_id not in gone},
            aliases={name: key_id for name, key_id in kept.aliases.items() if key_id not in gone},
        )
