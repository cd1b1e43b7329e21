"""Unwind tables that are absent until an exception of C++ reads them."""

from __future__ import annotations

import shutil
import subprocess
import textwrap
from pathlib import Path

import pytest

from heavylift.build.elf import read_code, read_tables
from heavylift.build.segments import split_segments
from heavylift.runtime.pages import find_helper
from tests.support.paging import run_scenario

SOURCE = r"""
#include <stdexcept>
#include <string>
__asm__(".text\n.rept 20000\n.cfi_startproc\nnop\n.cfi_endproc\n.endr\n");
__attribute__((noinline)) static int deep(int n) {
    std::string held(64, 'a');
    if (n == 0)
        throw std::out_of_range("deep");
    return deep(n - 1) + (int)held.size();
}
extern "C" int caught(int n) {
    try {
        return deep(n);
    } catch (const std::out_of_range &error) {
        return std::string("deep") == error.what() ? 7 : 8;
    }
}
"""
SERVED = """
from heavylift.build.elf import read_code, read_tables
from tests.support.page_server import *
regions = sorted((*read_code(original), *read_tables(original)), key=lambda each: each.offset)
holes = Holes(original, target, segments=[Segment("", each.offset, each.size, each.flags, each.header) for each in regions])
holes.serve(slowly)
library = ctypes.CDLL(str(target))
"""
pytestmark = pytest.mark.skipif(shutil.which("g++") is None or find_helper() is None, reason="needs a compiler of C++")


@pytest.fixture(scope="module", params=["separate-code", "noseparate-code"])
def library(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unwound")
    (folder / "unwound.cpp").write_text(SOURCE)
    made = folder / "libunwound.so"
    linked = f"-Wl,-z,{request.param}"
    subprocess.run(["g++", "-shared", "-fPIC", "-O1", linked, "-o", str(made), str(folder / "unwound.cpp")], check=True)
    assert split_segments(made)
    return made


def output(program: str, library: Path, folder: Path) -> str:
    done = run_scenario(SERVED + textwrap.dedent(program), folder, library=library)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_tables_get_segments_of_their_own_beside_the_code(library: Path) -> None:
    (table,) = read_tables(library)
    assert table.size > 256 * 1024
    assert not any(table.offset <= each.offset < table.offset + table.size for each in read_code(library))
    assert not split_segments(library)  # there is nothing left to do


def test_a_library_is_loaded_without_its_tables_and_an_exception_brings_some(library: Path, tmp_path: Path) -> None:
    program = """
    tables = [number for number in holes.absent if holes.plan.place(number)[0].offset == read_tables(original)[0].offset]
    before = sum(holes.plan.state(number) >= PRESENT for number in tables)
    value = library.caught(5)
    after = sum(holes.plan.state(number) >= PRESENT for number in tables)
    print(before, value, 0 < after < len(tables) / 2)
    holes.bring_all()
    assert holes.helper.open_all() == 0
    holes.helper.remove()
    print(library.caught(6), original.read_bytes() == target.read_bytes())
    """
    assert output(program, library, tmp_path) == "0 7 True\n7 True\n"


def test_threads_that_throw_at_once_all_go_on(library: Path, tmp_path: Path) -> None:
    program = """
    start, wrong = threading.Barrier(32), []
    def work():
        start.wait()
        wrong.extend(each for each in range(20) if library.caught(each) != 7)
    threads = [threading.Thread(target=work) for _ in range(32)]
    for each in threads: each.start()
    for each in threads: each.join()
    print(wrong)
    """
    assert output(program, library, tmp_path) == "[]\n"


def test_a_recording_names_the_tables_that_were_read(library: Path, tmp_path: Path) -> None:
    program = """
    import shutil
    copied = target.with_name("recorded.so")
    shutil.copy(original, copied)
    with recording([each._replace(path=str(copied)) for each in holes.segments]) as plan:
        again = ctypes.CDLL(str(copied))
        table = read_tables(original)[0].pages
        before = [page for page in plan.touched()[str(copied)] if page in table]
        again.caught(3)
        print(before, 0 < len([page for page in plan.touched()[str(copied)] if page in table]) < len(table))
    """
    done = run_scenario(SERVED.split("holes.serve")[0] + textwrap.dedent(program), tmp_path, library=library)
    assert done.stdout == "[] True\n", done.stderr
