"""Regular expressions of a start that were compiled when it was built: the same patterns, from a table."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from heavylift.runtime.patterns import TABLE_NAME, compile_pattern, compiler, dump_table, patterns_of, precompiled

FLAGS = [re.I, re.M, re.S, re.X, re.A]
PIECES = st.sampled_from(
    [
        *("a", "é", "ß", "\ud800", "\\d", "\\W", "\\b", ".", "^", "$", " ", "#x\n", "\\\\", "|"),
        *(
            "[a-z]",
            "[^\\s-]",
            "[\\x00-\\U0010ffff]",
            "*",
            "+?",
            "{2,3}",
            "(",
            ")",
            "(?:",
            "(?P<n>",
            "(?P=n)",
            "(?=",
            "(?<!",
        ),
        *("\\1", "(?i)", "(?s:", "(?(1)", "(?P<m>", "(?>", "++"),
    ]
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)
SOURCES = st.tuples(
    st.one_of(TEXTS, TEXTS.map(lambda text: text.encode("latin-1", "ignore"))),
    st.lists(st.sampled_from(FLAGS), unique=True).map(lambda flags: sum(map(int, flags))),
)


def write_table(folder: Path, *sources: tuple[str | bytes, int]) -> None:
    (folder / "heavylift").mkdir()
    (folder / TABLE_NAME).write_bytes(dump_table(sources))


@contextmanager
def table_of(folder: Path, *sources: tuple[str | bytes, int]) -> Iterator[list[object]]:
    """Start with a table of some patterns, and give those that are compiled nevertheless."""
    compiled: list[object] = []
    original = compiler.compile

    def noting(pattern: object, flags: int = 0) -> object:
        compiled.append(pattern)
        return original(pattern, flags)

    write_table(folder, *sources)
    with pytest.MonkeyPatch.context() as change:
        change.setattr(compiler, "compile", noting)
        re.purge()
        with precompiled(folder):
            yield compiled
        re.purge()


def test_a_pattern_in_the_table_is_not_compiled_and_equals_the_compiled_one(tmp_path: Path) -> None:
    text = r"(?P<year>\d{4})-(?P<month>\d\d)(?i:x)?"
    expected = re.compile(text, re.ASCII)
    with table_of(tmp_path, (text, int(re.ASCII)), (text.encode(), 0)) as compiled:
        found = re.compile(text, re.ASCII)
        assert re.compile(text, re.ASCII) is found  # from the cache of `re`
        assert re.match(text.encode(), b"2026-11X")
        assert compiled == []
        assert found is not expected
        assert found == expected
        assert (found.flags, found.groups, found.groupindex) == (expected.flags, 2, {"year": 1, "month": 2})
        match = found.fullmatch("2026-11X")
        assert match
        assert match.lastgroup == "month"


def test_a_pattern_that_is_not_in_the_table_is_compiled_as_ever(tmp_path: Path) -> None:
    with table_of(tmp_path, ("a+", 0)) as compiled:
        assert re.compile("a+", re.I).match("A")
        assert re.compile(b"a+").match(b"a")
        with pytest.raises(re.error) as told:
            re.compile("+")
        assert compiled == ["a+", b"a+", "+"]
    assert "nothing to repeat" in str(told.value)


def test_a_subclass_of_str_is_compiled_as_it_is(tmp_path: Path) -> None:
    class Text(str):
        __slots__ = ()

    with table_of(tmp_path, ("a+", 0)) as compiled:
        assert re.compile(Text("a+")).pattern.__class__ is Text
        assert len(compiled) == 1


def test_flags_that_are_none_are_refused_as_ever(tmp_path: Path) -> None:
    with table_of(tmp_path, ("a+", 0)), pytest.raises(TypeError, match="unsupported operand"):
        compiler.compile("a+", 0.0)


def test_after_the_start_patterns_are_compiled_again(tmp_path: Path) -> None:
    before = compiler.compile
    with table_of(tmp_path, ("a+", 0)):
        assert compiler.compile is not before
    assert compiler.compile is before


def test_what_others_put_into_its_place_during_the_start_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiler, "compile", compiler.compile)
    write_table(tmp_path, ("a+", 0))
    with precompiled(tmp_path):
        ours = compiler.compile
        compiler.compile = theirs = lambda *arguments: ours(*arguments)
    assert compiler.compile is theirs


@pytest.mark.parametrize("of", ["another compiler", "no table", "no compiler's source"])
def test_without_a_table_of_this_compiler_nothing_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: str
) -> None:
    before = compiler.compile
    if of != "no table":
        write_table(tmp_path, ("a+", 0))
        source = tmp_path / "compiler.py"
        if of == "another compiler":
            source.write_bytes(b"MAGIC = 1")
        monkeypatch.setattr(compiler, "__file__", str(source))
    with precompiled(tmp_path):
        assert compiler.compile is before


@settings(deadline=None)
@given(st.data())
def test_a_damaged_table_is_as_none_and_a_line_says_so(data: st.DataObject) -> None:
    table = dump_table([("(?P<held>a+)b", 0), (b"c", 0)])
    place = data.draw(st.integers(0, len(table) - 1))
    damaged = table[:place]
    if data.draw(st.booleans(), "a byte is another one; else, the rest is missing"):
        damaged += bytes([table[place] ^ data.draw(st.integers(1, 255))]) + table[place + 1 :]
    before = compiler.compile
    with TemporaryDirectory() as folder, redirect_stderr(StringIO()) as log:
        path = Path(folder, TABLE_NAME)
        path.parent.mkdir()
        path.write_bytes(damaged)
        with precompiled(Path(folder)):
            assert compiler.compile is before
    assert log.getvalue().startswith(f"heavylift: {path} is damaged; ")
    with pytest.raises(ValueError, match="not what its hash"):
        patterns_of(damaged)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("text", "flags"),
    [("[[a]", 0), (b"\\w", int(re.LOCALE)), (b"(?L)\\w", 0), ("a", int(re.DEBUG)), ("+", 0)],
    ids=["warns", "locale", "inline locale", "prints", "fails"],
)
def test_a_pattern_whose_compilation_does_more_is_in_no_table(text: str | bytes, flags: int) -> None:
    assert compile_pattern(text, flags) is None
    assert patterns_of(dump_table([(text, flags), ("a", 0)])) == {("a", 0)}


def test_the_same_patterns_give_the_same_table() -> None:
    sources: list[tuple[str | bytes, int]] = [("(?P<one>a)", 0), ("".join(["(?P<", "one>a)b"]), 0), (b"a", 0)]
    assert dump_table([("(?P<one>a)b", 0), (b"a", 0), ("(?P<one>a)", 0)]) == dump_table(sources)


@settings(deadline=None)
@given(
    SOURCES,
    st.lists(st.sampled_from(["a", "é", "ß", "A", "1", " ", "_", "\n", "x", "\ud800"]), max_size=8).map("".join),
)
def test_whatever_the_pattern_it_is_what_the_compiler_makes(source: tuple[str | bytes, int], subject: str) -> None:
    text, flags = source
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            expected = compiler.compile(text, flags)
        except (re.error, Warning, OverflowError, ValueError, RecursionError):
            assert compile_pattern(text, flags) is None
            return
    with TemporaryDirectory() as folder, table_of(Path(folder), source) as compiled:
        found = compiler.compile(text, flags)
        assert compiled == []
    assert found == expected
    assert (found.groups, found.groupindex) == (expected.groups, expected.groupindex)
    where = subject if isinstance(text, str) else subject.encode("latin-1", "ignore")
    assert results(found, where) == results(expected, where)


def results(pattern: re.Pattern[Any], subject: str | bytes) -> list[object]:
    matches = (pattern.match(subject), pattern.search(subject), pattern.fullmatch(subject))
    return [match and (match.span(), match.groups(), match.groupdict(), match.lastgroup) for match in matches]
