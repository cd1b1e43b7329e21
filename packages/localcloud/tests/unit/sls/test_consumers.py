"""Shards that are split and merged, consumer groups, and their checkpoints, without HTTP."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.sls.cursors import read_cursor, write_cursor
from localcloud.sls.errors import SlsError
from localcloud.sls.model import DAY, NANOSECONDS, Log, LogGroup, LogstoreSettings, ProjectSettings, Shard
from localcloud.sls.operations.service import SlsService
from tests.support.clock import Clock

P, S, G = "project", "store", "group"
KEYS = 2**128


@pytest.fixture
def sls(sls: SlsService) -> SlsService:
    sls.create_logstore(P, S, LogstoreSettings(ttl=7, shard_count=2))
    return sls


def put(sls: SlsService, key: int) -> None:
    sls.put_logs(P, S, LogGroup(logs=[Log(time=NANOSECONDS, contents=[("a", "b")])]), key=key)


def bounds(shards: list[Shard]) -> list[tuple[int, int, int, bool]]:
    return [(shard.number, shard.begin, shard.end, shard.closed is None) for shard in shards]


def code(error: pytest.ExceptionInfo[SlsError]) -> tuple[str, int]:
    return error.value.code, error.value.status


def test_new_shards_take_the_place_of_one_that_is_split(sls: SlsService) -> None:
    put(sls, 0)
    half, quarter = KEYS // 2, KEYS // 4
    split = sls.split_shard(P, S, 0, key=quarter)
    assert bounds(split) == [(0, 0, half, False), (2, 0, quarter, True), (3, quarter, half, True)]
    assert [shard.parents for shard in split[1:]] == [(0,), (0,)]
    assert sls.shards(P, S) == [split[0], sls.shards(P, S)[1], *split[1:]]
    ends = {number: sls.end_cursor(P, S, number) for number in range(4)}
    for key in (0, quarter - 1, quarter, half - 1):
        put(sls, key)
    assert [sls.end_cursor(P, S, number) - ends[number] for number in range(4)] == [0, 0, 2, 2]
    for _ in range(6):
        sls.put_logs(P, S, LogGroup(logs=[Log(time=0, contents=())]))
    assert [sls.end_cursor(P, S, number) - ends[number] for number in range(4)] == [0, 2, 4, 4]
    assert sls.pull(P, S, 0, begin=sls.begin_cursor(P, S, 0), end=None, count=10).count == 1


def test_a_shard_is_split_evenly_unless_a_key_is_named(sls: SlsService) -> None:
    assert [shard.begin for shard in sls.split_shard(P, S, 1, count=4)[1:]] == [
        KEYS // 8 * place for place in (4, 5, 6, 7)
    ]
    assert len(sls.logstore(P, S).open_shards) == 5


def test_two_shards_become_one(sls: SlsService) -> None:
    sls.split_shard(P, S, 0)
    merged = sls.merge_shards(P, S, 3)
    assert bounds(merged) == [
        (4, KEYS // 4, KEYS, True),
        (3, KEYS // 4, KEYS // 2, False),
        (1, KEYS // 2, KEYS, False),
    ]
    assert merged[0].parents == (3, 1)


def test_a_shard_that_takes_no_logs_is_there_until_they_have_expired(sls: SlsService, clock: Clock) -> None:
    sls.split_shard(P, S, 0)
    clock.now += 7 * DAY
    assert [shard.number for shard in sls.shards(P, S)] == [0, 1, 2, 3]
    clock.now += 1
    assert [shard.number for shard in sls.shards(P, S)] == [1, 2, 3]
    sls.merge_shards(P, S, 2)
    assert [shard.number for shard in sls.logstore(P, S).shards] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("shard", "key", "count", "words"),
    [
        (0, 0, 2, "invalid mid hash"),
        (0, KEYS // 2, 2, "invalid mid hash"),
        (0, 1, 3, "invalid mid hash"),
        (2, None, 2, "invalid shard id"),
        (0, None, 1, "invalid shard count"),
        (0, None, 256, "invalid shard count"),
    ],
)
def test_a_split_that_cannot_be_is_refused(
    sls: SlsService, shard: int, key: int | None, count: int, words: str
) -> None:
    with pytest.raises(SlsError, match=words) as caught:
        sls.split_shard(P, S, shard, key=key, count=count)
    assert code(caught) == ("ParameterInvalid", 400)
    assert len(sls.shards(P, S)) == 2


def test_a_logstore_has_256_shards_at_most(sls: SlsService) -> None:
    sls.split_shard(P, S, 0, count=255)
    with pytest.raises(SlsError, match="invalid shard count"):
        sls.split_shard(P, S, 1)
    with pytest.raises(SlsError, match="invalid shard id"):
        sls.split_shard(P, S, 0)
    with pytest.raises(SlsError, match="no shard follows"):
        sls.merge_shards(P, S, 1)


def test_settings_leave_the_shards_as_they_are(sls: SlsService) -> None:
    sls.split_shard(P, S, 0)
    before = sls.shards(P, S)
    sls.update_logstore(P, S, LogstoreSettings(ttl=7, shard_count=9))
    assert sls.shards(P, S) == before


def test_shards_groups_and_checkpoints_are_there_after_a_start_anew(
    tmp_path: Path, sls: SlsService, clock: Clock
) -> None:
    sls.split_shard(P, S, 0)
    sls.create_consumer_group(P, S, G, timeout=60, in_order=True)
    sls.put_checkpoint(P, S, G, 3, write_cursor(5), consumer="c", force=True)
    again = SlsService(tmp_path, clock=clock)
    again.tidy()
    assert again.shards(P, S) == sls.shards(P, S)
    assert again.consumer_groups(P, S) == sls.consumer_groups(P, S)
    (kept,) = (each for each in again.checkpoints(P, S, G) if each.shard == 3)
    assert (kept.cursor, kept.consumer, kept.updated) == (write_cursor(5), "c", int(clock.now * 10**6))
    again.close()


def test_an_older_folder_has_shards_that_divide_the_keys_and_no_groups(tmp_path: Path, clock: Clock) -> None:
    record = {
        "projects": [{"name": P, "settings": {}, "created": 5.0, "modified": 5.0}],
        "logstores": [
            {"project": P, "name": S, "settings": {"ttl": 1, "shard_count": 3}, "created": 5.0, "modified": 5.0}
        ],
        "indexes": [],
    }
    import json

    (tmp_path / "sls.json").write_text(json.dumps(record))
    older = SlsService(tmp_path, clock=clock)
    assert [(shard.number, shard.begin) for shard in older.shards(P, S)] == [
        (place, KEYS * place // 3) for place in range(3)
    ]
    assert older.consumer_groups(P, S) == []
    older.close()


def test_a_consumer_group_is_made_told_changed_and_deleted(sls: SlsService) -> None:
    sls.create_consumer_group(P, S, G, timeout=60, in_order=False)
    with pytest.raises(SlsError) as caught:
        sls.create_consumer_group(P, S, G, timeout=60, in_order=False)
    assert code(caught) == ("ConsumerGroupAlreadyExist", 400)
    sls.update_consumer_group(P, S, G, timeout=None, in_order=True)
    sls.update_consumer_group(P, S, G, timeout=20, in_order=None)
    (group,) = sls.consumer_groups(P, S)
    assert (group.name, group.timeout, group.in_order) == (G, 20, True)
    sls.delete_consumer_group(P, S, G)
    for call in (
        lambda: sls.delete_consumer_group(P, S, G),
        lambda: sls.update_consumer_group(P, S, G, timeout=1, in_order=True),
        lambda: sls.checkpoints(P, S, G),
        lambda: sls.beat(P, S, G, "c", []),
    ):
        with pytest.raises(SlsError) as caught:
            call()
        assert code(caught) == ("ConsumerGroupNotExist", 404)


@pytest.mark.parametrize(("name", "timeout"), [("", 60), ("a/b", 60), ("a" * 256, 60), (G, 0), (G, 86_401)])
def test_a_consumer_group_of_bad_settings_is_refused(sls: SlsService, name: str, timeout: int) -> None:
    with pytest.raises(SlsError) as caught:
        sls.create_consumer_group(P, S, name, timeout=timeout, in_order=False)
    assert caught.value.code == "JsonInfoInvalid"
    assert sls.consumer_groups(P, S) == []


def test_a_logstore_has_30_consumer_groups_at_most_and_takes_them_along(sls: SlsService) -> None:
    for number in range(30):
        sls.create_consumer_group(P, S, f"group-{number}", timeout=60, in_order=False)
    with pytest.raises(SlsError) as caught:
        sls.create_consumer_group(P, S, G, timeout=60, in_order=False)
    assert caught.value.code == "ConsumerGroupQuotaExceed"
    sls.create_logstore(P, "other", LogstoreSettings(ttl=7, shard_count=2))
    sls.create_consumer_group(P, "other", G, timeout=60, in_order=False)
    sls.delete_logstore(P, S)
    sls.create_logstore(P, S, LogstoreSettings(ttl=7, shard_count=2))
    assert sls.consumer_groups(P, S) == []
    assert len(sls.consumer_groups(P, "other")) == 1
    sls.delete_project(P)
    sls.create_project(P, ProjectSettings())
    sls.create_logstore(P, "other", LogstoreSettings(ttl=7, shard_count=2))
    assert sls.consumer_groups(P, "other") == []


def test_every_shard_has_a_checkpoint_which_is_empty_at_first(sls: SlsService, clock: Clock) -> None:
    sls.create_consumer_group(P, S, G, timeout=60, in_order=False)
    assert [(each.shard, each.cursor, each.updated) for each in sls.checkpoints(P, S, G)] == [(0, "", 0), (1, "", 0)]
    sls.put_checkpoint(P, S, G, 1, "MQ==", consumer="", force=True)
    clock.now += 1
    sls.put_checkpoint(P, S, G, 1, "Mg==", consumer="", force=True)
    assert [each.cursor for each in sls.checkpoints(P, S, G)] == ["", "Mg=="]
    sls.delete_consumer_group(P, S, G)
    clock.now += 1
    sls.create_consumer_group(P, S, G, timeout=60, in_order=False)
    assert [each.cursor for each in sls.checkpoints(P, S, G)] == ["", ""]


def test_checkpoints_of_nobody_go_from_the_disk(sls: SlsService) -> None:
    for name in (G, "other"):
        sls.create_consumer_group(P, S, name, timeout=60, in_order=False)
        sls.put_checkpoint(P, S, name, 1, "MQ==", consumer="", force=True)
    sls.delete_consumer_group(P, S, "other")
    with sls._database.read() as database:
        assert database.execute("SELECT count(*) FROM checkpoints").fetchone() == (1,)
    sls.delete_logstore(P, S)
    sls.tidy()
    with sls._database.read() as database:
        assert database.execute("SELECT count(*) FROM checkpoints").fetchone() == (0,)


def test_a_checkpoint_that_cannot_be_is_refused(sls: SlsService) -> None:
    sls.create_consumer_group(P, S, G, timeout=60, in_order=False)
    for shard, cursor, force, expected in (
        (2, "MQ==", True, ("ShardNotExist", 404)),
        (0, "no base64", True, ("InvalidShardCheckPoint", 400)),
        (0, "MTIz" * 300, True, ("InvalidShardCheckPoint", 400)),
        (0, "MQ==", False, ("ConsumerNotMatch", 400)),
    ):
        with pytest.raises(SlsError) as caught:
            sls.put_checkpoint(P, S, G, shard, cursor, consumer="c", force=force)
        assert code(caught) == expected
    assert 0 in sls.beat(P, S, G, "c", [])
    sls.put_checkpoint(P, S, G, 0, "MQ==", consumer="c", force=False)
    with pytest.raises(SlsError, match="'other'"):
        sls.put_checkpoint(P, S, G, 0, "MQ==", consumer="other", force=False)


def test_consumers_share_the_shards(sls: SlsService, clock: Clock) -> None:
    sls.create_consumer_group(P, S, G, timeout=10, in_order=False)
    assert sls.beat(P, S, G, "a", []) == [0, 1]
    assert sls.beat(P, S, G, "b", []) == []
    assert sls.beat(P, S, G, "a", [0, 1]) == [0]
    assert sls.beat(P, S, G, "a", [0]) == [0]
    assert sls.beat(P, S, G, "b", []) == [1]
    sls.update_consumer_group(P, S, G, timeout=5, in_order=None)  # which changes nothing of that
    assert sls.beat(P, S, G, "b", [1]) == [1]
    clock.now += 6
    assert sls.beat(P, S, G, "b", []) == [0, 1]
    with pytest.raises(SlsError) as caught:
        sls.beat(P, S, G, "a", [0])
    assert code(caught) == ("NotExistConsumerWithBody", 400)
    with pytest.raises(SlsError, match="'two words' is invalid"):
        sls.beat(P, S, G, "two words", [])


def test_the_consumers_of_a_group_that_is_gone_are_forgotten(sls: SlsService) -> None:
    for name in (G, "other"):
        sls.create_consumer_group(P, S, name, timeout=10, in_order=False)
        sls.beat(P, S, name, "a", [])
    sls.delete_consumer_group(P, S, "other")
    sls.beat(P, S, G, "a", [])
    assert [group.name for group in sls._assignments] == [G]


def test_in_order_new_shards_wait_until_the_old_one_is_read(sls: SlsService) -> None:
    put(sls, 0)
    sls.create_consumer_group(P, S, G, timeout=10, in_order=True)
    sls.create_consumer_group(P, S, "other", timeout=10, in_order=False)
    sls.split_shard(P, S, 0)
    assert sls.beat(P, S, "other", "a", []) == [0, 1, 2, 3]
    assert sls.beat(P, S, G, "a", []) == [0, 1]
    for cursor in (sls.begin_cursor(P, S, 0), None, sls.end_cursor(P, S, 0)):
        assert sls.beat(P, S, G, "a", [0, 1]) == [0, 1]
        sls.put_checkpoint(P, S, G, 0, "AAAA" if cursor is None else write_cursor(cursor), consumer="a", force=False)
    assert sls.beat(P, S, G, "a", [0, 1]) == [0, 1, 2, 3]
    sls.split_shard(P, S, 1)  # which is empty
    assert sls.beat(P, S, G, "a", [0, 1, 2, 3]) == [0, 1, 2, 3, 4, 5]


def test_a_cursor_is_read_as_it_was_written() -> None:
    for cursor in (0, 9, 1_785_000_000 * NANOSECONDS):
        assert read_cursor(write_cursor(cursor)) == cursor
    for text in ("", "MQ", "LTE=", "no cursor", "é"):
        with pytest.raises(SlsError, match="Invalid Cursor"):
            read_cursor(text)
