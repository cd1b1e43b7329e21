"""The process that runs one analytic statement, which `localcloud.sls.analysis.process` starts.

It reads what is asked from its standard input, the logs from the database of all logs, and writes the answer to its standard
output. It opens no other file, and has limits of time and memory: the system ends it when it needs more.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sqlite3
import sys
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from localcloud.sls.analysis.execution import run
from localcloud.sls.analysis.parsing import parse
from localcloud.sls.analysis.tables import Row, columns_of, rows
from localcloud.sls.analysis.translation import translate
from localcloud.sls.errors import SlsError
from localcloud.sls.search.fields import fields_of
from localcloud.sls.search.index import Rules
from localcloud.sls.search.matching import compile_query
from localcloud.sls.search.parsing import parse as parse_search
from localcloud.sls.store.logs import read_logs

SECONDS = 10  # of CPU; the embedded cloud's own limit
MAX_SCAN = 5.0  # seconds that looking at logs may take; then the answer is incomplete. Likewise
MEMORY = 512 * 1024**2  # bytes of address space; likewise


class _Scan:
    """The logs that a search finds, as far as there is time for them."""

    def __init__(self, database: sqlite3.Connection, asked: Mapping[str, Any]) -> None:
        self._database = database
        self._asked = asked
        self._deadline = time.monotonic() + MAX_SCAN
        self.examined = 0
        self.complete = True

    def logs(self, logstore: str) -> Iterator[Row]:
        """Yield the logs of a logstore that are found."""
        source, search = self._asked["logstores"][logstore], self._asked["search"]
        searched = (
            logstore == self._asked["default"]
        )  # others are joined with what is found, of the same time (assumed)
        query, topic = (search["query"], search["topic"]) if searched else ("", "")
        matches = compile_query(parse_search(query), Rules.of(source["index"]))
        for found in read_logs(
            self._database, source["key"], search["begin"], search["end"], reverse=False, live=source["live"]
        ):
            if time.monotonic() > self._deadline:
                self.complete = False
                return
            fields = fields_of(found.head, found.content)
            if matches(fields) and topic in ("", fields[0][1]):
                self.examined += 1
                yield found.time, fields


def answer(asked: Mapping[str, Any]) -> dict[str, object]:
    """Return the answer to a statement.

    Args:
        asked: `statement`, `now` in seconds since the epoch, `database`, the file of the logs, `search` with `begin`, `end` (in
            nanoseconds), `topic` and `query`, `default`, the logstore that the statement is about, and `logstores`, by name,
            each with its `key` in the database, its `index`, and `live` as of `store.logs`.
    """
    tables = {name: columns_of(each["index"]) for name, each in asked["logstores"].items()}
    statement = translate(
        parse(asked["statement"]),
        {name: {column: each.type for column, each in columns.items()} for name, columns in tables.items()},
        default=asked["default"],
        now=asked["now"],
    )
    uri = f"{Path(asked['database']).as_uri()}?mode=ro"
    with closing(sqlite3.connect(uri, uri=True, isolation_level=None)) as database:
        scan = _Scan(database, asked)
        found = run(
            statement,
            lambda logstore, names: rows(scan.logs(logstore), [tables[logstore][name] for name in names]),
        )
    return {
        "columns": [name for name, _ in statement.columns],
        "types": [str(kind) for _, kind in statement.columns],
        "rows": found,
        "limit": statement.limit,
        "examined": scan.examined,
        "complete": scan.complete,
    }


def main() -> None:
    """Answer what is asked."""
    os.nice(5)  # the services go first
    os.environ.clear()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the parent ends us
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    warnings.simplefilter("ignore")  # about patterns: they would fill the log
    asked = json.load(sys.stdin.buffer)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))  # nothing is written but to the pipe
    try:
        said = answer(asked)
    except SlsError as error:
        said = {"code": error.code, "message": error.message}
    except MemoryError:
        said = _refusal(f"Query exceeded max memory size of {MEMORY // 1024**2}MB")
    except RecursionError:
        said = _refusal("the analytic statement is nested too deeply")
    sys.stdout.buffer.write(json.dumps(said).encode())


def _refusal(message: str) -> dict[str, object]:
    return {"code": "ParameterInvalid", "message": message}
