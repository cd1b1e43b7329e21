"""An archive with libraries by pages, in the hands of public tools."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import numpy
import pytest

from heavylift.build.cuts import Paged
from heavylift.build.elf import read_code
from heavylift.build.order import Order
from heavylift.build.pack import PackedArchive, pack
from heavylift.contracts.pages import PAGE, Run

(LIBRARY,) = Path(numpy.__file__).parent.glob("_core/_multiarray_umath.*.so")
TOOLS = ("unzip", "zstd")


@pytest.fixture
def packed(tmp_path: Path) -> PackedArchive:
    folder = tmp_path / "tree"
    folder.mkdir()
    shutil.copy(LIBRARY, folder / "numbers.so")
    (folder / "a.py").write_text("1\n")
    regions = read_code(LIBRARY)
    pages = regions[0].pages
    hot = tuple(Run(page, 3) for page in range(pages.start, pages.stop - 3, 50))
    libraries = {"numbers.so": Paged(regions, hot)}
    order = Order(["a.py", "numbers.so"], 1, 2)
    return pack(folder, tmp_path / "a.zip", progress=lambda *_: None, level=1, order=order, libraries=libraries)


@pytest.mark.skipif(not all(map(shutil.which, TOOLS)), reason=f"needs the tools {TOOLS}")
def test_unzip_and_zstd_give_the_library_that_was_installed(packed: PackedArchive, tmp_path: Path) -> None:
    subprocess.run(["unzip", "-tq", packed.path], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["unzip", "-q", packed.path, "-d", tmp_path / "out"], check=True)
    subprocess.run(["zstd", "-d", "-q", "-r", "--rm", tmp_path / "out"], check=True)
    assert (tmp_path / "out/numbers.so").read_bytes() == LIBRARY.read_bytes()
    assert (tmp_path / "out/a.py").read_text() == "1\n"
    hot = (tmp_path / "out/.heavylift/hot/0").read_bytes()
    start = PAGE * read_code(LIBRARY)[0].pages.start
    assert hot[: 3 * PAGE] == LIBRARY.read_bytes()[start : start + 3 * PAGE]
