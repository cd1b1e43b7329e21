"""Prepared packages: which lie in an applib, and which stay for the next build."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from heavylift.build.packages import (
    Package,
    assemble,
    find_disputed,
    find_files,
    installed_modules,
    put_required_last,
    retain,
)
from heavylift.build.resolve import entry_name, read_lock


def package(folder: Path, name: str, files: dict[str, str]) -> Package:
    place = folder / name
    for path, content in files.items():
        target = place / "files" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    return Package(
        place=place, name=name, version="1", files=dict.fromkeys(files, (0, 0)), libraries={}, modules=[name]
    )


def contents(folder: Path) -> dict[str, str]:
    return {path.relative_to(folder).as_posix(): path.read_text() for path in folder.rglob("*") if path.is_file()}


def test_packages_lie_side_by_side(tmp_path: Path) -> None:
    one = package(tmp_path, "one", {"one/__init__.py": "1", "shared/one.py": "1"})
    two = package(tmp_path, "two", {"two.py": "2", "shared/two.py": "2"})
    assemble(find_files([one, two]), tmp_path / "applib")
    assert contents(tmp_path / "applib") == {
        "one/__init__.py": "1",
        "shared/one.py": "1",
        "shared/two.py": "2",
        "two.py": "2",
    }


def test_of_two_packages_with_the_same_file_the_last_counts(tmp_path: Path) -> None:
    one = package(tmp_path, "one", {"cv2/__init__.py": "1"})
    two = package(tmp_path, "two", {"cv2/__init__.py": "2"})
    assemble(find_files([one, two]), tmp_path / "applib")
    assert contents(tmp_path / "applib") == {"cv2/__init__.py": "2"}
    assert contents(one.content) == {"cv2/__init__.py": "1"}


def test_of_two_packages_with_the_same_file_the_one_that_requirements_name_counts(tmp_path: Path) -> None:
    named = package(tmp_path, "opencv.contrib", {"cv2/__init__.py": "1"})
    brought = package(tmp_path, "opencv", {"cv2/__init__.py": "2"})
    assert put_required_last([named, brought], ["opencv-contrib"]) == [brought, named]
    assert put_required_last([named, brought], ["other"]) == [named, brought]  # in the order of the lock


def test_packages_that_bring_different_libraries_by_one_path_are_found(tmp_path: Path) -> None:
    one, same, other = (
        package(tmp_path, name, {"cv2/cv2.so": name, "cv2/a.py": ""}) for name in ("one", "same", "other")
    )
    library = {"cv2/cv2.so": ()}
    one, same, other = (replace(each, libraries=library) for each in (one, same, other))
    other = replace(other, files={"cv2/cv2.so": (9, 9), "cv2/a.py": (5, 5)})
    assert find_disputed([one, same, other]) == {("same", "other"): "cv2/cv2.so"}


def test_a_file_system_without_links_has_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError("no links here")

    monkeypatch.setattr("os.link", refuse)
    assemble(find_files([package(tmp_path, "one", {"one.py": "1"})]), tmp_path / "applib")
    assert contents(tmp_path / "applib") == {"one.py": "1"}


def test_packages_that_nothing_names_go(tmp_path: Path) -> None:
    kept = package(tmp_path, "kept", {"a.py": ""})
    package(tmp_path, "stale", {"b.py": ""})
    (tmp_path / "interrupted.new").mkdir()
    retain([kept.place], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_libraries_beside_a_package_do_not_name_it_again() -> None:
    files = [
        "numpy/__init__.py",
        "numpy.libs/libquadmath.so",
        "six.py",
        "_cffi_backend.cpython-310-x86_64-linux-gnu.so",
    ]
    assert installed_modules(files) == ["_cffi_backend", "numpy", "six"]


def test_a_lock_is_read_by_entries(tmp_path: Path) -> None:
    lock = tmp_path / "lock.txt"
    lock.write_text(
        "# applib.txt for cp311\nnumpy==2.3.5 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb\n\n"
        "mine @ https://example.com/mine.whl \\\n    --hash=sha256:cc\n"
        "six==1.17.0 ; python_version < '4' \\\n    --hash=sha256:dd\n"
    )
    entries = read_lock(lock)
    assert [entry_name(each) for each in entries] == ["numpy", "mine", "six"]
    assert entries[0] == "numpy==2.3.5 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb"
