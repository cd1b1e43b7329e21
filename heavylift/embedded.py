"""The embedded cloud as a child process: start it, wait until it is ready, stop it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from heavylift.errors import HeavyliftError
from localcloud.state import read_account

STOP_SECONDS = 20  # it kills instances and closes connections; more than this means that it hangs


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoints:
    """Where the embedded cloud's services listen, as URLs on loopback, and whose account it is."""

    account_id: str
    region: str
    oss: str
    sts: str
    ram: str
    fc: str
    access_key_id: str
    access_key_secret: str = field(repr=False)


class EmbeddedCloud:
    """A context manager that runs `python -m localcloud` on kernel-chosen ports.

    Args:
        data: the folder that holds the cloud's state; its log is `data/localcloud.log`.
        arguments: further arguments for the command line of `localcloud`.
    """

    def __init__(self, data: Path, arguments: Sequence[str] = ()) -> None:
        self._data = data
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None

    @property
    def log(self) -> Path:
        """The file that receives the embedded cloud's messages."""
        return self._data / "localcloud.log"

    def __enter__(self) -> Endpoints:
        """Start it and wait for its ready line.

        Raises:
            HeavyliftError: it did not start; the message ends with its last words.
        """
        self._data.mkdir(parents=True, exist_ok=True)
        # A key of the user's own in the environment would become the embedded account's key. It stays out: what runs
        # here must never hold what opens a real account.
        environment = {name: value for name, value in os.environ.items() if not name.startswith("ALIBABA_CLOUD_")}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "localcloud", "--data", str(self._data), *self._arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                stdin=subprocess.DEVNULL,
                text=True,
                env=environment,
            )
        assert self._process.stdout is not None
        ready = self._process.stdout.readline()
        if not ready:
            code = self._process.wait()
            words = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
            raise HeavyliftError(
                f"the embedded cloud did not start (exit code {code}): {words[-1] if words else 'it said nothing'}; "
                f"its log is {self.log}"
            )
        record = json.loads(ready)
        account = read_account(self._data)
        return Endpoints(
            **{name: record[name] for name in ("account_id", "region", "oss", "sts", "ram", "fc")},
            access_key_id=account.access_key_id,
            access_key_secret=account.access_key_secret,
        )

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()
