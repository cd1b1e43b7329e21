"""The times at which objects of buckets that track that were last read.

Reads are noted in memory, so that none waits for the database, and written together; a kill loses those of the last hour. Within a
day the first read of an object counts. Source: OSS, PutBucketAccessMonitor.
"""

from __future__ import annotations

from localcloud.oss.store.database import Database, encode_key

DAY = 86_400.0  # seconds
MOST = 10_000  # reads that are noted before they have to be written


class AccessRows:
    """The last reads of the objects of a store. Thread-safe."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._noted: dict[tuple[str, str], float] = {}

    def note(self, bucket: str, key: str, now: float) -> bool:
        """Note a read of an object, without waiting for anything.

        Args:
            bucket: the bucket's name.
            key: the object's key.
            now: the time, in seconds since the epoch.

        Returns:
            True if the notes have to be written before there is room for others.
        """
        if len(self._noted) < MOST:
            self._noted.setdefault((bucket, key), now)
        return len(self._noted) >= MOST

    def write(self) -> None:
        """Write what was noted, and forget objects that are gone.

        Raises:
            OssError: ServiceUnavailable (the disk is full).
        """

        def work() -> None:
            for (bucket, key), now in noted.items():
                self._database.run(
                    "INSERT INTO accesses VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET accessed = excluded.accessed "
                    "WHERE excluded.accessed >= accessed + ?",
                    bucket,
                    encode_key(key),
                    now,
                    DAY,
                )
            self._database.run(
                "DELETE FROM accesses WHERE NOT EXISTS "
                "(SELECT 1 FROM objects WHERE objects.bucket = accesses.bucket AND objects.key = accesses.key)"
            )

        with self._database.lock:
            noted, self._noted = self._noted, {}
            try:
                if noted:
                    self._database.write(work)
            except BaseException:
                self._noted = {**self._noted, **noted}  # for the next time
                raise

    def find(self, bucket: str, key: str) -> float | None:
        """Return when an object was last read, in seconds since the epoch; None: never, since that is tracked."""
        rows = self._database.run("SELECT accessed FROM accesses WHERE bucket = ? AND key = ?", bucket, encode_key(key))
        written: float | None = rows[0][0] if rows else None
        noted = self._noted.get((bucket, key))
        return noted if noted is not None and (written is None or noted >= written + DAY) else written
