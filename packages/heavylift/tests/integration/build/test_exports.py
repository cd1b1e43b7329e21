"""Libraries of C++ without the names that nobody binds: they load, bind each other, and do what they did."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from heavylift.build.exports import find_changes, find_tables, make_changes
from heavylift.build.unbound import change_libraries, copies_name

pytestmark = pytest.mark.skipif(
    not (shutil.which("g++") and shutil.which("readelf") and sys.platform == "linux"), reason="needs g++ and binutils"
)

HEADER = """
#include <stdexcept>
#include <string>
struct Shape { virtual ~Shape(); virtual int corners() const; };
struct Square : Shape { int corners() const override; };
int doubled(int);
int tripled(int);
extern int counter;
inline int &shared() { static int value = 0; return value; }
template <typename T> T largest(T a, T b) { return a > b ? a : b; }
"""
BASE = """
#include "shapes.h"
Shape::~Shape() {}
int Shape::corners() const { return 0; }
int Square::corners() const { return 4; }
int counter = 5;
namespace own { int alone = 7; thread_local int of_thread = 3; }
using namespace own;
int doubled(int n) { return 2 * n + alone - 7; }
int tripled(int n) { return 3 * n; }
static int (*table[])(int) = {doubled, tripled};
int *inner = &alone;
extern "C" int base_answer(int n) {
    Square square;
    const Shape &shape = square;
    shared()++;
    of_thread++;
    return table[0](n) + table[1](n) + shape.corners() + counter + *inner + of_thread + largest(n, 1);
}
extern "C" void base_throw() { throw std::runtime_error("thrown in the base"); }
"""
USER = """
#include "shapes.h"
extern "C" int base_answer(int);
extern "C" void base_throw();
extern "C" int user_answer(int n) {
    int caught = 0;
    try { base_throw(); } catch (const std::exception &error) { caught = std::string(error.what()).size(); }
    Shape *shape = new Square;
    int corners = dynamic_cast<Square *>(shape)->corners();
    delete shape;
    counter++;
    shared()++;
    return base_answer(n) + doubled(n) + corners + counter + shared() + caught;
}
"""
RUN = """
import ctypes, sys
base, user = (ctypes.CDLL(path) for path in sys.argv[1:])
print(base.base_answer(20), user.user_answer(20), base.base_answer(-3), user.user_answer(7))
"""


@pytest.fixture(scope="module", params=["", "-Wl,-z,now", "-Wl,-z,lazy"], ids=["default", "now", "lazy"])
def libraries(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("libraries")
    for name, text in (("shapes.h", HEADER), ("base.cpp", BASE), ("user.cpp", USER)):
        (folder / name).write_text(text)
    common = ["g++", "-shared", "-fPIC", "-O1", "-Wl,--hash-style=gnu", *filter(None, [request.param])]
    subprocess.run([*common, "-o", "libbase.so", "base.cpp"], cwd=folder, check=True)
    subprocess.run(
        [*common, "-o", "libuser.so", "user.cpp", "-L.", "-lbase", "-Wl,-rpath,$ORIGIN"], cwd=folder, check=True
    )
    return folder


def answers(folder: Path) -> str:
    command = [sys.executable, "-c", RUN, str(folder / "libbase.so"), str(folder / "libuser.so")]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def names(library: Path) -> set[str]:
    command = ["readelf", "--dyn-syms", "--wide", "--demangle", str(library)]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return {line.split(maxsplit=7)[7].partition("@")[0] for line in table.splitlines()[4:]}


def both(folder: Path) -> dict[str, Path]:
    return {name: folder / name for name in ("libbase.so", "libuser.so")}


def reduced(libraries: Path, folder: Path) -> Path:
    for name, library in both(libraries).items():
        shutil.copy(library, folder / name)
    make_changes(both(libraries), find_changes(both(libraries), least=1), folder)
    return folder


def test_libraries_without_their_unbound_names_do_what_they_did(libraries: Path, tmp_path: Path) -> None:
    assert answers(reduced(libraries, tmp_path)) == answers(libraries)


def test_names_that_no_other_library_has_go_and_all_others_stay(libraries: Path, tmp_path: Path) -> None:
    before, after = (names(folder / "libbase.so") for folder in (libraries, reduced(libraries, tmp_path)))
    unbound = {"tripled(int)", "own::alone"}
    assert unbound <= before
    assert not unbound & after
    assert {"base_answer", "doubled(int)", "counter", "typeinfo for Shape", "own::of_thread"} <= after


def test_nothing_but_tables_changes_and_the_file_keeps_its_size(libraries: Path, tmp_path: Path) -> None:
    before, after = ((folder / "libbase.so").read_bytes() for folder in (libraries, reduced(libraries, tmp_path)))
    assert len(before) == len(after)
    command = ["readelf", "--sections", "--wide", str(libraries / "libbase.so")]
    table = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    for line in table.splitlines():
        section = line.partition("]")[2].split()
        if section and section[0] in (".text", ".rodata", ".data", ".eh_frame", ".got", ".got.plt", ".init_array"):
            start, size = int(section[3], 16), int(section[4], 16)
            assert before[start : start + size] == after[start : start + size], section[0]


def test_what_changes_lies_in_the_stretches_that_say_so_beforehand(libraries: Path) -> None:
    said = {place for stretch in find_tables(libraries / "libbase.so", least=1) for place in stretch}
    (changes,) = find_changes(both(libraries), least=1).values()
    for place, data in changes.items():
        assert said.issuperset(range(place, place + len(data))), hex(place)


def test_a_second_time_changes_nothing(libraries: Path, tmp_path: Path) -> None:
    assert not find_changes(both(reduced(libraries, tmp_path)), least=1)


def test_a_library_whose_tables_are_damaged_stays_as_it_is(libraries: Path, tmp_path: Path) -> None:
    data = bytearray((libraries / "libbase.so").read_bytes())
    for cut in (63, 200, len(data) // 2, len(data) - 8):
        (tmp_path / "libbase.so").write_bytes(data[:cut])
        assert not find_changes({"libbase.so": tmp_path / "libbase.so"}, least=1)


def test_copies_are_made_once_for_the_same_libraries_and_anew_when_somebody_has_edited_one(
    libraries: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "names"
    made = change_libraries(both(libraries), folder, least=1)
    assert "libbase.so" in made
    copy = Path(made["libbase.so"].place)
    content, before = copy.read_bytes(), copy.stat()
    assert change_libraries(both(libraries), folder, least=1) == made
    assert copy.stat().st_mtime_ns == before.st_mtime_ns
    with copy.open("ab") as file:
        file.write(b"edited")
    os.utime(copy, ns=(before.st_mtime_ns, before.st_mtime_ns + 10**9))  # a file system's clock has ticks
    change_libraries(both(libraries), folder, least=1)
    assert copy.read_bytes() == content


def test_a_copy_differs_where_it_says_and_nowhere_else(libraries: Path, tmp_path: Path) -> None:
    copy = change_libraries(both(libraries), tmp_path / "names", least=1)["libbase.so"]
    old, new = (libraries / "libbase.so").read_bytes(), Path(copy.place).read_bytes()
    assert len(new) == len(old)
    differing = [place for place, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1]]
    assert differing
    assert all(any(start <= place < end for start, end in copy.changed) for place in differing)


def test_copies_have_another_name_when_a_library_is_another() -> None:
    one = copies_name([("a.so", "one"), ("b.so", "one")])
    assert one == copies_name([("b.so", "one"), ("a.so", "one")])
    assert one != copies_name([("a.so", "one"), ("b.so", "two")])
    assert one != copies_name([("a.so", "one")])
