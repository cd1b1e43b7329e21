"""Whether an embedded cloud runs on a data folder, and what it has announced there.

Whether it runs is what the lock on its data folder says, never a process id alone: ids are reused, locks end with their owner.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Mapping
from pathlib import Path

from localcloud.kernel.errors import LocalCloudError
from localcloud.state import open_lock

READY_SECONDS = 30  # in which an embedded cloud that somebody else started announces itself
POLL = 0.05  # seconds


def find_announcement(data: Path) -> Mapping[str, object] | None:
    """Return the ready line of the embedded cloud that runs on a data folder, which exists; None when none does.

    Raises:
        LocalCloudError: one runs, but what it announced cannot be read.
    """
    deadline = time.monotonic() + READY_SECONDS
    while not is_free(data):
        record = _announced(data)
        if _is_alive(record.get("pid")):
            return record
        if time.monotonic() > deadline:
            raise LocalCloudError(
                f"{data} is in use, but its embedded cloud does not say where it listens; its log is {data}/localcloud.log"
            )
        time.sleep(POLL)
    return None


def wait_until_free(data: Path, seconds: float) -> bool:
    """Wait until nobody uses a data folder; return whether that came true in time."""
    deadline = time.monotonic() + seconds
    while not is_free(data):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True


def is_free(data: Path) -> bool:
    """Return whether nobody holds the lock that an embedded cloud holds for life (`state.locked`).

    Raises:
        LocalCloudError: this user may not ask.
    """
    with open_lock(data) as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _announced(data: Path) -> Mapping[str, object]:
    try:
        record = json.loads((data / "endpoints.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise LocalCloudError(
            f"{data / 'endpoints.json'} cannot be read ({error}); stop the embedded cloud that uses {data}, and remove it"
        ) from error
    return record if isinstance(record, dict) else {}


def _is_alive(pid: object) -> bool:
    if not isinstance(pid, int):
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
