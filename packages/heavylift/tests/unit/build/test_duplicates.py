"""Libraries that an applib has several times: which of them become links, and which stay as they are."""

from __future__ import annotations

import os
from pathlib import Path

import numpy.random
import pytest

from heavylift.build.duplicates import follow_link, link_duplicates

NAMED = sorted((Path(numpy.__file__).parents[1] / "numpy.libs").glob("lib*.so*"))[0].read_bytes()  # it has a DT_SONAME


def write(folder: Path, *names: str, content: bytes = NAMED) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def links(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): str(path.readlink()) for path in folder.rglob("*") if path.is_symlink()}


def test_equal_libraries_are_links_to_the_first_of_them(tmp_path: Path) -> None:
    write(tmp_path, "a.libs/libm-1.so.2", "b.libs/libm-1.so.2", "c/d/libm.so", "c/d/libm.so.2")
    link_duplicates(tmp_path)
    first = "a.libs/libm-1.so.2"
    assert links(tmp_path) == {
        "b.libs/libm-1.so.2": f"../{first}",
        "c/d/libm.so": f"../../{first}",
        "c/d/libm.so.2": f"../../{first}",
    }
    assert (tmp_path / "c/d/libm.so").read_bytes() == NAMED
    link_duplicates(tmp_path)  # again, nothing is left to do
    assert len(links(tmp_path)) == 3


def test_libraries_of_which_a_byte_differs_stay(tmp_path: Path) -> None:
    write(tmp_path, "a/libm.so")
    write(tmp_path, "b/libm.so", content=NAMED[:-1] + bytes([NAMED[-1] ^ 1]))
    link_duplicates(tmp_path)
    assert links(tmp_path) == {}


def test_a_library_that_may_be_executed_is_no_link_to_one_that_may_not(tmp_path: Path) -> None:
    write(tmp_path, "a/libm.so", "b/libm.so")
    (tmp_path / "b/libm.so").chmod(0o755)
    (tmp_path / "a/libm.so").chmod(0o644)
    link_duplicates(tmp_path)
    assert links(tmp_path) == {}


def test_modules_stay_since_each_has_its_own_variables(tmp_path: Path) -> None:
    (module,) = Path(numpy.random.__file__).parent.glob("_pcg64.*.so")
    write(tmp_path, f"a/{module.name}", f"b/{module.name}", "c/libother.so", content=module.read_bytes())
    link_duplicates(tmp_path)
    assert links(tmp_path) == {}


@pytest.mark.parametrize("content", [b"\x7fELF", b"no library", b""])
def test_what_has_no_name_of_its_own_stays(tmp_path: Path, content: bytes) -> None:
    write(tmp_path, "a/libm.so", "b/libm.so", content=content)
    link_duplicates(tmp_path)
    assert links(tmp_path) == {}


def test_files_that_share_their_content_with_others_do_not_change_these(tmp_path: Path) -> None:
    write(tmp_path, "cache/libm.so")
    for name in ("a", "b"):
        (tmp_path / "applib" / name).mkdir(parents=True)
        os.link(tmp_path / "cache/libm.so", tmp_path / "applib" / name / "libm.so")
    link_duplicates(tmp_path / "applib")
    assert links(tmp_path) == {"applib/b/libm.so": "../a/libm.so"}
    assert (tmp_path / "cache/libm.so").read_bytes() == NAMED


def test_what_was_opened_by_a_link_counts_as_its_target(tmp_path: Path) -> None:
    write(tmp_path, "a/libm.so", "b/libm.so")
    link_duplicates(tmp_path)
    assert [follow_link(tmp_path, name) for name in ("b/libm.so", "a/libm.so", "absent")] == ["a/libm.so"] * 2 + [
        "absent"
    ]
