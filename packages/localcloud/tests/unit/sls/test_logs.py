"""Logs without HTTP: their order, their shards and cursors, expiry by the clock, the limit of the disk, and deletion."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.sls.errors import SlsError
from localcloud.sls.model import DAY, NANOSECONDS, Log, LogGroup, LogstoreSettings, ProjectSettings
from localcloud.sls.operations import logs as limits
from localcloud.sls.operations.logs import Search
from localcloud.sls.operations.service import SlsService
from localcloud.sls.store import logs as storage
from localcloud.sls.wire import read_group
from tests.support.clock import Clock

P, S = "project", "store"
INDEX: dict[str, Any] = {"line": {"token": [" "]}}


@pytest.fixture
def sls(sls: SlsService) -> SlsService:
    make_logstore(sls)
    return sls


def make_logstore(sls: SlsService, *, ttl: int = 30, shards: int = 2) -> None:
    sls.create_logstore(P, S, LogstoreSettings(ttl=ttl, shard_count=shards))
    sls.create_index(P, S, INDEX)


def group(*texts: str, at: float = 1000.0, topic: str = "") -> LogGroup:
    logs = [Log(time=int(at * NANOSECONDS), contents=(("text", text),)) for text in texts]
    return LogGroup(topic=topic, source="here", logs=logs)


def texts(sls: SlsService, query: str = "", *, topic: str = "", **given: Any) -> list[str]:
    span = {"begin": 0, "end": 2**32 * NANOSECONDS}
    search = Search(**{name: given.pop(name, value) for name, value in span.items()}, query=query, topic=topic)
    page = sls.get_logs(P, S, search, **{"offset": 0, "line": 100, "reverse": False, **given})
    return [dict(fields)["text"] for _, fields in page.logs]


def pulled(sls: SlsService, shard: int) -> list[str]:
    first, following = sls.begin_cursor(P, S, shard), sls.end_cursor(P, S, shard)
    return [f"{cursor - first}" for cursor in range(first, following)]


def test_logs_come_in_the_order_of_their_times_then_as_they_arrived(sls: SlsService) -> None:
    sls.put_logs(P, S, group("late", at=30))
    sls.put_logs(P, S, group("early", "early too", at=10.5))
    sls.put_logs(P, S, group("earliest", at=10.25))
    assert texts(sls) == ["earliest", "early", "early too", "late"]
    assert texts(sls, reverse=True) == ["late", "early too", "early", "earliest"]
    assert texts(sls, "early", reverse=True, offset=1, line=1) == ["early"]
    assert texts(sls, offset=2, line=1) == ["early too"]
    assert texts(sls, line=0) == []


def test_a_search_begins_with_its_first_moment_and_ends_before_its_last(sls: SlsService) -> None:
    for at in (9, 10, 19, 20):
        sls.put_logs(P, S, group(str(at), at=at))
    assert texts(sls, begin=10 * NANOSECONDS, end=20 * NANOSECONDS) == ["10", "19"]
    assert texts(sls, begin=10 * NANOSECONDS + 1, end=20 * NANOSECONDS + 1) == ["19", "20"]
    with pytest.raises(SlsError, match="time range is invalid"):
        texts(sls, begin=5, end=5)


def test_a_topic_narrows_a_search(sls: SlsService) -> None:
    for topic in ("", "a", "b"):
        sls.put_logs(P, S, group(f"of {topic}", topic=topic))
    assert texts(sls, topic="a") == ["of a"]
    assert texts(sls, "of", topic="b") == ["of b"]
    assert len(texts(sls, "of")) == 3


def test_a_search_needs_an_index(sls: SlsService) -> None:
    sls.put_logs(P, S, group("kept"))
    sls.delete_index(P, S)
    with pytest.raises(SlsError) as caught:
        texts(sls)
    assert caught.value.code == "IndexConfigNotExist"
    sls.create_index(P, S, INDEX)
    assert texts(sls, "kept") == ["kept"]


def test_a_histogram_counts_every_log_once(sls: SlsService) -> None:
    for at in (0, 59, 60, 61, 119, 599):
        sls.put_logs(P, S, group("a b" if at % 2 else "a", at=1000 + at))
    for query, total in (("", 6), ("a", 6), ("b", 4), ("c", 0)):
        search = Search(begin=1000 * NANOSECONDS, end=1600 * NANOSECONDS, query=query)
        intervals = sls.histogram(P, S, search)
        assert sum(each.count for each in intervals) == total
        assert all(each.complete for each in intervals)
        assert (intervals[0].begin, intervals[-1].end) == (1000, 1600)
        assert all(one.end == other.begin for one, other in pairwise(intervals))
    assert (
        len(sls.histogram(P, S, Search(begin=1000 * NANOSECONDS, end=1601 * NANOSECONDS))) == 55
    )  # of 11 s: 60 at most
    minutes = sls.histogram(P, S, Search(begin=1000 * NANOSECONDS, end=1600 * NANOSECONDS), step=60)
    assert [each.count for each in minutes] == [2, 3, 0, 0, 0, 0, 0, 0, 0, 1]


@pytest.mark.parametrize("query", ["", "a"])
@pytest.mark.parametrize(("begin", "end", "count"), [(10.1, 10.3, 1), (10.2, 12.3, 3), (10.3, 11, 0), (10, 12.2, 2)])
def test_a_histogram_ends_within_a_second_where_its_search_does(
    sls: SlsService, query: str, begin: float, end: float, count: int
) -> None:
    for moment in (10.2, 11.2, 12.2):
        sls.put_logs(P, S, group("a", at=moment))
    intervals = sls.histogram(
        P, S, Search(begin=int(begin * NANOSECONDS), end=int(end * NANOSECONDS), query=query), step=1
    )
    assert (intervals[0].begin, intervals[-1].end) == (int(begin), math.ceil(end))
    assert sum(each.count for each in intervals) == count


def test_a_search_that_takes_too_long_says_that_it_is_not_complete(
    sls: SlsService, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_TIME", -1.0)
    sls.put_logs(P, S, group("a"))
    search = Search(begin=0, end=2**32 * NANOSECONDS, query="b")
    assert not sls.get_logs(P, S, search, offset=0, line=1, reverse=False).complete
    assert not sls.histogram(P, S, search)[0].complete


def test_a_single_log_does_not_take_longer_than_a_search_may(sls: SlsService, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = itertools.count()  # each look at the clock takes one
    monkeypatch.setattr(limits, "time", SimpleNamespace(monotonic=lambda: float(next(seconds))))
    span = {"begin": 0, "end": 2**32 * NANOSECONDS}
    for length, is_complete in ((1, True), (limits.LARGE, False)):
        fields = [(f"{number}", "a" * length) for number in range(10)]
        sls.put_logs(P, S, LogGroup(topic=f"{length}", logs=[Log(time=NANOSECONDS, contents=fields)]))
        search = Search(**span, topic=f"{length}", query="b*")
        assert sls.get_logs(P, S, search, offset=0, line=1, reverse=False).complete is is_complete
        assert sls.histogram(P, S, search)[0].complete is is_complete


def test_an_answer_is_bounded_by_its_bytes(sls: SlsService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_ANSWER", 2500)
    for _ in range(9):
        sls.put_logs(P, S, group("x" * 1000))
    search = Search(begin=0, end=2**32 * NANOSECONDS)
    page = sls.get_logs(P, S, search, offset=0, line=100, reverse=False)
    assert (len(page.logs), page.complete) == (3, False)
    assert len(sls.get_logs(P, S, search, offset=0, line=3, reverse=False).logs) == 3


def test_a_hash_key_has_its_shard_and_other_groups_take_turns(sls: SlsService) -> None:
    low, high = sls.shards(P, S)
    assert (low.begin, low.end, high.end) == (0, high.begin, 2**128)
    for key, count in ((0, 1), (low.end - 1, 2), (high.begin, 3), (2**128 - 1, 4)):
        sls.put_logs(P, S, group("keyed"), key=key)
        assert len(pulled(sls, 0)) == min(count, 2)
    assert (len(pulled(sls, 0)), len(pulled(sls, 1))) == (2, 2)
    for _ in range(6):
        sls.put_logs(P, S, group("turn"))
    assert (len(pulled(sls, 0)), len(pulled(sls, 1))) == (5, 5)


def test_a_shard_is_read_from_a_cursor_on(sls: SlsService, clock: Clock) -> None:
    begin = sls.begin_cursor(P, S, 0)
    assert begin == sls.end_cursor(P, S, 0)
    for number in range(5):
        sls.put_logs(P, S, group(f"{number}", "more"), key=0)
        clock.now += 10
    pull = sls.pull(P, S, 0, begin=begin, end=None, count=2)
    assert (pull.count, pull.following, pull.last) == (2, begin + 2, begin + 1)
    rest = sls.pull(P, S, 0, begin=pull.following, end=begin + 4, count=1000)
    assert (rest.count, rest.following) == (2, begin + 4)
    nothing = sls.pull(P, S, 0, begin=begin + 5, end=None, count=1)
    assert (nothing.content, nothing.count, nothing.following) == (b"", 0, begin + 5)
    start = int(clock.now) - 50
    assert [sls.cursor_at(P, S, 0, start + second) - begin for second in (-9, 0, 1, 10, 40, 41)] == [0, 0, 1, 1, 4, 5]
    assert [sls.cursor_time(P, S, 0, begin + number) - start for number in (0, 1, 4, 5)] == [0, 10, 40, 50]
    for cursor in (begin - 1, begin + 6, 10**19 - 1):
        with pytest.raises(SlsError, match="Invalid Cursor"):
            sls.cursor_time(P, S, 0, cursor)
    with pytest.raises(SlsError, match="Invalid Cursor"):
        sls.pull(P, S, 0, begin=begin + 6, end=None, count=1)
    with pytest.raises(SlsError) as caught:
        sls.begin_cursor(P, S, 2)
    assert (caught.value.code, caught.value.status) == ("ShardNotExist", 400)


def test_a_pull_is_bounded_by_its_bytes_but_has_one_group(sls: SlsService, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        sls.put_logs(P, S, group("x" * 1000 * (number + 1)), key=0)
    begin = sls.begin_cursor(P, S, 0)
    monkeypatch.setattr("localcloud.sls.operations.shards.MAX_PULLED", 3500)
    assert sls.pull(P, S, 0, begin=begin, end=None, count=1000).count == 2
    monkeypatch.setattr("localcloud.sls.operations.shards.MAX_PULLED", 10)
    assert sls.pull(P, S, 0, begin=begin, end=None, count=1000).count == 1


def test_logs_expire_by_when_they_were_received(sls: SlsService, clock: Clock) -> None:
    sls.update_logstore(P, S, LogstoreSettings(ttl=7, shard_count=2))
    sls.put_logs(P, S, group("old"), key=0)
    begin = sls.begin_cursor(P, S, 0)
    clock.now += 5 * DAY
    sls.put_logs(P, S, group("new"), key=0)
    assert texts(sls) == ["old", "new"]
    clock.now += 2 * DAY + 1
    assert texts(sls) == texts(sls, "new") == ["new"]
    assert sls.histogram(P, S, Search(begin=0, end=2**32 * NANOSECONDS))[0].count == 1
    assert sls.begin_cursor(P, S, 0) == begin + 1
    assert sls.pull(P, S, 0, begin=begin, end=None, count=10).count == 1
    clock.now += 365 * DAY
    assert texts(sls) == []
    assert sls.begin_cursor(P, S, 0) == sls.end_cursor(P, S, 0) == begin + 2
    sls.tidy()  # what has expired goes from the disk
    sls.put_logs(P, S, group("newest"), key=0)
    assert sls.end_cursor(P, S, 0) == begin + 3
    sls.update_logstore(P, S, LogstoreSettings(ttl=3650, shard_count=2))
    assert texts(sls) == ["newest"]


def rows(sls: SlsService, table: str) -> int:
    with sls._database.read() as database:
        (number,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()
    return int(number)


def test_what_has_expired_goes_from_the_disk_also_where_nothing_is_written_any_more(
    sls: SlsService, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "_AT_ONCE", 2)  # in several steps
    for _ in range(5):
        sls.put_logs(P, S, group("old"))
    clock.now += 30 * DAY
    for _ in range(3):
        sls.put_logs(P, S, group("new"))
    sls.tidy()
    assert rows(sls, "logs") == 8
    clock.now += 1
    sls.tidy()
    assert (rows(sls, "logs"), rows(sls, "groups")) == (3, 3)
    with sls._database.read() as database:
        (size,) = database.execute("SELECT size FROM logstores").fetchone()
        assert database.execute("SELECT sum(size) FROM groups").fetchone() == (size,)
    clock.now += 30 * DAY
    sls.tidy()
    assert (rows(sls, "logs"), rows(sls, "groups")) == (0, 0)


def test_a_deletion_in_several_steps_takes_all(sls: SlsService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "_AT_ONCE", 2)
    sls.create_logstore(P, "other", LogstoreSettings(ttl=30, shard_count=1))
    sls.put_logs(P, "other", group("other"))
    for _ in range(5):
        sls.put_logs(P, S, group("a", "b", "c"))
    sls.delete_logstore(P, S)
    assert [rows(sls, table) for table in ("logs", "groups", "shards", "logstores")] == [1, 1, 1, 1]


def test_many_tags_are_found_with_each_log(sls: SlsService) -> None:
    tags = [(f"name-{number}", "x" * 50) for number in range(200)]
    sls.put_logs(P, S, replace(group("one", "two"), tags=tags))
    page = sls.get_logs(P, S, Search(begin=0, end=2**60, query="__tag__:name-199:xx*"), offset=0, line=9, reverse=False)
    assert [len(fields) for _, fields in page.logs] == [203, 203]


def test_a_logstore_holds_no_more_than_its_limit(sls: SlsService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "MAX_SIZE", 10_000)
    for number in range(50):
        sls.put_logs(P, S, group(f"{number} " + "x" * 900))
    kept = [int(text.split()[0]) for text in texts(sls)]
    assert kept == list(range(50 - len(kept), 50))
    assert 8 <= len(kept) <= 10
    assert sum(len(pulled(sls, shard)) for shard in (0, 1)) == len(kept)


def test_the_disk_gets_back_what_was_removed(tmp_path: Path, sls: SlsService) -> None:
    noise = random.Random(1)
    for _ in range(20):
        sls.put_logs(P, S, group(noise.randbytes(100_000).hex()))
    sls.close()
    size = sum(file.stat().st_size for file in tmp_path.glob("logs*"))
    sls.delete_logstore(P, S)
    sls.close()
    assert sum(file.stat().st_size for file in tmp_path.glob("logs*")) < size / 10


def test_a_logstore_takes_its_logs_along(sls: SlsService, clock: Clock) -> None:
    sls.put_logs(P, S, group("of the first"))
    sls.delete_logstore(P, S)
    clock.now += 1
    make_logstore(sls)
    assert texts(sls) == []
    sls.put_logs(P, S, group("of the second"))
    assert texts(sls) == ["of the second"]
    sls.delete_project(P)
    sls.create_project(P, ProjectSettings())
    clock.now += 1
    make_logstore(sls)
    assert texts(sls) == []


def test_logs_are_there_after_a_start_anew_and_those_of_nobody_go(
    tmp_path: Path, sls: SlsService, clock: Clock
) -> None:
    sls.put_logs(P, S, group("kept"))
    again = SlsService(tmp_path, clock=clock)
    assert texts(again) == ["kept"]
    # What a process leaves that dies between the two steps of a deletion.
    (tmp_path / "sls.json").write_text((tmp_path / "sls.json").read_text().replace('"store"', '"other"'))
    third = SlsService(tmp_path, clock=clock)
    third.tidy()
    with third._database.read() as database:
        assert database.execute("SELECT count(*) FROM logs").fetchone() == (0,)
    third.close()
    again.close()


def test_nothing_is_on_disk_before_there_are_logs(tmp_path: Path, sls: SlsService) -> None:
    sls.put_logs(P, S, LogGroup(topic="empty"))
    assert [file.name for file in tmp_path.iterdir()] == ["sls.json"]


def test_a_logstore_may_note_when_and_from_where_its_logs_came(sls: SlsService, clock: Clock) -> None:
    sls.update_logstore(P, S, LogstoreSettings(ttl=7, shard_count=2, append_meta=True))
    sls.put_logs(P, S, group("noted"), source="192.0.2.1")
    page = sls.get_logs(P, S, Search(begin=0, end=2**60), offset=0, line=1, reverse=False)
    fields = dict(page.logs[0][1])
    assert fields["__tag__:__receive_time__"] == str(int(clock.now))
    assert fields["__tag__:__client_ip__"] == "192.0.2.1"


def test_what_is_not_there_cannot_be_written_to(sls: SlsService) -> None:
    for project, logstore, code in (("other", S, "ProjectNotExist"), (P, "other", "LogStoreNotExist")):
        with pytest.raises(SlsError) as caught:
            sls.put_logs(project, logstore, group("lost"))
        assert caught.value.code == code


def test_a_full_disk_refuses_and_loses_nothing(sls: SlsService) -> None:
    sls.put_logs(P, S, group("kept"))
    writer = sls._database._writer
    assert writer is not None
    (pages,) = writer.execute("PRAGMA page_count").fetchone()
    writer.execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(SlsError, match="no room on the disk") as caught:
        sls.put_logs(P, S, group("x" * 100_000))
    assert caught.value.status == 503
    assert texts(sls) == ["kept"]
    writer.execute("PRAGMA max_page_count=1000000")
    sls.put_logs(P, S, group("more"))
    assert texts(sls) == ["kept", "more"]


def test_a_group_that_cannot_be_written_leaves_nothing_behind(sls: SlsService) -> None:
    sls.put_logs(P, S, group("kept"), key=0)
    following = sls.end_cursor(P, S, 0)
    with pytest.raises(OverflowError):
        sls.put_logs(P, S, group("lost", at=2**40), key=0)  # no number that the database takes
    assert sls.end_cursor(P, S, 0) == following
    sls.put_logs(P, S, group("more"), key=0)
    assert texts(sls) == ["kept", "more"]


def test_a_pulled_group_is_the_one_that_was_put(sls: SlsService) -> None:
    put = group("one", "two", topic="t")
    sls.put_logs(P, S, put, key=0)
    pull = sls.pull(P, S, 0, begin=sls.begin_cursor(P, S, 0), end=None, count=1)
    (length,) = pull.content[1:2]
    assert (pull.content[0], len(pull.content)) == (0x0A, length + 2)
    assert read_group(pull.content[2:], max_logs=2) == replace(put, logs=tuple(put.logs))
