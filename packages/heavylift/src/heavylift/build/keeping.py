"""Keeps the files of a folder as they are while a process imports from it.

The files of an applib are those of uv's cache, and so of other builds and environments, and what lies in the folder is packed.
Libraries write beside their modules all the same: caches, counters, settings. So before such a process opens a file there to write
it, renames or removes it, the original is laid aside; what is written is a copy, and the original comes back when the process has
ended, however it did. What native code writes by itself, nobody tells.

Source: docs.python.org/3/library/audit_events.html
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from heavylift.build.files import walk

_OLD, _NEW, _COPY = "old", "new", "copy"

# `keep(root, aside)` begins it: `root` is the folder, with nothing to resolve, and `aside` is on the same file system.
KEEP = f"""
import os, sys
def keep(root, aside, link=os.link, lstat=os.lstat, rename=os.replace):
    seen, writing = set(), os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
    events = {{"os.rename": 2, "os.remove": 1, "os.truncate": 1}}  # each with the number of its arguments that are paths

    def lay_aside(path):
        if not isinstance(path, (str, bytes, os.PathLike)):
            return  # a descriptor
        folder, name = os.path.split(os.path.abspath(os.fsdecode(path)))
        path = os.path.join(os.path.realpath(folder), name)
        if path in seen or not path.startswith(root + "/"):
            return
        seen.add(path)
        there = os.path.lexists(path)
        place = aside + ("/{_OLD}" if there else "/{_NEW}") + path[len(root):]
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if not there:
            open(place, "wb").close()
            return
        link(path, place, follow_symlinks=False)
        copy = aside + "/{_COPY}"
        with open(place, "rb") as old, open(copy, "wb") as new:
            new.write(old.read())
        os.chmod(copy, lstat(place).st_mode)
        rename(copy, path)

    def hook(event, arguments):
        paths = 1 if event == "open" and isinstance(arguments[2], int) and arguments[2] & writing else events.get(event, 0)
        for path in arguments[:paths]:
            try:
                lay_aside(path)
            except OSError:
                pass  # it is the library's to meet the error

    sys.addaudithook(hook)
"""


@contextmanager
def keeping(folder: Path) -> Iterator[str]:
    """Put back what a process changes in a folder, when it has ended.

    Args:
        folder: whose files stay as they are; beside it lies, for that time, what was changed of it.

    Yields:
        The beginning of the process's program.
    """
    root = folder.resolve()
    aside = root.with_name(f"{root.name}.aside")
    _put_back(aside, root)  # of a build that was killed
    try:
        yield f"{KEEP}\nkeep({str(root)!r}, {str(aside)!r})\n"
    finally:
        _put_back(aside, root)


def _put_back(aside: Path, root: Path) -> None:
    if not aside.is_dir():
        return
    for part in (_OLD, _NEW):
        (aside / part).mkdir(exist_ok=True)
    for path, _ in walk(aside / _NEW):
        (root / path).unlink(missing_ok=True)
    for path, _ in walk(aside / _OLD):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (aside / _OLD / path).replace(root / path)
    shutil.rmtree(aside)
