"""Timer triggers: those that are due, and the event that their functions get.

What was due while the embedded cloud did not run is not made up for. Intervals are counted from the trigger's last change.
Source: Function Compute, "Time triggers".
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable

from localcloud.fc.errors import FcError
from localcloud.fc.model import Trigger
from localcloud.fc.operations.schedule import InvalidScheduleError, Schedule, read_schedule
from localcloud.kernel.times import to_seconds

MAX_PAYLOAD = 64 * 1024  # bytes; assumed
logger = logging.getLogger(__name__)


def check_timer(trigger: Trigger) -> None:
    """Refuse a timer trigger without a schedule.

    Raises:
        FcError: InvalidArgument.
    """
    _schedule(trigger)
    payload, enable = trigger.config.get("payload"), trigger.config.get("enable")
    if payload is not None and (not isinstance(payload, str) or len(payload.encode(errors="replace")) > MAX_PAYLOAD):
        raise FcError("InvalidArgument", f"triggerConfig.payload must be text of at most {MAX_PAYLOAD} bytes")
    if enable is not None and not isinstance(enable, bool):
        raise FcError("InvalidArgument", "triggerConfig.enable must be true or false")


def _schedule(trigger: Trigger) -> Schedule:
    expression = trigger.config.get("cronExpression")
    if not isinstance(expression, str):
        raise FcError(
            "InvalidArgument", "triggerConfig.cronExpression must be text, such as `@every 5m` or `0 0 4 * * *`"
        )
    try:
        return read_schedule(expression)
    except InvalidScheduleError as error:
        raise FcError("InvalidArgument", f"triggerConfig.cronExpression: {error}") from error


def make_event(trigger: Trigger, *, moment: float) -> bytes:
    """Return the event that a function gets.

    Args:
        trigger: the trigger.
        moment: when it was due, in seconds since the epoch.
    """
    payload = trigger.config.get("payload") or ""
    event = {"triggerTime": to_seconds(moment), "triggerName": trigger.name, "payload": payload}
    return json.dumps(event).encode()


class Timers:
    """The timers of an account.

    Args:
        triggers: returns all triggers.
        fire: invokes the function of one, with the event.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        *,
        triggers: Callable[[], Iterable[Trigger]],
        fire: Callable[[Trigger, bytes], None],
        clock: Callable[[], float],
    ) -> None:
        self._triggers = triggers
        self._fire = fire
        self._clock = clock
        self._swept = clock()  # when the timers were looked at last
        self._next: dict[tuple[str, str, float], float | None] = {}  # when each is due; a changed one is another one

    def sweep(self) -> None:
        """Fire the timers that are due; one that is due several times fires once."""
        now = self._clock()
        # One that was made since the last look counts from then, even if the clock has been moved meanwhile.
        since, self._swept = self._swept, now
        before, self._next = self._next, {}
        for trigger in self._triggers():
            if trigger.kind != "timer" or trigger.config.get("enable") is False:
                continue
            key = trigger.function, trigger.name, trigger.modified
            due = before[key] if key in before else self._after(trigger, max(trigger.modified, since))
            if due is not None and due <= now:
                self._next[key] = self._after(trigger, now)
                try:
                    self._fire(trigger, make_event(trigger, moment=due))
                except FcError as error:  # such as an alias that is gone; the others fire
                    logger.warning("timer %s of %s does not fire: %s", trigger.name, trigger.function, error)
            else:
                self._next[key] = due

    def _after(self, trigger: Trigger, moment: float) -> float | None:
        return _schedule(trigger).after(moment, since=trigger.modified)
