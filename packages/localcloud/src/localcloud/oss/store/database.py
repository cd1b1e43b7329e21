"""The SQLite database of a store, used by one process: statements, and transactions that also work on a full disk.

A row is changed in one way: it is read within the transaction, handed to a function, and what that returns is written. So no row
is written back that somebody else has changed meanwhile.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from localcloud.oss.store.reserve import Reserve
from localcloud.oss.store.shortage import code_of, reporting_shortage

PAGE = 1000  # rows fetched at a time while listing
Row = tuple[Any, ...]
Result = TypeVar("Result")


class Database:
    """A database and the disk space that is put by for deletions. Thread-safe.

    Args:
        connection: to the database, in autocommit mode.
        reserve: the space.

    Attributes:
        lock: held while the database is used; who holds it sees no change by others.
    """

    def __init__(self, connection: sqlite3.Connection, reserve: Reserve) -> None:
        self.lock = threading.RLock()
        self._connection = connection
        self._reserve = reserve

    def close(self) -> None:
        """Close the connection."""
        with self.lock:
            self._connection.close()

    @property
    def writes(self) -> bool:
        """Return True within a transaction, whose changes may be undone; asked by who holds the lock."""
        return self._connection.in_transaction

    def run(self, statement: str, *values: object) -> list[Row]:
        """Run one statement, within the transaction of this thread if there is one, and return its rows."""
        with self.lock:
            return self._connection.execute(statement, values).fetchall()

    def walk(
        self,
        statement: str,
        bucket: str,
        place: Row,
        following: Callable[[Row], Row],
        *,
        prefix: bytes,
        rows: int = PAGE,
    ) -> Iterator[Row]:
        """Yield rows of a bucket in order of their keys, some fetched at a time, as long as the keys have a prefix.

        Args:
            statement: selects rows that begin with bucket and key; takes the bucket, a place and the number of rows.
            bucket: the bucket's name.
            place: where to begin.
            following: returns the place behind a row.
            prefix: of the keys, as the database holds it.
            rows: the number that is expected to be needed, which is fetched first.
        """
        while True:
            found = self.run(statement, bucket, *place, rows)
            for row in found:
                if not row[1].startswith(prefix):
                    return
                yield row
            if len(found) < rows:
                return
            place, rows = following(found[-1]), PAGE

    def write(self, work: Callable[[], Result], *, frees: bool = False) -> Result:
        """Run statements as one: all of them are durable afterwards, or none.

        Args:
            work: runs the statements; it may be run twice.
            frees: it only deletes, so that it may use the reserve.

        Raises:
            OssError: ServiceUnavailable (the disk is full), and what `work` raises.
        """
        with self.lock, reporting_shortage():
            if not frees:
                self._reserve.fill()
            try:
                return self._transact(work)
            except sqlite3.OperationalError as error:
                if not frees or code_of(error) != sqlite3.SQLITE_FULL:
                    raise
            self._reserve.release()
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return self._transact(work)

    def fill_reserve(self) -> None:
        """Put the space by before anything else takes it.

        Raises:
            OssError: ServiceUnavailable (the disk is full).
        """
        if not self._reserve.filled:  # else looked at without waiting for the database
            with self.lock, reporting_shortage():
                self._reserve.fill()

    def _transact(self, work: Callable[[], Result]) -> Result:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            result = work()
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:  # SQLite has rolled some failures back itself
                self._connection.execute("ROLLBACK")
            raise
        return result


def encode_key(key: str) -> bytes:
    """Return an object's key as the database holds it: bytes, whose order is that of listings."""
    return key.encode("utf-8", "surrogateescape")


def decode_key(key: bytes) -> str:
    """Return the key that bytes of the database stand for."""
    return key.decode("utf-8", "surrogateescape")


def key_beyond(common: bytes) -> bytes:
    """Return where the keys begin that come after all those with a prefix, which is not empty."""
    # As UTF-8, a key has no byte 0xFF.
    return common[:-1] + bytes([common[-1] + 1])
