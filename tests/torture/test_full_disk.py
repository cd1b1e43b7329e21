"""A disk that is full: errors in the service's own form, deletes work, it starts again, and what was acknowledged is there."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.wire import Answer, Connection, HungError, UnansweredError
from tests.torture.bucket import Bucket
from tests.torture.cloud import NotStartedError, launch
from tests.torture.control import Api
from tests.torture.model import OK, Append, Delete, Put, Reply, SetSetting, SetTag, World
from tests.torture.sweep import Sweep

SIZE = 12 * 1024**2  # bytes of the disk
_CODE = re.compile(r"[A-Z][A-Za-z]+")


@dataclass(frozen=True)
class Disk:
    """A small file system in a mount namespace of its own.

    Attributes:
        path: where it is mounted, for processes in the namespace.
        seen: the same, for those outside.
        enter: the command that runs another one in the namespace.
    """

    path: Path
    seen: Path
    enter: tuple[str, ...]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Mount a small disk; the keeper of its namespace ends with its standard input."""
    for command in ("unshare", "nsenter"):
        if shutil.which(command) is None:
            pytest.skip(f"a disk of its own needs {command} (util-linux)")
    path = tmp_path / "disk"
    path.mkdir()
    script = 'mount -t tmpfs -o "size=$1" tmpfs "$2" && echo ready && exec cat'
    keeper = subprocess.Popen(
        ["unshare", "-Urm", "sh", "-c", script, "sh", str(SIZE), str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert keeper.stdin
    assert keeper.stdout
    try:
        said = keeper.stdout.readline().strip()
        if said != "ready":
            pytest.skip(f"a disk of its own needs a user and mount namespace: {said}")
        enter = ("nsenter", "-t", str(keeper.pid), "-U", "-m", "--preserve-credentials")
        yield Disk(path, Path(f"/proc/{keeper.pid}/root{path}"), enter)
    finally:
        keeper.stdin.close()
        keeper.wait()
        keeper.stdout.close()


class Full:
    """An embedded cloud on a small disk, and what it acknowledged."""

    def __init__(self, sweep: Sweep, disk: Disk, log: Path) -> None:
        self._sweep = sweep
        self.cloud = launch(disk.path / "data", log, prefix=disk.enter)
        self.bucket = Bucket(self.cloud, "full")
        self.world = World(settings={"acl": "private"})
        self._connection = Connection(self.cloud.address("oss"))
        self._count = 0

    def do(self, operation: Put | Append | Delete | SetTag | SetSetting, *, must: bool = False) -> bool:
        """Perform an operation and keep what it acknowledged; say whether it did.

        Args:
            operation: the operation.
            must: it may not fail, full as the disk is.
        """
        self._sweep.tally.operations += 1
        try:
            answer = self._connection.exchange(self.bucket.request(operation))
            reply = self.bucket.reply(operation, answer)
        except (UnansweredError, HungError) as error:
            self._sweep.hung("no answer on a full disk", f"{operation}: {error}")
            return False
        if reply == Reply(OK):
            self.world = operation.apply(self.world)[1]
            return True
        self._sweep.tally.refused += 1
        if not answer.body.startswith(b"<?xml") or not _CODE.fullmatch(reply.code):
            self._sweep.failed("an error that is not in OSS's form", f"{operation}: {answer}")
        if must:
            self._sweep.failed(f"{type(operation).__name__} does not work on a full disk", f"{operation}: {answer}")
        return False

    def fill(self) -> None:
        """Write until not even a byte goes in any more."""
        size = 1024**2
        while size and self._sweep.left:
            self._count += 1
            if not self.do(Put(f"k{self._count % 40}-{self._count}", self._sweep.random.randbytes(size))):
                size //= 4

    def others(self) -> None:
        """Ask the other services for something that needs the disk; they may refuse it, in their own form."""
        api = Api(self.cloud)
        trust = api.trust
        calls: dict[str, Callable[[], Answer]] = {
            "RAM": lambda: api.ram("CreateRole", RoleName=f"r{self._count}", AssumeRolePolicyDocument=trust),
            "FC": lambda: api.fc("POST", "/2021-04-06/services", {"serviceName": f"s{self._count}"}),
            "ROS": lambda: api.ros("CreateStack", StackName=f"s{self._count}", TemplateBody=TEMPLATE),
        }
        for name, call in calls.items():
            self._sweep.tally.operations += 1
            try:
                answer = call()
            except (UnansweredError, HungError) as error:
                self._sweep.hung(f"no answer from {name} on a full disk", str(error))
                continue
            if answer.status >= 300:
                self._sweep.tally.refused += 1
                if b"RequestId" not in answer.body:
                    self._sweep.failed(f"an error of {name} that is not in its form", str(answer))

    def check(self) -> None:
        """Compare all objects with what was acknowledged."""
        for key in sorted({*self.world.objects, *self.bucket.keys()}):
            try:
                found = self.bucket.object(key)
            except Exception as error:  # noqa: BLE001 - whatever a client makes of it, it cannot be read
                self._sweep.lost("an object cannot be read", f"{key}: {type(error).__name__} {str(error)[:200]}")
                continue
            if found != self.world.objects.get(key):
                self._sweep.lost("an object", f"{key}: {found}, expected {self.world.objects.get(key)}")

    def restart(self, *, kill: bool) -> bool:
        """End it, and start it again on the full disk; say whether it did."""
        self._connection.close()
        if kill:
            self.cloud.kill()
            self._sweep.tally.kills += 1
        elif self.cloud.stop() != 0:
            self._sweep.failed("it does not end in good order", self.cloud.log.read_text()[-500:])
        try:
            self.cloud = self.cloud.again()
        except NotStartedError as error:
            self._sweep.hung("it does not start on a full disk", str(error))
            return False
        self.bucket.move(self.cloud)
        self._connection = Connection(self.cloud.address("oss"))
        return True


TEMPLATE = '{"ROSTemplateFormatVersion": "2015-09-01", "Outputs": {"O": {"Value": "x"}}}'


def test_full_disk(sweep: Sweep, disk: Disk, tmp_path: Path) -> None:
    full = Full(sweep, disk, tmp_path / "log")
    try:
        while sweep.goes_on():
            full.fill()
            key = sweep.random.choice(sorted(full.world.objects))
            full.do(
                Append(
                    "log", len(full.world.objects["log"].content) if "log" in full.world.objects else 0, b"x" * 50_000
                )
            )
            full.do(SetTag(key, "full"))
            full.do(SetSetting("lifecycle", "full"))
            full.others()
            (disk.seen / "filler").write_bytes(b"")
            _fill_up(disk.seen / "filler")
            full.check()
            if not full.restart(kill=sweep.random.random() < 0.5):
                return
            full.check()
            for each in sweep.random.sample(sorted(full.world.objects), min(5, len(full.world.objects))):
                full.do(Delete(each), must=True)
            (disk.seen / "filler").unlink()
            if not full.do(Put("after", b"there is room again")):
                sweep.failed("PUT does not work after deletes", "after")
            full.check()
    finally:
        full.cloud.kill()


def _fill_up(path: Path) -> None:
    """Take the last byte of the disk."""
    with path.open("ab", buffering=0) as file:
        for size in (65536, 4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue
