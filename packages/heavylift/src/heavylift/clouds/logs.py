"""A function's log: of the embedded cloud the file that has all of it, of a real one what Log Service has."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from heavylift.clouds.invocation import FunctionName
from heavylift.clouds.logstore import Logstore, find_latest
from heavylift.clouds.session import Session
from heavylift.errors import HeavyliftError

DAYS = 30  # as far back as Log Service is searched


def read(session: Session, function: FunctionName, lines: int) -> list[str]:
    """Return the last lines of a function's log; none when it has not written any.

    Args:
        session: where the function is.
        function: its name.
        lines: how many at most.

    Raises:
        HeavyliftError: a real cloud keeps no log of the function, or does not let it be read.
    """
    if session.data is not None:
        return _read_file(session.data, function, lines)
    latest = [*islice(_latest(session, find_logstore(session, function), function), lines)]
    return latest[::-1]


def _read_file(data: Path, function: FunctionName, lines: int) -> list[str]:
    # Where the embedded cloud keeps it (docs/reference/localcloud.md).
    service = f"services.{function.service}." if function.service else ""
    path = data / "fc" / "logs" / f"{service}functions.{function.name}.log"
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\n") for line in deque(file, maxlen=lines)]
    except FileNotFoundError:
        return []


def find_logstore(session: Session, function: FunctionName) -> Logstore:
    """Return the logstore that the platform delivers a function's log to.

    Raises:
        HeavyliftError: it delivers it to none.
    """
    config: Any  # the vendor's models
    if function.service is not None:
        from alibabacloud_fc_open20210406 import models as models2

        config = session.fc2_client().get_service(function.service, models2.GetServiceRequest()).body.log_config
    else:
        from alibabacloud_fc20230330 import models as models3

        config = session.fc3_client().get_function(function.name, models3.GetFunctionRequest()).body.log_config
    if not (config and config.project and config.logstore):
        raise HeavyliftError(
            f"the function {function.name} has no log: deploy it with the setting `logs` (docs/handler.md), or see "
            "`heavylift invoke --log` for the end of one invocation's"
        )
    return Logstore(project=config.project, name=config.logstore)


def _latest(session: Session, logstore: Logstore, function: FunctionName) -> Iterator[str]:
    """Yield the lines of a function, the latest first."""
    # Words of any field, for a logstore need not have an index of each; what else has these words is passed over.
    words = [function.name, *([function.service] if function.service else [])]
    query = " and ".join(f'"{word}"' for word in words)
    for log in find_latest(session, logstore, query, since=int(time.time()) - DAYS * 24 * 60 * 60):
        meant = log.get("functionName") == function.name and function.service in (None, log.get("serviceName"))
        if meant and "message" in log:
            yield from reversed(log["message"].splitlines())
