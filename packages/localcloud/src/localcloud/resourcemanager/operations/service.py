"""Resource Manager without HTTP: the operations on all kinds of resources together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from localcloud.kernel.accounts import Folders, OfEach
from localcloud.resourcemanager.operations.groups import ResourceGroups
from localcloud.resourcemanager.store import open_store


class ResourceManagerService(ResourceGroups):
    """Resource Manager of one account; safe for threads."""

    def __init__(self, folder: Path, *, clock: Callable[[], float]) -> None:
        """Open or make Resource Manager's state.

        Args:
            folder: Resource Manager's own folder in the data folder.
            clock: seconds since the epoch.

        Raises:
            LocalCloudError: the state on disk cannot be read.
        """
        super().__init__(open_store(folder), clock=clock)


class ResourceManagerServices(OfEach[ResourceManagerService]):
    """Resource Manager of each account.

    Args:
        folders: returns the folders of all accounts.
        clock: seconds since the epoch.
    """

    def __init__(self, folders: Folders, *, clock: Callable[[], float]) -> None:
        super().__init__(lambda folder, _: ResourceManagerService(folder / "resourcemanager", clock=clock), folders)
