"""Errors of the disk that a build writes to, told as what is wrong, where, and the remedy. Others keep their traceback."""

from __future__ import annotations

import errno
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from heavylift.build.errors import BuildError

_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_NO_RIGHT = (errno.EROFS, errno.EACCES, errno.EPERM)
_NUMBER = re.compile(r"\[Errno (\d+)\]")  # as OSError is written


@contextmanager
def told(dist: Path, cache: Path) -> Iterator[None]:
    """Turn an error of a disk that is full, or that may not be written, into a sentence.

    Args:
        dist: the folder of the build's output.
        cache: the folder of what later builds can use again.

    Raises:
        BuildError: there was such an error.
    """
    try:
        yield
    except OSError as error:
        number, place = _number(error), error.filename or f"{dist} or {cache}"
        if number in _NO_ROOM:
            remedy = (
                "make room there, or name a folder on another disk in HEAVYLIFT_CACHE or TMPDIR, whichever it is in"
            )
        elif number in _NO_RIGHT:
            remedy = "let it be written, or build in a copy of the project"
        else:
            raise
        raise BuildError(f"{place}: {os.strerror(number)}; the last build is as it was: {remedy}") from error


def _number(error: OSError) -> int:
    """Return the number of an error; of several, which a copy of a folder collects as texts, that of the first; 0: it has none."""
    if error.errno is None and isinstance(error, shutil.Error) and (found := _NUMBER.search(str(error))):
        return int(found[1])
    return error.errno or 0
