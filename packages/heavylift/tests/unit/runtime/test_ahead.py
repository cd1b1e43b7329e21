"""Modules that are imported before anything of the applib is there."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from heavylift.runtime.ahead import LIST_NAME, dump_list, import_ahead, read_list

STANDARD = "colorsys"  # a module that nothing here needs


@pytest.fixture(autouse=True)
def _modules(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delitem(sys.modules, STANDARD, raising=False)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def code(tmp_path: Path) -> Path:
    (tmp_path / "heavylift").mkdir()
    (tmp_path / LIST_NAME).write_bytes(dump_list("applib/a.zip", ["b", "a.c"]))
    return tmp_path


def test_the_list_counts_for_the_applib_that_it_was_made_with(code: Path) -> None:
    assert read_list(code, {"AppLibObject": "applib/a.zip"}) == ["b", "a.c"]
    assert read_list(code, {"AppLibObject": "applib/other.zip"}) == []
    assert read_list(code, {}) == []


def test_without_a_list_nothing_is_imported_ahead(tmp_path: Path) -> None:
    assert read_list(tmp_path, {"AppLibObject": "applib/a.zip"}) == []


@pytest.mark.parametrize(
    "damaged", [b"", b'{"applib": "applib/a.zip", "modu', b"[]", b'{"applib": "applib/a.zip"}', b"\xff"]
)
def test_a_damaged_list_is_as_none_and_a_line_says_so(
    code: Path, damaged: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    (code / LIST_NAME).write_bytes(damaged)
    assert read_list(code, {"AppLibObject": "applib/a.zip"}) == []
    assert capsys.readouterr().err.startswith(f"heavylift: {code / LIST_NAME} is damaged; ")


def test_modules_of_the_standard_library_and_vendored_ones_are_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "brought.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    import_ahead([STANDARD, "xml.dom.minidom", "brought"], str(tmp_path))
    assert {STANDARD, "xml.dom.minidom", "brought"} <= sys.modules.keys()


def test_a_module_of_the_functions_own_is_left_to_it_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (STANDARD, "own"):
        (tmp_path / f"{name}.py").touch()
    (tmp_path / "spread").mkdir()  # a namespace package
    monkeypatch.syspath_prepend(str(tmp_path))
    import_ahead([STANDARD, "own", "spread"], "/none")
    assert not {STANDARD, "own", "spread"} & sys.modules.keys()


def test_what_fails_is_met_again_by_the_import_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "broken.py").write_text("raise RuntimeError('as ever')")
    monkeypatch.syspath_prepend(str(tmp_path))
    import_ahead(["broken", "none_such", "xml.none_such", STANDARD], str(tmp_path))
    assert STANDARD in sys.modules
    with pytest.raises(RuntimeError, match="as ever"):
        importlib.import_module("broken")
