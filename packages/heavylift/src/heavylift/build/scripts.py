"""Scripts of packages, freed from the machine that installed them.

An installer writes the path of its own Python into each script, and the script's hash into RECORD: an archive would be another one
on every machine, and no instance has a Python at that path.

Source: packaging.python.org, "Binary distribution format", "Recommended installer features"; "Recording installed projects".
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

_FOLDER = "bin"  # where installers put scripts, below the folder of a target
# The first line; where a path is too long for it, or holds blanks, a shell's three lines, which Python reads as a string.
_FIRST = re.compile(rb"#!/bin/sh\n'''exec' .*\n' '''\n|#!.*python.*\n")
_PORTABLE = b"#!/usr/bin/env python3\n"


def make_portable(content: Path) -> None:
    """Let the scripts in a folder of installed packages run on the Python that is found on PATH.

    Args:
        content: the folder, whose other files may be shared with others.
    """
    changed = {f"{_FOLDER}/{path.name}" for path in content.glob(f"{_FOLDER}/*") if path.is_file() and _rewrite(path)}
    if changed:
        for record in content.glob("*.dist-info/RECORD"):
            _forget_hashes(record, changed)


def _rewrite(path: Path) -> bool:
    text = path.read_bytes()
    found = _FIRST.match(text)
    if found is None:
        return False
    mode = path.stat().st_mode
    path.unlink()  # it may be a link to a file of uv's cache
    path.write_bytes(_PORTABLE + text[found.end() :])
    path.chmod(mode)
    return True


def _forget_hashes(record: Path, changed: set[str]) -> None:
    with record.open(encoding="utf-8", newline="") as file:
        rows = [*csv.reader(file)]
    if not any(row and row[0] in changed for row in rows):
        return
    record.unlink()
    with record.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(
            [row[0], "", ""] if row and row[0] in changed else row for row in rows
        )
