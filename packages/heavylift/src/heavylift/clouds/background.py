"""The embedded cloud in the background: commands start it when it does not run, and it stays until it is told to stop."""

from __future__ import annotations

import fcntl
import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from heavylift.clouds.embedded import Endpoints, launch, read_endpoints
from heavylift.errors import HeavyliftError
from localcloud.kernel.errors import LocalCloudError
from localcloud.process import STOP_SECONDS
from localcloud.running import find_announcement, wait_until_free
from localcloud.state import locked, open_account


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
        record = _announcement(data)
        if record is None:
            return False
        pid = int(str(record["pid"]))
        os.kill(pid, signal.SIGTERM)
        if not wait_until_free(data, STOP_SECONDS):
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
    record = _announcement(data)
    return read_endpoints(data, record) if record else None


def _announcement(data: Path) -> Mapping[str, object] | None:
    try:
        return find_announcement(data)
    except LocalCloudError as error:
        raise HeavyliftError(str(error)) from error
