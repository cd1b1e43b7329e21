"""The list of modules that a code package imports ahead: made for one applib, and only where nothing speaks against it."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest

from heavylift.build.ahead import Ahead, ahead_list

AHEAD = Ahead(("json.tool", "requests"), ("brotli", "org"))


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    (folder / "heavylift").mkdir(parents=True)
    (folder / "vendor" / "requests").mkdir(parents=True)
    for name in ("loader.py", "index.py"):
        (folder / name).touch()
    return folder


def archive(folder: Path, *names: str) -> Path:
    with zipfile.ZipFile(folder / "a.zip", "w") as file:
        for name in names:
            file.writestr(name, "")
    return folder / "a.zip"


def test_a_code_package_imports_ahead_for_its_own_applib(tmp_path: Path, code: Path) -> None:
    content = ahead_list(AHEAD, code, archive(tmp_path, "numpy/json.py.zst", "requests/api.py.zst"), "applib/a.zip")
    assert content
    assert json.loads(content) == {"applib": "applib/a.zip", "modules": ["json.tool", "requests"]}


@pytest.mark.parametrize("name", ["json/__init__.py.zst", "brotli.cpython-310-x86.so.zst", "org/"])
def test_nothing_is_imported_ahead_where_the_applib_has_such_a_module(tmp_path: Path, code: Path, name: str) -> None:
    assert ahead_list(AHEAD, code, archive(tmp_path, "six.py.zst", name), "applib/a.zip") is None


@pytest.mark.parametrize("name", ["json.py", "brotli.py", "org"])
def test_nothing_is_imported_ahead_where_the_function_has_such_a_module(tmp_path: Path, code: Path, name: str) -> None:
    (code / name).touch()
    assert ahead_list(AHEAD, code, archive(tmp_path, "six.py.zst"), "applib/a.zip") is None


def test_what_was_not_recorded_has_no_list(tmp_path: Path, code: Path) -> None:
    assert ahead_list(Ahead(), code, archive(tmp_path, "six.py.zst"), "applib/a.zip") is None
