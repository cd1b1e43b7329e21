"""Files that are written whole (after a kill the old content is there, or the new one), and JSON documents among them."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, Generic, TypeVar

from localcloud.kernel.errors import LocalCloudError

TEMPORARY = ".new"  # what a file's name ends with until it is whole
ANEW = "restore it, or remove the data folder to start anew"
Value = TypeVar("Value")


def read_document(path: Path, parse: Callable[[Any], Value], *, otherwise: str = ANEW) -> Value:
    """Read a JSON document that the embedded cloud has written.

    Args:
        path: the file.
        parse: makes a value of what the file holds; a ValueError, KeyError, TypeError or AttributeError says that it cannot.
        otherwise: tells the operator what to do with a file that cannot be read.

    Raises:
        LocalCloudError: the file is not there, is not JSON, or holds something else.
    """
    try:
        return parse(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise LocalCloudError(f"{path} cannot be read ({type(error).__name__}); {otherwise}") from error


def write_document(path: Path, record: object) -> None:
    """Write a JSON document that only its owner may read, durably and all at once.

    Args:
        path: the file.
        record: what the document holds; dataclasses in it become objects.
    """
    write_private(path, json.dumps(record, default=_members).encode())


class KeptDocument(Generic[Value]):
    """A value that is kept in a JSON document of its own, which only its owner may read.

    Args:
        path: the file; its folder is made when missing.
        parse: makes the value of what the file holds.
        record: makes what the file holds of the value.
        empty: the value while there is no file.
    """

    def __init__(
        self, path: Path, *, parse: Callable[[Any], Value], record: Callable[[Value], object], empty: Value
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path, self._parse, self._record, self._empty = path, parse, record, empty

    def load(self) -> Value:
        """Return the value that was saved last.

        Raises:
            LocalCloudError: the file cannot be read.
        """
        return read_document(self._path, self._parse) if self._path.exists() else self._empty

    def save(self, value: Value) -> None:
        """Replace the value that was saved."""
        write_document(self._path, self._record(value))


def _members(value: Any) -> dict[str, object]:  # noqa: ANN401 - any dataclass
    # Unlike `asdict`, without a copy of what they hold: large documents are written often.
    return {each.name: getattr(value, each.name) for each in fields(value)}


def write_private(path: Path, content: bytes) -> None:
    """Write a file that only its owner may read, durably and all at once."""
    temporary = path.with_name(path.name + TEMPORARY)
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
