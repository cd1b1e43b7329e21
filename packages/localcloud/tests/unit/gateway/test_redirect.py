"""What is done with modules once they are imported."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Iterator
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

import pytest

from localcloud.gateway.redirect import when_imported


@pytest.fixture(autouse=True)
def finders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "awaited_module.py").write_text("VALUE = 1\n")
    yield
    sys.modules.pop("awaited_module", None)


def test_a_module_that_is_imported_already_is_acted_on_at_once() -> None:
    seen: list[ModuleType] = []
    when_imported("json", seen.append)
    assert seen == [sys.modules["json"]]


def test_a_module_is_acted_on_after_its_import_and_has_its_own_loader_then() -> None:
    seen: list[int] = []
    when_imported("awaited_module", lambda module: seen.append(module.VALUE))
    assert seen == []
    module = importlib.import_module("awaited_module")
    assert seen == [1]
    assert module.__spec__ is not None
    assert type(module.__loader__) is type(module.__spec__.loader) is SourceFileLoader


def test_looking_for_a_module_without_importing_it_changes_nothing() -> None:
    seen: list[ModuleType] = []
    when_imported("awaited_module", seen.append)
    spec = importlib.util.find_spec("awaited_module")
    assert spec is not None
    assert spec.loader.get_source("awaited_module") == "VALUE = 1\n"  # type: ignore[union-attr] # what the loader has
    assert seen == []
    module = importlib.import_module("awaited_module")
    assert seen == [module]


def test_a_module_that_is_executed_anew_is_acted_on_anew() -> None:
    seen: list[ModuleType] = []
    when_imported("awaited_module", seen.append)
    module = importlib.import_module("awaited_module")
    importlib.reload(module)
    assert seen == [module, module]


def test_two_modules_may_be_awaited_and_one_that_is_not_there_is_not_found(tmp_path: Path) -> None:
    seen: list[str] = []
    when_imported("awaited_module", lambda module: seen.append(module.__name__))
    when_imported("awaited_missing", lambda module: seen.append(module.__name__))
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("awaited_missing")
    importlib.import_module("awaited_module")
    assert seen == ["awaited_module"]
