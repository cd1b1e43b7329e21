"""The files that run inside of instances."""

from __future__ import annotations

import sys
from importlib.util import cache_from_source
from pathlib import Path

from localcloud.fc.instances.inside import FILES, InsideFolder

PYTHON = Path(sys.executable)


def test_each_file_has_its_bytecode(tmp_path: Path) -> None:
    folder = InsideFolder(tmp_path / "runtime", authority="a certificate")
    folder.make_ready(PYTHON)
    assert {file.name for file in FILES} <= {each.name for each in folder.path.iterdir()}
    sources = [*folder.path.rglob("*.py")]
    assert len(sources) > 5
    assert [each for each in sources if not Path(cache_from_source(str(each))).is_file()] == []
    assert (folder.path / InsideFolder.AUTHORITY).read_text() == "a certificate"


def test_every_user_can_read_it(tmp_path: Path) -> None:
    folder = InsideFolder(tmp_path / "runtime", authority="")
    folder.make_ready(PYTHON)
    assert [each for each in folder.path.rglob("*") if not each.stat().st_mode & 0o004] == []


def test_what_another_embedded_cloud_has_left_is_replaced(tmp_path: Path) -> None:
    left = tmp_path / "runtime" / "left.py"
    left.parent.mkdir()
    left.write_text("1/0")
    InsideFolder(left.parent, authority="").make_ready(PYTHON)
    assert not left.exists()


def test_a_python_that_cannot_compile_does_no_harm(tmp_path: Path) -> None:
    folder = InsideFolder(tmp_path / "runtime", authority="")
    folder.make_ready(Path("/bin/false"))
    folder.make_ready(tmp_path / "none")
    folder.make_ready(PYTHON)
    assert [*folder.path.rglob("*.pyc")]
