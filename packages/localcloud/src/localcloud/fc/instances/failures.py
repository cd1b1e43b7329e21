"""Describes within an instance how a function failed, as the platform's runtime does (see `bootstrap.py`). Loaded when one has.

Standard library only, Python 3.9 and later.
"""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING or __name__ == "localcloud.fc.instances.failures":
    from localcloud.fc.instances.wire import MAX_HEAD
else:  # in an instance
    from localcloud_wire import MAX_HEAD

MAX_MESSAGE = 4096  # characters of an exception's message, of which each takes 12 bytes at most as JSON
MAX_NAME = 256  # characters of an exception's class


def import_failure(error: Exception, module_name: str) -> dict[str, Any]:
    """Describe why a module could not be imported, in the platform's words; where it is, the log tells."""
    kind, message = "UserCodeError", f"Module initialization error: '{error}'"
    if isinstance(error, ImportError):
        kind, message = "ImportModuleError", f"Unable to import module '{module_name}'"
    elif isinstance(error, SyntaxError):
        kind, message = "UserCodeSyntaxError", f"Syntax error in module '{module_name}'"
    elif isinstance(error, ValueError):
        kind, message = "InvalidHandleName", f"Invalid handler '{module_name}'"
    frames = [frame for frame in own_frames(error) if "importlib" not in frame.filename]
    sys.stderr.write("".join(traceback.format_list(frames)))
    return failure_to_load(error, kind, message)


def failure_to_load(error: Exception, kind: str, message: str) -> dict[str, Any]:
    """Describe why a handler cannot be called; its trace is the exception in parts."""
    first, *rest = "".join(traceback.format_exception_only(type(error), error)).replace("^", "").split("\n")
    parts = [part.strip()[:MAX_MESSAGE] for part in (*first.split(","), *rest)]
    return failure_of(message, kind, parts, during_import=True)


def describe(error: Exception) -> dict[str, Any]:
    """Describe an exception as the platform does; the frames of the runtime are left out, and the outer ones that take too much."""
    frames = [
        [f'File "{frame.filename}"', f"line {frame.lineno}", f"in {frame.name}", frame.line or ""]
        for frame in own_frames(error)
    ]
    return failure_of(str(error), type(error).__name__, frames)


def own_frames(error: Exception) -> list[traceback.FrameSummary]:
    """Return the frames of an exception that are the function's."""
    frames = traceback.extract_tb(error.__traceback__)
    return [frame for frame in frames if Path(frame.filename).parent != Path(__file__).parent]


def failure_of(message: str, kind: str, trace: list[Any], *, during_import: bool = False) -> dict[str, Any]:
    """Return a failure with the last parts of its trace that the head of a reply has room for; none is empty."""
    message, kind = message[:MAX_MESSAGE], kind[:MAX_NAME]
    left = MAX_HEAD - 1024 - len(json.dumps([message, kind]))  # the head has more than the failure
    kept: list[Any] = []
    for part in filter(None, reversed(trace)):
        left -= len(json.dumps(part)) + 2
        if left < 0:
            break
        kept.insert(0, part)
    return {"during_import": during_import, "message": message, "kind": kind, "trace": kept, "handled": False}
