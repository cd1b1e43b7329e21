"""The actions of an image's processing, read out of `image/resize,w_100/format,png`. Pure.

Source: OSS, "Image processing": the page of each action has its parameters and their limits.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from localcloud.kernel.values import read_whole
from localcloud.oss.errors import OssError

MAX_SIDE = 16_384  # pixels of an image that is made
FORMATS = ("jpg", "png", "webp", "bmp", "gif", "tiff")
PLACES = ("nw", "north", "ne", "west", "center", "east", "sw", "south", "se")
_COLOUR = re.compile(r"[0-9A-Fa-f]{6}", re.ASCII)


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole:
    """A whole number within limits."""

    low: int
    high: int

    def read(self, text: str) -> int | None:
        """Return the value; None: it is none."""
        try:
            value = read_whole(text.removeprefix("-"))
        except ValueError:
            return None
        value = -value if text.startswith("-") else value
        return value if self.low <= value <= self.high else None


@dataclass(frozen=True, kw_only=True, slots=True)
class OneOf:
    """One of some words."""

    words: tuple[str, ...]

    def read(self, text: str) -> str | None:
        """Return the value; None: it is none."""
        return text if text in self.words else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Colour:
    """A colour in RGB, in hexadecimal."""

    def read(self, text: str) -> str | None:
        """Return the value; None: it is none."""
        return text if _COLOUR.fullmatch(text) else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Encoded:
    """A text in URL-safe base64."""

    most: int  # characters

    def read(self, text: str) -> str | None:
        """Return the text; None: it is none, or too long."""
        try:
            decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
        except ValueError:
            return None
        return decoded if decoded and len(decoded) <= self.most else None


_SIDE = Whole(low=1, high=MAX_SIDE)
_FROM_ZERO = Whole(low=0, high=MAX_SIDE)
_MARGIN = Whole(low=0, high=4096)
Kind = Whole | OneOf | Colour | Encoded
# By action, its parameters by name; the one named "" stands without a name.
ACTIONS: Mapping[str, Mapping[str, Kind]] = {
    "resize": {
        **{"w": _SIDE, "h": _SIDE, "l": _SIDE, "s": _SIDE, "p": Whole(low=1, high=1000)},
        "m": OneOf(words=("lfit", "mfit", "fill", "pad", "fixed")),
        "limit": Whole(low=0, high=1),
        "color": Colour(),
    },
    "crop": {"w": _FROM_ZERO, "h": _FROM_ZERO, "x": _FROM_ZERO, "y": _FROM_ZERO, "g": OneOf(words=PLACES)},
    "indexcrop": {"x": _SIDE, "y": _SIDE, "i": _FROM_ZERO},
    "rotate": {"": Whole(low=0, high=360)},
    "auto-orient": {"": Whole(low=0, high=1)},
    "quality": {"q": Whole(low=1, high=100), "Q": Whole(low=1, high=100)},
    "format": {"": OneOf(words=(*FORMATS, "jpeg"))},
    "interlace": {"": Whole(low=0, high=1)},
    "sharpen": {"": Whole(low=50, high=399)},
    "blur": {"r": Whole(low=1, high=50), "s": Whole(low=1, high=50)},
    "bright": {"": Whole(low=-100, high=100)},
    "contrast": {"": Whole(low=-100, high=100)},
    "watermark": {
        **{"text": Encoded(most=64), "type": Encoded(most=64), "image": Encoded(most=1024), "color": Colour()},
        **{"x": _MARGIN, "y": _MARGIN, "padx": _MARGIN, "pady": _MARGIN, "voffset": Whole(low=-1000, high=1000)},
        **{"t": Whole(low=0, high=100), "shadow": Whole(low=0, high=100), "size": Whole(low=1, high=1000)},
        **{"rotate": Whole(low=0, high=360), "fill": Whole(low=0, high=1), "interval": Whole(low=0, high=1000)},
        **{"order": Whole(low=0, high=1), "align": Whole(low=0, high=2), "g": OneOf(words=PLACES)},
    },
    "info": {},
    "average-hue": {},
}
_ON_ANOTHER = {"resize": {"P": Whole(low=1, high=100)}}  # of an image that is put on another one: percent of that one
MAX_MARKS = 3  # images that are put on another one
_IGNORED = frozenset({("crop", "r")})  # the vendor's own SDKs still send it, in examples that their servers take


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One step."""

    name: str
    values: Mapping[str, int | str]


def read_actions(process: str, *, mark: bool = False) -> list[Action]:
    """Read the value of `x-oss-process` after `image/`.

    Args:
        process: the value.
        mark: it is that of an image that is put on another one.

    Raises:
        OssError: InvalidArgument (an unknown parameter or value), NotImplemented (an action).
    """
    actions = [_read_action(text, _ON_ANOTHER if mark else {}) for text in process.split("/") if text]
    if not actions:
        raise OssError("InvalidArgument", "The image operation must not be empty.")
    if sum("image" in action.values for action in actions) > (0 if mark else MAX_MARKS):
        raise OssError("InvalidArgument", f"Up to {MAX_MARKS} images are put on an image, and none on those.")
    return actions


def _read_action(text: str, more: Mapping[str, Mapping[str, Kind]]) -> Action:
    name, *given = text.split(",")
    known = {**ACTIONS.get(name, {}), **more.get(name, {})}
    if name not in ACTIONS:
        raise OssError(
            "NotImplemented", f"not implemented: x-oss-process=image/{name[:40]}; there are {', '.join(ACTIONS)}"
        )
    values: dict[str, int | str] = {}
    for each in filter(None, given):
        parameter, found, value = each.partition("_")
        if not found:
            parameter, value = "", each
        if (name, parameter) in _IGNORED:
            continue
        kind = known.get(parameter)
        read = kind.read(value) if kind else None
        if read is None:
            raise OssError("InvalidArgument", f"The value of {name}'s parameter is not valid: {each[:80]}.")
        values[parameter] = read
    if "" in known and "" not in values:
        raise OssError("InvalidArgument", f"The value of {name} is missing.")
    return Action(name=name, values=values)


def to_request(actions: Sequence[Action], size: int, marks: Mapping[int, Mark]) -> dict[str, Any]:
    """Return actions as the process that does them is told.

    Args:
        actions: the actions.
        size: bytes of the image's file.
        marks: by the number of an action, the image that it puts on the other one.
    """
    told = [{**asdict(action), "mark": None} for action in actions]
    for number, mark in marks.items():
        told[number]["mark"] = asdict(mark)
    return {"actions": told, "size": size}


@dataclass(frozen=True, kw_only=True, slots=True)
class Mark:
    """An image that is put on another one, and what is done to it before."""

    file: str  # its path
    actions: Sequence[Action]
