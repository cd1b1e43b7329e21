"""The embedded cloud as a child process: start it, wait until it is ready, stop it."""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

from heavylift.errors import HeavyliftError
from localcloud.kernel.errors import LocalCloudError
from localcloud.state import read_account

STOP_SECONDS = 20  # it kills instances and closes connections; more than this means that it hangs
# Whose URLs stand in endpoints.json.
SERVICES = ("oss", "sts", "ram", "fc", "ros", "sls", "kms", "resourcemanager", "gateway")


@dataclass(frozen=True, kw_only=True, slots=True)
class Endpoints:
    """The URLs on loopback of the embedded cloud's services, and its account's access key."""

    account_id: str
    region: str
    oss: str
    sts: str
    ram: str
    fc: str
    ros: str
    sls: str
    kms: str
    resourcemanager: str
    gateway: str
    authority: str  # the file with the certificate that TLS clients of the gateway trust
    access_key_id: str
    access_key_secret: str = field(repr=False)


def is_loopback(url: str) -> bool:
    """Return whether a URL names this machine's loopback, by number or as `localhost`."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_endpoints(data: Path, record: Mapping[str, object]) -> Endpoints:
    """Return the endpoints that an embedded cloud announced, with its account's access key.

    Args:
        data: its data folder.
        record: its ready line, which it also keeps in `data/endpoints.json`.

    Raises:
        HeavyliftError: something is missing, or an endpoint is not on loopback.
    """
    source = data / "endpoints.json"
    try:
        account = read_account(data)
        urls = {name: str(record[name]) for name in SERVICES}
        known = {name: str(record[name]) for name in ("account_id", "region", "authority")}
    except LocalCloudError as error:
        raise HeavyliftError(str(error)) from error
    except KeyError as error:
        raise HeavyliftError(
            f"{source} names no {error}: it is from another version; run `heavylift local stop`, then start again"
        ) from error
    for name, url in urls.items():
        if not is_loopback(url):
            raise HeavyliftError(
                f"{source} puts {name} at {url}, which is not on loopback; a local run reaches nothing else: remove that "
                "file and start the embedded cloud again, or say `--cloud REGION` to use a real account"
            )
    return Endpoints(**urls, **known, access_key_id=account.access_key_id, access_key_secret=account.access_key_secret)


def launch(data: Path, arguments: Sequence[str], *, detached: bool) -> tuple[subprocess.Popen[str], Endpoints]:
    """Start `python -m localcloud` and wait for its ready line.

    Args:
        data: the folder that holds the cloud's state; its log is `data/localcloud.log`.
        arguments: further arguments for the command line of `localcloud`.
        detached: it outlives this process and its terminal.

    Raises:
        HeavyliftError: it did not start; the message ends with its last words.
    """
    data.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = data / "localcloud.log"
    # A key of the user's own in the environment would become the embedded account's key. It stays out: what runs
    # here must never hold what opens a real account.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ALIBABA_CLOUD_")}
    with log.open("ab") as messages:
        process = subprocess.Popen(
            [sys.executable, "-m", "localcloud", "start", "--data", str(data), *arguments],
            stdout=subprocess.PIPE,
            stderr=messages,
            stdin=subprocess.DEVNULL,
            text=True,
            env=environment,
            start_new_session=detached,
        )
    assert process.stdout is not None
    ready = process.stdout.readline()
    process.stdout.close()  # it says nothing more there
    if not ready:
        code = process.wait()
        words = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise HeavyliftError(
            f"the embedded cloud did not start (exit code {code}): {words[-1] if words else 'it said nothing'}; "
            f"its log is {log}"
        )
    try:
        return process, read_endpoints(data, json.loads(ready))
    except HeavyliftError:
        process.terminate()
        process.wait()
        raise


class EmbeddedCloud:
    """A context manager that runs the embedded cloud on kernel-chosen ports.

    Args:
        data: the folder that holds the cloud's state; its log is `data/localcloud.log`.
        arguments: further arguments for the command line of `localcloud`.
    """

    def __init__(self, data: Path, arguments: Sequence[str] = ()) -> None:
        self._data = data
        self._arguments = arguments
        self._process: subprocess.Popen[str] | None = None

    @property
    def pid(self) -> int:
        """The number of its process, while it runs."""
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> Endpoints:
        """Start it and wait for its ready line.

        Raises:
            HeavyliftError: it did not start; the message ends with its last words.
        """
        self._process, endpoints = launch(self._data, self._arguments, detached=False)
        return endpoints

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
