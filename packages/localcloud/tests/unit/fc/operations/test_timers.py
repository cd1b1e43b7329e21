"""Schedules, and the timers that fire by a clock that the test moves."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from localcloud.fc.errors import FcError
from localcloud.fc.model import Trigger
from localcloud.fc.operations.schedule import InvalidScheduleError, read_schedule
from localcloud.fc.operations.timers import Timers, check_timer
from localcloud.kernel.times import from_seconds, to_seconds
from tests.support.clock import Clock

BEGIN = from_seconds("2026-03-10T03:59:30Z")


def after(text: str, moment: str = "2026-03-10T03:59:30Z") -> str | None:
    found = read_schedule(text).after(from_seconds(moment), since=BEGIN)
    return None if found is None else to_seconds(found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@every 5m", "2026-03-10T04:04:30Z"),
        ("@every 1h30m", "2026-03-10T05:29:30Z"),
        ("0 0 4 * * *", "2026-03-10T04:00:00Z"),
        ("30 59 3 * * ?", "2026-03-11T03:59:30Z"),
        ("*/20 * * * * *", "2026-03-10T03:59:40Z"),
        ("0 0/15 9-17 ? * MON-FRI", "2026-03-10T09:00:00Z"),
        ("0 0 4 1 * *", "2026-04-01T04:00:00Z"),
        ("0 0 4 1 * MON", "2026-03-16T04:00:00Z"),
        ("0 0 0 ? JAN,JUL 7", "2026-07-05T00:00:00Z"),
        ("0 0 0 29 2 *", "2028-02-29T00:00:00Z"),
        ("CRON_TZ=Asia/Shanghai 0 0 4 * * *", "2026-03-10T20:00:00Z"),
        ("0 0 0 31 2 *", None),
    ],
)
def test_next_moment_of_a_schedule(text: str, expected: str | None) -> None:
    assert after(text) == expected


def test_local_time_that_a_change_of_clocks_leaves_out_does_not_come_and_one_that_comes_twice_fires_once() -> None:
    daily = "CRON_TZ=Europe/Berlin 0 30 2 * * *"
    assert after(daily, "2026-03-28T12:00:00Z") == "2026-03-30T00:30:00Z"
    assert after(daily, "2026-10-24T12:00:00Z") == "2026-10-25T00:30:00Z"
    assert after(daily, "2026-10-25T00:30:00Z") == "2026-10-26T01:30:00Z"


@pytest.mark.parametrize(
    "text",
    [
        *("", "@every", "@every 5", "@every 0m", "@daily", "* * * * *", "60 * * * * *", "* * * 0 * *", "5-1 * * * * *"),
        *(
            "*/0 * * * * *",
            "* * * * FOO *",
            "* * * L * *",
            "CRON_TZ=Nowhere/Land 0 0 4 * * *",
            "CRON_TZ=../x * * * * * *",
        ),
        "1," * 1000 + "1 * * * * *",
    ],
)
def test_no_schedule(text: str) -> None:
    with pytest.raises(InvalidScheduleError):
        read_schedule(text)


def timer(name: str = "t", **config: Any) -> Trigger:
    settings = {"cronExpression": "@every 5m", "payload": "p", "enable": True, **config}
    return Trigger(function="functions/f", name=name, kind="timer", config=settings, modified=BEGIN)


def test_timers_fire_when_they_are_due_and_what_was_missed_fires_once() -> None:
    clock, fired, triggers = Clock(BEGIN), list[dict[str, str]](), [timer(), timer("off", enable=False)]
    timers = Timers(triggers=lambda: triggers, fire=lambda _, event: fired.append(json.loads(event)), clock=clock)
    for seconds in (0, 1, 298, 1, 1, 1000, 1):
        clock.now += seconds
        timers.sweep()
    first = {"triggerTime": "2026-03-10T04:04:30Z", "triggerName": "t", "payload": "p"}
    assert fired == [first, {**first, "triggerTime": "2026-03-10T04:09:30Z"}]


def test_a_timer_that_is_made_just_before_the_clock_is_moved_fires_and_one_of_an_earlier_run_does_not() -> None:
    clock, fired, triggers = Clock(BEGIN + 3610), list[str](), [timer("earlier")]
    timers = Timers(triggers=lambda: triggers, fire=lambda trigger, _: fired.append(trigger.name), clock=clock)
    timers.sweep()
    triggers.append(replace(timer("new"), modified=clock.now + 0.5))
    clock.now += 301
    timers.sweep()
    assert fired == ["earlier", "new"]
    clock.now += 3595
    timers = Timers(triggers=lambda: triggers, fire=lambda trigger, _: fired.append("missed"), clock=clock)
    timers.sweep()
    assert fired == ["earlier", "new"]


def test_one_timer_that_cannot_fire_holds_up_no_other() -> None:
    clock, fired = Clock(BEGIN), list[str]()

    def fire(trigger: Trigger, _: bytes) -> None:
        if trigger.name == "bad":
            raise FcError("AliasNotFound", "gone")
        fired.append(trigger.name)

    timers = Timers(triggers=lambda: [timer("bad"), timer("good")], fire=fire, clock=clock)
    timers.sweep()
    clock.now += 301
    timers.sweep()
    assert fired == ["good"]


@pytest.mark.parametrize("config", [{"cronExpression": 5}, {"cronExpression": "no"}, {"payload": 1}, {"enable": "yes"}])
def test_timer_that_is_none_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(FcError):
        check_timer(timer(**config))
