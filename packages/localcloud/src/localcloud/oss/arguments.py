"""Arguments of requests: whole numbers, and values that answers carry in headers, with OSS's error for those that are none."""

from __future__ import annotations

import re

from localcloud.kernel.values import MAX_DIGITS, read_whole
from localcloud.oss.errors import OssError

_CONTROL = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # what a header cannot carry


def read_number(name: str, text: str, *, low: int = 0, high: int = 10**MAX_DIGITS - 1, ec: str | None = None) -> int:
    """Return the number that an argument holds.

    Args:
        name: the argument's name, for the error.
        text: the argument.
        low: the least that is allowed.
        high: the most that is allowed.
        ec: the finer code of the error; None: there is none.

    Raises:
        OssError: InvalidArgument.
    """
    try:
        number = read_whole(text)
    except ValueError:
        number = None
    if number is not None and low <= number <= high:
        return number
    raise OssError(
        "InvalidArgument",
        f"Argument {name} must be an integer between {low} and {high}.",
        {"ArgumentName": name, "ArgumentValue": text[:100]},
        ec=ec,
    )


def check_header(name: str, value: str) -> str:
    """Return a header's value.

    Raises:
        OssError: InvalidArgument (no answer could carry it).
    """
    if _CONTROL.search(value):
        raise OssError(
            "InvalidArgument",
            f"{name} holds what a header cannot carry: control characters, or bytes that are not UTF-8.",
            {"ArgumentName": name},
        )
    return value
