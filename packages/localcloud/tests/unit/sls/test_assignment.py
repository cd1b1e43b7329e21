"""The shares of consumers in shards: even, each shard with one consumer at a time, and given on when one is gone."""

from __future__ import annotations

import pytest

from localcloud.sls.operations import assignment
from localcloud.sls.operations.assignment import Assignment

SHARDS = [0, 1, 2, 3, 4]
TIMEOUT = 10.0


class Group:
    """An assignment, its consumers as the SDKs have them, and a clock."""

    def __init__(self) -> None:
        self.assignment = Assignment()
        self.now = 100.0
        self.reads: dict[str, list[int]] = {}

    def beat(self, name: str, shards: list[int] | None = None) -> list[int]:
        """Send a heartbeat; the consumer begins to read what it is given, and does not end with anything."""
        given = SHARDS if shards is None else shards
        told = self.assignment.beat(name, self.reads.get(name, []), given, now=self.now, timeout=TIMEOUT)
        self.reads[name] = sorted({*self.reads.get(name, []), *told})
        return told

    def leave(self, name: str, told: list[int]) -> None:
        """Let a consumer end with what it was not told to read."""
        self.reads[name] = told


def test_one_consumer_reads_all_shards() -> None:
    group = Group()
    assert [group.beat("a"), group.beat("a")] == [SHARDS, SHARDS]


def test_a_shard_is_given_on_when_nobody_reads_it_any_more() -> None:
    group = Group()
    group.beat("a")
    assert group.beat("b") == []
    told = group.beat("a")
    assert told == [0, 1, 2]
    assert group.beat("b") == []  # the first still reads all
    assert group.assignment.holds("a", 4)
    group.leave("a", told)
    assert group.beat("a") == told
    assert not group.assignment.holds("a", 4)
    assert group.beat("b") == [3, 4]
    assert group.assignment.holds("b", 4)
    assert not group.assignment.holds("absent", 4)


def test_a_consumer_that_was_to_leave_a_shard_may_go_on_with_it() -> None:
    group = Group()
    group.beat("a")
    group.beat("b")
    assert group.beat("a") == [0, 1, 2]
    group.now += TIMEOUT + 1
    group.now -= 1  # the first is not gone, the second is
    group.assignment._consumers["b"].beat -= 2
    assert group.beat("a") == SHARDS


def test_the_shards_of_one_that_is_gone_are_given_on_at_the_next_heartbeat() -> None:
    group = Group()
    group.beat("a")
    group.beat("b")
    group.leave("a", group.beat("a"))
    group.beat("a")
    assert group.beat("b") == [3, 4]
    group.now += TIMEOUT
    assert group.beat("b") == [3, 4]
    group.now += 0.1
    assert group.beat("b") == SHARDS


def test_one_that_was_taken_for_gone_begins_anew() -> None:
    group = Group()
    group.beat("a")
    group.now += TIMEOUT + 1
    group.beat("b")
    with pytest.raises(KeyError):
        group.beat("a")
    group.leave("a", [])
    assert group.beat("a") == []


def test_more_consumers_than_shards_wait() -> None:
    group = Group()
    assert [group.beat(name, [7]) for name in ("a", "b")] == [[7], []]


def test_shards_that_are_no_more_are_not_given_and_new_ones_are() -> None:
    group = Group()
    group.beat("a")
    assert group.beat("a", [3, 4, 5]) == [3, 4, 5]


def test_a_group_has_so_many_consumers_at_most(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assignment, "MAX_CONSUMERS", 2)
    group = Group()
    group.beat("a")
    group.beat("b")
    with pytest.raises(OverflowError, match="2 consumers"):
        group.beat("c")
    group.beat("a")
