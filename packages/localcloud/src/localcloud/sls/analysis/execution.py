"""A statement on the rows that it is about, in a database in memory that has nothing else."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from typing import Any

from localcloud.sls.analysis.functions import FunctionError
from localcloud.sls.analysis.translation import Statement
from localcloud.sls.analysis.types import show
from localcloud.sls.errors import SlsError

MAX_ANSWER = 10 * 1024**2  # bytes; the embedded cloud's own limit
_MAX_VALUE = 32 * 1024**2  # bytes of a single value, likewise
_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, 33})  # 33: SQLITE_RECURSIVE


def run(statement: Statement, load: Callable[[str, list[str]], Iterable[tuple[Any, ...]]]) -> list[list[str]]:
    """Return the rows of a statement's answer.

    Args:
        statement: the statement.
        load: returns the values of columns of a logstore.

    Raises:
        SlsError: ParameterInvalid: it cannot be done with the values that there are, or the answer is too large.
    """
    failures: list[FunctionError] = []
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.execute("PRAGMA temp_store=MEMORY")
        database.execute("PRAGMA journal_mode=OFF")
        for logstore, columns in statement.tables.items():
            _fill(database, statement.names[logstore], columns, load(logstore, [*columns]))
        _prepare(database, statement, failures)
        try:
            return _read(database, statement)
        except sqlite3.Error as error:
            if failures:
                raise SlsError("ParameterInvalid", str(failures[0])) from error
            raise SlsError("ParameterInvalid", f"the analytic statement cannot be run: {error}") from error


def _fill(
    database: sqlite3.Connection, table: str, columns: Mapping[str, str], rows: Iterable[tuple[Any, ...]]
) -> None:
    names = [*columns.values()]
    if not names:  # rows that are counted alone
        names, rows = ["c0"], ((None,) for _ in rows)
    database.execute(f"CREATE TABLE {table} ({', '.join(names)})")
    database.execute("BEGIN")
    database.executemany(f"INSERT INTO {table} VALUES ({', '.join('?' * len(names))})", rows)  # noqa: S608 - our own names
    database.execute("COMMIT")


def _prepare(database: sqlite3.Connection, statement: Statement, failures: list[FunctionError]) -> None:
    for name, (function, constant) in statement.functions.items():
        database.create_function(name, -1, _noting(function, failures), deterministic=constant)
    for name, collect in statement.aggregates.items():
        database.create_aggregate(name, -1, _collector(collect, failures))
    database.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    database.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _MAX_VALUE)
    database.set_authorizer(lambda action, *_: sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY)


def _noting(function: Callable[..., Any], failures: list[FunctionError]) -> Callable[..., Any]:
    """Return a function that makes null of null, and notes why it cannot do with values, which SQLite does not tell."""

    def noting(*values: Any) -> Any:  # noqa: ANN401 - of any type
        if None in values:
            return None
        try:
            return function(*values)
        except FunctionError as failure:
            failures.append(failure)
            raise

    return noting


def _collector(collect: Callable[[], Any], failures: list[FunctionError]) -> type:
    class Collector:
        def __init__(self) -> None:
            self._inner = collect()

        def step(self, *values: Any) -> None:  # noqa: ANN401 - of any type
            try:
                self._inner.step(*values)
            except FunctionError as failure:
                failures.append(failure)
                raise

        def finalize(self) -> Any:  # noqa: ANN401 - likewise
            return self._inner.finalize()

    return Collector


def _read(database: sqlite3.Connection, statement: Statement) -> list[list[str]]:
    kinds = [kind for _, kind in statement.columns]
    answer: list[list[str]] = []
    left = MAX_ANSWER
    for row in database.execute(statement.sql, statement.parameters):
        try:
            shown = [show(value, kind) for value, kind in zip(row, kinds, strict=True)]
        except OverflowError as error:  # a moment before the year 1, or after the year 9999
            raise SlsError("ParameterInvalid", "the answer has a time that is out of range") from error
        left -= sum(map(len, shown)) + 16 * len(shown)
        if left < 0:
            raise SlsError(
                "ParameterInvalid", f"the answer has more than {MAX_ANSWER:,} bytes: choose fewer columns, or a LIMIT"
            )
        answer.append(shown)
    return answer
