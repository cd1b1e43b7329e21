"""Shortages of this machine, told as errors of the API."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from localcloud.oss.errors import OssError

_SHORT = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE})


def code_of(error: sqlite3.Error) -> int | None:
    """Return the code that SQLite gave an error; None: one of the Python module's own."""
    return getattr(error, "sqlite_errorcode", None)


@contextmanager
def reporting_shortage() -> Iterator[None]:
    """Turn a lack of space or of descriptors into an error of the API.

    Raises:
        OssError: ServiceUnavailable.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _SHORT:
            raise
        raise OssError("ServiceUnavailable", f"{error.strerror}: make room on this machine and try again.") from error
    except sqlite3.OperationalError as error:
        if code_of(error) != sqlite3.SQLITE_FULL:
            raise
        raise OssError("ServiceUnavailable", "The disk is full: make room on this machine and try again.") from error
