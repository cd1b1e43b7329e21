"""Modules that are executed when they are first used: one execution, whoever comes first, and ordinary modules afterwards."""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from heavylift.contracts.failures import InvalidArchiveError
from heavylift.runtime.bytecode import TABLE_NAME, dump_bytecode, install

Library = Callable[..., SimpleNamespace]  # makes modules: sources by name, and the names of those that are lazy


@pytest.fixture
def library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """Return what makes modules that can be imported; each may `import log` and append to its `seen`."""
    log = ModuleType("log")
    log.__dict__["seen"] = []
    monkeypatch.setitem(sys.modules, "log", log)
    for name in ("path_hooks", "path_importer_cache"):
        monkeypatch.setattr(sys, name, getattr(sys, name).copy())
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def make(sources: dict[str, str], lazy: list[str]) -> SimpleNamespace:
        for name, text in sources.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(f"import log\nlog.seen.append(__name__)\n{text}")
        for name, content in dump_bytecode({}, (), lazy)[0].items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_bytes(content)
        install(tmp_path)
        return SimpleNamespace(log=log, seen=log.__dict__["seen"], folder=tmp_path)

    yield make
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_module_is_executed_when_something_of_it_is_first_used(library: Library) -> None:
    made = library({"api.py": "value = 1\n", "other.py": ""}, ["api.py"])
    api, _ = importlib.import_module("api"), importlib.import_module("other")
    assert api.__spec__ is not None
    assert (made.seen, api.__name__, api.__spec__.name) == (["other"], "api", "api")
    assert api.value == 1
    assert importlib.import_module("api") is api
    assert made.seen == ["other", "api"]
    assert type(api) is ModuleType


def test_a_name_that_a_module_has_not_is_an_attribute_error(library: Library) -> None:
    library({"api.py": ""}, ["api.py"])
    with pytest.raises(AttributeError, match="module 'api' has no attribute 'none'"):
        importlib.import_module("api").none  # noqa: B018 - the look-up is what is tested
    with pytest.raises(ImportError, match="cannot import name 'none'"):
        exec("from api import none")


@pytest.mark.parametrize(
    "use", ["from api import value", "import api; dir(api)", "import api; vars(api)", "import api.part"]
)
def test_every_way_to_look_into_a_module_executes_it(library: Library, use: str) -> None:
    made = library({"api/__init__.py": "value = 1\n", "api/part.py": ""}, ["api/__init__.py"])
    exec(use)
    assert made.seen[0] == "api"


def test_what_is_set_before_a_modules_execution_is_there(library: Library) -> None:
    made = library({"api.py": "value = 1\n"}, ["api.py"])
    api: Any = importlib.import_module("api")
    api.more = 2
    assert made.seen == []
    assert (api.value, api.more) == (1, 2)
    del api.more
    assert not hasattr(api, "more")


def test_modules_that_name_each_other_are_executed_once(library: Library) -> None:
    made = library(
        {
            "a.py": "import b\nfrom b import two\none = 1\n",
            "b.py": "import a\ntwo = 2\n\ndef sum(): return a.one + two\n",
        },
        ["a.py", "b.py"],
    )
    assert importlib.import_module("b").sum() == 3
    assert sorted(made.seen) == ["a", "b"]


def test_an_exception_reaches_whoever_uses_the_module_and_the_next_use_tries_again(library: Library) -> None:
    made = library({"api.py": "if len(log.seen) == 1:\n    raise OSError('away')\nvalue = 1\n"}, ["api.py"])
    api = importlib.import_module("api")
    with pytest.raises(OSError, match="away"):
        api.value  # noqa: B018 - the look-up is what is tested
    assert api.value == 1
    assert made.seen == ["api", "api"]


def test_a_second_thread_waits_for_the_first_and_sees_all_of_the_module(library: Library) -> None:
    made = library({"api.py": "log.begun.set()\nassert log.go.wait(20)\nvalue = 1\n"}, ["api.py"])
    made.log.begun, made.log.go = threading.Event(), threading.Event()
    api, found = importlib.import_module("api"), []
    threads = [threading.Thread(target=lambda: found.append(api.value)) for _ in range(2)]
    threads[0].start()
    assert made.log.begun.wait(20)
    threads[1].start()
    made.log.go.set()
    for thread in threads:
        thread.join(20)
    assert found == [1, 1]
    assert made.seen == ["api"]


def test_threads_that_wait_for_each_others_modules_go_on(library: Library) -> None:
    source = "log.both.wait(20)\nimport {other}\nvalue = getattr({other}, 'value', None)\n"
    made = library({"a.py": source.format(other="b"), "b.py": source.format(other="a")}, ["a.py", "b.py"])
    made.log.both = threading.Barrier(2)
    modules = [importlib.import_module(name) for name in "ab"]
    threads = [threading.Thread(target=lambda each=each: each.value) for each in modules]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    assert sorted(made.seen) == ["a", "b"]


def test_a_list_that_holds_no_paths_is_refused(library: Library) -> None:
    made = library({}, [])
    (made.folder / TABLE_NAME).write_text('{"modules": {}, "lazy": [1]}')
    with pytest.raises(InvalidArchiveError, match="damaged"):
        install(made.folder)
