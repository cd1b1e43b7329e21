"""Folders and lines that packages ask for by .pth files."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from heavylift.runtime.pathfiles import follow_path_files


@pytest.fixture(autouse=True)
def own_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])


def test_folders_that_are_there_come_behind_what_is_found_already(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "b.pth").write_text("# more\n\ninner\nabsent\n")
    (tmp_path / "a.pth").write_text(f"{sys.path[0]}\ninner\n")
    before = [*sys.path]
    assert follow_path_files(str(tmp_path)) == [str(tmp_path / "inner")]
    assert sys.path == [*before, str(tmp_path / "inner")]


def test_lines_are_executed_and_one_that_fails_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.pth").write_text("import absent_as_it_is\n")
    (tmp_path / "b.pth").write_text("import sys; sys.path.append(sitedir + '/named')\n")
    (tmp_path / "c.pth").write_text("import sys; sys.path.insert(0, sitedir + '/first')\n")
    assert follow_path_files(str(tmp_path)) == [f"{tmp_path}/first", f"{tmp_path}/named"]
    assert "a.pth" in capsys.readouterr().err


def test_a_folder_without_any_changes_nothing(tmp_path: Path) -> None:
    (tmp_path / ".hidden.pth").write_text("import absent_as_it_is\n")
    (tmp_path / "m.py").touch()
    before = [*sys.path]
    assert follow_path_files(str(tmp_path)) == []
    assert sys.path == before
