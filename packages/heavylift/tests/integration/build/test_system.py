"""Libraries of the system: what an applib needs and nobody knows the runtime to have."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from heavylift.build.system import find_needs, find_newer, read_libraries

pytestmark = pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here to make libraries with")


def library(path: Path, *needed: Path | str, soname: str = "") -> Path:
    """Make a shared library that needs others, by their names; those that do not exist are made for the while."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.parent.parent / "scratch"
    scratch.mkdir(exist_ok=True)
    others = []
    for name in needed:
        other = scratch / str(name)
        subprocess.run(["cc", "-shared", "-o", other, "-x", "c", "/dev/null", f"-Wl,-soname,{name}"], check=True)
        others.append(str(other))
    own = [f"-Wl,-soname,{soname}"] if soname else []
    subprocess.run(
        ["cc", "-shared", "-o", path, "-x", "c", "/dev/null", *own, "-x", "none", "-Wl,--no-as-needed", *others],
        check=True,
    )
    return path


def test_what_neither_the_archive_nor_the_runtime_has_is_named_with_who_needs_it(tmp_path: Path) -> None:
    folder = tmp_path / "lib"
    library(folder / "cv2.abi3.so", "libGL.so.1", "libc.so.6", "libheld.so.1", "libother.so.3")
    library(folder / "libheld.so.1")
    library(folder / "renamed.so", soname="libother.so.3")
    owners = {"cv2.abi3.so": "opencv-python", "libheld.so.1": "opencv-python", "renamed.so": "other"}
    (need,) = find_needs(read_libraries(folder, owners), owners)
    assert str(need) == "libGL.so.1 for opencv-python (ask for opencv-python-headless instead of opencv-python)"


def test_a_file_that_only_looks_like_a_library_needs_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.so").write_bytes(b"\x7fELF and no more")
    (tmp_path / "b.so").write_text("INPUT(libc.so.6)")
    assert find_needs(read_libraries(tmp_path, ["a.so", "b.so", "gone.so"]), {}) == []


def test_a_damaged_library_is_no_traceback(tmp_path: Path) -> None:
    whole = library(tmp_path / "lib" / "whole.so", "libGL.so.1").read_bytes()
    paths = []
    for position in range(0x18, 0x200, 4):
        (tmp_path / "lib" / f"{position}.so").write_bytes(whole[:position] + b"\xff" * 8 + whole[position + 8 :])
        paths.append(f"{position}.so")
    find_needs(read_libraries(tmp_path / "lib", paths), {})


def test_what_needs_a_newer_glibc_than_the_platform_has_is_named(tmp_path: Path) -> None:
    (tmp_path / "versions").write_text(
        "GLIBC_2.9 { old; }; GLIBC_2.28 { middle; }; GLIBC_2.34 { new; }; GLIBC_PRIVATE { own; };"
    )
    (tmp_path / "libc.c").write_text("void old() {} void middle() {} void new() {} void own() {}")
    compiler = ["cc", "-shared", "-nostdlib", "-w", "-o"]
    subprocess.run([*compiler, "libc.so", "libc.c", "-Wl,--version-script=versions"], cwd=tmp_path, check=True)
    for name, calls in {"aged": "old(); middle(); own();", "recent": "old(); new();"}.items():
        (tmp_path / f"{name}.c").write_text(f"void old(), middle(), new(), own(); void f() {{ {calls} }}")
        subprocess.run([*compiler, f"{name}.so", f"{name}.c", "./libc.so"], cwd=tmp_path, check=True)
    owners = {"aged.so": "one", "recent.so": "two"}
    libraries = read_libraries(tmp_path, owners)
    assert find_newer(libraries, owners, 28) == {"two": 34}
    assert find_newer(libraries, owners, 27) == {"one": 28, "two": 34}
    assert find_newer(libraries, owners, 34) == {}
