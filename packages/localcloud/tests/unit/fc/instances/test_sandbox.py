"""What bubblewrap is told of the file systems that a function mounts."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.fc.attachments import Mount, Nas
from localcloud.fc.errors import FcError
from localcloud.fc.instances.interpreters import Interpreter
from localcloud.fc.instances.launch import InstanceSpec
from localcloud.fc.instances.sandbox import Means, Sandbox
from localcloud.fc.instances.unsandboxed import Folder
from localcloud.fc.model import Function
from localcloud.fc.store.file_systems import FileSystems

OPEN = Path("/proc/self/fd")
FUNCTION = Function(service="", name="f", runtime="python3.10", handler="index.handler")


def program(tmp_path: Path, help_: str) -> str:
    """Make a bubblewrap that knows these options."""
    path = tmp_path / "bwrap"
    path.write_text(f"#!/bin/sh\necho '{help_}'\n")
    path.chmod(0o755)
    return str(path)


def spec(tmp_path: Path, *folders: str, user: int = -1, group: int = -1) -> InstanceSpec:
    mounts = tuple(Mount(server=f"nas.example:{folder}", folder=folder) for folder in folders)
    return InstanceSpec(
        folder=tmp_path / "instance",
        code=tmp_path,
        layers=None,
        interpreter=Interpreter(path=Path("/srv/python/bin/python3"), note=None),
        function=FUNCTION,
        nas=Nas(user=user, group=group, mounts=mounts),
    )


def sandbox(tmp_path: Path, *, drops: bool = False, help_: str = "--bind-fd FD DEST") -> Sandbox:
    means = Means(drops=drops, listens=False)
    return Sandbox(
        program(tmp_path, help_), means, folder=tmp_path, file_systems=FileSystems(tmp_path / "nas"), authority=""
    )


def test_each_file_system_is_bound_by_a_descriptor_that_is_closed_after_the_start(tmp_path: Path) -> None:
    before = len([*OPEN.iterdir()])
    launch = sandbox(tmp_path).prepare(spec(tmp_path, "/mnt/a", "/data/b"))
    words = " ".join(launch.command)
    assert launch.mounts is not None
    one, other = launch.mounts.descriptors
    assert f"--dir /data --dir /mnt --bind-fd {one} /mnt/a --bind-fd {other} /data/b" in words
    assert {one, other} <= {*launch.descriptors}
    launch.close()
    assert len([*OPEN.iterdir()]) == before


@pytest.mark.parametrize(("user", "group", "seen"), [(7, 8, (7, 8)), (7, -1, (7, 7)), (0, 0, (65534, 65534))])
def test_an_instance_has_the_ids_of_its_function(tmp_path: Path, user: int, group: int, seen: tuple[int, int]) -> None:
    for drops, words in ((False, "--uid {} --gid {}"), (True, "--reuid {} --regid {}")):
        launch = sandbox(tmp_path, drops=drops).prepare(spec(tmp_path, user=user, group=group))
        assert words.format(*seen) in " ".join(launch.command)
        launch.close()


@pytest.mark.parametrize("folder", ["/srv", "/srv/python", "/srv/python/lib/x"])
def test_what_an_instance_runs_on_is_not_hidden(tmp_path: Path, folder: str) -> None:
    with pytest.raises(FcError, match=f"{folder} cannot be a mountDir on this machine: /srv/python is needed") as error:
        sandbox(tmp_path).prepare(spec(tmp_path, folder))
    assert error.value.code == "InstanceNotAllowed"


def test_who_cannot_mount_says_so(tmp_path: Path) -> None:
    old = sandbox(tmp_path, help_="--bind SRC DEST")
    old.prepare(spec(tmp_path)).close()
    for isolation, said in ((old, "bubblewrap knows no --bind-fd here"), (Folder("no sandbox"), "install bubblewrap")):
        with pytest.raises(FcError, match=f"no file system is mounted.*{said}") as error:
            isolation.prepare(spec(tmp_path, "/mnt/a"))
        assert error.value.code == "InstanceNotAllowed"
