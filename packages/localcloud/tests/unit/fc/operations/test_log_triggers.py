"""Log triggers: which logs a function is told of, when, and again when it failed; by a clock that the test moves."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from localcloud.fc.errors import FcError
from localcloud.fc.model import Trigger
from localcloud.fc.operations.log_triggers import LogTriggers, check_logstore, read_job
from localcloud.fc.store.positions import LogPositions
from localcloud.sls.cursors import write_cursor
from localcloud.sls.model import Log, LogGroup, LogstoreSettings, ProjectSettings
from localcloud.sls.operations.service import SlsService
from tests.support.clock import Clock

GROUP = LogGroup(logs=[Log(time=1, contents=[("a", "b")])])
CONFIG: Mapping[str, Any] = {
    "sourceConfig": {"logstore": "store"},
    "jobConfig": {"maxRetryTime": 2, "triggerInterval": 60},
    "functionParameter": {"a": "b"},
    "logConfig": {"project": "etl", "logstore": "log"},
    "enable": True,
}
ARN = "acs:log:cn-hangzhou:1:project/etl"


class Stage:
    """A logstore of two shards, a trigger, and a function that answers what the test says."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.clock = folder, Clock()
        self.sls = SlsService(folder / "sls", clock=self.clock)
        self.sls.create_project("etl", ProjectSettings())
        self.sls.create_logstore("etl", "store", LogstoreSettings(ttl=1, shard_count=2))
        self.events: list[dict[str, Any]] = []
        self.reports: list[dict[str, str]] = []
        self.answers: list[str] = []  # why the next invocations fail
        now = self.clock.now
        self.trigger = Trigger(
            function="functions/f", name="t", kind="log", config=CONFIG, source_arn=ARN, trigger_id="id",
            created=now, modified=now,
        )  # fmt: skip
        self.open()

    def open(self) -> None:
        self.log_triggers = LogTriggers(
            triggers=lambda: [self.trigger],
            logstores=self.sls,
            positions=LogPositions(self.folder / "positions.json"),
            invoke=self.invoke,
            report=lambda trigger, logstore, fields: self.reports.append({"logstore": logstore[1], **dict(fields)}),
            region="cn-hangzhou",
            pause=0.0,
            clock=self.clock,
        )

    async def invoke(self, trigger: Trigger, event: bytes) -> str:
        self.events.append(json.loads(event))
        return self.answers.pop(0) if self.answers else ""

    def write(self, shard: int = 0) -> int:
        """Write a log group, and return its cursor."""
        cursor = self.sls.end_cursor("etl", "store", shard)
        self.sls.put_logs("etl", "store", GROUP, key=shard * 2**127)
        return cursor

    async def pass_by(self, seconds: float) -> list[tuple[int, int, int]]:
        """Let time pass; return the ranges that the function was told of: shard, first cursor, number of groups."""
        self.clock.now += seconds
        before = len(self.events)
        self.log_triggers.sweep()
        while len(asyncio.all_tasks()) > 1:
            await asyncio.sleep(0)
        return [place(event) for event in self.events[before:]]


def place(event: dict[str, Any]) -> tuple[int, int, int]:
    source = event["source"]
    begin, end = (read_cursor(source[name]) for name in ("beginCursor", "endCursor"))
    return source["shardId"], begin, end - begin


def read_cursor(text: str) -> int:
    return int(base64.b64decode(text))


Scenario = Callable[[Stage], Coroutine[Any, Any, None]]


def play(folder: Path, scenario: Scenario) -> Stage:
    stage = Stage(folder)
    asyncio.run(scenario(stage))
    return stage


