"""Parses events into jobs: the picture to read, the turn, the key to write. Pure: bytes in, jobs or an error out."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import IntEnum
from pathlib import PurePosixPath

INCOMING = "incoming/"  # a new object here is rotated …
ROTATED = "rotated/"  # … to the same name here
FORMATS = {
    ".jpg": "jpg",
    ".jpeg": "jpg",
    ".png": "png",
    ".webp": "webp",
    ".tif": "tiff",
    ".tiff": "tiff",
    ".bmp": "bmp",
}
MAX_KEY = 1023  # bytes; https://www.alibabacloud.com/help/en/oss/user-guide/object-naming-conventions


class RotationError(Exception):
    """A request cannot be fulfilled; nothing was written for it."""


class InvalidRequestError(RotationError):
    """The event is not one of those that this function understands."""


class InvalidRotationError(RotationError):
    """`rotate` is not one of the turns that there are."""


class UnsupportedFormatError(RotationError):
    """The picture cannot be written in the format that the target's extension names."""


class Turn(IntEnum):
    """A turn of a picture; the numbers are those that the model takes as `mode`."""

    TRANSPOSE = 0
    CLOCKWISE_90 = 1
    CLOCKWISE_180 = 2
    CLOCKWISE_270 = 3


TURNS = {"transpose": Turn.TRANSPOSE, 90: Turn.CLOCKWISE_90, 180: Turn.CLOCKWISE_180, 270: Turn.CLOCKWISE_270}


@dataclass(frozen=True, slots=True)
class Job:
    """One picture to rotate.

    Attributes:
        source: key of the picture, or its path in the code package.
        target: key to write.
        turn: how.
        format: a value of `FORMATS`.
        packaged: the source lies in the code package.
    """

    source: str
    target: str
    turn: Turn
    format: str
    packaged: bool = False


@dataclass(frozen=True, slots=True)
class Notice:
    """One record of an OSS event notification: an object that has changed."""

    bucket: str
    key: str
    event: str


EXAMPLE = Job("pic/e2.jpg", "picture", Turn.TRANSPOSE, "jpg", packaged=True)


def parse_event(event: bytes) -> Job | tuple[Notice, ...]:
    """Read an event.

    Args:
        event: nothing (the example job), `{"source": …, "target": …, "rotate": …}`, or an OSS event notification.

    Raises:
        RotationError: its subclasses say what is wrong.
    """
    if not event.strip():
        return EXAMPLE
    try:
        request = json.loads(event)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestError(
            f"the event is not JSON ({error}); send source, target and rotate, or nothing"
        ) from error
    if not isinstance(request, dict):
        raise InvalidRequestError("the event is not a JSON object; send source, target and rotate, or nothing")
    if set(request) == {"events"}:
        return _notices(request["events"])
    return _job(request)


def job_of(notice: Notice, *, bucket: str) -> Job | str:
    """Return the job that a notice asks for, or the reason why it asks for none.

    Args:
        notice: what happened.
        bucket: the function's bucket.

    Raises:
        UnsupportedFormatError: the object's extension is not a picture's.
    """
    if notice.bucket != bucket:
        return f"the function works on the bucket {bucket}"
    if not notice.event.startswith("ObjectCreated:"):
        return f"{notice.event} brings no new object"
    # What this function writes is never below `incoming/`, so it cannot start itself.
    if not notice.key.startswith(INCOMING) or notice.key.endswith("/"):
        return f"only objects under {INCOMING} are rotated"
    target = ROTATED + notice.key[len(INCOMING) :]
    return Job(notice.key, target, Turn.CLOCKWISE_90, _format(target))


def _job(request: dict[str, object]) -> Job:
    unknown, missing = set(request) - {"source", "target", "rotate"}, {"source", "target", "rotate"} - set(request)
    if unknown or missing:
        wrong = [f"unknown: {', '.join(sorted(unknown))}"] * bool(unknown)
        wrong += [f"missing: {', '.join(sorted(missing))}"] * bool(missing)
        raise InvalidRequestError(f"the event has the keys source, target and rotate; {'; '.join(wrong)}")
    source, target = _key(request, "source"), _key(request, "target")
    if target.startswith(INCOMING):
        raise InvalidRequestError(f"target: {target!r} is under {INCOMING} and would start the function again")
    rotate = request["rotate"]
    if isinstance(rotate, bool) or not isinstance(rotate, int | str) or rotate not in TURNS:
        raise InvalidRotationError(f'rotate: {rotate!r:.40} is not 90, 180, 270 or "transpose"')
    return Job(source, target, TURNS[rotate], _format(target))


def _key(request: dict[str, object], name: str) -> str:
    value = request[name]
    if not isinstance(value, str) or not value or value[0] in "/\\":
        raise InvalidRequestError(
            f"{name}: {value!r:.80} is not an object's key; a key is text and begins without a slash"
        )
    if len(value.encode(errors="surrogatepass")) > MAX_KEY or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise InvalidRequestError(
            f"{name}: {value!r:.80} is not an object's key; a key is {MAX_KEY} bytes of UTF-8 at most"
        )
    return value


def _format(key: str) -> str:
    extension = PurePosixPath(key).suffix.lower()
    if extension not in FORMATS:
        raise UnsupportedFormatError(f"{key}: pictures are written as {', '.join(FORMATS)}, by the target's extension")
    return FORMATS[extension]


def _notices(records: object) -> tuple[Notice, ...]:
    if not isinstance(records, list) or not records:
        raise InvalidRequestError("events: is not a list of OSS events")
    return tuple(_notice(record, f"events[{number}]") for number, record in enumerate(records))


def _notice(record: object, where: str) -> Notice:
    # Format: https://www.alibabacloud.com/help/en/functioncompute/fc-3-0/user-guide/overview-3. Keys are taken as they
    # are: that they are not URL-encoded is assumed.
    fields = []
    for path in (("oss", "bucket", "name"), ("oss", "object", "key"), ("eventName",)):
        value: object = record
        for step in path:
            value = value.get(step) if isinstance(value, dict) else None
        if not isinstance(value, str) or not value:
            raise InvalidRequestError(f"{where}.{'.'.join(path)}: is missing; send what an OSS trigger sends")
        fields.append(value)
    return Notice(*fields)
