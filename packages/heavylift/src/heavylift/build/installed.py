"""Compares the files of an installed package with the hashes that its wheel came with.

An installer checks a wheel when it comes, and keeps it unpacked. Those files are shared with environments and with builds: who
edits one of them in an environment, edits it for all. So what a build takes of a package is compared with its RECORD, unless it has
been unpacked during this build.

Source: packaging.python.org, "Recording installed projects", "The RECORD file".
"""

from __future__ import annotations

import base64
import csv
import hashlib
import os
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from pathlib import Path

from heavylift.build.errors import BuildError
from heavylift.build.files import walk

SHARE = 200  # files that are worth a job


class ChangedError(BuildError):
    """A file is another than the one that its package brings."""


def check_installed(content: Path, is_wanted: Callable[[str], bool], cores: Executor, began: int | None = None) -> None:
    """Compare files with what their packages' records say of them; files that no record tells a hash of are passed over.

    Args:
        content: the folder that the packages are installed in.
        is_wanted: tells of a path, relative to it, whether the file matters.
        cores: runs the work.
        began: nanoseconds since 1970. What was written since then, uv has just unpacked from a wheel whose hash it has compared,
            and is passed over as well.

    Raises:
        ChangedError: a file is another than the one that the package brings, or gone; the message names it.
    """
    for record in content.glob("*.dist-info/RECORD"):
        package = record.parent.name.removesuffix(".dist-info").replace("-", " ")
        rows = [(path, told) for path, told in _read_hashes(record) if is_wanted(path)]
        shares = [rows[start : start + SHARE] for start in range(0, len(rows), SHARE)]
        for changed in cores.map(lambda share: _find_changed(content, share, began), shares):
            if changed:
                raise ChangedError(
                    f"{package}: {changed} is not the file that the package brings, or gone: its RECORD tells another hash"
                )


def _read_hashes(record: Path) -> list[tuple[str, str]]:
    """Return the files of a RECORD that have a hash, as it stands there: ALGORITHM=BASE64. Builds take no bytecode of wheels."""
    with record.open(encoding="utf-8", newline="") as file:
        return [
            (row[0], row[1]) for row in csv.reader(file) if len(row) > 1 and row[1] and "__pycache__/" not in row[0]
        ]


def _find_changed(content: Path, hashes: Iterable[tuple[str, str]], began: int | None) -> str | None:
    for path, told in hashes:
        algorithm, _, digest = told.partition("=")
        try:
            with (content / path).open("rb") as file:
                if began is not None and os.fstat(file.fileno()).st_mtime_ns >= began:
                    continue
                found = hashlib.file_digest(file, algorithm).digest()
        except FileNotFoundError:
            return path
        if base64.urlsafe_b64encode(found).rstrip(b"=") != digest.encode():
            return path
    return None


def is_untouched(content: Path, since: Path) -> bool:
    """Return whether nobody has written into a folder's files since another file was written."""
    last = since.stat().st_mtime_ns
    return all(entry.stat(follow_symlinks=False).st_mtime_ns <= last for _, entry in walk(content))
