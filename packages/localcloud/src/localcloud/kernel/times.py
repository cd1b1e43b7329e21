"""Times in requests and answers, as the APIs write them: in UTC. A moment is seconds since the epoch."""

from __future__ import annotations

import calendar
import re
import time
from datetime import datetime
from email.utils import formatdate
from functools import lru_cache

SECONDS = "%Y-%m-%dT%H:%M:%SZ"
_FRACTION = re.compile(r"\.[0-9]{1,9}Z\Z")
BASIC = "%Y%m%dT%H%M%SZ"  # ISO 8601's basic format, which version 4 of signatures has
_BASIC = re.compile(r"[0-9]{8}T[0-9]{6}Z")


def to_seconds(moment: float) -> str:
    """Write a moment as `2026-01-31T12:00:00Z`."""
    return time.strftime(SECONDS, time.gmtime(moment))


def from_seconds(text: str) -> float:
    """Read a moment from `2026-01-31T12:00:00Z`, also with a fraction, which is dropped: some SDKs send one.

    Raises:
        ValueError: it has another form.
    """
    return float(calendar.timegm(time.strptime(_FRACTION.sub("Z", text), SECONDS)))


def to_milliseconds(moment: float) -> str:
    """Write a moment as `2026-01-31T12:00:00.000Z`; the APIs that write milliseconds leave them zero."""
    return _to_milliseconds(int(moment))


@lru_cache(maxsize=256)  # a page of a listing names a thousand
def _to_milliseconds(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds))


def to_http(moment: float) -> str:
    """Write a moment as `Sat, 31 Jan 2026 12:00:00 GMT`."""
    return _to_http(int(moment))


@lru_cache(maxsize=256)  # each answer names one or two, and formatting takes as long as finding the object
def _to_http(seconds: int) -> str:
    return formatdate(seconds, usegmt=True)


@lru_cache(maxsize=64)  # as `from_basic`
def to_basic(moment: float) -> str:
    """Write a moment as `20260131T120000Z`."""
    return time.strftime(BASIC, time.gmtime(moment))


@lru_cache(maxsize=64)  # the requests of a second tell the same time
def from_basic(text: str) -> float:
    """Read a moment from `20260131T120000Z`.

    Raises:
        ValueError: it has another form.
    """
    if not _BASIC.fullmatch(text):
        raise ValueError(f"expected a time such as 20260131T120000Z, not {text[:40]!r}")
    return datetime.fromisoformat(text).timestamp()  # strptime takes ten times as long
