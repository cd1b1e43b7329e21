"""A SQLite database with one writer, whose readers keep nobody from writing.

What was written survives the death of the process; the last moments before the machine's own death may be missing. The file is
made when it is first asked for anything.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from localcloud.sls.errors import SlsError

_PAGES = 1000  # that are given back to the disk at once
_PAUSE = 0.001  # seconds between two steps: whoever waits for the lock would else wake up too late


class Database:
    """A database. Thread-safe.

    Args:
        path: of its file; its folder exists.
        schema: the statements that make what is not there yet.
    """

    def __init__(self, path: Path, schema: str) -> None:
        self.path = path
        self._schema = schema
        self._lock = threading.Lock()  # held while something is written
        self._writer: sqlite3.Connection | None = None

    @property
    def exists(self) -> bool:
        """Whether anything was ever written."""
        return self.path.exists()

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Run statements as one.

        Raises:
            SlsError: ServerBusy: there is no room on the disk.
        """
        with self._lock:
            if self._writer is None:
                self._writer = self._open()
            database = self._writer
            try:
                database.execute("BEGIN IMMEDIATE")
                yield database
                database.execute("COMMIT")
            except BaseException as error:
                if database.in_transaction:  # SQLite has rolled some failures back itself
                    database.execute("ROLLBACK")
                if isinstance(error, sqlite3.OperationalError) and error.sqlite_errorcode == sqlite3.SQLITE_FULL:
                    raise SlsError("ServerBusy", "there is no room on the disk; make some and try again") from error
                raise

    def write_in_steps(self, step: Callable[[sqlite3.Connection], bool]) -> None:
        """Take a step again and again, each as one transaction, between which others write.

        Args:
            step: runs statements, and returns whether something is left to do.

        Raises:
            SlsError: see `write`.
        """
        left = True
        while left:
            with self.write() as database:
                left = step(database)
            time.sleep(_PAUSE)

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Open a connection that sees the database as it is at this moment."""
        if self._writer is None:
            with self.write():
                pass  # it makes the database
        with closing(sqlite3.connect(self.path, isolation_level=None)) as database:
            database.execute("PRAGMA query_only=1")
            database.execute("BEGIN")
            yield database

    def shrink(self) -> None:
        """Give the room of what was removed back to the disk, in steps between which others write."""
        left = self._writer is not None
        while left:
            with self._lock:
                if self._writer is None:
                    return
                # `execute` would stop at its first page.
                self._writer.executescript(f"PRAGMA incremental_vacuum({_PAGES})")
                left = one(self._writer, "PRAGMA freelist_count") > 0
            time.sleep(_PAUSE)

    def _open(self) -> sqlite3.Connection:
        self.path.touch(mode=0o600)
        database = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
        database.execute("PRAGMA auto_vacuum=INCREMENTAL")
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        database.executescript(self._schema)
        return database


def one(database: sqlite3.Connection, statement: str, *values: object) -> int:
    """Return the number that a statement yields."""
    (number,) = database.execute(statement, values).fetchone()
    return int(number)
