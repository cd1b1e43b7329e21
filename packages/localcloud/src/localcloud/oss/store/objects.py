"""The rows of objects, each with its data file.

An object becomes visible by one commit: its data file is complete and durable before the row that names it is written. A row and
its data file are read in one step, so that the file stays until it has been read, whatever happens to the row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from localcloud.oss.model import NEXT_VERSION, NULL_VERSION, Bucket, DeleteMarker, Deletion, StoredObject, Version
from localcloud.oss.settings.versioning import Versioning, versioning_of
from localcloud.oss.store.blobs import Blobs
from localcloud.oss.store.buckets import BucketRows
from localcloud.oss.store.database import PAGE, Database, encode_key, key_beyond
from localcloud.oss.store.replications import ReplicationRows
from localcloud.oss.store.rows import to_object, to_row
from localcloud.oss.store.versions import VersionRows, new_version

RECENT = 128  # objects whose rows are kept in memory: an archive is read in dozens of ranges
_AFTER = "SELECT * FROM objects WHERE bucket = ? AND key >= ? AND key != ? ORDER BY key LIMIT ?"


class ObjectRows:
    """The objects of a store. Thread-safe; each call is one transaction, or a part of the caller's."""

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        buckets: BucketRows,
        versions: VersionRows,
        replications: ReplicationRows,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._buckets = buckets
        self._versions = versions
        self._replications = replications
        self._recent: dict[tuple[str, str], StoredObject] = {}  # committed; by bucket and key, used with the lock

    def find(self, bucket: str, key: str, version: str | None = None) -> StoredObject | None:
        """Return an object, or one of its versions, or None."""
        rows = self._database.run("SELECT * FROM objects WHERE bucket = ? AND key = ?", bucket, encode_key(key))
        current = to_object(bucket, rows[0][1], rows[0][2:]) if rows else None
        if version is None or (current and current.version == version):
            return current
        older = self._versions.find(bucket, key, version)
        return older if isinstance(older, StoredObject) else None

    def find_marker(self, bucket: str, key: str, version: str | None = None) -> DeleteMarker | None:
        """Return the delete marker that a version is, or that hides a key (`version` None); None: there is none."""
        if version is None:
            found = None if self.find(bucket, key) else self._versions.newest(bucket, key)
        else:
            found = self._versions.find(bucket, key, version)
        return found if isinstance(found, DeleteMarker) else None

    @contextmanager
    def open(self, bucket: str, key: str, version: str | None = None) -> Iterator[tuple[StoredObject, Path] | None]:
        """Yield an object, or one of its versions, and the file with its bytes, or None; the file stays until the block ends."""
        item = self.pin(bucket, key, version)
        try:
            yield (item, self._blobs.path(item.data)) if item else None
        finally:
            self._blobs.unpin([item.data] if item else [])

    def pin(self, bucket: str, key: str, version: str | None = None) -> StoredObject | None:
        """Return an object, or one of its versions, whose file then stays until it is unpinned; None: there is none."""
        with self._database.lock:  # from reading the row until its file is pinned, nobody can replace it
            item = self._recent.get((bucket, key)) if version is None else None
            item = item or self.find(bucket, key, version)
            if item:
                self._blobs.pin([item.data])
                if version is None and not self._database.writes:
                    self._remember(item)
            return item

    def _remember(self, item: StoredObject) -> None:
        if len(self._recent) >= RECENT:
            self._recent.clear()
        self._recent[item.bucket, item.key] = item

    def change(
        self,
        bucket: str,
        key: str,
        change: Callable[[Bucket, StoredObject | None], StoredObject],
        version: str | None = None,
    ) -> StoredObject:
        """Replace an object by what a function makes of it and return that; bytes that nothing keeps go.

        Args:
            bucket: the bucket's name.
            key: the object's key.
            change: from the bucket and what stands there (None: nothing) to what shall stand there; its data file is durable
                already. It may be called twice, and raises to leave everything as it was. What has the version `NEXT_VERSION`
                succeeds what stands there, which becomes an older version if the bucket keeps them; all else takes its place.
            version: the version to change; None: the current one.

        Raises:
            OssError: NoSuchBucket, ServiceUnavailable (the disk is full), and what `change` raises.
        """

        def work() -> tuple[StoredObject, list[str]]:
            before = self.find(bucket, key, version)
            after = change(self._buckets.get(bucket), before)
            assert (after.bucket, after.key) == (bucket, key)
            return self.put(before, after)

        after, superseded = self._database.write(work)
        self._blobs.drop(name for name in superseded if name != after.data)
        return after

    def put(self, before: StoredObject | None, after: StoredObject) -> tuple[StoredObject, list[str]]:
        """Write what `change` makes within the caller's transaction.

        Args:
            before: what stands under the key; None: nothing.
            after: what shall stand there.

        Returns:
            The object with its version, and the data files that no row names any more, or `after` only.
        """
        holder = self._buckets.get(after.bucket)
        if after.version != NEXT_VERSION:
            assert before is not None
            self._replace(after)
            self._replications.note(holder, after.key, after.version)
            return after, [before.data]
        freed = self._retire(before, after.bucket, after.key)
        enabled = versioning_of(holder) is Versioning.ENABLED
        after = replace(after, version=new_version() if enabled else NULL_VERSION)
        self._insert(after)
        self._replications.note(holder, after.key, after.version)
        return after, freed

    def _replace(self, item: StoredObject) -> None:
        """Write what a version has become, wherever it stands."""
        current = self.find(item.bucket, item.key)
        if current and current.version == item.version:
            self._insert(item)
        else:
            self._versions.update(item)

    def replicate(self, bucket: str, key: str, version: str, item: Version | None) -> list[str]:
        """Make a version of a key what it is in another bucket, within the caller's transaction; no rule hears of it.

        Args:
            bucket: the bucket's name.
            key: the key.
            version: its version.
            item: what it is, of this bucket, with a data file of its own or that of what stands there; None: it is gone.

        Returns:
            The data files that no row names any more.
        """
        if item is None:
            return self._delete_version(bucket, key, version, lambda _: True)[1]
        present = self.find(bucket, key, version)
        if isinstance(item, StoredObject) and present:
            self._replace(item)
            return [present.data] if present.data != item.data else []
        if self._versions.find(bucket, key, version):  # a marker, which never changes
            return []
        freed = self._retire(self.find(bucket, key), bucket, key)
        if isinstance(item, StoredObject):
            self._insert(item)
        else:
            self._remove(bucket, key)
            self._versions.add(item)
        return freed

    def delete(
        self,
        bucket: str,
        key: str,
        *,
        now: float,
        version: str | None = None,
        when: Callable[[StoredObject], bool] = lambda _: True,
    ) -> Deletion:
        """Delete an object, or hide it behind a marker if the bucket keeps versions; or delete a version or a marker for good.

        Args:
            bucket: the bucket's name.
            key: the object's key.
            now: the time of a marker, in seconds since the epoch.
            version: the version to delete; None: whatever is current.
            when: asked of the object, which stays if it says no.

        Raises:
            OssError: NoSuchBucket.
        """

        def work() -> tuple[Deletion, list[str]]:
            holder = self._buckets.get(bucket)
            versioning = versioning_of(holder)
            if version is not None:
                found = self._delete_version(bucket, key, version, when)
                self._replications.note(holder, key, version)
                return found
            before = self.find(bucket, key)
            if before and not when(before):
                return Deletion(), []
            freed = self._retire(before, bucket, key)
            self._remove(bucket, key)
            if versioning is None:
                self._replications.note(holder, key, NULL_VERSION)
                return Deletion(item=before), freed
            name = new_version() if versioning is Versioning.ENABLED else NULL_VERSION
            self._versions.add(DeleteMarker(bucket=bucket, key=key, version=name, modified=now))
            self._replications.note(holder, key, name)
            return Deletion(item=before, marker=name), freed

        deletion, freed = self._database.write(work, frees=True)
        self._blobs.drop(freed)
        return deletion

    def _delete_version(
        self, bucket: str, key: str, version: str, when: Callable[[StoredObject], bool]
    ) -> tuple[Deletion, list[str]]:
        doomed = self.find(bucket, key, version)
        if doomed and not when(doomed):
            return Deletion(), []
        current = self.find(bucket, key)
        found: Version | None = current
        if current and current.version == version:
            self._remove(bucket, key)
        else:
            found = self._versions.remove(bucket, key, version)
        newest = None if self.find(bucket, key) else self._versions.newest(bucket, key)
        if isinstance(newest, StoredObject):  # it is current again
            self._versions.remove(bucket, key, newest.version)
            self._insert(newest)
        if isinstance(found, StoredObject):
            return Deletion(item=found, version=version), [found.data]
        return Deletion(version=version, marker=version if found else None), []

    def _retire(self, before: StoredObject | None, bucket: str, key: str) -> list[str]:
        """Make room for what comes after the current version, and return the data files that are not needed any more."""
        versioning = versioning_of(self._buckets.get(bucket))
        freed: list[Version | None] = []
        if versioning is Versioning.SUSPENDED:  # there is one null version
            freed.append(self._versions.remove(bucket, key, NULL_VERSION))
        if before and (versioning is None or (versioning is Versioning.SUSPENDED and before.version == NULL_VERSION)):
            freed.append(before)
        elif before:
            self._versions.add(before)
        return [item.data for item in freed if isinstance(item, StoredObject)]

    def _insert(self, item: StoredObject) -> None:
        self._recent.pop((item.bucket, item.key), None)
        self._database.run("INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", *to_row(item))

    def _remove(self, bucket: str, key: str) -> None:
        self._recent.pop((bucket, key), None)
        self._database.run("DELETE FROM objects WHERE bucket = ? AND key = ?", bucket, encode_key(key))

    def after(
        self, bucket: str, prefix: str, marker: str, *, beyond: bool = False, rows: int = PAGE
    ) -> Iterator[StoredObject]:
        """Return the bucket's objects with the prefix whose keys are greater than the marker, in order of their bytes.

        Args:
            bucket: the bucket's name.
            prefix: of the keys.
            marker: where to begin, exclusively.
            beyond: all keys that begin with the marker, a common prefix of keys that are there, are passed over, too.
            rows: the number that is expected to be needed, which is fetched first.
        """
        start, passed = encode_key(prefix), encode_key(marker)
        place = (key_beyond(passed) if beyond else max(start, passed), passed)
        found = self._database.walk(_AFTER, bucket, place, lambda row: (row[1], row[1]), prefix=start, rows=rows)
        return (to_object(row[0], row[1], row[2:]) for row in found)
