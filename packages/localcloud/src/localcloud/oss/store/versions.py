"""The rows of versions that are not current, and of delete markers.

The table of objects has the current version of each key, unless a delete marker hides it; all that is older, and every marker,
stands here. Of one key, the newest has the greatest number, and what the table of objects holds is newer still.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator

from localcloud.oss.model import NULL_VERSION, DeleteMarker, StoredObject, Version
from localcloud.oss.store.database import PAGE, Database, Row, decode_key, encode_key, key_beyond
from localcloud.oss.store.rows import COLUMNS, to_columns, to_object

CURRENT = 2**62  # stands for the number of the current version
_EMPTY: Row = (None,) * len(COLUMNS.split(","))
_BEHIND = "bucket = ?1 AND key >= ?2 AND (key != ?3 OR number < ?4)"
# SQLite merges both tables, as their primary keys order them; with the conditions around the union, it would sort a whole bucket.
_AFTER = f"""SELECT bucket, key, {CURRENT} AS number, NULL AS version, {COLUMNS} FROM objects
    WHERE {_BEHIND.replace("number", str(CURRENT))}
    UNION ALL SELECT bucket, key, number, version, {COLUMNS} FROM versions WHERE {_BEHIND}
    ORDER BY key, number DESC LIMIT ?5"""  # noqa: S608 - fixed names


def new_version() -> str:
    """Return a new version's id, which is greater than those of before: a listing can go on behind one that is gone."""
    return f"CAEQ{time.time_ns():016x}{secrets.token_hex(22)}"


class VersionRows:
    """The older versions and the delete markers of a store. Each call is a part of the caller's transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def find(self, bucket: str, key: str, version: str) -> Version | None:
        """Return a version or a marker, or None."""
        rows = self._database.run(
            f"SELECT bucket, key, version, {COLUMNS} FROM versions WHERE bucket = ? AND key = ? AND version = ?",  # noqa: S608 - fixed
            bucket,
            encode_key(key),
            version,
        )
        return _version(rows[0]) if rows else None

    def newest(self, bucket: str, key: str) -> Version | None:
        """Return the newest of a key's versions and markers, or None."""
        rows = self._database.run(
            f"SELECT bucket, key, version, {COLUMNS} FROM versions WHERE bucket = ? AND key = ? "  # noqa: S608 - fixed names
            "ORDER BY number DESC LIMIT 1",
            bucket,
            encode_key(key),
        )
        return _version(rows[0]) if rows else None

    def add(self, item: Version) -> None:
        """Add a version or a marker as the newest of its key."""
        key = encode_key(item.key)
        last = self._database.run("SELECT MAX(number) FROM versions WHERE bucket = ? AND key = ?", item.bucket, key)
        columns = to_columns(item) if isinstance(item, StoredObject) else _columns_of_marker(item)
        self._database.run(
            f"INSERT INTO versions (bucket, key, number, version, {COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 - fixed names
            item.bucket,
            key,
            (last[0][0] or 0) + 1,
            item.version,
            *columns,
        )

    def update(self, item: StoredObject) -> None:
        """Replace a version by what it has become."""
        columns = ", ".join(f"{name.strip()} = ?" for name in COLUMNS.split(","))
        self._database.run(
            f"UPDATE versions SET {columns} WHERE bucket = ? AND key = ? AND version = ?",  # noqa: S608 - fixed names
            *to_columns(item),
            item.bucket,
            encode_key(item.key),
            item.version,
        )

    def remove(self, bucket: str, key: str, version: str) -> Version | None:
        """Remove a version or a marker and return it; None: there is none."""
        found = self.find(bucket, key, version)
        self._database.run(
            "DELETE FROM versions WHERE bucket = ? AND key = ? AND version = ?", bucket, encode_key(key), version
        )
        return found

    def after(
        self,
        bucket: str,
        prefix: str = "",
        key: str = "",
        version: str | None = None,
        *,
        beyond: bool = False,
        rows: int = PAGE,
    ) -> Iterator[tuple[Version, bool]]:
        """Yield versions and markers, current ones too, by key and from new to old, and whether each is its key's latest.

        Args:
            bucket: the bucket's name.
            prefix: of the keys.
            key: where to begin, exclusively; all of its versions are passed over unless `version` is given.
            version: the version of that key after which to begin; it may be gone meanwhile.
            beyond: all keys that begin with `key`, a common prefix of keys that are there, are passed over, too.
            rows: the number that is expected to be needed, which is fetched first.
        """
        start, passed = encode_key(prefix), encode_key(key)
        number = 0 if version is None or beyond else self._number(bucket, key, version)
        place = (key_beyond(passed) if beyond else max(start, passed), passed, number)
        previous = passed if number <= CURRENT else None
        for row in self._database.walk(
            _AFTER, bucket, place, lambda row: (row[1], row[1], row[2]), prefix=start, rows=rows
        ):
            yield _version((row[0], row[1], *row[3:])), row[1] != previous
            previous = row[1]

    def _number(self, bucket: str, key: str, version: str) -> int:
        """Return the number of a version, or, if it is gone, of the last one that is newer; if none is, one beyond all."""
        of_key = (bucket, encode_key(key))
        rows = self._database.run(
            f"SELECT bucket, key, {COLUMNS} FROM objects WHERE bucket = ? AND key = ?",  # noqa: S608 - fixed names
            *of_key,
        )
        current = to_object(rows[0][0], rows[0][1], rows[0][2:]).version if rows else NULL_VERSION
        if rows and current == version:
            return CURRENT
        found = self._database.run(
            "SELECT number FROM versions WHERE bucket = ? AND key = ? AND version = ?", *of_key, version
        ) or self._database.run(
            "SELECT min(number) FROM versions WHERE bucket = ? AND key = ? AND version > ? AND version != ?",
            *(*of_key, version, NULL_VERSION),
        )
        if found[0][0] is not None:
            return int(found[0][0])
        return CURRENT if version < current != NULL_VERSION else CURRENT + 1


def _version(row: Row) -> Version:
    bucket, key, version, *columns = row
    if columns[0] is None:
        return DeleteMarker(bucket=bucket, key=decode_key(key), version=version, modified=columns[4])
    return to_object(bucket, key, tuple(columns))


def _columns_of_marker(marker: DeleteMarker) -> Row:
    return (*_EMPTY[:4], marker.modified, *_EMPTY[5:])
