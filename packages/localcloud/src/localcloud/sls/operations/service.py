"""SLS without HTTP: the operations on all kinds of resources together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from localcloud.kernel.accounts import Folders, OfEach
from localcloud.sls.operations.contents import ProjectNames
from localcloud.sls.operations.descriptions import Descriptions
from localcloud.sls.store import checkpoints, logs
from localcloud.sls.store.contents import open_store
from localcloud.sls.store.database import Database


class SlsService(Descriptions):
    """SLS of one account in one region; safe for threads."""

    def __init__(self, folder: Path, *, clock: Callable[[], float], names: ProjectNames | None = None) -> None:
        """Open or make SLS's state.

        Args:
            folder: SLS's own folder in the data folder.
            clock: seconds since the epoch.
            names: those of all accounts' projects; None: there is but this account.

        Raises:
            LocalCloudError: the state on disk cannot be read.
        """
        store = open_store(folder)  # it makes the folder
        self._database = Database(folder / "logs.sqlite3", logs.SCHEMA + checkpoints.SCHEMA)
        super().__init__(
            store,
            logs.LogStorage(self._database),
            checkpoints.CheckpointStorage(self._database),
            clock=clock,
            names=names or ProjectNames(),
        )

    def close(self) -> None:
        """Close what is open on disk."""
        self._database.close()


class SlsServices(OfEach[SlsService]):
    """SLS of each account.

    Args:
        folders: returns the folders of all accounts.
        clock: seconds since the epoch.
    """

    def __init__(self, folders: Folders, *, clock: Callable[[], float]) -> None:
        names = ProjectNames()
        super().__init__(lambda folder, _: SlsService(folder / "sls", clock=clock, names=names), folders)

    def owner_of(self, project: str) -> str | None:
        """Return the id of the account that a project is of; None: there is none of that name."""
        return next((account_id for account_id, sls in self.all().items() if sls.has_project(project)), None)

    def tidy(self) -> None:
        """Remove from the disk what has expired, and what belongs to nothing any more, for all accounts."""
        for sls in self.all().values():
            sls.tidy()

    def close(self) -> None:
        """Close what is open on disk."""
        for sls in self.made():
            sls.close()
