"""The embedded cloud as a process: started, killed, started again on the same folder, and looked at from outside."""

from __future__ import annotations

import contextlib
import json
import select
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from tests.support import cloud as support
from tests.support.signers import Key
from tests.support.waiting import wait_for

START_TIME = 30.0  # seconds in which a ready line must come; a start takes one
KEY = Key("TORTUREKEY0123456789", "torture-secret-0123456789abcdef")


class NotStartedError(Exception):
    """The embedded cloud did not say that it is ready."""


@dataclass(kw_only=True)
class Cloud(support.Cloud):
    """A running embedded cloud that is killed and started again.

    Attributes:
        log: what it writes to standard error.
        prefix: the command in front of it.
    """

    log: Path
    prefix: tuple[str, ...] = ()

    @property
    def alive(self) -> bool:
        """True while the process runs."""
        return self.process.poll() is None

    def kill(self) -> None:
        """End the process, and what it started, with SIGKILL."""
        below = _family(self.process.pid)[1:] if self.alive else []
        self.process.kill()
        self.process.wait()
        for each in below:
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        if self.process.stdout:
            self.process.stdout.close()

    def again(self) -> Cloud:
        """Start on the same folder, after an end."""
        return launch(self.data, self.log, prefix=self.prefix)

    @property
    def memory(self) -> int:
        """Bytes of physical memory of the process and of all that it started."""
        total = 0
        for each in _family(self.process.pid):
            with contextlib.suppress(psutil.NoSuchProcess):
                total += each.memory_info().rss
        return total


def _family(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def launch(data: Path, log: Path, *, prefix: tuple[str, ...] = (), patience: float = START_TIME) -> Cloud:
    """Start an embedded cloud on free ports and wait until it is ready.

    Args:
        data: its folder, as it sees it.
        log: the file that gets its standard error.
        prefix: a command that executes the one behind it.
        patience: seconds.

    Raises:
        NotStartedError: it ended, or said nothing in time; it is ended then.
    """
    process = support.begin(data, log, prefix=prefix, key=KEY)
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], patience)
    line = process.stdout.readline() if ready else ""
    if not line:
        process.kill()
        process.wait()
        process.stdout.close()
        why = log.read_text(errors="replace")[-1500:] if ready else f"no ready line within {patience:.0f} s"
        raise NotStartedError(why)
    return Cloud(
        data=data,
        process=process,
        endpoints=json.loads(line),
        access_key_id=KEY.id,
        access_key_secret=KEY.secret,
        log=log,
        prefix=prefix,
    )


def temporary_files(data: Path) -> Iterator[Path]:
    """Yield the files of a data folder whose names say that they were to be renamed or removed."""
    for path in data.rglob("*"):
        if path.suffix in {".new", ".tmp", ".partial"}:
            yield path


def settled_blobs(data: Path, expected: int, patience: float = 3.0) -> int:
    """Return how many data files the store holds: the expected number as soon as it is that, what it is after a while."""
    folder = data / "oss" / "data"
    with contextlib.suppress(AssertionError):
        wait_for(lambda: sum(path.is_file() for path in folder.rglob("*")) == expected, patience)
    return sum(path.is_file() for path in folder.rglob("*"))
