"""The embedded cloud as measurements use it: one bucket, one service, a link of a given speed, and a look at instances."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import oss2
import psutil

from bench.direct import BUCKET, SERVICE, make_bucket
from bench.functions import FunctionService
from bench.roles import create_function_role
from heavylift.clouds.archives import upload
from heavylift.clouds.embedded import EmbeddedCloud, Endpoints

LINKS = {"1 Gbit/s": 1e9, "5 Gbit/s": 5e9}
LATENCY = 0.01  # seconds to the first byte


@dataclass(frozen=True, kw_only=True, slots=True)
class Cloud:
    """An embedded cloud that runs."""

    endpoints: Endpoints
    bucket: oss2.Bucket
    service: FunctionService
    folder: Path  # for what is remembered of unfinished uploads
    process: psutil.Process

    def upload(self, path: Path, key: str) -> None:
        """Put a file into the bucket."""
        upload(self.bucket, path, key, lambda _done: None, checkpoints=self.folder)

    def shape(self, bandwidth: float) -> None:
        """Make the link to OSS as fast as `bandwidth` bits per second, shared by all connections, 10 ms to the first byte."""
        shape = {"shape": {"bandwidth": bandwidth, "latency": LATENCY}, "faults": []}
        self._ask(f"{self.endpoints.oss}/-/localcloud/link", shape)

    def busy(self) -> float:
        """Return the CPU seconds that the cloud itself has used: they come from the cores that its instances run on."""
        times = self.process.cpu_times()
        return float(times.user + times.system)

    def peak_disk(self, function: str) -> int:
        """Return the most bytes that lay on the disk of a function's only instance, as the platform saw them."""
        instances = self._ask(f"{self.endpoints.fc}/-/localcloud/instances")["instances"]
        (found,) = (each["peak_disk"] for each in instances if each["function"].endswith(f"/functions/{function}"))
        return int(found)

    def _ask(self, url: str, change: object = None) -> Any:  # noqa: ANN401 - JSON
        request = Request(  # noqa: S310 - loopback
            url,
            data=json.dumps(change).encode() if change else None,
            method="PUT" if change else "GET",
            headers={
                "Authorization": f"Bearer {self.endpoints.access_key_secret}",
                "Content-Type": "application/json",
            },
        )
        with urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            return json.loads(answer.read() or b"null")


@contextmanager
def running_cloud(folder: Path, options: Sequence[str] = (), *, python: str | None = sys.executable) -> Iterator[Cloud]:
    """Run an embedded cloud with an empty bucket and a service whose functions may read archives and write pictures.

    Args:
        folder: keeps its state.
        options: further ones of the embedded cloud's command line.
        python: runs every function; None: each runs on what its runtime names.
    """
    forced = ["--fc-python", python] if python else []
    with EmbeddedCloud(folder / "cloud", [*forced, *options]) as endpoints:
        bucket = make_bucket(endpoints)
        service = FunctionService(endpoints, SERVICE)
        service.create(role_arn=create_function_role(endpoints, bucket=BUCKET))
        data = str(folder / "cloud")
        (process,) = (each for each in psutil.Process().children() if data in each.cmdline())
        yield Cloud(endpoints=endpoints, bucket=bucket, service=service, folder=folder, process=process)
