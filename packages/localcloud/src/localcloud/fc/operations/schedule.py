"""Schedules of timer triggers: `@every 5m`, or the six fields of cron, seconds first, in UTC or in a zone. Pure.

Source: Function Compute, "Time triggers": cron expressions, `CRON_TZ`, `@every`. Where both days are given,
either fires (as in cron, assumed).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import product
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_EVERY = re.compile(r"@every ((?:[0-9]{1,6}(?:\.[0-9]{1,3})?[hms])+)", re.ASCII)
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)([hms])", re.ASCII)
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}  # seconds
MAX_TEXT = 300  # characters of an expression
MAX_DAYS = 366 * 8 + 2  # of a search: the 29th of February is as far at most


class InvalidScheduleError(ValueError):
    """A text that is no schedule."""


class Schedule(Protocol):
    """The moments at which a timer fires."""

    def after(self, moment: float, *, since: float) -> float | None:
        """Return the first one after a moment; None: there is none. Intervals are counted since another moment."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Every so many seconds."""

    seconds: float

    def after(self, moment: float, *, since: float) -> float:
        """See `Schedule`."""
        return since + self.seconds * (max(moment - since, 0.0) // self.seconds + 1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """A field of a cron expression."""

    name: str
    allowed: range
    names: Sequence[str] = ()  # of the values, from the first one

    def read(self, text: str) -> frozenset[int]:
        """Return the values that a field's text stands for.

        Raises:
            InvalidScheduleError: it stands for none.
        """
        return frozenset(value for part in text.split(",") for value in self._read_part(part))

    def _read_part(self, text: str) -> Iterable[int]:
        span, slash, step = text.partition("/")
        first, dash, last = span.partition("-")
        if span in {"*", "?"}:
            low, high = self.allowed[0], self.allowed[-1]
        else:
            low = self._value(first, text)
            high = self._value(last, text) if dash else self.allowed[-1] if slash else low
        if (slash and not (re.fullmatch(r"[1-9][0-9]{0,3}", step, re.ASCII))) or high < low:
            raise self._wrong(text)
        return range(low, high + 1, int(step) if slash else 1)

    def _value(self, text: str, part: str) -> int:
        if text.upper() in self.names:
            return self.allowed[0] + self.names.index(text.upper())
        if not re.fullmatch(r"[0-9]{1,2}", text, re.ASCII) or int(text) not in self.allowed:
            raise self._wrong(part)
        return int(text)

    def _wrong(self, text: str) -> InvalidScheduleError:
        return InvalidScheduleError(
            f"{self.name}: {text[:50]!r} is not allowed; give numbers from {self.allowed[0]} to {self.allowed[-1]} with , - * / ?"
        )


MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
WEEKDAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
FIELDS = (
    Field(name="seconds", allowed=range(60)),
    Field(name="minutes", allowed=range(60)),
    Field(name="hours", allowed=range(24)),
    Field(name="day of month", allowed=range(1, 32)),
    Field(name="month", allowed=range(1, 13), names=MONTHS),
    Field(name="day of week", allowed=range(8), names=WEEKDAYS),  # 7 is Sunday, too
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Cron:
    """The moments that a cron expression names."""

    seconds: Sequence[int]
    minutes: Sequence[int]
    hours: Sequence[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 0 and 7: Sunday
    either_day: bool  # both days are restricted
    zone: tzinfo

    def after(self, moment: float, *, since: float) -> float | None:
        """See `Schedule`. A local time that a change of clocks leaves out does not come; one that comes twice fires once."""
        first = datetime.fromtimestamp(int(moment) + 1, self.zone)
        for number in range(MAX_DAYS):
            begin = (first.hour, first.minute) if number == 0 else (0, 0)
            for found in self._of(first.date() + timedelta(days=number), begin):
                if found > moment:
                    return found
        return None

    def until(self, moment: float) -> float | None:
        """Return the last one that has come at a moment; None: there is none."""
        last = datetime.fromtimestamp(moment, self.zone)
        for number in range(min(MAX_DAYS, last.date().toordinal())):
            begin = (last.hour, last.minute) if number == 0 else (23, 59)
            for found in self._of(last.date() - timedelta(days=number), begin, backwards=True):
                if found <= moment:
                    return found
        return None

    def _of(self, day: date, begin: tuple[int, int], *, backwards: bool = False) -> Iterator[float]:
        """Yield the moments of a day, in seconds since the epoch, from an hour and minute on."""
        if not self._has(day):
            return
        hours, minutes, seconds = (
            each[::-1] if backwards else each for each in (self.hours, self.minutes, self.seconds)
        )
        for hour, minute in product(hours, minutes):
            if (hour, minute) > begin if backwards else (hour, minute) < begin:
                continue
            for second in seconds:
                found = datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=self.zone).timestamp()
                if datetime.fromtimestamp(found, self.zone).hour == hour:  # no change of clocks leaves it out
                    yield found

    def _has(self, day: date) -> bool:
        if day.month not in self.months:
            return False
        weekday = day.isoweekday()  # Monday is 1, Sunday 7
        by_day, by_week = day.day in self.days, weekday in self.weekdays or (weekday == 7 and 0 in self.weekdays)
        return (by_day or by_week) if self.either_day else (by_day and by_week)


def read_schedule(text: str) -> Schedule:
    """Read a schedule.

    Raises:
        InvalidScheduleError: it is none.
    """
    if len(text) > MAX_TEXT:
        raise InvalidScheduleError(f"it has more than {MAX_TEXT} characters")
    if every := _EVERY.fullmatch(text):
        seconds = sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(every[1]))
        if seconds < 1:
            raise InvalidScheduleError("it is shorter than a second")
        return Interval(seconds)
    zone: tzinfo = UTC
    words = text.split()
    if words and words[0].startswith(("CRON_TZ=", "TZ=")):
        name = words.pop(0).partition("=")[2]
        try:
            zone = ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise InvalidScheduleError(
                f"{name[:50]!r} is not a time zone, such as Asia/Shanghai, that this machine knows"
            ) from error
    if len(words) != len(FIELDS):
        raise InvalidScheduleError("expected `@every 5m`, or six fields of cron, seconds first: `0 0 4 * * *`")
    seconds_, minutes, hours, days, months, weekdays = (
        field.read(word) for field, word in zip(FIELDS, words, strict=True)
    )
    return Cron(
        seconds=sorted(seconds_),
        minutes=sorted(minutes),
        hours=sorted(hours),
        days=days,
        months=months,
        weekdays=weekdays,
        either_day=not {words[3][0], words[5][0]} & {"*", "?"},
        zone=zone,
    )
