"""The embedded cloud in the background: commands start it when it does not run, and it stays until it is told to stop.

Whether it runs is what the lock on its data folder says, never a process id alone: ids are reused, locks end with their owner.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from heavylift.clouds.embedded import Endpoints, launch, read_endpoints
from heavylift.errors import HeavyliftError
from localcloud.kernel.errors import LocalCloudError
from localcloud.process import STOP_SECONDS
from localcloud.state import locked, open_account

READY_SECONDS = 30  # in which an embedded cloud that somebody else started announces itself
POLL = 0.05  # seconds


def find_running(data: Path) -> Endpoints | None:
    """Return the endpoints of the embedded cloud that uses a data folder; None when none does.

    Raises:
        HeavyliftError: one runs, but what it announced cannot be used.
    """
    if not data.exists():  # and asking does not make it
        return None
    with _only_one(data):
        return _find(data)


def ensure_running(data: Path, arguments: Sequence[str] = ()) -> tuple[Endpoints, bool]:
    """Return the endpoints of the embedded cloud on a data folder, and whether it had to be started.

    Args:
        data: its data folder; made when it does not exist.
        arguments: for the command line of `localcloud`, if it has to be started.

    Raises:
        HeavyliftError: it does not start, or its endpoints cannot be used.
    """
    with _only_one(data):
        found = _find(data)
        if found:
            return found, False
        _, endpoints = launch(data, arguments, detached=True)
        return endpoints, True


def account_id(data: Path) -> str:
    """Return the number of an embedded cloud's account; the first call for a data folder makes it, and starts nothing.

    Args:
        data: its data folder; made when it does not exist.

    Raises:
        HeavyliftError: it cannot be read.
    """
    with _only_one(data):
        found = _find(data)
        if found:
            return found.account_id
        try:
            with locked(data):
                return open_account(data, {}).account_id
        except LocalCloudError as error:
            raise HeavyliftError(str(error)) from error


def stop(data: Path) -> bool:
    """Stop the embedded cloud of a data folder; its state stays. Return whether one ran.

    Raises:
        HeavyliftError: it does not end.
    """
    if not data.exists():
        return False
    with _only_one(data):
        if _find(data) is None:
            return False
        pid = _announced_pid(data)
        assert pid is not None  # it was found a moment ago
        os.kill(pid, signal.SIGTERM)
        if not _wait_until_free(data, STOP_SECONDS):
            raise HeavyliftError(f"the embedded cloud (process {pid}) does not stop; its log is {data}/localcloud.log")
        return True


@contextmanager
def _only_one(data: Path) -> Iterator[None]:
    """Let one command at a time find the embedded cloud or start it."""
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        file = (data / "starting.lock").open("a")
    except OSError as error:
        raise HeavyliftError(f"cannot use {data} as data folder: {error.strerror}; choose another --data") from error
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _find(data: Path) -> Endpoints | None:
    if _is_free(data):
        return None
    deadline = time.monotonic() + READY_SECONDS
    while not _is_alive(_announced_pid(data)):
        if _is_free(data):
            return None
        if time.monotonic() > deadline:
            raise HeavyliftError(
                f"{data} is in use, but its embedded cloud does not say where it listens; its log is {data}/localcloud.log"
            )
        time.sleep(POLL)
    return read_endpoints(data, _announced(data))


def _is_free(data: Path) -> bool:
    """Return whether nobody holds the lock that an embedded cloud holds for life (`localcloud.state.locked`)."""
    with (data / "lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


def _wait_until_free(data: Path, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not _is_free(data):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL)
    return True


def _announced(data: Path) -> dict[str, object]:
    try:
        record = json.loads((data / "endpoints.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise HeavyliftError(
            f"{data / 'endpoints.json'} cannot be read ({error}); stop the embedded cloud that uses {data}, and remove it"
        ) from error
    return record if isinstance(record, dict) else {}


def _announced_pid(data: Path) -> int | None:
    pid = _announced(data).get("pid")
    return pid if isinstance(pid, int) else None


def _is_alive(pid: int | None) -> bool:
    if pid is None:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
