"""The link to OSS fails at the n-th request: a start ends with the right tree, or with a typed error and an untouched target."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import subprocess
import sys
import textwrap
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.loading import Packed, pack, tree
from tests.support.paths import CODE_PATH
from tests.torture.bucket import Bucket
from tests.torture.cloud import Cloud
from tests.torture.sweep import Sweep

LIMIT = 5  # seconds that the platform gives the initializer
MANY = 10_000  # requests; more than any start makes
STOP = 90.0  # seconds after which a start is hung
SCRIPT = """
import heavylift.runtime.blocks as blocks_of_archives
blocks_of_archives.RANGE = 200_000  # many requests for a small archive
import loader
loader.initializer(None)
"""


@dataclass(frozen=True)
class Fault:
    """A fault of the link, the request that it strikes, and whether it persists."""

    record: dict[str, Any]
    at: int  # from 1
    persistent: bool

    @property
    def records(self) -> list[dict[str, Any]]:
        """The faults as the link takes them: the requests before it are let through."""
        first = {"kind": "delay", "seconds": 0, "times": self.at - 1, "prefix": "applib/"}
        struck = {**self.record, "times": -1 if self.persistent else 1, "prefix": "applib/"}
        return [first, struck] if self.at > 1 else [struck]


def faults(sweep: Sweep, size: int) -> list[dict[str, Any]]:
    """Draw one of each kind."""
    place = sweep.random.randrange(size)
    part = sweep.random.choice([0, 1, 100, 50_000])
    return [
        {"kind": "status", "status": sweep.random.choice([500, 502, 503, 504, 429])},
        {"kind": "status", "status": sweep.random.choice([400, 403, 404, 412, 416, 301])},
        {"kind": "reset", "after": part},
        {"kind": "truncate", "after": part},
        {"kind": "corrupt", "after": place},
        {"kind": "delay", "seconds": sweep.random.choice([0.3, 2.0])},
        {"kind": "delay", "seconds": 60.0},
    ]


class Starts:
    """Starts of an instance, one after the other, each on an empty disk.

    Args:
        sweep: gets the counts.
        cloud: holds the archive.
        packed: the archive.
        folder: for the disks.
    """

    def __init__(self, sweep: Sweep, cloud: Cloud, packed: Packed, folder: Path) -> None:
        self._sweep, self._cloud, self._packed, self._folder = sweep, cloud, packed, folder
        Bucket(cloud, "link").client.put_object("applib/a.zip", packed.data)
        (folder / "code").mkdir()
        (folder / "code" / "user.py").write_text(
            "import heavy\ndef handler(event, context):\n    return heavy.answer\n"
        )
        self._count = 0
        self._set_link([{"kind": "delay", "seconds": 0, "times": MANY, "prefix": "applib/"}])  # counts requests
        error, self._wanted = self._start(limit=60)
        assert not error, error
        self.requests = MANY - self._set_link([])[0]["times"]

    def _set_link(self, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Replace the link's faults and return those that were left."""
        url = f"{self._cloud.endpoints['oss']}/-/localcloud/link"
        headers = {"Authorization": f"Bearer {self._cloud.key.secret}"}
        body = json.dumps({"shape": {}, "faults": records}).encode()
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers)) as answer:
            before: list[dict[str, Any]] = json.load(answer)["faults"]
        urllib.request.urlopen(urllib.request.Request(url, data=body, method="PUT", headers=headers)).close()
        return before

    def _start(self, limit: int = LIMIT) -> tuple[str, dict[str, Any]]:
        """Return the type of the error, empty when there was none, and what lies on the disk."""
        self._count += 1
        disk = self._folder / f"disk-{self._count}"
        disk.mkdir()
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": f"{CODE_PATH}:{self._folder / 'code'}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "ALIBABA_CLOUD_ACCESS_KEY_ID": self._cloud.key.id,
            "ALIBABA_CLOUD_ACCESS_KEY_SECRET": self._cloud.key.secret,
            "AppLibObject": "applib/a.zip",
            "AppLibDigest": self._packed.digest,
            "AppLibDir": str(disk / "applib"),
            "ModelDir": str(disk / "model"),
            "Bucket": "link",
            "Endpoint": self._cloud.endpoints["oss"],
            "Region": self._cloud.region,
            "HandlerModule": "user.handler",
            "InitializationTimeout": str(limit),
        }
        command = [sys.executable, "-c", textwrap.dedent(SCRIPT)]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            output, errors = process.communicate(timeout=STOP)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return f"hung for {STOP:.0f} s", {}
        self._sweep.tally.operations += 1
        lines = [json.loads(line) for line in output.splitlines() if line.startswith('{"event": "heavylift.start"')]
        left = {path.name: tree(path) for path in sorted(disk.iterdir()) if path.is_dir()}
        if len(lines) != 1:
            return f"no start line: {errors[-300:]}", left
        fetched = max((span["end"] for span in lines[0]["spans"] if span["phase"] == "fetch"), default=0.0)
        if fetched > limit:  # imports are not counted: a busy machine takes its time for them
            self._sweep.hung("a load that goes on after its limit", f"{fetched:.1f} s of {limit} s: {lines[0]}")
        return lines[0].get("error", {}).get("type", ""), left

    def run(self, fault: Fault) -> None:
        """Start with a fault and judge how it ended."""
        self._set_link(fault.records)
        begin = time.monotonic()
        error, left = self._start()
        shown = f"{fault}: {error or 'no error'} after {time.monotonic() - begin:.1f} s"
        if error.startswith("hung"):
            self._sweep.hung("a start that does not end", shown)
        elif not error:
            if left != self._wanted:
                self._sweep.accepted("a start that went well with another tree", f"{shown}: {_digests(left)}")
        elif not error.endswith("Error") or error in {"OSError", "ValueError", "KeyError", "TypeError", "RuntimeError"}:
            self._sweep.failed("an error without a type of its own", shown)
        elif left:
            self._sweep.lost("a start that failed and left something", f"{shown}: {_digests(left)}")
        else:
            self._sweep.tally.refused += 1


def _digests(found: dict[str, Any]) -> str:
    return hashlib.sha256(repr(sorted(found.items())).encode()).hexdigest()[:8] + f" {sorted(found)}"


def test_link_faults(sweep: Sweep, cloud: Cloud, tmp_path: Path) -> None:
    noise = sweep.random
    files = {"heavy/__init__.py": b"answer = 42\n", **{f"heavy/lib{n}.so": noise.randbytes(700_000) for n in range(3)}}
    packed = pack(files, group=300_000)
    starts = Starts(sweep, cloud, packed, tmp_path)
    queue: list[Fault] = []
    while sweep.goes_on():
        if not queue:
            kinds, places = faults(sweep, len(packed.data)), range(1, starts.requests + 1)
            queue = [Fault(*each) for each in itertools.product(kinds, places, (False, True))]
            noise.shuffle(queue)
        starts.run(queue.pop())
