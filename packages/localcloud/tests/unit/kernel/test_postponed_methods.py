"""Dataclasses whose methods are postponed: from the first value on, they are what `dataclass` makes."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import sys
import threading
from types import ModuleType
from typing import Any

import pytest

from localcloud.kernel.postponed_methods import postponed_methods

SOURCE = """
from __future__ import annotations
from dataclasses import dataclass, field
from typing import ClassVar, Protocol

@dataclass(frozen=True, kw_only=True, slots=True)
class Point:
    '''A point.'''
    x: int
    y: int = 2
    tags: dict[str, str] = field(default_factory=dict, repr=False)
    @property
    def sum(self) -> int:
        return self.x + self.y
    def __eq__(self, other: object) -> bool:
        return isinstance(other, Point) and self.x == other.x

@dataclass(frozen=True, slots=True)
class Pair:
    left: int
    right: int = field(default=5, hash=False)

@dataclass(frozen=True, slots=True)
class Triple(Pair):
    right: int = 6
    last: int = 7

class Named(Protocol):
    name: str

@dataclass(frozen=True, slots=True)
class Checked(Named):
    name: str
    def __post_init__(self) -> None:
        if not self.name:
            raise ValueError("no name")

@dataclass(frozen=True, slots=True)
class Counted:
    count: int
    most: ClassVar[int] = 3
"""
NAMES = ["Point", "Pair", "Triple", "Checked", "Counted"]


def define(name: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    module = ModuleType(name)
    monkeypatch.setitem(sys.modules, name, module)
    exec(SOURCE, vars(module))
    return module


@pytest.fixture
def real(monkeypatch: pytest.MonkeyPatch) -> Any:
    return define("sample", monkeypatch)


@pytest.fixture
def postponed(monkeypatch: pytest.MonkeyPatch) -> Any:
    with postponed_methods("sample"):
        return define("sample", monkeypatch)


def described(cls: type) -> dict[str, object]:
    fields = [(field.name, field.kw_only, field.repr, field.hash) for field in dataclasses.fields(cls)]
    own = sorted(set(vars(cls)) - {"__abstractmethods__"})
    return {"own": own, "fields": fields, "signature": str(inspect.signature(cls)), "doc": cls.__doc__}


def test_methods_are_made_with_the_first_value(postponed: Any) -> None:
    assert "__repr__" not in vars(postponed.Pair)
    assert repr(postponed.Pair(1)) == "Pair(left=1, right=5)"
    assert "__repr__" in vars(postponed.Pair)


@pytest.mark.parametrize("name", NAMES)
def test_a_class_becomes_what_it_would_have_been(real: Any, postponed: Any, name: str) -> None:
    assert dataclasses.is_dataclass(getattr(postponed, name))
    assert described(getattr(postponed, name)) == described(getattr(real, name))


def test_values_are_values(postponed: Any) -> None:
    triple = postponed.Triple(1, last=3)
    assert triple == postponed.Triple(1, 6, 3) != postponed.Triple(1, 6, 4)
    assert hash(triple) == hash(postponed.Triple(1, 6, 3))
    assert dataclasses.replace(triple, left=2) == postponed.Triple(2, 6, 3)
    assert dataclasses.asdict(triple) == {"left": 1, "right": 6, "last": 3}
    with pytest.raises(dataclasses.FrozenInstanceError):
        triple.left = 2
    with pytest.raises(TypeError, match="unexpected keyword argument 'middle'"):
        postponed.Triple(1, middle=2)
    match triple:
        case postponed.Pair(left, right):
            assert (left, right) == (1, 6)
        case _:
            pytest.fail("a triple is a pair")


def test_methods_that_are_written_stay(postponed: Any) -> None:
    point = postponed.Point(x=1)
    assert point == postponed.Point(x=1, y=7)
    assert (point.sum, point.tags) == (3, {})
    assert point.tags is not postponed.Point(x=1).tags
    assert postponed.Counted(1).most == 3
    with pytest.raises(ValueError, match="no name"):
        postponed.Checked("")


def test_an_unpickled_value_is_whole_though_none_was_made_before(monkeypatch: pytest.MonkeyPatch) -> None:
    packed = pickle.dumps(define("sample", monkeypatch).Triple(1))
    with postponed_methods("sample"):
        module = define("sample", monkeypatch)
    read = pickle.loads(packed)
    assert type(read) is module.Triple
    assert read == module.Triple(1) == copy.copy(read)


def test_threads_that_make_the_first_values_find_whole_classes(postponed: Any) -> None:
    begin, made = threading.Barrier(8), []

    def make() -> None:
        begin.wait()
        made.append(postponed.Triple(1) == postponed.Triple(1, 6, 7))

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [True] * 8


def test_other_packages_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with postponed_methods("other"):
        module = define("sample", monkeypatch)
    assert "__repr__" in vars(module.Pair)
