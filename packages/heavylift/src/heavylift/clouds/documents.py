"""Reads JSON that somebody else wrote; errors name the file and the fault."""

from __future__ import annotations

import json
import stat
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

from heavylift.errors import HeavyliftError

MAX_DEPTH = 100  # levels; a template of ROS or a manifest has a dozen
MAX_VALUES = 1_000_000  # also what YAML's aliases stand for; ROS takes templates of 512 KB


def read_object(path: Path, missing: str) -> dict[str, Any]:
    """Read a file with a JSON object.

    Args:
        path: the file.
        missing: the message when there is none.

    Raises:
        HeavyliftError: there is none, or it cannot be used.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe or a device may have no end
            raise HeavyliftError(f"{path} is no file: put a file with JSON in its place")
        record = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise HeavyliftError(missing) from error
    except (OSError, ValueError) as error:
        raise HeavyliftError(f"{path} cannot be read: {error}") from error
    except RecursionError as error:
        raise too_deep(path) from error
    if not isinstance(record, dict):
        raise HeavyliftError(f"{path} holds no JSON object: write names and values in braces")
    check_shape(record, path)
    return record


def check_shape(value: object, source: object) -> None:
    """Check the depth and size of a value, so that a walk through it ends.

    Args:
        value: made of dictionaries, lists and others.
        source: names it in the message.

    Raises:
        HeavyliftError: it is nested too deeply, or too large.
    """
    seen, level, depth = 0, [value], 0
    while level:
        seen, depth = seen + len(level), depth + 1
        if depth > MAX_DEPTH:
            raise too_deep(source)
        if seen > MAX_VALUES:
            raise HeavyliftError(f"{source} holds more than {MAX_VALUES:,} values; make it smaller")
        level = list(islice((inner for outer in level for inner in _inside(outer)), MAX_VALUES + 1))


def _inside(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def too_deep(source: object) -> HeavyliftError:
    """Return the error about a value that is nested too deeply; `source` names it."""
    return HeavyliftError(f"{source} is nested too deeply: at most {MAX_DEPTH} levels are read; make it flatter")
