"""Requests that meet at one object: whatever came of them, some serial order explains it, and nothing answers 5xx."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from threading import Barrier

from tests.support.wire import Connection, HungError, UnansweredError
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
    Forget,
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

LANES = 3  # races at the same time, each in a bucket of its own


@dataclass(frozen=True)
class Race:
    """The operations that come first, and those that then happen at once."""

    before: Sequence[Operation]
    at_once: Sequence[Operation]
    versioning: str = ""  # of the bucket


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
    """A part comes again while the upload is completed with the one before: either it is too late, or the completion is."""
    before = upload("u", chance)
    named = tuple(each.content for each in before if isinstance(each, PutPart))
    return Race(before, [PutPart("u", "a", 1, chance.randbytes(MIN_PART)), Complete("u", "a", named=named)])


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


def puts_that_become_versions(chance: random.Random) -> Race:
    return Race([existing(chance)], [Put("a", content(chance)) for _ in range(3)], "Enabled")


def put_and_delete_that_become_versions(chance: random.Random) -> Race:
    return Race([existing(chance)], [Put("a", content(chance)), Delete("a"), Get("a")], chance.choice(STATES))


def copies_onto_itself_that_become_versions(chance: random.Random) -> Race:
    return Race([existing(chance)], [Copy("a", "a"), SetTag("a", "after"), Copy("a", "b")], chance.choice(STATES))


def completion_and_put_that_become_versions(chance: random.Random) -> Race:
    return Race(upload("u", chance), [Complete("u", "a"), Put("a", content(chance)), SetAcl("a", "private")], "Enabled")


def put_while_versions_begin_or_end(chance: random.Random) -> Race:
    state = chance.choice(STATES)
    return Race([existing(chance)], [Put("a", content(chance)), SetSetting("versioning", state), Delete("a")], state)


def put_and_the_end_of_a_version(chance: random.Random) -> Race:
    before = [Put("a", chance.randbytes(size)) for size in (1_000, 40_000)]
    at_once: list[Operation] = [
        Put("a", content(chance)),
        Forget("a", chance.choice(before).content),
        SetTag("a", "after"),
    ]
    return Race(before, at_once, "Enabled")


STATES = ["Enabled", "Suspended"]
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
    puts_that_become_versions,
    put_and_delete_that_become_versions,
    copies_onto_itself_that_become_versions,
    completion_and_put_that_become_versions,
    put_while_versions_begin_or_end,
    put_and_the_end_of_a_version,
]


class Lane:
    """Two buckets, of which one keeps versions, in which one race after the other is run."""

    def __init__(self, cloud: Cloud, name: str, sweep: Sweep) -> None:
        self._plain, self._versioned = Bucket(cloud, name), Bucket(cloud, f"{name}-versioned")
        self.bucket = self._plain
        self._sweep = sweep
        self._connections = [Connection(cloud.address("oss")) for _ in range(5)]

    def run(self, name: str, race: Race, jitter: Sequence[float], pool: ThreadPoolExecutor) -> None:
        """Run a race and see whether its result can be explained."""
        try:
            self._run(name, race, jitter, pool)
        except HungError as error:
            self._sweep.hung(f"{name}: no answer", f"{race.at_once}: {error}")
        except UnansweredError as error:
            self._sweep.failed(f"{name}: the connection was cut", f"{race.at_once}: {error}")

    def _run(self, name: str, race: Race, jitter: Sequence[float], pool: ThreadPoolExecutor) -> None:
        world = World(settings={"acl": "private"} | ({"versioning": race.versioning} if race.versioning else {}))
        self.bucket = self._versioned if race.versioning else self._plain
        if race.versioning:
            self.bucket.perform(SetSetting("versioning", race.versioning), self._connections[0])
        for each in self.bucket.listed():
            self.bucket.client.delete_object(each.key, params={"versionId": each.version} if race.versioning else None)
        for upload_id, (key, _) in self.bucket.uploads().items() if self.bucket.upload_ids else ():
            self.bucket.client.abort_multipart_upload(key, upload_id)
        for operation in race.before:
            reply = self.bucket.perform(operation, self._connections[0])
            expected, world = operation.apply(world)
            if reply != expected:
                self._sweep.failed(
                    f"{name}: another answer than the model's", f"{operation}: {reply}, expected {expected}"
                )
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
        self._explain(name, race, world, replies)

    def _explain(self, name: str, race: Race, world: World, replies: list[Reply]) -> None:
        met = " | ".join(f"{op} -> {reply}" for op, reply in zip(race.at_once, replies, strict=True))
        if failed := [reply for reply in replies if reply.code in {"InternalError"} or reply.code.startswith("HTTP 5")]:
            self._sweep.failed(f"{name}: answer {failed[0].code}", met)
        try:
            histories = {each.key: tuple(self.bucket.history(each.key).values()) for each in self.bucket.listed()}
        except Exception as error:  # noqa: BLE001 - whatever a client makes of it, it cannot be read
            self._sweep.lost(f"{name}: an object cannot be read", f"{met}: {type(error).__name__} {str(error)[:200]}")
            return
        changes = any(isinstance(each, SetSetting) for each in race.at_once)
        settings = self.bucket.settings() if changes else world.settings
        for expected, after in outcomes(world, race.at_once):
            if expected == replies and after.histories == histories and after.settings == settings:
                self._sweep.tally.refused += sum(reply.code != OK for reply in replies)
                return
        shown = {key: [str(item) for item in past] for key, past in histories.items()}
        self._sweep.lost(f"{name}: no order explains it", f"{met}; now {shown} {settings}")

    def close(self) -> None:
        for each in self._connections:
            each.close()


def test_races(sweep: Sweep, cloud: Cloud) -> None:
    with ExitStack() as stack:
        lanes = [stack.enter_context(closing(Lane(cloud, f"races-{number}", sweep))) for number in range(LANES)]
        outer, inner = (stack.enter_context(ThreadPoolExecutor(LANES * each)) for each in (1, 5))
        queue: list[Callable[[random.Random], Race]] = []
        while sweep.goes_on():
            if not queue:
                queue = sweep.random.sample(RACES, len(RACES))
            draw = queue.pop()
            runs = []
            for lane in lanes:
                jitter = [sweep.random.choice([0, 0, 0.001, 0.003, 0.006]) for _ in range(5)]
                runs.append(outer.submit(lane.run, draw.__name__, draw(sweep.random), jitter, inner))
            for run in runs:
                run.result()
        _check_bytes(sweep, cloud)


def _check_bytes(sweep: Sweep, cloud: Cloud) -> None:
    """See that every data file belongs to an object or a part."""
    expected = sum(Bucket(cloud, name).blobs() for name in Api(cloud).bucket_names())
    found = settled_blobs(cloud.data, expected)
    if found != expected:
        sweep.lost("data files that belong to nothing, or are missing", f"{found}, expected {expected}")
