"""Control groups for vCPU, on folders that imitate both versions: the real ones are in tests/integration/fc/test_cpu.py."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from localcloud.fc.instances.cpu import PREFIX, CpuGroups, open_cpu_groups, vcpus
from localcloud.fc.model import Function
from localcloud.fc.operations.rules import check_function
from localcloud.kernel.errors import LocalCloudError

FUNCTION = Function(service="s", name="f", runtime="python3.10", handler="index.handler")


@pytest.fixture(autouse=True)
def _remove_folders_with_their_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove the files of a group with its folder, as the kernel does."""
    real = Path.rmdir

    def rmdir(self: Path) -> None:
        if not self.exists():
            real(self)
        shutil.rmtree(self)

    monkeypatch.setattr(Path, "rmdir", rmdir)


def make_v2(folder: Path, *, enabled: str = "") -> Path:
    folder.mkdir(parents=True)
    (folder / "cgroup.controllers").write_text("cpuset cpu memory\n")
    (folder / "cgroup.subtree_control").write_text(enabled)
    (folder / "cgroup.procs").write_text("1\n")
    return folder


def make_v1(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / "cgroup.procs").write_text("1\n")
    return folder


def groups_of(root: Path, own: str) -> CpuGroups:
    (root.parent / "own").write_text(own)
    return open_cpu_groups(root, root.parent / "own")


@pytest.mark.parametrize(
    ("memory", "cpu", "expected"), [(3072, None, 2.0), (512, None, 0.35), (128, None, 0.1), (2048, 0.5, 0.5)]
)
def test_vcpu_is_what_is_asked_for_else_what_memory_implies(memory: int, cpu: float | None, expected: float) -> None:
    function = replace(FUNCTION, memory=memory, cpu=cpu)
    assert vcpus(function) == expected
    check_function(replace(function, cpu=vcpus(function)))  # and is one that could have been asked for


def test_version_2_is_divided_below_the_own_group_and_limited_by_cpu_max(tmp_path: Path) -> None:
    root = make_v2(tmp_path / "cgroup")
    own = make_v2(root / "user.slice" / "mine")
    groups = groups_of(root, "0::/user.slice/mine\n")
    assert groups.parent == own
    assert (own / "cgroup.subtree_control").read_text() == "+cpu"
    assert (root / "cgroup.subtree_control").read_text() == ""
    group = groups.create("c-1", 0.05)
    assert group.folder == own / f"{PREFIX}{os.getpid()}-c-1"
    assert (group.folder / "cpu.max").read_text() == "5000 100000"


def test_version_2_where_the_own_group_may_not_be_divided_is_divided_above(tmp_path: Path) -> None:
    root = make_v2(tmp_path / "cgroup", enabled="cpu memory")
    own = make_v2(root / "mine")
    (own / "cgroup.subtree_control").unlink()
    (own / "cgroup.subtree_control").mkdir()  # stands for the kernel's refusal, which root would not get from a file
    assert groups_of(root, "0::/mine\n").parent == root
    assert (root / "cgroup.subtree_control").read_text() == "cpu memory"


def test_version_1_is_limited_by_quota_and_period(tmp_path: Path) -> None:
    root = make_v1(tmp_path / "cgroup" / "cpu").parent
    groups = groups_of(root, "3:cpu,cpuacct:/only/visible/outside\n0::/\n")
    assert groups.parent == root / "cpu"
    group = groups.create("c-1", 1.5)
    assert (group.folder / "cpu.cfs_quota_us").read_text() == "150000"
    assert (group.folder / "cpu.cfs_period_us").read_text() == "100000"


def test_without_a_group_the_error_says_what_was_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("localcloud.fc.instances.cpu.PATIENCE", 0.0)
    (tmp_path / "cgroup").mkdir()
    with pytest.raises(LocalCloudError, match=r"--fc-limit-cpu needs .*cgroup has none.* run it as root"):
        groups_of(tmp_path / "cgroup", "0::/\n")
    mount = make_v1(tmp_path / "cgroup" / "cpu")
    (mount / f"{PREFIX}{os.getpid()}-trial").write_text("in the way")
    with pytest.raises(LocalCloudError, match=rf"{mount}: File exists"):
        groups_of(tmp_path / "cgroup", "3:cpu:/\n")


def test_a_process_that_cannot_enter_its_group_does_not_start(tmp_path: Path) -> None:
    mount = make_v1(tmp_path / "cgroup" / "cpu")
    groups = groups_of(mount.parent, "3:cpu:/\n")
    group = groups.create("c-1", 1.0)
    (group.folder / "cgroup.procs").mkdir()
    started = tmp_path / "started"
    assert os.spawnv(os.P_WAIT, "/bin/sh", group.enter(["touch", str(started)])) != 0
    assert not started.exists()


def test_what_is_left_of_own_and_of_killed_clouds_is_removed(tmp_path: Path) -> None:
    mount = make_v1(tmp_path / "cgroup" / "cpu")
    ended = 2**22 + 1  # beyond the largest process id
    (mount / f"{PREFIX}{ended}-c-1").mkdir()
    (mount / f"{PREFIX}{os.getppid()}-c-1").mkdir()
    (mount / "another").mkdir()
    groups = groups_of(mount.parent, "3:cpu:/\n")
    groups.create("c-1", 1.0)
    groups.close()
    groups.close()
    assert {each.name for each in mount.iterdir() if each.is_dir()} == {f"{PREFIX}{os.getppid()}-c-1", "another"}
