"""`textwrap.dedent` in a start: the same function, with the same results and errors."""

from __future__ import annotations

import importlib
import sys
import textwrap
from pathlib import Path
from textwrap import dedent

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from heavylift.runtime.dedent import dedented_by_lines

CHARACTERS = st.sampled_from([*" \t\n\r\x0b\x0c\x1c\x85\xa0\u2028a", "\n  ", "\n\t "])


@settings(deadline=None)
@given(st.lists(CHARACTERS, max_size=30).map("".join))
@example("  a\n\n   \n  b\n")
@example("\n    \x0c\n      a")
def test_whatever_the_text_it_is_dedented_as_ever(text: str) -> None:
    expected = dedent(text)
    with dedented_by_lines():
        assert dedent(text) == expected


@settings(deadline=None)
@given(st.text())
def test_any_text_is_dedented_as_ever(text: str) -> None:
    expected = dedent(text)
    with dedented_by_lines():
        assert dedent(text) == expected


@pytest.mark.parametrize("wrong", [None, 3, b"  a", ["a"]])
def test_what_is_no_text_is_refused_with_the_same_words(wrong: object) -> None:
    with pytest.raises(TypeError) as expected:
        dedent(wrong)  # type: ignore[arg-type]
    with dedented_by_lines(), pytest.raises(TypeError) as found:
        dedent(wrong)  # type: ignore[arg-type]
    assert str(found.value) == str(expected.value)


def test_a_subclass_of_str_becomes_a_str() -> None:
    class Text(str):
        __slots__ = ()

        def split(self, *_: object, **__: object) -> list[str]:
            raise AssertionError

    with dedented_by_lines():
        assert dedent(Text("  a\n  b")) == "a\nb"
        assert type(dedent(Text("a"))) is str


def test_it_is_the_same_function_and_has_its_own_code_after_the_start() -> None:
    function, code = textwrap.dedent, dedent.__code__
    with dedented_by_lines():
        assert textwrap.dedent is function
        assert function.__code__ is not code
    assert function.__code__ is code


def test_a_module_of_the_functions_own_by_that_name_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "textwrap.py").write_text("def dedent(text):\n    return 'mine'\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "textwrap")
    with dedented_by_lines():
        assert "textwrap" not in sys.modules
        own = importlib.import_module("textwrap")
    with dedented_by_lines():
        assert own.dedent("  a") == "mine"
