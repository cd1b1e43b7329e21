"""The embedded cloud as a process: started, killed, started again on the same folder, and looked at from outside."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import oss2
import psutil

from tests.support import wire
from tests.support.signers import Key
from tests.support.waiting import wait_for

START_TIME = 30.0  # seconds in which a ready line must come; a start takes one
KEY = Key("TORTUREKEY0123456789", "torture-secret-0123456789abcdef")


class NotStartedError(Exception):
    """The embedded cloud did not say that it is ready."""


@dataclass
class Cloud:
    """A running embedded cloud.

    Attributes:
        data: its folder.
        log: what it writes to standard error.
        process: the process.
        endpoints: the record of its ready line.
        prefix: the command in front of it.
    """

    data: Path
    log: Path
    process: subprocess.Popen[str]
    endpoints: dict[str, str]
    prefix: tuple[str, ...] = ()
    key: Key = KEY

    @property
    def region(self) -> str:
        """The region that it plays."""
        return self.endpoints["region"]

    @property
    def account_id(self) -> str:
        """The account's number."""
        return self.endpoints["account_id"]

    def address(self, service: str) -> tuple[str, int]:
        """Return host and port of a service."""
        return wire.address(self.endpoints[service])

    def bucket(self, name: str) -> oss2.Bucket:
        """Return the official client of a bucket."""
        auth = oss2.AuthV4(self.key.id, self.key.secret)
        return oss2.Bucket(auth, self.endpoints["oss"], name, region=self.region, connect_timeout=30)

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
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

    def stop(self) -> int:
        """End the process with SIGTERM and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=START_TIME)
        if self.process.stdout:
            self.process.stdout.close()
        return code

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

    @property
    def processor_time(self) -> float:
        """Seconds of processor time that the process has used."""
        times = psutil.Process(self.process.pid).cpu_times()
        return float(times.user + times.system)


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
    process = begin(data, log, prefix=prefix)
    assert process.stdout is not None
    ready, _, _ = select.select([process.stdout], [], [], patience)
    line = process.stdout.readline() if ready else ""
    if not line:
        process.kill()
        process.wait()
        process.stdout.close()
        why = log.read_text(errors="replace")[-1500:] if ready else f"no ready line within {patience:.0f} s"
        raise NotStartedError(why)
    return Cloud(data, log, process, json.loads(line), prefix)


def begin(data: Path, log: Path, *, prefix: tuple[str, ...] = ()) -> subprocess.Popen[str]:
    """Begin to start an embedded cloud; see `launch`."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ALIBABA_CLOUD_")}
    environment |= {"ALIBABA_CLOUD_ACCESS_KEY_ID": KEY.id, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": KEY.secret}
    with log.open("ab") as errors:
        return subprocess.Popen(
            [*prefix, sys.executable, "-m", "localcloud", "--data", str(data)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
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
