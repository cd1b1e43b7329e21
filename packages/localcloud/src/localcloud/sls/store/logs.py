"""The logs of all logstores, in one SQLite database: a row for each log group, and one for each of its logs.

Groups are numbered within their shard; the number is the cursor. Logs are found by their time, and never all read at once. What was
written survives the death of the process; the last moments before the machine's own death may be missing.

The database is made with the first log. A logstore holds `MAX_SIZE` bytes of logs; beyond that, its oldest groups go.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from localcloud.sls.errors import SlsError
from localcloud.sls.model import NANOSECONDS, Logstore

MAX_SIZE = 256 * 1024**2  # bytes of a logstore's logs; the embedded cloud's own limit
_ROW = 64  # bytes that the database needs for a log besides
_AT_ONCE = 100  # groups that are removed in one transaction, so that others get their turn
_SCHEMA = """
CREATE TABLE IF NOT EXISTS logstores (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, size INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS shards (logstore INTEGER, number INTEGER, next INTEGER, PRIMARY KEY (logstore, number)) STRICT,
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS groups (id INTEGER PRIMARY KEY, logstore INTEGER, shard INTEGER, cursor INTEGER, received INTEGER,
    head BLOB, first INTEGER, count INTEGER, size INTEGER) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS groups_by_cursor ON groups (logstore, shard, cursor);
CREATE INDEX IF NOT EXISTS groups_by_age ON groups (logstore, received, id);
CREATE TABLE IF NOT EXISTS logs (id INTEGER PRIMARY KEY, logstore INTEGER, time INTEGER, group_id INTEGER, content TEXT) STRICT;
CREATE INDEX IF NOT EXISTS logs_by_time ON logs (logstore, time);
"""
# The plus keeps SQLite from going through a table by its numbers instead of by times.
_FORWARD = """
SELECT logs.time, groups.head, logs.content FROM logs JOIN groups ON groups.id = logs.group_id
WHERE logs.logstore = ? AND logs.time >= ? AND logs.time < ? AND +logs.id >= ? ORDER BY logs.time ASC, logs.id ASC LIMIT -1 OFFSET ?
"""
_BACKWARD = _FORWARD.replace(" ASC", " DESC")
_ALL = 2**62  # a moment that no group was received after


@dataclass(frozen=True, kw_only=True, slots=True)
class Packet:
    """A log group on its way to the disk."""

    head: bytes  # the group without its logs, in the wire format
    logs: Sequence[tuple[int, str]]  # the time of each in nanoseconds, and its fields as JSON, which is read fastest

    @property
    def size(self) -> int:
        """Bytes that it takes, about."""
        return len(self.head) + sum(len(log) + _ROW for _, log in self.logs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """A log that was found."""

    time: int  # nanoseconds since the epoch
    head: bytes  # its group without its logs, in the wire format
    content: str  # its fields as JSON


@dataclass(frozen=True, kw_only=True, slots=True)
class Pulled:
    """A log group of a shard, as `Packet` has it."""

    cursor: int
    head: bytes
    logs: Sequence[tuple[int, str]]


class LogStorage:
    """The logs of all logstores. Thread-safe.

    Args:
        path: of the database; its folder exists.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()  # held while something is written
        self._writer: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            if self._writer is not None:
                self._writer.close()
                self._writer = None

    def append(self, logstore: Logstore, shard: int, packet: Packet, *, now: int, live: int) -> None:
        """Add a log group to a shard, and remove what has to go.

        Args:
            logstore: the logstore.
            shard: its number.
            packet: the group.
            now: seconds since the epoch.
            live: the moment before which groups have expired, in seconds since the epoch.

        Raises:
            SlsError: ServerBusy: there is no room on the disk.
        """
        with self._write() as database:
            number = _number(database, logstore)
            if number is None:
                number = _one(
                    database, "INSERT INTO logstores (name, size) VALUES (?, 0) RETURNING id", _name(logstore)
                )
            cursor = _next(database, number, shard, logstore)
            database.execute("INSERT OR REPLACE INTO shards VALUES (?, ?, ?)", (number, shard, cursor + 1))
            first = _one(database, "SELECT coalesce(max(id), 0) + 1 FROM logs")
            group = _one(
                database,
                "INSERT INTO groups (logstore, shard, cursor, received, head, first, count, size)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                *(number, shard, cursor, now, packet.head, first, len(packet.logs), packet.size),
            )
            database.executemany(
                "INSERT INTO logs VALUES (?, ?, ?, ?, ?)",
                [(first + place, number, time, group, log) for place, (time, log) in enumerate(packet.logs)],
            )
            database.execute("UPDATE logstores SET size = size + ? WHERE id = ?", (packet.size, number))
            _remove(database, number, live, _AT_ONCE)
            while _one(database, "SELECT size FROM logstores WHERE id = ?", number) > MAX_SIZE:
                _remove(database, number, _ALL, 1)

    def find(
        self, logstore: Logstore, begin: int, end: int, *, reverse: bool, live: int, offset: int = 0
    ) -> Generator[Found, None, None]:
        """Yield the logs of a stretch of time, in the order of their times.

        Args:
            logstore: the logstore.
            begin: nanoseconds since the epoch.
            end: likewise; logs of that moment do not belong to it.
            reverse: the latest come first.
            live: as of `append`.
            offset: logs that are left out in front.
        """
        with self._read() as database:
            found = self._living(database, logstore, live)
            if found is None:
                return
            statement = _BACKWARD if reverse else _FORWARD
            rows = database.execute(statement, (found[0], begin, end, found[1], offset))
            for time, head, content in rows:
                yield Found(time=time, head=head, content=content)

    def count(self, logstore: Logstore, begin: int, end: int, *, live: int) -> int:
        """Return the number of logs of a stretch of time; see `find`."""
        with self._read() as database:
            found = self._living(database, logstore, live)
            if found is None:
                return 0
            statement = "SELECT count(*) FROM logs WHERE logstore = ? AND time >= ? AND time < ? AND +id >= ?"
            return _one(database, statement, found[0], begin, end, found[1])

    def cursors(self, logstore: Logstore, shard: int, *, live: int) -> tuple[int, int]:
        """Return the cursor of a shard's first group that has not expired, and that of the next one to be written."""
        with self._read() as database:
            number = _number(database, logstore)
            following = _next(database, number, shard, logstore)
            statement = "SELECT min(cursor) FROM groups WHERE logstore = ? AND shard = ? AND received >= ?"
            (first,) = database.execute(statement, (number, shard, live)).fetchone()
            return following if first is None else first, following

    def cursor_at(self, logstore: Logstore, shard: int, time: int) -> int:
        """Return the cursor of a shard's first group that was received at a time, in seconds since the epoch, or later."""
        with self._read() as database:
            number = _number(database, logstore)
            statement = "SELECT min(cursor) FROM groups WHERE logstore = ? AND shard = ? AND received >= ?"
            (cursor,) = database.execute(statement, (number, shard, time)).fetchone()
            return _next(database, number, shard, logstore) if cursor is None else int(cursor)

    def received_at(self, logstore: Logstore, shard: int, cursor: int) -> int | None:
        """Return the time at which a group was received, in seconds since the epoch; None: there is no such group."""
        with self._read() as database:
            statement = "SELECT received FROM groups WHERE logstore = ? AND shard = ? AND cursor = ?"
            row = database.execute(statement, (_number(database, logstore), shard, cursor)).fetchone()
            return row and int(row[0])

    def pull(self, logstore: Logstore, shard: int, begin: int, end: int, *, most: int) -> list[Pulled]:
        """Return the groups of a shard from a cursor up to another, as many as fit in so many bytes, and one at least."""
        with self._read() as database:
            statement = (
                "SELECT cursor, head, first, count, size FROM groups"
                " WHERE logstore = ? AND shard = ? AND cursor >= ? AND cursor < ? ORDER BY cursor"
            )
            pulled: list[Pulled] = []
            for cursor, head, first, count, size in database.execute(
                statement, (_number(database, logstore), shard, begin, end)
            ):
                most -= size
                if most < 0 and pulled:
                    break
                rows = database.execute(
                    "SELECT time, content FROM logs WHERE id >= ? AND id < ? ORDER BY id", (first, first + count)
                )
                pulled.append(Pulled(cursor=cursor, head=head, logs=rows.fetchall()))
            return pulled

    def keep(self, logstores: Sequence[Logstore]) -> None:
        """Remove the logs of all other logstores."""
        if not self._path.exists():
            return
        names = {_name(logstore) for logstore in logstores}
        with self._write() as database:
            gone = [row[0] for row in database.execute("SELECT id, name FROM logstores") if row[1] not in names]
        for number in gone:
            self._drop(number)

    def _drop(self, number: int) -> None:
        left = True
        while left:
            with self._write() as database:
                left = _remove(database, number, _ALL, _AT_ONCE)
                if not left:
                    database.execute("DELETE FROM shards WHERE logstore = ?", (number,))
                    database.execute("DELETE FROM logstores WHERE id = ?", (number,))
        with self._lock:
            if self._writer is not None:
                self._writer.executescript("PRAGMA incremental_vacuum")  # `execute` would stop at its first page

    def _living(self, database: sqlite3.Connection, logstore: Logstore, live: int) -> tuple[int, int] | None:
        """Return a logstore's number and its first log that has not expired; None: it has none."""
        number = _number(database, logstore)
        statement = "SELECT first FROM groups WHERE logstore = ? AND received >= ? ORDER BY received, id LIMIT 1"
        row = database.execute(statement, (number, live)).fetchone()
        return None if number is None or row is None else (number, row[0])

    @contextmanager
    def _write(self) -> Iterator[sqlite3.Connection]:
        """Run statements as one."""
        with self._lock:
            if self._writer is None:
                self._writer = _open(self._path)
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

    @contextmanager
    def _read(self) -> Iterator[sqlite3.Connection]:
        """Open a connection that sees the database as it is at this moment, and keeps nobody from writing."""
        if self._writer is None:
            with self._write():
                pass  # it makes the database
        with closing(sqlite3.connect(self._path, isolation_level=None)) as database:
            database.execute("PRAGMA query_only=1")
            database.execute("BEGIN")
            yield database


def _open(path: Path) -> sqlite3.Connection:
    path.touch(mode=0o600)
    database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    database.execute("PRAGMA auto_vacuum=INCREMENTAL")
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=NORMAL")
    database.executescript(_SCHEMA)
    return database


def _name(logstore: Logstore) -> str:
    """Return what tells a logstore from another one of its name that was there before."""
    return f"{logstore.project}/{logstore.name}/{logstore.created}"


def _number(database: sqlite3.Connection, logstore: Logstore) -> int | None:
    row = database.execute("SELECT id FROM logstores WHERE name = ?", (_name(logstore),)).fetchone()
    return row and int(row[0])


def _next(database: sqlite3.Connection, number: int | None, shard: int, logstore: Logstore) -> int:
    statement = "SELECT next FROM shards WHERE logstore = ? AND number = ?"
    row = database.execute(statement, (number, shard)).fetchone()
    return int(row[0]) if row else int(logstore.created) * NANOSECONDS


def _one(database: sqlite3.Connection, statement: str, *values: object) -> int:
    (number,) = database.execute(statement, values).fetchone()
    return int(number)


def _remove(database: sqlite3.Connection, number: int, before: int, most: int) -> bool:
    """Remove the oldest groups of a logstore that were received before a moment; return whether there were any."""
    statement = (
        "SELECT id, first, count, size FROM groups WHERE logstore = ? AND received < ? ORDER BY received, id LIMIT ?"
    )
    rows = database.execute(statement, (number, before, most)).fetchall()
    for group, first, count, size in rows:
        database.execute("DELETE FROM logs WHERE id >= ? AND id < ?", (first, first + count))
        database.execute("DELETE FROM groups WHERE id = ?", (group,))
        database.execute("UPDATE logstores SET size = size - ? WHERE id = ?", (size, number))
    return bool(rows)
