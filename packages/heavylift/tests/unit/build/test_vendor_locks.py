"""A process has one version of a package: of what the loader only brings along, the function's."""

from __future__ import annotations

from pathlib import Path

import pytest

from heavylift.build.resolve import RUNTIME, lock_runtime, read_lock, read_sources
from heavylift.build.vendorlocks import lock_vendor
from heavylift.contracts.platform import DEFAULT_PLATFORM, Target

TARGET = Target("3.11", DEFAULT_PLATFORM)


@pytest.fixture
def own() -> dict[str, str]:
    """The entries of the loader's own lock, by name."""
    return {entry.split("==")[0]: entry for entry in read_lock(lock_runtime(Path("unused"), TARGET))}


def _lock(tmp_path: Path, *lines: str) -> Path:
    path = tmp_path / "applib.txt"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def test_what_only_comes_along_is_taken_from_the_functions_lock(own: dict[str, str], tmp_path: Path) -> None:
    applib = _lock(tmp_path, "--find-links /wheels", "urllib3==1.26.20 \\", "    --hash=sha256:aa", "numpy==2.4.6")
    (loaders, functions), unmet = lock_vendor(applib, tmp_path / "locks", TARGET)
    assert read_lock(functions) == ["urllib3==1.26.20 \\\n    --hash=sha256:aa"]
    assert read_sources(functions) == ["--find-links /wheels"]
    assert read_lock(loaders) == [entry for name, entry in own.items() if name != "urllib3"]
    assert not read_sources(loaders)
    assert not unmet


def test_names_are_compared_as_indexes_compare_them(tmp_path: Path) -> None:
    applib = _lock(tmp_path, "Charset_Normalizer==3.0")
    (_, functions), _ = lock_vendor(applib, tmp_path / "locks", TARGET)
    assert read_lock(functions) == ["Charset_Normalizer==3.0"]


def test_a_wheel_of_ones_own_is_another_version(tmp_path: Path) -> None:
    applib = _lock(tmp_path, "six @ file:///wheels/six-1.17.0-py3-none-any.whl --hash=sha256:aa")
    (_, functions), _ = lock_vendor(applib, tmp_path / "locks", TARGET)
    assert read_lock(functions) == ["six @ file:///wheels/six-1.17.0-py3-none-any.whl --hash=sha256:aa"]


def test_equal_versions_leave_the_loaders_lock(own: dict[str, str], tmp_path: Path) -> None:
    applib = _lock(tmp_path, own["urllib3"].split(" ")[0], "numpy==2.4.6")
    assert lock_vendor(applib, tmp_path / "locks", TARGET) == ([lock_runtime(Path("unused"), TARGET)], [])
    assert not (tmp_path / "locks").exists()


def test_what_the_loader_calls_stays_its_own_and_is_told(own: dict[str, str], tmp_path: Path) -> None:
    applib = _lock(tmp_path, "zstandard==0.15.0", "oss2==2.15.0")
    locks, unmet = lock_vendor(applib, tmp_path / "locks", TARGET)
    assert [path.parent for path in locks] == [RUNTIME.parent / "locks"]
    brought = {name: own[name].split()[0] for name in ("oss2", "zstandard")}
    assert unmet == [f"{brought['oss2']}, not oss2==2.15.0", f"{brought['zstandard']}, not zstandard==0.15.0"]
