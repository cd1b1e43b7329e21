"""SLS without HTTP: the operations on all kinds of resources together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from localcloud.sls.operations.logs import Logs
from localcloud.sls.store.contents import open_store
from localcloud.sls.store.logs import LogStorage


class SlsService(Logs):
    """SLS of one account in one region; safe for threads."""

    def __init__(self, folder: Path, *, clock: Callable[[], float]) -> None:
        """Open or make SLS's state.

        Args:
            folder: SLS's own folder in the data folder.
            clock: seconds since the epoch.

        Raises:
            LocalCloudError: the state on disk cannot be read.
        """
        super().__init__(open_store(folder), LogStorage(folder / "logs.sqlite3"), clock=clock)

    def close(self) -> None:
        """Close what is open on disk."""
        self._logs.close()
