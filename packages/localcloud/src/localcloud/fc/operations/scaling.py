"""Scheduled numbers of minimum instances: the one that counts at a moment.

Of several actions the one counts that was due last, as long as its own time has not ended (assumed); before any was due, and after
the end of all, the configuration's own number does.
Sources: Function Compute, "Configure auto scaling rules"; the clients' models (ScheduledAction, ScheduledPolicy); the words of
errors: the suite of aliyun/fc-java-sdk.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from localcloud.fc.configs import Minimum, ScheduledAction
from localcloud.fc.errors import FcError
from localcloud.fc.operations.schedule import Cron, InvalidScheduleError, read_schedule
from localcloud.fc.platform import MAX_SCHEDULED_ACTIONS

_EXPRESSION = re.compile(r"(at|cron)\((.{1,200})\)", re.ASCII)
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,3})?(Z?)", re.ASCII)  # some clients write milliseconds


def check_actions(actions: Sequence[ScheduledAction]) -> None:
    """Refuse actions that name no moments, or that are too many.

    Raises:
        FcError: InvalidArgument.
    """
    if len(actions) > MAX_SCHEDULED_ACTIONS:
        raise FcError(
            "InvalidArgument",
            f"ScheduledActions contains too many values (max: {MAX_SCHEDULED_ACTIONS}, actual: {len(actions)})",
        )
    repeated = [name for name, number in Counter(each.name for each in actions).items() if number > 1]
    if repeated:
        raise FcError(
            "InvalidArgument", f"Duplicate action name '{repeated[0][:100]}' in ScheduledActions is not allowed"
        )
    for action in actions:
        _Course(action)


class ScheduledTargets:
    """The numbers of instances that schedules ask for.

    Args:
        clock: seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._courses: dict[ScheduledAction, _Course] = {}

    def now(self, minimum: Minimum) -> int:
        """Return the number of instances that a configuration asks for now."""
        now, latest, target = self._clock(), -math.inf, minimum.target
        for action in minimum.actions:
            if action not in self._courses:
                self._courses[action] = _Course(action)
            due = self._courses[action].due(now)
            if due is not None and due >= latest:
                latest, target = due, action.target
        return target

    def forget(self, actions: Sequence[ScheduledAction]) -> None:
        """Forget actions that a configuration has no more."""
        for action in actions:
            self._courses.pop(action, None)


@dataclass(frozen=True, slots=True)
class _At:
    """One moment."""

    moment: float  # seconds since the epoch

    def until(self, moment: float) -> float | None:
        return self.moment if self.moment <= moment else None

    def after(self, moment: float, *, since: float) -> float | None:
        return self.moment if self.moment > moment else None


class _Course:
    """The moments of an action; what was found last is kept until the next one has come.

    Raises:
        FcError: InvalidArgument: it names none.
    """

    def __init__(self, action: ScheduledAction) -> None:
        self._start = _read_time("StartTime", action.start, action.zone) if action.start else -math.inf
        self._end = _read_time("EndTime", action.end, action.zone) if action.end else math.inf
        self._schedule = _read_expression(action)
        self._found: tuple[float, float | None, float] | None = None  # asked when, the last moment, the next one

    def due(self, now: float) -> float | None:
        """Return when the action was due last; None: it does not count now."""
        if not self._start <= now < self._end:
            return None
        if self._found is None or not self._found[0] <= now < self._found[2]:
            following = self._schedule.after(now, since=now)
            self._found = now, self._schedule.until(now), math.inf if following is None else following
        last = self._found[1]
        return last if last is not None and last >= self._start else None


def _read_expression(action: ScheduledAction) -> _At | Cron:
    match = _EXPRESSION.fullmatch(action.expression)
    try:
        if match and match[1] == "at":
            return _At(_read_time("ScheduleExpression", match[2], action.zone))
        if match:
            schedule = read_schedule(f"CRON_TZ={action.zone} {match[2]}" if action.zone else match[2])
            if isinstance(schedule, Cron):
                return schedule
    except InvalidScheduleError:
        pass
    raise FcError(
        "InvalidArgument",
        "The ScheduleExpression should be atTime or cron expression (example: ['at(2020-10-10T10:10:10Z)', "
        f"'cron(0 */30 * * * *)'], actual: '{action.expression[:200]}')",
    )


def _read_time(name: str, text: str, zone: str) -> float:
    """Return a time in seconds since the epoch: in UTC (`Z` at its end), or in the zone, if there is one."""
    match = _TIME.fullmatch(text)
    try:
        if match and (match[1] or zone):
            local = UTC if match[1] else ZoneInfo(zone)
            return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=local).timestamp()
    except (ZoneInfoNotFoundError, ValueError, OSError, OverflowError):
        pass
    raise FcError(
        "InvalidArgument",
        f"The {name} is not in UTC time format (example: '2020-10-10T10:10:10Z', actual: '{text[:100]}')",
    )
