"""The store behind the operations: bytes in files, everything that is known of them in one SQLite database.

Nothing here knows HTTP, signatures or policies.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from localcloud.oss.errors import OssError
from localcloud.oss.store.accesses import AccessRows
from localcloud.oss.store.blobs import Blobs
from localcloud.oss.store.buckets import BucketRows
from localcloud.oss.store.database import Database
from localcloud.oss.store.fetches import FetchRows
from localcloud.oss.store.objects import ObjectRows
from localcloud.oss.store.opening import open_database
from localcloud.oss.store.replications import ReplicationRows
from localcloud.oss.store.reserve import Reserve
from localcloud.oss.store.uploads import UploadRows
from localcloud.oss.store.versions import VersionRows

Result = TypeVar("Result")


class Store:
    """Buckets, objects and uploads of a folder, and the data files of their bytes.

    Args:
        folder: where they lie; created if need be.
        account_id: the first account.
        region: of buckets of which earlier releases have kept none.

    Attributes:
        lock: see `Database`.

    Raises:
        LocalCloudError: the database is missing, damaged or another folder's, or the folder cannot be used as it is.
    """

    def __init__(self, folder: Path, account_id: str, region: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        data, reserve = folder / "data", Reserve(folder / "reserve")
        self._database = Database(open_database(folder, data, reserve), reserve)
        self.lock = self._database.lock
        self.blobs = Blobs(data, self._database.fill_reserve)
        self.buckets = BucketRows(self._database, account_id, region)
        self.versions = VersionRows(self._database)
        self.replications = ReplicationRows(self._database)
        self.objects = ObjectRows(self._database, self.blobs, self.buckets, self.versions, self.replications)
        self.uploads = UploadRows(self._database, self.blobs, self.buckets, self.objects)
        self.accesses = AccessRows(self._database)
        self.fetches = FetchRows(self._database)

    def write(self, work: Callable[[], Result], *, frees: bool = False) -> Result:
        """Run calls of the rows as one transaction; see `Database.write`."""
        return self._database.write(work, frees=frees)

    def close(self) -> None:
        """Write what waits to be written, and close the database."""
        with contextlib.suppress(OssError):  # the disk is full
            self.accesses.write()
        self._database.close()