def test_what_was_written_since_the_trigger_was_made_is_told_once_in_the_documented_form(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        stage.write()  # of an earlier second
        stage.clock.now += 1
        stage.trigger = replace(stage.trigger, created=stage.clock.now, modified=stage.clock.now)
        stage.clock.now += 1
        first, other = stage.write(), stage.write(1)
        stage.clock.now += 1
        stage.write()
        assert await stage.pass_by(57) == []  # the interval is not over
        assert sorted(await stage.pass_by(1)) == [(0, first, 2), (1, other, 1)]
        event = next(each for each in stage.events if each["source"]["shardId"] == 0)
        assert event.pop("taskId")
        assert event == {
            "parameter": {"a": "b"},
            "source": {
                "endpoint": "http://cn-hangzhou-intranet.log.aliyuncs.com",
                "projectName": "etl",
                "logstoreName": "store",
                "shardId": 0,
                "beginCursor": write_cursor(first),
                "endCursor": write_cursor(first + 2),
            },
            "jobName": "id",
            "cursorTime": 1_800_000_003,
        }
        assert await stage.pass_by(60) == []  # there is nothing new
        third = stage.write()
        assert await stage.pass_by(60) == [(0, third, 1)]

    stage = play(tmp_path, scenario)
    assert {each["status"] for each in stage.reports} == {"success"}
    assert {each["logstore"] for each in stage.reports} == {"log"}


def test_failed_invocations_are_tried_again_and_then_at_the_next_interval_with_what_came_since(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        first = stage.write()
        stage.answers = ["no", "no", "no"]
        assert await stage.pass_by(60) == [(0, first, 1)] * 3
        assert len({each["taskId"] for each in stage.events}) == 1
        assert (stage.reports[0]["status"], stage.reports[0]["tries"], stage.reports[0]["errorMessage"]) == (
            "failed", "3", "no",
        )  # fmt: skip
        stage.open()  # a restart, too
        assert await stage.pass_by(0) == [(0, first, 1)]

    play(tmp_path, scenario)


def test_an_invocation_is_told_of_the_logs_of_one_interval_and_a_shard_that_lags_behind_catches_up(
    tmp_path: Path,
) -> None:
    async def scenario(stage: Stage) -> None:
        first = stage.write()
        stage.clock.now += 59
        stage.write()
        stage.clock.now += 1
        third = stage.write()
        assert await stage.pass_by(0) == [(0, first, 2)]
        assert await stage.pass_by(1) == []
        assert await stage.pass_by(1) == [(0, third, 1)]

    play(tmp_path, scenario)


def test_from_a_start_time_older_logs_are_told_and_a_trigger_that_is_switched_off_tells_nothing(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        first = stage.write()
        stage.clock.now += 100
        start = {**CONFIG, "sourceConfig": {"logstore": "store", "startTime": 1_800_000_000}}
        off = replace(
            stage.trigger, created=stage.clock.now, modified=stage.clock.now, config={**start, "enable": False}
        )
        stage.trigger = off
        assert await stage.pass_by(60) == []
        stage.trigger = replace(off, config=start, modified=stage.clock.now)
        assert await stage.pass_by(60) == [(0, first, 1)]

    play(tmp_path, scenario)


def test_a_logstore_that_is_gone_is_waited_for(tmp_path: Path) -> None:
    async def scenario(stage: Stage) -> None:
        stage.sls.delete_logstore("etl", "store")
        assert await stage.pass_by(60) == []
        stage.sls.create_logstore("etl", "store", LogstoreSettings(ttl=1, shard_count=1))
        again = stage.write()
        assert await stage.pass_by(60) == [(0, again, 1)]

    play(tmp_path, scenario)


def test_the_places_of_triggers_that_are_gone_are_forgotten(tmp_path: Path) -> None:
    positions = LogPositions(tmp_path / "p.json")
    positions.put("one", 3, 7)
    positions.put("two", 0, 8)
    positions.keep({"one"})
    kept = LogPositions(tmp_path / "p.json")
    assert (kept.get("one", 3), kept.get("one", 0), kept.get("two", 0)) == (7, 0, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"config": {**CONFIG, "sourceConfig": {}}},
        {"config": {**CONFIG, "sourceConfig": "store"}},
        {"config": {**CONFIG, "sourceConfig": {"logstore": "store", "startTime": -1}}},
        {"config": {**CONFIG, "jobConfig": {"triggerInterval": 2}}},
        {"config": {**CONFIG, "jobConfig": {"triggerInterval": True}}},
        {"config": {**CONFIG, "jobConfig": {"maxRetryTime": 101}}},
        {"config": {**CONFIG, "functionParameter": "{}"}},
        {"config": {**CONFIG, "logConfig": {"project": "etl"}}},
        {"config": {**CONFIG, "enable": 1}},
        {"source_arn": "acs:log:cn-hangzhou:1:etl"},
        {"source_arn": "acs:oss:cn-hangzhou:1:project/etl"},
    ],
)
def test_log_trigger_that_is_none_is_refused(tmp_path: Path, change: Mapping[str, Any]) -> None:
    with pytest.raises(FcError, match="InvalidArgument"):
        read_job(replace(Stage(tmp_path).trigger, **change))


@pytest.mark.parametrize("change", [{"more": 1}, {"jobConfig": {"more": 1}}])
def test_what_a_log_trigger_does_not_have_is_refused_by_name(tmp_path: Path, change: Mapping[str, Any]) -> None:
    with pytest.raises(FcError, match=r"NotImplemented: not implemented: triggerConfig\.(jobConfig\.)?more"):
        read_job(replace(Stage(tmp_path).trigger, config={**CONFIG, **change}))


def test_a_log_trigger_without_its_logstore_is_refused(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    check_logstore(stage.trigger, stage.sls)
    gone = replace(stage.trigger, config={**CONFIG, "sourceConfig": {"logstore": "gone"}})
    with pytest.raises(FcError, match=r"event source 'log' returned error: .*gone"):
        check_logstore(gone, stage.sls)
    with pytest.raises(FcError, match=r"event source 'log' returned error: .*none"):
        check_logstore(replace(stage.trigger, source_arn="acs:log:cn-hangzhou:1:project/none"), stage.sls)
