"""A full disk: uploads are refused in OSS's own words, deletions work, and so does the next start.

The disk is a small file system in memory, in a mount namespace of the test's own.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import oss2
import pytest

from tests.support.cloud import Cloud

SIZE = 24 * 1024 * 1024  # bytes
NAMESPACE = ["unshare", "--mount"] if os.geteuid() == 0 else ["unshare", "--user", "--map-root-user", "--mount"]
MOUNT = 'mount -t tmpfs -o size="$1" tmpfs "$2" && echo ready && exec sleep infinity'


@dataclass
class Disk:
    """A small disk, and how to run programs that see it."""

    holder: int  # the process that keeps the namespace
    folder: Path

    @property
    def outside(self) -> Path:
        """The disk's folder as the test sees it."""
        return Path(f"/proc/{self.holder}/root{self.folder}")

    def command(self, *command: str) -> list[str]:
        user = [] if os.geteuid() == 0 else ["--user", "--preserve-credentials"]
        return ["nsenter", "--target", str(self.holder), *user, "--mount", f"--wd={Path.cwd()}", *command]

    def fill(self) -> None:
        """Take all space that is left."""
        with (self.outside / "filler").open("ab", buffering=0) as file:
            for size in (65536, 1):
                try:
                    while file.write(b"x" * size) == size:
                        pass
                except OSError:
                    pass


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    folder = tmp_path / "disk"
    folder.mkdir()
    holder = subprocess.Popen(
        [*NAMESPACE, "sh", "-c", MOUNT, "sh", str(SIZE), str(folder)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stderr is not None
    try:
        if not holder.stdout.readline():
            pytest.skip(f"no file system of one's own can be mounted here: {holder.stderr.read().decode()}")
        yield Disk(holder.pid, folder)
    finally:
        holder.kill()
        holder.communicate()


Start = Callable[[], Cloud]


@pytest.fixture
def start(disk: Disk, tmp_path: Path) -> Iterator[Start]:
    """Start embedded clouds whose data lies on the disk."""
    running: list[Cloud] = []

    def start() -> Cloud:
        command = disk.command(sys.executable, "-m", "localcloud", "--data", str(disk.folder / "data"))
        with (tmp_path / "log").open("ab") as log:
            process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        assert process.stdout is not None
        running.append(Cloud(data=disk.outside / "data", process=process))
        line = process.stdout.readline()
        assert line, (tmp_path / "log").read_text()
        account = json.loads((disk.outside / "data" / "account.json").read_text())
        running[-1].endpoints = json.loads(line)
        running[-1].access_key_id = account["access_key_id"]
        running[-1].access_key_secret = account["access_key_secret"]
        return running[-1]

    yield start
    for each in running:
        if each.process.poll() is None:
            each.stop(signal.SIGKILL)


def fill_with_objects(bucket: oss2.Bucket) -> list[str]:
    """Upload objects, each smaller than the last that was refused, until nothing fits."""
    stored: list[str] = []
    codes: set[tuple[int, str]] = set()
    for size in (1_000_000, 50_000, 1000, 0):
        for _ in range(500):
            name = f"object-{len(stored)}"
            try:
                bucket.put_object(name, b"x" * size)
            except oss2.exceptions.ServerError as error:
                codes.add((error.status, error.code))
                break
            stored.append(name)
    assert codes == {(503, "ServiceUnavailable")}
    return stored


@pytest.mark.parametrize("last", [signal.SIGTERM, signal.SIGKILL])
def test_a_full_disk_refuses_uploads_deletes_and_starts_again(disk: Disk, start: Start, last: signal.Signals) -> None:
    cloud = start()
    bucket = cloud.bucket("full")
    bucket.create_bucket()
    stored = fill_with_objects(bucket)
    assert len(stored) > 15
    disk.fill()
    with pytest.raises(oss2.exceptions.ServerError, match="ServiceUnavailable"):
        bucket.put_object("more", b"x" * 100_000)
    with pytest.raises(oss2.exceptions.ServerError, match="ServiceUnavailable"):
        bucket.append_object("more", 0, b"x" * 100_000)
    cloud.stop(last)
    disk.fill()
    cloud = start()
    bucket = cloud.bucket("full")
    with pytest.raises(oss2.exceptions.ServerError, match="ServiceUnavailable"):
        bucket.put_object("more", b"x" * 100_000)
    disk.fill()
    kept = {item.key for item in oss2.ObjectIterator(bucket)}
    assert kept == set(stored)
    for name in stored:
        bucket.delete_object(name)
    assert list(oss2.ObjectIterator(bucket)) == []
    (disk.outside / "filler").unlink()
    bucket.put_object("again", b"x" * 5_000_000)
    assert bucket.get_object("again").read() == b"x" * 5_000_000


def test_an_upload_that_is_refused_leaves_nothing_on_the_full_disk(disk: Disk, start: Start) -> None:
    cloud = start()
    bucket = cloud.bucket("full")
    bucket.create_bucket()
    free = os.statvfs(disk.outside).f_bavail
    for _ in range(3):
        with pytest.raises(oss2.exceptions.ServerError, match="ServiceUnavailable"):
            bucket.put_object("large", b"x" * SIZE)
    assert list((disk.outside / "data" / "oss" / "data").iterdir()) == []
    assert os.statvfs(disk.outside).f_bavail >= free - 2000  # pages: what the reserve and the journal take
