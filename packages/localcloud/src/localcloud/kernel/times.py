"""Times in requests and answers, as the APIs write them: in UTC. A moment is seconds since the epoch."""

from __future__ import annotations

import calendar
import re
import time
from datetime import datetime

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
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(moment))


def to_basic(moment: float) -> str:
    """Write a moment as `20260131T120000Z`."""
    return time.strftime(BASIC, time.gmtime(moment))


def from_basic(text: str) -> float:
    """Read a moment from `20260131T120000Z`.

    Raises:
        ValueError: it has another form.
    """
    if not _BASIC.fullmatch(text):
        raise ValueError(f"expected a time such as 20260131T120000Z, not {text[:40]!r}")
    return datetime.fromisoformat(
        text
    ).timestamp()  # each request is asked for its time: strptime takes ten times as long
