"""The process that evaluates templates, which `localcloud.ros.template.evaluation` starts.

It reads calls of functions from its standard input and writes what they return or refuse to its standard output, each as a length
of eight bytes and a pickle. It has no network, no files and no state of its own, and a limit of memory. A call that takes too long
ends the process, whatever it is doing: the default action of a signal needs no interpreter to run.
"""

from __future__ import annotations

import os
import pickle  # between two processes of this program; what a template says arrives in it as plain values
import resource
import signal
import sys
import traceback
import warnings
from dataclasses import dataclass
from typing import Any

from localcloud.ros.errors import RosError, TemplateError

SECONDS = 5.0  # of CPU for one call; the largest templates need one
MEMORY = 512 * 1024**2  # bytes of address space; the largest templates need a third
MAX_ANSWER = 8 * 1024**2  # bytes
LENGTH = 8  # bytes before each message


@dataclass(frozen=True, slots=True)
class Returned:
    """A function returned."""

    value: Any


@dataclass(frozen=True, slots=True)
class Refused:
    """A function refused what it was given."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Failed:
    """A function failed, which it should not."""

    trace: str


def answer(call: bytes) -> bytes:
    """Return the answer to a call, packed."""
    said: Returned | Refused | Failed
    try:
        function, args = pickle.loads(call)  # noqa: S301 (written by our parent)
        packed = pickle.dumps(Returned(function(*args)))
        if len(packed) <= MAX_ANSWER:
            return packed
        said = _refusal(f"its values need {len(packed):,} bytes, at most {MAX_ANSWER:,} are allowed")
    except RosError as error:
        said = Refused(error.code, error.message)
    except MemoryError:
        said = _refusal(f"its functions need more than {MEMORY // 1024**2:,} MB of memory")
    except RecursionError:
        said = _refusal("it is nested too deeply")
    except Exception:  # noqa: BLE001 (the parent logs it)
        said = Failed(traceback.format_exc())
    return pickle.dumps(said)


def _refusal(reason: str) -> Refused:
    error = TemplateError(f"the template cannot be evaluated: {reason}")
    return Refused(error.code, error.message)


def main() -> None:
    """Answer calls until there are no more."""
    os.nice(5)  # the services go first
    os.environ.clear()  # a template's program could tell what is in it
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: the parent ends us
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    warnings.simplefilter("ignore")  # about the patterns of templates: they would fill the log
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    calls, answers = sys.stdin.buffer, sys.stdout.buffer
    while header := calls.read(LENGTH):
        call = calls.read(int.from_bytes(header))
        signal.setitimer(signal.ITIMER_PROF, SECONDS)
        packed = answer(call)
        signal.setitimer(signal.ITIMER_PROF, 0)
        answers.write(len(packed).to_bytes(LENGTH) + packed)
        answers.flush()
