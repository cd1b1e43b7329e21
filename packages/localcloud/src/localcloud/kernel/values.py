"""Values out of what strangers send: whole numbers, JSON, secrets. What cannot be read is a `ValueError` that says why."""

from __future__ import annotations

import hmac
import json
from typing import Any, NoReturn

MAX_DIGITS = 18  # of a whole number: more than any limit, size or time has
MAX_DEPTH = 32  # levels of arrays and objects, far more than any API's requests have


def read_whole(text: str) -> int:
    """Read a whole number of at most 18 ASCII digits, without a sign.

    Raises:
        ValueError: it is none.
    """
    if not (text.isascii() and text.isdigit()) or len(text) > MAX_DIGITS:
        raise ValueError(f"expected a whole number of at most {MAX_DIGITS} digits, not {text[:40]!r}")
    return int(text)


def read_json(content: bytes | str) -> Any:  # noqa: ANN401 - whatever JSON may hold
    """Read JSON that can be kept, compared, written and handed to processes without surprises.

    Raises:
        ValueError: it is not JSON in UTF-8, is nested deeper than `MAX_DEPTH`, names a member of an object twice (readers differ in
            which one counts), or holds numbers without a value, NUL, or halves of surrogate pairs.
    """
    text = content if isinstance(content, str) else content.decode("utf-8")
    try:
        value = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_members)
    except RecursionError:
        raise _too_deep() from None
    _check(value, 0)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError(f"an element is given twice, among {', '.join(sorted(members))[:200]}")
    return members


def _check(value: object, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise _too_deep()
    if isinstance(value, str):
        if "\0" in value:
            raise ValueError("a text holds NUL")
        value.encode()  # UnicodeEncodeError, which is a ValueError, for half of a surrogate pair
    elif isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise ValueError("a number is too large")
    elif isinstance(value, list):
        for item in value:
            _check(item, depth + 1)
    elif isinstance(value, dict):
        for name, item in value.items():
            _check(name, depth)
            _check(item, depth + 1)


def _too_deep() -> ValueError:
    return ValueError(f"it is nested deeper than {MAX_DEPTH} levels")


def same_secret(right: str, given: str) -> bool:
    """Compare a secret with what a request gives, in a time that does not tell how much of it is right."""
    # HTTP servers hand on header bytes that are not UTF-8 as surrogates, and JSON may hold others.
    return hmac.compare_digest(right.encode(errors="surrogatepass"), given.encode(errors="surrogatepass"))
