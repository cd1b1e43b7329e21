"""Functions of times. Source: SLS, "Date and time functions"."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from localcloud.sls.analysis.functions.signatures import Function, FunctionError
from localcloud.sls.analysis.types import BIGINT, DATE, DOUBLE, EPOCH, TIMESTAMP, VARCHAR, ZONE

DAY = 24 * 60 * 60 * 1000  # milliseconds
_UNITS = {"millisecond": 1, "second": 1000, "minute": 60_000, "hour": 3_600_000, "day": DAY, "week": 7 * DAY}
_MONTHS = {"month": 1, "quarter": 3, "year": 12}
_MONDAY = -3  # the day of the week in which 1970 began, in days since then
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_NAMES = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November"),
    "December",
)
_TIMESTAMP = re.compile(
    r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[ T]([0-9]{1,2}):([0-9]{1,2})(?::([0-9]{1,2})(?:\.([0-9]{1,9}))?)?)?",
    re.ASCII,
)
_ZONED = re.compile(r"(.*?)(Z|[+-][0-9]{2}:?[0-9]{2})?")


def moment(milliseconds: int) -> datetime:
    """Return a timestamp as Python has it."""
    try:
        return EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError as error:
        raise FunctionError("the timestamp is out of range") from error


def stamp(time: datetime) -> int:
    """Return a timestamp as statements have it."""
    return (time - EPOCH) // timedelta(milliseconds=1)


def read_timestamp(text: str) -> int:
    """Return the timestamp that a text is, to the millisecond.

    Raises:
        FunctionError: it is none.
    """
    found = _TIMESTAMP.fullmatch(text.strip())
    try:
        if found is None:
            raise ValueError
        numbers = [int(each or 0) for each in found.groups()[:6]]
        fraction = int((found[7] or "").ljust(3, "0")[:3])
        return stamp(datetime(*numbers)) + fraction  # type: ignore[arg-type]
    except ValueError as error:
        raise FunctionError(f"Value cannot be cast to timestamp: {text[:80]}") from error


def read_date(text: str) -> int:
    """Return the date that a text is; see `read_timestamp`."""
    if not re.fullmatch(r"\s*[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}\s*", text, re.ASCII):
        raise FunctionError(f"Value cannot be cast to date: {text[:80]}")
    return read_timestamp(text) // DAY


def from_seconds(seconds: float) -> int:
    """Return the timestamp of seconds since the epoch."""
    if not math.isfinite(seconds) or abs(seconds) > 1e12:
        raise FunctionError("the timestamp is out of range")
    return round(seconds * 1000) + ZONE * 1000


@lru_cache(maxsize=64)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise FunctionError(f"'{name[:80]}' is not a valid time zone") from error


def _from_seconds_in(seconds: float, zone: str) -> int:
    utc = moment(from_seconds(seconds) - ZONE * 1000).replace(tzinfo=UTC)
    return stamp(utc.astimezone(_zone(zone)).replace(tzinfo=None))


def add_months(milliseconds: int, count: int) -> int:
    """Return the timestamp so many months later; of months that are shorter, the last day."""
    time = moment(milliseconds)
    months = time.year * 12 + time.month - 1 + count
    year, month = divmod(months, 12)
    for day in (time.day, 30, 29, 28):
        try:
            return stamp(time.replace(year=year, month=month + 1, day=min(day, time.day)))
        except ValueError:
            continue
        except OverflowError:
            break
    raise FunctionError("the timestamp is out of range")


def _trunc(unit: str, milliseconds: int) -> int:
    name = unit.lower()
    if name == "week":
        return (milliseconds - _MONDAY * DAY) // _UNITS["week"] * _UNITS["week"] + _MONDAY * DAY
    if name in _UNITS:
        return milliseconds // _UNITS[name] * _UNITS[name]
    months = _month_unit(unit)
    time = moment(milliseconds)
    return stamp(datetime(time.year, (time.month - 1) // months * months + 1, 1))


def _month_unit(unit: str) -> int:
    if unit.lower() not in _MONTHS:
        raise FunctionError(f"'{unit[:80]}' is not a valid TIMESTAMP field")
    return _MONTHS[unit.lower()]


def _add(unit: str, count: int, milliseconds: int) -> int:
    if (size := _UNITS.get(unit.lower())) is not None:
        return stamp(moment(milliseconds + count * size))
    return add_months(milliseconds, count * _month_unit(unit))


def _difference(unit: str, first: int, second: int) -> int:
    if (size := _UNITS.get(unit.lower())) is not None:
        return int(math.copysign(abs(second - first) // size, second - first))
    size = _month_unit(unit)
    begin, end = moment(first), moment(second)
    months = (end.year - begin.year) * 12 + end.month - begin.month
    while months > 0 and add_months(first, months) > second:
        months -= 1
    while months < 0 and add_months(first, months) < second:
        months += 1
    return int(math.copysign(abs(months) // size, months))


_WRITERS: dict[str, Callable[[datetime], str]] = {
    "a": lambda time: _DAYS[time.weekday()][:3],
    "b": lambda time: _NAMES[time.month - 1][:3],
    "c": lambda time: str(time.month),
    "d": lambda time: f"{time.day:02d}",
    "e": lambda time: str(time.day),
    "f": lambda time: f"{time.microsecond:06d}",
    "H": lambda time: f"{time.hour:02d}",
    "h": lambda time: f"{(time.hour + 11) % 12 + 1:02d}",
    "I": lambda time: f"{(time.hour + 11) % 12 + 1:02d}",
    "i": lambda time: f"{time.minute:02d}",
    "j": lambda time: f"{time.timetuple().tm_yday:03d}",
    "k": lambda time: str(time.hour),
    "l": lambda time: str((time.hour + 11) % 12 + 1),
    "M": lambda time: _NAMES[time.month - 1],
    "m": lambda time: f"{time.month:02d}",
    "p": lambda time: "AM" if time.hour < 12 else "PM",
    "r": lambda time: f"{(time.hour + 11) % 12 + 1:02d}:{time:%M:%S} {'AM' if time.hour < 12 else 'PM'}",
    "S": lambda time: f"{time.second:02d}",
    "s": lambda time: f"{time.second:02d}",
    "T": lambda time: f"{time:%H:%M:%S}",
    "v": lambda time: f"{time.isocalendar()[1]:02d}",
    "W": lambda time: _DAYS[time.weekday()],
    "Y": lambda time: f"{time.year:04d}",
    "y": lambda time: f"{time.year % 100:02d}",
}
_READERS = {
    **dict.fromkeys("cdeHhIiklms", r"([0-9]{1,2})"),
    **{"S": r"([0-9]{1,2})", "Y": r"([0-9]{4})", "y": r"([0-9]{2})", "f": r"([0-9]{1,9})", "j": r"([0-9]{1,3})"},
    **{"p": r"([AaPp][Mm])", "b": r"([A-Za-z]{3})", "M": r"([A-Za-z]+)", "a": r"([A-Za-z]{3})", "W": r"([A-Za-z]+)"},
}


def _format(milliseconds: int, pattern: str) -> str:
    time = moment(milliseconds)

    def write(found: re.Match[str]) -> str:
        letter = found[1]
        if letter in _WRITERS:
            return _WRITERS[letter](time)
        if letter in "DUuVwXx":
            raise FunctionError(f"Date format specifier %{letter} is not supported")
        return letter

    return re.sub(r"%(.)", write, pattern, flags=re.DOTALL)


@lru_cache(maxsize=64)
def _read_format(pattern: str) -> tuple[re.Pattern[str], str]:
    pattern = pattern.replace("%T", "%H:%i:%S").replace("%r", "%h:%i:%S %p")
    text, letters, at = "", "", 0
    while at < len(pattern):
        one = pattern[at]
        if one == "%" and at + 1 < len(pattern):
            at += 1
            letter = pattern[at]
            if letter in _READERS:
                text, letters = text + _READERS[letter], letters + letter
            elif letter == "%":
                text += "%"
            else:
                raise FunctionError(f"Date format specifier %{letter} is not supported")
        else:
            text += re.escape(one)
        at += 1
    return re.compile(text, re.ASCII), letters


def _parse(text: str, pattern: str) -> int:
    compiled, letters = _read_format(pattern)
    found = compiled.fullmatch(text)
    if found is None:
        raise FunctionError(f'Invalid format: "{text[:80]}"')
    parts = dict(zip(letters, found.groups(), strict=True))

    def number(among: str, otherwise: int) -> int:
        return next((int(parts[letter]) for letter in among if letter in parts), otherwise)

    year = number("Y", 1970)
    if "y" in parts:
        year = int(parts["y"]) + (2000 if int(parts["y"]) < 70 else 1900)
    month = number("mc", 1)
    for letter, size in (("b", 3), ("M", None)):
        if letter in parts:
            names = [name[:size].lower() for name in _NAMES]
            if parts[letter].lower() not in names:
                raise FunctionError(f'Invalid format: "{text[:80]}"')
            month = names.index(parts[letter].lower()) + 1
    hour = number("Hk", -1)
    if hour < 0:
        hour = number("hIl", 0)
        if "p" in parts:
            hour = hour % 12 + (12 if parts["p"].lower() == "pm" else 0)
    fraction = int(parts.get("f", "").ljust(6, "0")[:6])
    try:
        time = datetime(year, month, number("de", 1), hour, number("i", 0), number("Ss", 0), fraction)
        return stamp(time + timedelta(days=number("j", 1) - 1))
    except (ValueError, OverflowError) as error:
        raise FunctionError(f'Cannot parse "{text[:80]}": {error}') from error


def _iso(text: str) -> int:
    found = _ZONED.fullmatch(text.strip())
    assert found is not None, "it takes anything"
    local, zone = found.groups()
    if zone is None:
        return read_timestamp(local)
    digits = "0000" if zone == "Z" else zone[1:].replace(":", "")
    offset = (int(digits[:2]) * 60 + int(digits[2:])) * 60 * (-1 if zone[0] == "-" else 1)
    return read_timestamp(local) + (ZONE - offset) * 1000


def _part(name: str, take: Callable[[datetime], int]) -> Function:
    return Function(name, (TIMESTAMP,), BIGINT, lambda milliseconds: take(moment(milliseconds)))


def _last_day(milliseconds: int) -> int:
    first = add_months(_trunc("month", milliseconds), 1)
    return first // DAY - 1


def _of_days(run: Callable[..., int], before: int) -> Callable[..., int]:
    """Return a function of a date for one of a timestamp, which stands behind so many arguments."""

    def on_days(*values: Any) -> int:  # noqa: ANN401 - texts, then dates
        return run(*values[:before], *(value * DAY for value in values[before:])) // DAY

    return on_days


TIMES = (
    Function("from_unixtime", (DOUBLE,), TIMESTAMP, from_seconds),
    Function("from_unixtime", (DOUBLE, VARCHAR), TIMESTAMP, _from_seconds_in),
    Function("to_unixtime", (TIMESTAMP,), DOUBLE, lambda milliseconds: (milliseconds - ZONE * 1000) / 1000),
    Function("date_format", (TIMESTAMP, VARCHAR), VARCHAR, _format),
    Function("date_parse", (VARCHAR, VARCHAR), TIMESTAMP, _parse),
    Function("date_trunc", (VARCHAR, TIMESTAMP), TIMESTAMP, _trunc),
    Function("date_trunc", (VARCHAR, DATE), DATE, _of_days(_trunc, 1)),
    Function("date_add", (VARCHAR, BIGINT, TIMESTAMP), TIMESTAMP, _add),
    Function("date_add", (VARCHAR, BIGINT, DATE), DATE, _of_days(_add, 2)),
    Function("date_diff", (VARCHAR, TIMESTAMP, TIMESTAMP), BIGINT, _difference),
    Function("date", (TIMESTAMP,), DATE, lambda milliseconds: milliseconds // DAY),
    Function("date", (VARCHAR,), DATE, lambda text: read_timestamp(text) // DAY),
    Function("last_day_of_month", (TIMESTAMP,), DATE, _last_day),
    Function(
        "to_iso8601", (TIMESTAMP,), VARCHAR, lambda milliseconds: moment(milliseconds).isoformat("T", "milliseconds")
    ),
    Function("from_iso8601_timestamp", (VARCHAR,), TIMESTAMP, _iso),
    Function("from_iso8601_date", (VARCHAR,), DATE, read_date),
    Function("current_timezone", (), VARCHAR, lambda: "Asia/Shanghai"),
    _part("year", lambda time: time.year),
    _part("quarter", lambda time: (time.month + 2) // 3),
    _part("month", lambda time: time.month),
    *(_part(name, lambda time: time.isocalendar()[1]) for name in ("week", "week_of_year")),
    *(_part(name, lambda time: time.isocalendar()[0]) for name in ("year_of_week", "yow")),
    *(_part(name, lambda time: time.day) for name in ("day", "day_of_month")),
    *(_part(name, lambda time: time.isoweekday()) for name in ("day_of_week", "dow")),
    *(_part(name, lambda time: time.timetuple().tm_yday) for name in ("day_of_year", "doy")),
    _part("hour", lambda time: time.hour),
    _part("minute", lambda time: time.minute),
    _part("second", lambda time: time.second),
    _part("millisecond", lambda time: time.microsecond // 1000),
)
