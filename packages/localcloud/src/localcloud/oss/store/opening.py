"""Opening a store: the database and the data files must belong together, or nothing is touched.

A crash leaves a data file that no row names; the next start removes it. More of them than a crash leaves mean that the database is
older than they are: they are moved away.
"""

from __future__ import annotations

import logging
import secrets
import sqlite3
from pathlib import Path

from localcloud.kernel.documents import write_private
from localcloud.kernel.errors import LocalCloudError
from localcloud.oss.store.reserve import Reserve
from localcloud.oss.store.shortage import code_of

SCHEMA = """
CREATE TABLE IF NOT EXISTS buckets (name TEXT PRIMARY KEY, owner TEXT, created REAL, acl TEXT, storage_class TEXT,
    settings TEXT, region TEXT) STRICT;
CREATE TABLE IF NOT EXISTS objects (bucket TEXT, key BLOB, data TEXT, size INTEGER, etag TEXT, crc64 TEXT, modified REAL,
    kind TEXT, headers TEXT, acl TEXT, tagging TEXT, PRIMARY KEY (bucket, key)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS versions (bucket TEXT, key BLOB, number INTEGER, version TEXT, data TEXT, size INTEGER, etag TEXT,
    crc64 TEXT, modified REAL, kind TEXT, headers TEXT, acl TEXT, tagging TEXT, PRIMARY KEY (bucket, key, number)) STRICT,
    WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS uploads (upload_id TEXT PRIMARY KEY, bucket TEXT, key BLOB, initiated REAL, headers TEXT) STRICT;
CREATE INDEX IF NOT EXISTS uploads_by_key ON uploads (bucket, key, upload_id);
CREATE TABLE IF NOT EXISTS parts (upload_id TEXT, number INTEGER, data TEXT, size INTEGER, etag TEXT, crc64 TEXT,
    modified REAL, PRIMARY KEY (upload_id, number)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS accesses (bucket TEXT, key BLOB, accessed REAL, PRIMARY KEY (bucket, key)) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS fetches (id TEXT PRIMARY KEY, bucket TEXT, created REAL, state TEXT, document TEXT) STRICT;
CREATE INDEX IF NOT EXISTS fetches_by_bucket ON fetches (bucket, state, created);
CREATE TABLE IF NOT EXISTS replications (number INTEGER PRIMARY KEY AUTOINCREMENT, bucket TEXT, rule TEXT, key BLOB,
    version TEXT, changed REAL, historical INTEGER, UNIQUE (bucket, rule, key, version)) STRICT;
CREATE INDEX IF NOT EXISTS replications_by_number ON replications (bucket, rule, number);
"""
JOURNAL = 256  # pages of 4 KB, after which SQLite empties its journal; well below the reserve
IN_FLIGHT = 16  # data files; a kill leaves one for each request that was writing

_LOG = logging.getLogger(__name__)


def open_database(folder: Path, data: Path, reserve: Reserve) -> sqlite3.Connection:
    """Open the database of a folder, and remove the data files that a crash has left.

    Args:
        folder: where the database lies; it exists.
        data: the folder of the data files; created if need be.
        reserve: released, for a start on a full disk needs space as well.

    Raises:
        LocalCloudError: the database is missing, damaged or another folder's, or the folder cannot be used as it is.
    """
    try:
        data.mkdir(exist_ok=True)
        reserve.release()
        connection = _connect(folder, data)
        _sweep(connection, folder, data)
    except sqlite3.Error as error:
        if code_of(error) == sqlite3.SQLITE_BUSY:
            raise LocalCloudError(f"{_path(folder)} is in use by another process; end that one") from error
        raise _damaged(folder, str(error)) from error
    except OSError as error:
        raise LocalCloudError(
            f"{error.filename or folder} cannot be used ({error.strerror}); put that right, or choose another data folder"
        ) from error
    return connection


def _path(folder: Path) -> Path:
    return folder / "oss.sqlite3"


def _connect(folder: Path, data: Path) -> sqlite3.Connection:
    path = _path(folder)
    needed = any(data.iterdir())
    if needed and not (path.exists() and path.stat().st_size):
        raise _foreign(folder, data)
    connection = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
    # The folder is this process's alone; held for good, the lock saves SQLite the shared memory that it needs otherwise.
    connection.execute("PRAGMA locking_mode=EXCLUSIVE")
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute(f"PRAGMA wal_autocheckpoint={JOURNAL}")
    if needed and not _belongs(connection, folder):
        raise _foreign(folder, data)
    connection.executescript(SCHEMA)
    _complete(connection)
    _pair(connection, folder)
    return connection


def _complete(connection: sqlite3.Connection) -> None:
    """Add the column that earlier releases, which had one region, did not know; empty, it means the home region."""
    if "region" not in [row[1] for row in connection.execute("PRAGMA table_info(buckets)")]:
        connection.execute("ALTER TABLE buckets ADD COLUMN region TEXT")


def _belongs(connection: sqlite3.Connection, folder: Path) -> bool:
    number = folder / "number"
    return bool(connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'objects'").fetchone()) and (
        not number.exists() or number.read_bytes() == _number(connection)
    )


def _pair(connection: sqlite3.Connection, folder: Path) -> None:
    """Give database and folder a common number: files are not judged by the rows of another folder's database."""
    if _number(connection) == b"0":
        connection.execute(f"PRAGMA application_id={secrets.randbelow(2**31 - 1) + 1}")
    number = folder / "number"
    if not number.exists() or number.read_bytes() != _number(connection):
        write_private(number, _number(connection))


def _number(connection: sqlite3.Connection) -> bytes:
    return str(connection.execute("PRAGMA application_id").fetchone()[0]).encode()


def _sweep(connection: sqlite3.Connection, folder: Path, data: Path) -> None:
    named = {
        row[0]
        for row in connection.execute(
            "SELECT data FROM objects UNION SELECT data FROM versions UNION SELECT data FROM parts"
        )
    }
    unnamed = [path for path in data.iterdir() if path.name not in named]
    if unnamed:
        complaint = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
        if complaint != "ok":  # a damaged database may not name what it should
            raise _damaged(folder, complaint)
    if len(unnamed) <= IN_FLIGHT:
        for path in unnamed:
            path.unlink()
        return
    lost = folder / "lost"
    lost.mkdir(exist_ok=True)
    for path in unnamed:
        path.rename(lost / path.name)
    _LOG.warning(
        "%s names none of %d files in %s: it is older than they are, or a deletion was cut short. They are in %s: move them "
        "back together with the database that names them, or remove them",
        _path(folder),
        len(unnamed),
        data,
        lost,
    )


def _foreign(folder: Path, data: Path) -> LocalCloudError:
    return LocalCloudError(
        f"{_path(folder)} is missing, empty or another folder's, but {data} holds objects; restore the database from a copy, or "
        f"remove {folder} to start anew"
    )


def _damaged(folder: Path, why: str) -> LocalCloudError:
    return LocalCloudError(
        f"{_path(folder)} is damaged ({why}); restore it from a copy, or remove {folder} to start anew"
    )
