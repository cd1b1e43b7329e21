"""The embedded cloud as a child process: start it, wait for its ready line, end it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from localcloud.kernel.errors import LocalCloudError

ROOM = 64 * 1024  # bytes, without which no embedded cloud starts
STOP_SECONDS = 20  # it kills instances and closes connections; more than this means that it hangs


def launch(
    data: Path, arguments: Sequence[str] = (), *, detached: bool
) -> tuple[subprocess.Popen[str], Mapping[str, object]]:
    """Start `python -m localcloud`, and return the process and its ready line.

    Args:
        data: the folder that holds the cloud's state; its log is `data/localcloud.log`.
        arguments: further arguments of the command line.
        detached: it outlives this process and its terminal, whose Ctrl-C does not reach it.

    Raises:
        LocalCloudError: it did not start; the message ends with its last words.
    """
    log = data / "localcloud.log"
    # A key of the user's own in the environment would become the embedded account's key. It stays out: what runs
    # here must never hold what opens a real account.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ALIBABA_CLOUD_")}
    try:
        data.mkdir(parents=True, exist_ok=True, mode=0o700)
        with log.open("ab") as messages:
            process = subprocess.Popen(
                [sys.executable, "-P", "-m", "localcloud", "start", "--data", str(data), *arguments],
                stdout=subprocess.PIPE,
                stderr=messages,
                stdin=subprocess.DEVNULL,
                text=True,
                env=environment,
                start_new_session=detached,
            )
    except OSError as error:
        raise LocalCloudError(f"cannot use {data} as data folder: {error.strerror}; choose another one") from error
    assert process.stdout is not None
    ready = process.stdout.readline()
    process.stdout.close()  # it says nothing more there
    if not ready:
        code = process.wait()
        words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        if shutil.disk_usage(data).free < ROOM:  # and so it could not say it
            words = [f"there is no room on the disk of {data}; make some, or choose another --data"]
        raise LocalCloudError(
            f"the embedded cloud did not start (exit code {code}): {words[-1] if words else 'it said nothing'}; "
            f"its log is {log}"
        )
    record: Mapping[str, object] = json.loads(ready)
    return process, record


def end(process: subprocess.Popen[str]) -> None:
    """End an embedded cloud, and with it what it runs; its state stays in its data folder."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
