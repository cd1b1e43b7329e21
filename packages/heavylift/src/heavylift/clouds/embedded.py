"""The embedded cloud as a child process: start it, wait until it is ready, stop it."""

from __future__ import annotations

import ipaddress
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit

import localcloud.process
from heavylift.errors import HeavyliftError
from localcloud.kernel.accounts import read_account
from localcloud.kernel.errors import LocalCloudError

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
    try:
        process, ready = localcloud.process.launch(data, arguments, detached=detached)
    except LocalCloudError as error:
        raise HeavyliftError(str(error)) from error
    try:
        return process, read_endpoints(data, ready)
    except HeavyliftError:
        localcloud.process.end(process)
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
        localcloud.process.end(self._process)
