"""Requests that meet at one object: whatever came of them, some serial order explains it, and nothing answers 5xx."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Barrier

import pytest

from tests.torture.bucket import Bucket
from tests.torture.cloud import Cloud, settled_blobs
from tests.torture.control import Api
from tests.torture.model import (
    MIN_PART,
    OK,
    Abort,
    Append,
    Begin,
    Complete,
    Copy,
    Delete,
    Get,
    Operation,
    Put,
    PutPart,
    Reply,
    SetAcl,
    SetSetting,
    SetTag,
    World,
    outcomes,
)
from tests.torture.sweep import Sweep
from tests.torture.wire import Connection, HungError, UnansweredError

LANES = 3  # races at the same time, each in a bucket of its own


@dataclass(frozen=True)
class Race:
    """What is there first, and what then happens at once."""

    before: Sequence[Operation]
    at_once: Sequence[Operation]


def content(chance: random.Random) -> bytes:
    return chance.randbytes(chance.choice([10, 2_000, 60_000, 250_000]))


def existing(chance: random.Random) -> Put:
    return Put("a", content(chance), tag="before")


def put_and_acl(chance: random.Random) -> Race:
    return Race([existing(chance)], [Put("a", content(chance)), SetAcl("a", "public-read")])


def put_and_tagging(chance: random.Random) -> Race:
    return Race([existing(chance)], [Put("a", content(chance)), SetTag("a", "after")])


def put_and_copy_onto_itself(chance: random.Random) -> Race:
    return Race([existing(chance)], [Put("a", content(chance)), Copy("a", "a")])


def delete_and_tagging(chance: random.Random) -> Race:
    return Race([existing(chance)], [Delete("a"), SetTag("a", "after")])


def delete_and_acl(chance: random.Random) -> Race:
    return Race([existing(chance)], [Delete("a"), SetAcl("a", "private")])


def delete_and_copy_onto_itself(chance: random.Random) -> Race:
    return Race([existing(chance)], [Delete("a"), Copy("a", "a")])


def acl_and_tagging(chance: random.Random) -> Race:
    return Race([existing(chance)], [SetAcl("a", "private"), SetTag("a", "after"), SetAcl("a", "public-read")])


def reads_while_overwritten(chance: random.Random) -> Race:
    return Race(
        [existing(chance)], [Get("a"), Put("a", content(chance)), Get("a"), Put("a", content(chance)), Get("a")]
    )


def copies_while_overwritten(chance: random.Random) -> Race:
    return Race([existing(chance)], [Copy("a", "b"), Put("a", content(chance)), Copy("a", "c")])


def copy_and_delete(chance: random.Random) -> Race:
    return Race([existing(chance)], [Copy("a", "b"), Delete("a")])


def upload(name: str, chance: random.Random) -> list[Operation]:
    return [Begin(name, "a", name), PutPart(name, "a", 1, chance.randbytes(MIN_PART)), PutPart(name, "a", 2, b"end")]


def completions_that_forbid_overwrite(chance: random.Random) -> Race:
    return Race(upload("u", chance) + upload("v", chance), [Complete("u", "a", True), Complete("v", "a", True)])


def puts_that_forbid_overwrite(chance: random.Random) -> Race:
    return Race([], [Put("a", content(chance), True), Put("a", content(chance), True), Put("a", content(chance), True)])


def complete_and_complete(chance: random.Random) -> Race:
    return Race(upload("u", chance), [Complete("u", "a"), Complete("u", "a")])


def complete_and_abort(chance: random.Random) -> Race:
    return Race(upload("u", chance), [Complete("u", "a"), Abort("u", "a")])


def part_and_abort(chance: random.Random) -> Race:
    return Race(upload("u", chance), [PutPart("u", "a", 1, chance.randbytes(MIN_PART)), Abort("u", "a")])


def part_and_complete(chance: random.Random) -> Race:
    return Race(upload("u", chance), [PutPart("u", "a", 1, chance.randbytes(MIN_PART)), Complete("u", "a")])


def bucket_settings(chance: random.Random) -> Race:
    mark = f"m{chance.randrange(1000)}"
    changes = [SetSetting("lifecycle", mark), SetSetting("tagging", mark), SetSetting("acl", "public-read")]
    changes.append(SetSetting("encryption", chance.choice(["AES256", "KMS"])))
    reset = [SetSetting(name, "") for name in ("lifecycle", "tagging", "encryption")]
    return Race([*reset, SetSetting("acl", "private")], chance.sample(changes, 3))


def appends_at_one_position(chance: random.Random) -> Race:
    first = content(chance)
    return Race([Append("a", 0, first)], [Append("a", len(first), content(chance)) for _ in range(3)])


def first_appends(chance: random.Random) -> Race:
    return Race([], [Append("a", 0, content(chance)), Append("a", 0, content(chance))])


def append_and_acl(chance: random.Random) -> Race:
    first = content(chance)
    return Race([Append("a", 0, first)], [Append("a", len(first), content(chance)), SetAcl("a", "private")])


def append_and_delete(chance: random.Random) -> Race:
    first = content(chance)
    return Race([Append("a", 0, first)], [Append("a", len(first), content(chance)), Delete("a")])


RACES: list[Callable[[random.Random], Race]] = [
    put_and_acl,
    put_and_tagging,
    put_and_copy_onto_itself,
    delete_and_tagging,
    delete_and_acl,
    delete_and_copy_onto_itself,
    acl_and_tagging,
    reads_while_overwritten,
    copies_while_overwritten,
    copy_and_delete,
    completions_that_forbid_overwrite,
    puts_that_forbid_overwrite,
    complete_and_complete,
    complete_and_abort,
    part_and_abort,
    part_and_complete,
    bucket_settings,
    appends_at_one_position,
    first_appends,
    append_and_acl,
    append_and_delete,
]


class Lane:
    """A bucket in which one race after the other is run."""

    def __init__(self, cloud: Cloud, name: str, sweep: Sweep) -> None:
        self.bucket = Bucket(cloud, name)
        self._sweep = sweep
        self._connections = [Connection(cloud.address("oss")) for _ in range(5)]

    def run(self, race: Race, jitter: Sequence[float], pool: ThreadPoolExecutor) -> None:
        """Run a race and see whether its result can be explained."""
        try:
            self._run(race, jitter, pool)
        except HungError as error:
            self._sweep.hung("no answer", f"{race.at_once}: {error}")
        except UnansweredError as error:
            self._sweep.failed("the connection was cut", f"{race.at_once}: {error}")

    def _run(self, race: Race, jitter: Sequence[float], pool: ThreadPoolExecutor) -> None:
        world = World(settings={"acl": "private"})
        for key in "abc":
            self.bucket.perform(Delete(key), self._connections[0])
        for upload_id, (key, _) in self.bucket.uploads().items() if self.bucket.upload_ids else ():
            self.bucket.client.abort_multipart_upload(key, upload_id)
        for operation in race.before:
            reply = self.bucket.perform(operation, self._connections[0])
            expected, world = operation.apply(world)
            if reply != expected:
                self._sweep.failed("another answer than the model's", f"{operation}: {reply}, expected {expected}")
                return
        start = Barrier(len(race.at_once))
        requests = [self.bucket.request(operation) for operation in race.at_once]

        def send(number: int) -> Reply:
            self._connections[number].connect()
            start.wait(10)
            time.sleep(jitter[number])  # varies which one comes first
            answer = self._connections[number].exchange(requests[number])
            return self.bucket.reply(race.at_once[number], answer)

        futures = [pool.submit(send, number) for number in range(len(race.at_once))]
        replies = [future.result() for future in futures]
        self._sweep.tally.operations += len(replies)
        self._explain(race, world, replies)

    def _explain(self, race: Race, world: World, replies: list[Reply]) -> None:
        met = " | ".join(f"{op} -> {reply}" for op, reply in zip(race.at_once, replies, strict=True))
        if failed := [reply for reply in replies if reply.code in {"InternalError"} or reply.code.startswith("HTTP 5")]:
            self._sweep.failed(f"answer {failed[0].code}", met)
        try:
            objects = {key: item for key in "abc" if (item := self.bucket.object(key)) is not None}
        except Exception as error:  # noqa: BLE001 - whatever a client makes of it, it cannot be read
            self._sweep.lost("an object cannot be read", f"{met}: {type(error).__name__} {str(error)[:200]}")
            return
        settings = self.bucket.settings() if isinstance(race.at_once[0], SetSetting) else world.settings
        for expected, after in outcomes(world, race.at_once):
            if expected == replies and after.objects == objects and after.settings == settings:
                self._sweep.tally.refused += sum(reply.code != OK for reply in replies)
                return
        shown = {key: str(item) for key, item in objects.items()}
        self._sweep.lost("no order explains it", f"{met}; now {shown} {settings}")

    def close(self) -> None:
        for each in self._connections:
            each.close()


@pytest.mark.parametrize("race", RACES, ids=lambda race: race.__name__)
def test_races(race: Callable[[random.Random], Race], sweep: Sweep, cloud: Cloud) -> None:
    name = race.__name__.replace("_", "-")[:40]
    lanes = [Lane(cloud, f"{name}-{number}", sweep) for number in range(LANES)]
    with ThreadPoolExecutor(LANES) as outer, ThreadPoolExecutor(LANES * 5) as inner:
        while sweep.goes_on():
            drawn = [race(sweep.random) for _ in lanes]
            jitters = [[sweep.random.choice([0, 0, 0.001, 0.003, 0.006]) for _ in range(5)] for _ in lanes]
            runs = [
                outer.submit(lane.run, each, jitter, inner)
                for lane, each, jitter in zip(lanes, drawn, jitters, strict=True)
            ]
            for run in runs:
                run.result()
    for lane in lanes:
        lane.close()


def test_races_leave_no_bytes_behind(sweep: Sweep, cloud: Cloud) -> None:
    expected = 0
    for name in Api(cloud).bucket_names():
        expected += Bucket(cloud, name).blobs()
        sweep.tally.operations += 1
    found = settled_blobs(cloud.data, expected)
    if found != expected:
        sweep.lost("data files that belong to nothing, or are missing", f"{found}, expected {expected}")
