"""Times in answers, as the APIs write them. A moment is seconds since the epoch."""

from __future__ import annotations

import time


def to_seconds(moment: float) -> str:
    """Write a moment as `2026-01-31T12:00:00Z`."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def to_milliseconds(moment: float) -> str:
    """Write a moment as `2026-01-31T12:00:00.000Z`; the APIs that write milliseconds leave them zero."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(moment))
