"""Analytic statements run in processes of their own, so that nothing that one does reaches the services.

A pattern can backtrack for years and a join can have a billion rows; there it costs its own process, which the system ends.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from localcloud.sls.errors import SlsError

COMMAND = "from localcloud.sls.analysis.worker import main; main()"
PATIENCE = 30.0  # seconds, on a machine that has much else to do
_CPU = (-signal.SIGXCPU, -signal.SIGKILL)


@dataclass(frozen=True, kw_only=True, slots=True)
class Analysis:
    """The answer to an analytic statement."""

    columns: Sequence[str]
    types: Sequence[str]
    rows: Sequence[Sequence[str]]
    limit: int  # rows that there may have been
    examined: int  # logs
    complete: bool  # all logs were looked at


def analyze(asked: Mapping[str, Any]) -> Analysis:
    """Run a statement, and wait for its answer.

    Args:
        asked: see `worker.answer`.

    Raises:
        SlsError: ParameterInvalid or NotImplemented.
    """
    with subprocess.Popen(
        [sys.executable, "-P", "-c", COMMAND], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            said, _ = process.communicate(json.dumps(asked).encode(), timeout=PATIENCE)
        except subprocess.TimeoutExpired as error:
            raise _too_long() from error
        finally:
            process.kill()
    if process.returncode in _CPU:
        raise _too_long()
    if process.returncode:
        raise RuntimeError(f"the process of an analytic statement ended ({process.returncode})")
    answer = json.loads(said)
    if "code" in answer:
        raise SlsError(answer["code"], answer["message"])
    return Analysis(**answer)


def _too_long() -> SlsError:
    return SlsError("ParameterInvalid", "the analytic statement takes too long: look at fewer logs, or simplify it")
