"""The logs of all logstores, in one SQLite database: a row for each log group, and one for each of its logs.

Groups are numbered within their shard; the number is the cursor. Logs are found by their time, and never all read at once. A
logstore holds `MAX_SIZE` bytes of logs; beyond that, its oldest groups go. What goes does so in steps, between which others write.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from localcloud.sls.model import NANOSECONDS, Logstore
from localcloud.sls.store.database import Database, one

MAX_SIZE = 256 * 1024**2  # bytes of a logstore's logs; the embedded cloud's own limit
_ROW = 64  # bytes that the database needs for a log besides
_AT_ONCE = 5_000  # logs that are removed in one transaction, so that others get their turn; a group goes as a whole
SCHEMA = """
CREATE TABLE IF NOT EXISTS logstores (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT UNIQUE, size INTEGER) STRICT;
CREATE TABLE IF NOT EXISTS shards (logstore INTEGER, number INTEGER, next INTEGER, PRIMARY KEY (logstore, number)) STRICT,
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS groups (id INTEGER PRIMARY KEY, logstore INTEGER, shard INTEGER, cursor INTEGER, received INTEGER,
    head BLOB, first INTEGER, count INTEGER, size INTEGER) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS groups_by_cursor ON groups (logstore, shard, cursor);
CREATE INDEX IF NOT EXISTS groups_by_age ON groups (logstore, received, id);
CREATE INDEX IF NOT EXISTS groups_by_arrival ON groups (logstore, shard, received, cursor);
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
        database: where they lie.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def path(self) -> Path:
        """The file that has them, which is made when it is not there."""
        with self._database.read():
            return self._database.path

    def append(self, logstore: Logstore, shard: int, packet: Packet, *, now: int) -> None:
        """Add a log group to a shard, and remove what it leaves no room for.

        Args:
            logstore: the logstore.
            shard: its number.
            packet: the group.
            now: seconds since the epoch.

        Raises:
            SlsError: ServerBusy: there is no room on the disk.
        """
        with self._database.write() as database:
            number = _number(database, logstore)
            if number is None:
                number = one(
                    database, "INSERT INTO logstores (name, size) VALUES (?, 0) RETURNING id", key_of(logstore)
                )
            cursor = _next(database, number, shard, logstore)
            database.execute("INSERT OR REPLACE INTO shards VALUES (?, ?, ?)", (number, shard, cursor + 1))
            first = one(database, "SELECT coalesce(max(id), 0) + 1 FROM logs")
            group = one(
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
            full = _size(database, number) > MAX_SIZE

        def make_room(database: sqlite3.Connection) -> bool:
            excess = _size(database, number) - MAX_SIZE
            return excess > 0 and _remove(database, number, _ALL, excess)

        if full:
            self._database.write_in_steps(make_room)

    def find(
        self, logstore: Logstore, begin: int, end: int, *, reverse: bool, live: int, offset: int = 0
    ) -> Generator[Found, None, None]:
        """Yield the logs of a stretch of time, in the order of their times.

        Args:
            logstore: the logstore.
            begin: nanoseconds since the epoch.
            end: likewise; logs of that moment do not belong to it.
            reverse: the latest come first.
            live: the moment before which groups have expired, in seconds since the epoch.
            offset: logs that are left out in front.
        """
        with self._database.read() as database:
            yield from read_logs(database, key_of(logstore), begin, end, reverse=reverse, live=live, offset=offset)

    def count(self, logstore: Logstore, begin: int, end: int, *, live: int) -> int:
        """Return the number of logs of a stretch of time; see `find`."""
        with self._database.read() as database:
            found = _living(database, key_of(logstore), live)
            if found is None:
                return 0
            statement = "SELECT count(*) FROM logs WHERE logstore = ? AND time >= ? AND time < ? AND +id >= ?"
            return one(database, statement, found[0], begin, end, found[1])

    def cursors(self, logstore: Logstore, shard: int, *, live: int) -> tuple[int, int]:
        """Return the cursor of a shard's first group that has not expired, and that of the next one to be written."""
        with self._database.read() as database:
            number = _number(database, logstore)
            following = _next(database, number, shard, logstore)
            return _first(database, number, shard, live, otherwise=following), following

    def cursor_at(self, logstore: Logstore, shard: int, time: int) -> int:
        """Return the cursor of a shard's first group that was received at a time, in seconds since the epoch, or later."""
        with self._database.read() as database:
            number = _number(database, logstore)
            return _first(database, number, shard, time, otherwise=_next(database, number, shard, logstore))

    def received_at(self, logstore: Logstore, shard: int, cursor: int) -> int | None:
        """Return the time at which a group was received, in seconds since the epoch; None: there is no such group."""
        with self._database.read() as database:
            statement = "SELECT received FROM groups WHERE logstore = ? AND shard = ? AND cursor = ?"
            row = database.execute(statement, (_number(database, logstore), shard, cursor)).fetchone()
            return row and int(row[0])

    def pull(self, logstore: Logstore, shard: int, begin: int, end: int, *, most: int) -> list[Pulled]:
        """Return the groups of a shard from a cursor up to another, as many as fit in so many bytes, and one at least."""
        with self._database.read() as database:
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

    def expire(self, logstore: Logstore, live: int) -> None:
        """Remove what has expired.

        Args:
            logstore: the logstore.
            live: as of `find`.
        """
        if not self._database.exists:
            return

        def step(database: sqlite3.Connection) -> bool:
            number = _number(database, logstore)
            return number is not None and _remove(database, number, live, _ALL)

        self._database.write_in_steps(step)
        self._database.shrink()

    def keep(self, logstores: Callable[[], Collection[Logstore]]) -> None:
        """Remove the logs of all other logstores.

        Args:
            logstores: returns those that there are; it is asked once it is known which have logs.
        """
        if not self._database.exists:
            return
        with self._database.write() as database:
            kept = {name: number for number, name in database.execute("SELECT id, name FROM logstores")}
        for name in kept.keys() - {key_of(logstore) for logstore in logstores()}:
            self._drop(kept[name])

    def _drop(self, number: int) -> None:
        def step(database: sqlite3.Connection) -> bool:
            left = _remove(database, number, _ALL, _ALL)
            if not left:
                database.execute("DELETE FROM shards WHERE logstore = ?", (number,))
                database.execute("DELETE FROM logstores WHERE id = ?", (number,))
            return left

        self._database.write_in_steps(step)
        self._database.shrink()


def read_logs(
    database: sqlite3.Connection, key: str, begin: int, end: int, *, reverse: bool, live: int, offset: int = 0
) -> Iterator[Found]:
    """Yield logs as `LogStorage.find` does, from a connection that sees the database of all logs.

    Args:
        database: the connection.
        key: the logstore's, as `key_of` has it.
        begin: as of `LogStorage.find`, as all the others are.
        end: likewise.
        reverse: likewise.
        live: likewise.
        offset: likewise.
    """
    found = _living(database, key, live)
    if found is None:
        return
    statement = _BACKWARD if reverse else _FORWARD
    for time, head, content in database.execute(statement, (found[0], begin, end, found[1], offset)):
        yield Found(time=time, head=head, content=content)


def key_of(logstore: Logstore) -> str:
    """Return what tells a logstore from all others, also from one of its name that was there before."""
    return f"{logstore.project}/{logstore.name}/{logstore.created}"


def _living(database: sqlite3.Connection, key: str, live: int) -> tuple[int, int] | None:
    """Return a logstore's number and its first log that has not expired; None: it has none."""
    number = _number_of(database, key)
    statement = "SELECT first FROM groups WHERE logstore = ? AND received >= ? ORDER BY received, id LIMIT 1"
    row = database.execute(statement, (number, live)).fetchone()
    return None if number is None or row is None else (number, row[0])


def _number(database: sqlite3.Connection, logstore: Logstore) -> int | None:
    return _number_of(database, key_of(logstore))


def _number_of(database: sqlite3.Connection, key: str) -> int | None:
    row = database.execute("SELECT id FROM logstores WHERE name = ?", (key,)).fetchone()
    return row and int(row[0])


def _next(database: sqlite3.Connection, number: int | None, shard: int, logstore: Logstore) -> int:
    statement = "SELECT next FROM shards WHERE logstore = ? AND number = ?"
    row = database.execute(statement, (number, shard)).fetchone()
    return int(row[0]) if row else int(logstore.created) * NANOSECONDS


def _first(database: sqlite3.Connection, number: int | None, shard: int, since: int, *, otherwise: int) -> int:
    """Return the cursor of a shard's first group that was received at a time or later; `otherwise`: there is none."""
    statement = (
        "SELECT cursor FROM groups WHERE logstore = ? AND shard = ? AND received >= ? ORDER BY received, cursor LIMIT 1"
    )
    row = database.execute(statement, (number, shard, since)).fetchone()
    return int(row[0]) if row else otherwise


def _size(database: sqlite3.Connection, number: int) -> int:
    """Return the bytes of a logstore's logs; none when it was deleted meanwhile."""
    return one(database, "SELECT coalesce(max(size), 0) FROM logstores WHERE id = ?", number)


def _remove(database: sqlite3.Connection, number: int, before: int, enough: int) -> bool:
    """Remove the oldest groups of a logstore received before a moment, until it is enough bytes; return whether there were any."""
    statement = "SELECT id, first, count, size FROM groups WHERE logstore = ? AND received < ? ORDER BY received, id"
    gone: list[tuple[int, int, int, int]] = []
    logs = size = 0
    for row in database.execute(statement, (number, before)):
        gone.append(row)
        logs, size = logs + row[2], size + row[3]
        if logs >= _AT_ONCE or size >= enough:
            break
    database.executemany("DELETE FROM logs WHERE id >= ? AND id < ?", [(row[1], row[1] + row[2]) for row in gone])
    database.executemany("DELETE FROM groups WHERE id = ?", [(row[0],) for row in gone])
    database.execute("UPDATE logstores SET size = size - ? WHERE id = ?", (size, number))
    return bool(gone)
