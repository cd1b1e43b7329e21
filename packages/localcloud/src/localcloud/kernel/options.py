"""Values of the command line that have bounds."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable


def number(least: float, most: float = float("inf")) -> Callable[[str], float]:
    """Return what reads a number between two others."""

    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text} is not a number {_between(least, most)}")
        return value

    return read


def whole(least: int, most: float = float("inf")) -> Callable[[str], int]:
    """Return what reads a whole number between two others."""

    def read(text: str) -> int:
        if not re.fullmatch(r"-?[0-9]{1,18}", text) or not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text} is not a whole number {_between(least, most)}")
        return int(text)

    return read


def region(text: str) -> str:
    """Read the name of a region."""
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", text):
        raise argparse.ArgumentTypeError(f"{text!r} is no region; it is one like cn-hangzhou")
    return text


def _between(least: float, most: float) -> str:
    return f"from {least:g}" if most == float("inf") else f"from {least:g} to {most:g}"
