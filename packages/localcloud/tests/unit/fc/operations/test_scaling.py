"""Scheduled numbers of minimum instances, by a clock that the test moves."""

from __future__ import annotations

import pytest

from localcloud.fc.configs import Minimum, ScheduledAction
from localcloud.fc.errors import FcError
from localcloud.fc.operations.scaling import ScheduledTargets, check_actions
from localcloud.kernel.times import from_seconds
from tests.support.clock import Clock


def action(expression: str, target: int = 5, *, name: str = "a", **times: str) -> ScheduledAction:
    return ScheduledAction(name=name, target=target, expression=expression, **times)


def targets(*actions: ScheduledAction, moments: tuple[str, ...]) -> list[int]:
    """Return the numbers of instances at moments, one after another."""
    clock = Clock()
    scheduled = ScheduledTargets(clock)
    found = []
    for moment in moments:
        clock.now = from_seconds(moment)
        found.append(scheduled.now(Minimum(function="functions/f", qualifier="LATEST", target=1, actions=actions)))
    return found


def test_the_action_counts_that_was_due_last() -> None:
    day, night = action("cron(0 0 8 * * *)", 5), action("cron(0 0 20 * * *)", 2, name="b")
    moments = ("2026-03-10T07:59:59Z", "2026-03-10T08:00:00Z", "2026-03-10T20:00:00Z", "2026-03-11T08:00:01Z")
    assert targets(day, night, moments=moments) == [2, 5, 2, 5]


def test_an_action_counts_within_its_own_time() -> None:
    once = action("at(2026-03-10T08:00:00Z)", start="2026-03-10T00:00:00Z", end="2026-03-11T00:00:00Z")
    moments = ("2026-03-10T07:59:59Z", "2026-03-10T08:00:00Z", "2026-03-10T23:59:59Z", "2026-03-11T00:00:00Z")
    assert targets(once, moments=moments) == [1, 5, 5, 1]
    ended = action("cron(0 0 8 * * *)", end="2026-03-11T08:00:00.500Z")
    assert targets(ended, moments=("2026-03-11T08:00:00Z", "2026-03-11T08:00:01Z")) == [5, 1]
    daily = action("cron(0 0 8 * * *)", start="2026-03-10T09:00:00Z")
    assert targets(daily, moments=("2026-03-10T10:00:00Z", "2026-03-11T08:00:00Z")) == [1, 5]


def test_times_are_of_the_zone_that_an_action_names() -> None:
    local = action("cron(0 0 8 * * *)", zone="Asia/Shanghai", start="2026-03-10T00:00:00")
    assert targets(local, moments=("2026-03-09T23:59:59Z", "2026-03-10T00:00:00Z")) == [1, 5]
    once = action("at(2026-03-10T08:00:00)", zone="Asia/Shanghai")
    assert targets(once, moments=("2026-03-09T23:59:59Z", "2026-03-10T00:00:00Z")) == [1, 5]


def test_a_schedule_without_moments_never_counts() -> None:
    assert targets(action("cron(0 0 0 31 2 *)"), moments=("2026-03-10T00:00:00Z",)) == [1]


@pytest.mark.parametrize(
    ("actions", "said"),
    [
        ([action("at(2020-10-20T10:10:10Z)")] * 2, "Duplicate action name 'a' in ScheduledActions is not allowed"),
        (
            [action("at(2020-10-20T10:10:10Z)", start="2020-10-10T10:10:10")],
            "The StartTime is not in UTC time format (example: '2020-10-10T10:10:10Z', actual: '2020-10-10T10:10:10')",
        ),
        ([action("at(2020-10-20T10:10:10Z)", end="2020-13-10T10:10:10Z")], "The EndTime is not in UTC time format"),
        (
            [action("cron(0s */30 * * * *)")],
            "The ScheduleExpression should be atTime or cron expression (example: ['at(2020-10-10T10:10:10Z)', "
            "'cron(0 */30 * * * *)'], actual: 'cron(0s */30 * * * *)')",
        ),
        ([action("cron(@every 5m)")], "The ScheduleExpression should be"),
        ([action("cron(0 0 8 * * *)", zone="Nowhere/Else")], "The ScheduleExpression should be"),
        ([action("at(soon)")], "The ScheduleExpression is not in UTC time format"),
        (
            [action("at(2020-10-20T10:10:10Z)", name=f"a{number}") for number in range(110)],
            "ScheduledActions contains too many values (max: 100, actual: 110)",
        ),
    ],
)
def test_actions_that_name_no_moment_are_refused_in_the_platforms_words(
    actions: list[ScheduledAction], said: str
) -> None:
    with pytest.raises(FcError) as refused:
        check_actions(actions)
    assert refused.value.code == "InvalidArgument"
    assert refused.value.message.startswith(said)
