"""Laws of SLS: the wire format is the official SDK's, and searches and analyses find what simpler ones find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from aliyun.log.log_logs_pb2 import LogGroup as OfficialGroup
from aliyun.log.log_logs_pb2 import LogGroupList
from hypothesis import given
from hypothesis import strategies as st

from localcloud.sls.analysis.execution import run
from localcloud.sls.analysis.parsing import parse as parse_statement
from localcloud.sls.analysis.translation import translate
from localcloud.sls.analysis.types import BIGINT, DOUBLE, VARCHAR, show
from localcloud.sls.errors import SlsError
from localcloud.sls.model import NANOSECONDS, Log, LogGroup
from localcloud.sls.operations.assignment import Assignment
from localcloud.sls.search.index import Rules
from localcloud.sls.search.matching import compile_query
from localcloud.sls.search.parsing import parse
from localcloud.sls.wire import add_logs, read_group, write_group, write_list, write_log

texts = st.text(max_size=20)
pairs = st.lists(st.tuples(texts, texts), max_size=4).map(tuple)
logs = st.builds(Log, time=st.integers(0, 2**32 * NANOSECONDS - 1), contents=pairs)
groups = st.builds(LogGroup, topic=texts, source=texts, tags=pairs, logs=st.lists(logs, max_size=4).map(tuple))


def official(group: LogGroup) -> OfficialGroup:
    message = OfficialGroup(Topic=group.topic, Source=group.source)
    for key, value in group.tags:
        message.LogTags.add(Key=key, Value=value)
    for log in group.logs:
        seconds, nanoseconds = divmod(log.time, NANOSECONDS)
        written = message.Logs.add(Time=seconds)
        if nanoseconds:
            written.Time_ns = nanoseconds
        for key, value in log.contents:
            written.Contents.add(Key=key, Value=value)
    return message


@given(groups)
def test_what_the_official_sdk_writes_is_read(group: LogGroup) -> None:
    assert read_group(official(group).SerializeToString(), max_logs=4) == group


@given(st.lists(groups, max_size=3))
def test_the_official_sdk_reads_what_is_written(written: list[LogGroup]) -> None:
    read = LogGroupList()
    read.ParseFromString(write_list(map(write_group, written)))
    assert list(read.LogGroups) == [official(group) for group in written]


@given(groups)
def test_a_group_is_its_head_and_its_logs(group: LogGroup) -> None:
    head = write_group(LogGroup(topic=group.topic, source=group.source, tags=group.tags))
    assert add_logs(head, map(write_log, group.logs)) == write_group(group)


@given(st.binary(max_size=100))
def test_any_bytes_are_a_group_or_are_refused(content: bytes) -> None:
    try:
        group = read_group(content, max_logs=100)
    except ValueError:
        return
    assert read_group(write_group(group), max_logs=100) == group


# A query as a tree of its own, which knows how it is written and, naively, what it finds.
WORDS = ("a", "b", "ab", "ba", "abc")
KEYS = ("k1", "k2")


@dataclass(frozen=True)
class Query:
    text: str
    found: frozenset[int]


def fields_of(number: int) -> tuple[tuple[str, str], ...]:
    """Return one of 240 logs: texts of two fields, each of them any of the words or none, and a number."""
    first, second, third = number % 6, number // 6 % 6, number // 36
    chosen = [("k1", ("", *WORDS)[first]), ("k2", " ".join(("", *WORDS)[: second + 1]).strip())]
    return (*chosen, ("n", str(third)))


ALL = range(216)
LOGS = [fields_of(number) for number in ALL]
INDEX = Rules.of(
    {
        "line": {"token": [" "]},
        "keys": {**{key: {"type": "text", "token": [" "]} for key in KEYS}, "n": {"type": "long"}},
    }
)


def words_of(number: int, key: str = "") -> set[str]:
    return {word for name, value in LOGS[number] if name in ((key,) if key else KEYS) for word in value.split()}


def leaf(text: str, finds: list[int]) -> Query:
    return Query(text, frozenset(finds))


words = st.sampled_from(WORDS)
leaves = st.one_of(
    st.just(leaf("*", [*ALL])),
    words.map(lambda word: leaf(word, [each for each in ALL if word in words_of(each)])),
    words.map(
        lambda word: leaf(f"{word}*", [each for each in ALL if any(one.startswith(word) for one in words_of(each))])
    ),
    st.tuples(st.sampled_from(KEYS), words).map(
        lambda pair: leaf(f"{pair[0]}:{pair[1]}", [each for each in ALL if pair[1] in words_of(each, pair[0])])
    ),
    st.tuples(st.sampled_from(KEYS), words, words).map(
        lambda three: leaf(
            f'{three[0]}:"{three[1]} {three[2]}"',
            [each for each in ALL if {three[1], three[2]} <= words_of(each, three[0])],
        )
    ),
    st.tuples(words, words).map(
        lambda two: leaf(
            f'#"{two[0]} {two[1]}"',
            [each for each in ALL if any(f"{two[0]} {two[1]}" in value for _, value in LOGS[each])],
        )
    ),
    st.integers(0, 6).map(lambda n: leaf(f"n>={n}", [each for each in ALL if int(LOGS[each][2][1]) >= n])),
    st.tuples(st.integers(0, 6), st.integers(0, 6)).map(
        lambda two: leaf(
            f"n in [{two[0]} {two[1]})", [each for each in ALL if two[0] <= int(LOGS[each][2][1]) < two[1]]
        )
    ),
)


def larger(inner: st.SearchStrategy[Query]) -> st.SearchStrategy[Query]:
    two = st.tuples(inner, inner)
    return st.one_of(
        inner.map(lambda one: Query(f"not ({one.text})", frozenset(ALL) - one.found)),
        two.map(lambda each: Query(f"({each[0].text}) and ({each[1].text})", each[0].found & each[1].found)),
        two.map(lambda each: Query(f"({each[0].text}) ({each[1].text})", each[0].found & each[1].found)),
        two.map(lambda each: Query(f"({each[0].text} OR {each[1].text})", each[0].found | each[1].found)),
        two.map(lambda each: Query(f"({each[0].text}) not ({each[1].text})", each[0].found - each[1].found)),
    )


@given(st.recursive(leaves, larger, max_leaves=8))
def test_a_query_finds_what_a_simpler_search_finds(query: Query) -> None:
    matches = compile_query(parse(query.text), INDEX)
    assert {each for each in ALL if matches(LOGS[each])} == query.found


@given(st.text(alphabet='ab*? :()[]"\\<>=!|#.\nandortin0k1', max_size=30))
def test_any_text_is_a_query_or_is_refused(text: str) -> None:
    try:
        matches = compile_query(parse(text), INDEX)
    except SlsError as error:
        assert error.code in {"InvalidQueryString", "ParameterInvalid", "NotImplemented"}  # noqa: PT017 - either is right
        return
    for fields in LOGS[:10]:
        matches(fields)


@pytest.mark.parametrize("query", ["a b or ab", "ab or a b", "a b or a b"])
def test_and_binds_closer_than_or(query: str) -> None:
    first, _, second = query.partition(" or ")
    matches = compile_query(parse(query), INDEX)
    found = {each for each in ALL if any(set(side.split()) <= words_of(each) for side in (first, second))}
    assert {each for each in ALL if matches(LOGS[each])} == found


STEPS = st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["beat", "finish", "die"])), max_size=60)


@given(STEPS, st.integers(0, 7))
def test_no_shard_is_read_by_two_consumers_and_all_are_shared_evenly(steps: list[tuple[str, str]], count: int) -> None:
    """Consumers beat, end with shards that they are to leave, and die, in any order; at last those that live settle it."""
    assignment, shards, now = Assignment(), [*range(count)], 0.0
    told: dict[str, set[int]] = {}
    reads: dict[str, set[int]] = {}

    def beat(name: str) -> None:
        told[name] = {*assignment.beat(name, reads.setdefault(name, set()), shards, now=now, timeout=10)}
        reads[name] |= told[name]
        assert sum(map(len, reads.values())) == len(set[int]().union(*reads.values()))

    for name, step in steps:
        if step == "beat":
            beat(name)
        elif name in reads and step == "finish":
            reads[name] &= told[name]
        elif name in reads:
            del reads[name], told[name]
            for _ in range(2):  # the others live on, until it is taken for gone
                now += 6
                for other in [*reads]:
                    beat(other)
    for _ in range(2 * len(reads) + 1):
        for name in [*reads]:
            beat(name)
            reads[name] &= told[name]
    held = [len(each) for each in told.values()]
    assert sum(held) == (count if held else 0)
    assert max(held, default=0) - min(held, default=0) <= 1


# An analysis, with a plain one beside it.
Row = tuple[str | None, int | None]  # of the columns k and n
ROWS = st.lists(
    st.tuples(st.none() | st.sampled_from(["a", "b", "B", "ä", ""]), st.none() | st.integers(-5, 5)), max_size=20
)
COLUMNS = {"k": VARCHAR, "n": BIGINT}


def analyze(statement: str, rows: list[Row]) -> list[list[str]]:
    translated = translate(parse_statement(statement), {"log": COLUMNS}, default="log", now=0)
    return run(
        translated, lambda _, names: [tuple(dict(zip("kn", row, strict=True))[name] for name in names) for row in rows]
    )


def last(value: Any) -> tuple[bool, Any]:
    """Return what orders values so that null is the last one."""
    return value is None, value if value is not None else 0


CONDITIONS: list[tuple[str, Callable[[Row], bool]]] = [
    ("n > 1", lambda row: row[1] is not None and row[1] > 1),
    ("n IS NULL OR k = 'a'", lambda row: row[1] is None or row[0] == "a"),
    ("NOT (n = 2)", lambda row: row[1] is not None and row[1] != 2),
    ("k IN ('a', 'B') AND n BETWEEN -2 AND 3", lambda row: row[0] in ("a", "B") and row[1] in range(-2, 4)),
    ("k LIKE '_' AND n % 2 = 0", lambda row: row[0] is not None and len(row[0]) == 1 and row[1] is not None and row[1] % 2 == 0),
    ("true", lambda row: True),
]  # fmt: skip
KEYS_BY: list[tuple[str, Callable[[Row], Any]]] = [
    ("k", lambda row: row[0]),
    ("upper(k)", lambda row: row[0] and row[0].upper()),
    ("n / 2", lambda row: None if row[1] is None else int(row[1] / 2)),
    ("CASE WHEN n < 0 THEN 'less' ELSE k END", lambda row: "less" if row[1] is not None and row[1] < 0 else row[0]),
]


@given(ROWS, st.sampled_from(CONDITIONS), st.sampled_from(KEYS_BY), st.booleans(), st.integers(0, 4), st.integers(0, 2))
def test_an_analysis_finds_what_a_plainer_one_finds(
    rows: list[Row],
    condition: tuple[str, Callable[[Row], bool]],
    key: tuple[str, Callable[[Row], Any]],
    descending: bool,
    limit: int,
    least: int,
) -> None:
    """Groups are counted, summed up, chosen, ordered by their sums and then their keys, and cut."""
    groups: dict[Any, list[int | None]] = {}
    for row in filter(condition[1], rows):
        groups.setdefault(key[1](row), []).append(row[1])
    table = []
    for name, values in groups.items():
        known = [value for value in values if value is not None]
        if len(values) > least:
            table.append((name, len(values), sum(known) if known else None, max(known, default=None), len({*known})))
    table.sort(key=lambda each: last(each[0]))
    table.sort(key=lambda each: last(each[2] if each[2] is None or not descending else -each[2]))
    expected = [["null" if value is None else str(value) for value in each] for each in table[:limit]]
    statement = (
        f"SELECT {key[0]} AS key, count(*), sum(n) AS total, max(n), count(DISTINCT n) FROM log WHERE {condition[0]} "
        f"GROUP BY key HAVING count(*) > {least} ORDER BY total{' DESC' if descending else ''}, 1 LIMIT {limit}"
    )
    assert analyze(statement, rows) == expected


WORDS_OF_SQL = """
select from log where group by having order limit distinct count ( ) * , k n 'a' 1 1.5 + - / || = < and or not null as x in like
over case when then end cast bigint [ ] . " ; array try interval day now
"""


@given(st.lists(st.sampled_from(WORDS_OF_SQL.split()), max_size=25), st.booleans())
def test_any_statement_has_an_answer_or_is_refused(words: list[str], begins: bool) -> None:
    statement = " ".join(["select", *words] if begins else words)
    try:
        analyze(statement, [("a", 1), (None, None)])
    except SlsError as error:
        assert error.code in {"ParameterInvalid", "NotImplemented"}  # noqa: PT017 - either is right
        assert "cannot be run" not in error.message  # noqa: PT017 - what is not right is seen before


@given(st.text(max_size=60))
def test_any_text_is_a_statement_or_is_refused(text: str) -> None:
    try:
        parse_statement(f"select {text}")
    except SlsError as error:
        assert error.code in {"ParameterInvalid", "NotImplemented"}  # noqa: PT017 - either is right


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_that_is_shown_is_that_number(number: float) -> None:
    shown = show(number, DOUBLE)
    assert float(shown) == number
    assert ("E" in shown) is (number != 0 and not 1e-3 <= abs(number) < 1e7)
