"""The place of an object in the order of a query's pages, and the token that names it."""

from __future__ import annotations

import base64
import json
from typing import TypeAlias

from localcloud.kernel.values import read_json
from localcloud.oss.metaquery.fields import Field, Value, invalid

Place: TypeAlias = tuple[Value, str]  # the value of the field that sorts, and the key


def write_token(place: Place) -> str:
    """Return the token of a place."""
    value, key = place
    record = [_pack(value) if isinstance(value, str) else value, _pack(key)]
    return base64.urlsafe_b64encode(json.dumps(record).encode()).decode()


def read_token(token: str, field: Field) -> Place | None:
    """Return the place that a token names; None: it is empty.

    Args:
        token: as `write_token` made it.
        field: the one that sorts.

    Raises:
        OssError: InvalidArgument.
    """
    if not token:
        return None
    try:
        value, key = read_json(base64.urlsafe_b64decode(token.encode()))
        place = _unpack(value) if isinstance(value, str) else value, _unpack(key)
    except (ValueError, TypeError) as error:
        raise invalid("NextToken", token, "no answer has given it") from error
    if not isinstance(value, (int, float) if field.numeric else str):
        raise invalid("NextToken", token, "no answer to such a query has given it")
    return place


def _pack(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").hex()  # JSON cannot hold every key


def _unpack(text: str) -> str:
    return bytes.fromhex(text).decode("utf-8", "surrogateescape")
