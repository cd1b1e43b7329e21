"""Whole numbers as requests write them: ASCII digits, and no more of them than 64 bits hold."""

from __future__ import annotations

import re

from localcloud.oss.errors import OssError

_NUMBER = re.compile(r"[0-9]{1,19}")


def read_number(name: str, text: str, *, low: int = 0, high: int = 2**63 - 1) -> int:
    """Return the number that an argument holds.

    Args:
        name: the argument's name, for the error.
        text: the argument.
        low: the least that is allowed.
        high: the most that is allowed.

    Raises:
        OssError: InvalidArgument.
    """
    if _NUMBER.fullmatch(text) and low <= int(text) <= high:
        return int(text)
    raise OssError(
        "InvalidArgument",
        f"Argument {name} must be an integer between {low} and {high}.",
        {"ArgumentName": name, "ArgumentValue": text[:100]},
    )
