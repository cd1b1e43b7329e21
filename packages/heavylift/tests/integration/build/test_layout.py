"""Wheels that are laid out for an environment: their modules are imported, and their libraries find each other."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from heavylift.build.files import walk
from heavylift.build.installed import check_installed
from heavylift.build.layout import lead_to_libraries, move_modules
from heavylift.contracts.platform import DEFAULT_PLATFORM, Target

pytestmark = pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")

TARGET = Target("3.10", DEFAULT_PLATFORM)
SITE = "lib/python3.10/site-packages"
USER = "import ctypes\nfrom pathlib import Path\nanswer = ctypes.CDLL(str(Path(__file__).with_name('top.so'))).top()\n"


def compile_library(path: Path, source: str, *options: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    command = ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-x", "none", "-o", str(path), *options]
    subprocess.run(command, input=source, text=True, check=True)


@pytest.fixture
def content(tmp_path: Path) -> Path:
    """A folder in which `lib` holds a library, as a wheel's data has it."""
    folder = tmp_path / "content"
    compile_library(folder / "lib" / "libbase.so", "int base(void) { return 42; }", "-Wl,-soname,libbase.so")
    return folder


def compile_user(content: Path, package: str, *ways: str) -> Path:
    """Compile a library of a package that needs the other one, and which is a file of uv's cache as well."""
    library = content / package / "top.so"
    options = [f"-L{content / 'lib'}", "-lbase", f"-Wl,-rpath,{':'.join(ways)}"]
    compile_library(library, "int base(void); int top(void) { return base(); }", *options)
    (content / package / "__init__.py").write_text(USER)
    os.link(library, content.parent / "cached.so")
    return library


def imported(content: Path) -> str:
    command = [sys.executable, "-c", "import deep.part\nprint(deep.part.answer)"]
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(content), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False).stdout.strip()


def lay_out(content: Path) -> None:
    move_modules(content, TARGET)
    lead_to_libraries(content, [path for path, _ in walk(content)], TARGET)


def test_modules_among_a_wheels_data_are_imported_and_find_its_libraries(content: Path) -> None:
    compile_user(content, f"{SITE}/deep/part", "$ORIGIN/../../../../")
    info = content / "deep-1.dist-info"
    info.mkdir()
    (info / "RECORD").write_text(f"{SITE}/deep/part/__init__.py,,\n{SITE}/deep/part/top.so,,\nlib/libbase.so,,\n")
    lay_out(content)
    assert imported(content) == "42"
    assert (info / "RECORD").read_text() == "deep/part/__init__.py,,\ndeep/part/top.so,,\nlib/libbase.so,,\n"
    with ThreadPoolExecutor(1) as cores:
        check_installed(content, lambda path: True, cores)
    assert not [path for path, _ in walk(content) if path.startswith(SITE)]


@pytest.mark.parametrize(
    "ways",
    [("/nowhere", "$ORIGIN/../..", "$ORIGIN/../../../.."), ("$ORIGIN/../../../../../lib",), ("$ORIGIN/../../lib",)],
)
def test_a_package_finds_libraries_among_another_wheels_data(content: Path, ways: tuple[str, ...]) -> None:
    library = compile_user(content, "deep/part", *ways)
    mode = library.stat().st_mode
    lay_out(content)
    assert imported(content) == "42"
    assert library.stat().st_mode == mode
    cached = content.parent / "cached.so"
    assert ":".join(ways).encode() in cached.read_bytes()  # nobody has written into it
    assert not list(content.rglob("*.own"))


@pytest.mark.parametrize("way", ["$ORIGIN/../../deep", "$ORIGIN", "/usr/lib", "$ORIGIN/../../../../../../lib", ""])
def test_ways_within_packages_and_to_elsewhere_stay(content: Path, way: str) -> None:
    library = compile_user(content, "deep/part", way)
    lay_out(content)
    assert library.samefile(content.parent / "cached.so")


def test_a_symbol_whose_name_is_the_end_of_a_way_stays(content: Path) -> None:
    library = content / "deep" / "part" / "top.so"
    compile_library(library, "int lib(void) { return 1; }", "-Wl,-rpath,$ORIGIN/../../../../../lib")
    before = library.read_bytes()
    lay_out(content)
    names = subprocess.run(["nm", "-D", "--defined-only", str(library)], capture_output=True, text=True, check=True)
    assert " T lib\n" in names.stdout
    assert library.read_bytes() == before
