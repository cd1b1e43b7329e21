"""Packages that one run of uv installs: each gets the files that its RECORD names, and what is unclear is left out."""

from __future__ import annotations

from pathlib import Path

import pytest

from heavylift.build import resolve, together
from heavylift.contracts.platform import DEFAULT_PLATFORM, Target

TARGET = Target("3.11", DEFAULT_PLATFORM)
BROUGHT = {
    "one_package-1": ["one/__init__.py", "bin/one"],
    "two-2.0": ["two.py"],
    "three-3": ["shared/a.py"],
    "four-4": ["shared/a.py", "four.py"],
}


def install(folder: Path, brought: dict[str, list[str]]) -> None:
    for name, paths in brought.items():
        record = f"{name}.dist-info/RECORD"
        for path in (*paths, record):
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(name)
        lines = [f"{path},sha256=x,1\n" for path in paths] + [f"{record},,\n", "gone.pyc,,\n"]
        (folder / record).write_text("".join(lines))


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    monkeypatch.setattr(resolve, "install", lambda _lock, folder, *_, **__: install(folder, BROUGHT))
    return together.install_together([], [], tmp_path, TARGET)


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_each_package_has_the_files_that_its_record_names(installed: dict[str, Path]) -> None:
    assert files(installed["one-package"]) == {"one/__init__.py", "bin/one", "one_package-1.dist-info/RECORD"}
    assert files(installed["two"]) == {"two.py", "two-2.0.dist-info/RECORD"}


def test_packages_that_share_a_file_are_left_out(installed: dict[str, Path]) -> None:
    assert installed.keys() == {"one-package", "two"}


def test_nothing_is_told_apart_where_a_file_is_in_no_record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def and_more(_lock: Path, folder: Path, *_: object, **__: object) -> None:
        install(folder, BROUGHT)
        (folder / "stray.py").write_text("")

    monkeypatch.setattr(resolve, "install", and_more)
    assert together.install_together([], [], tmp_path, TARGET) == {}
