"""Files that a recorded start opened."""

from __future__ import annotations

from heavylift.build.applib import find_opened


def test_who_opened_bytecode_opened_its_source() -> None:
    opened = ["lib/data.json", "lib/__pycache__/used.cpython-310.pyc", "lib/alone.pyc"]
    files = ["lib/alone.pyc", "lib/data.json", "lib/unused.py", "lib/used.py"]
    assert find_opened(files, opened) == ("lib/alone.pyc", "lib/data.json", "lib/used.py")


def test_what_libraries_keep_beside_bytecode_is_no_bytecode() -> None:
    kept = ["lib/__pycache__/index.f-19.py310.1.nbc", "lib/__pycache__/f-19.nbi", "lib/__pycache__/a.b.c.d.pyc"]
    assert find_opened(["lib/index.py", "lib/f.py", "lib/a.py"], kept) == ()
