"""The actions of an image's processing, read out of `image/resize,w_100/format,png`. Pure.

Source: OSS, "Image processing": the page of each action has its parameters and their limits.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
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


_SIDE = Whole(low=1, high=MAX_SIDE)
_FROM_ZERO = Whole(low=0, high=MAX_SIDE)
Kind = Whole | OneOf | Colour
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
    "info": {},
    "average-hue": {},
}
_IGNORED = frozenset({("crop", "r")})  # the vendor's own SDKs still send it, in examples that their servers take


@dataclass(frozen=True, kw_only=True, slots=True)
class Action:
    """One step."""

    name: str
    values: Mapping[str, int | str]


def read_actions(process: str) -> list[Action]:
    """Read the value of `x-oss-process` after `image/`.

    Raises:
        OssError: InvalidArgument (an unknown parameter or value), NotImplemented (an action).
    """
    actions = [_read_action(text) for text in process.split("/") if text]
    if not actions:
        raise OssError("InvalidArgument", "The image operation must not be empty.")
    return actions


def _read_action(text: str) -> Action:
    name, *given = text.split(",")
    known = ACTIONS.get(name)
    if known is None:
        raise OssError(
            "NotImplemented", f"not implemented: x-oss-process=image/{name[:40]}; there are {', '.join(ACTIONS)}"
        )
    values: dict[str, int | str] = {}
    for each in given:
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


def to_request(actions: list[Action], size: int) -> dict[str, Any]:
    """Return actions as the process that does them is told."""
    return {"actions": [asdict(action) for action in actions], "size": size}
