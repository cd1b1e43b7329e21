"""Laws of SLS: the wire format is the official SDK's, and searches find what a simpler search finds."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from aliyun.log.log_logs_pb2 import LogGroup as OfficialGroup
from aliyun.log.log_logs_pb2 import LogGroupList
from hypothesis import given
from hypothesis import strategies as st

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
