"""Conditions on an object: `If-Match` and its like, and which of two counts."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import formatdate

import pytest

from localcloud.oss.api.conditions import check_conditions, refuse_conditions
from localcloud.oss.errors import OssError
from tests.support.stored import ITEM

MODIFIED = int(ITEM.modified)
BEFORE, THEN, AFTER = (formatdate(MODIFIED + seconds, usegmt=True) for seconds in (-1, 0, 1))


@pytest.mark.parametrize("prefix", ["", "x-oss-copy-source-"])
@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({}, ""),
        ({"if-match": '"AB"'}, ""),
        ({"if-match": '"CD", "ab"'}, ""),
        ({"if-match": "*"}, ""),
        ({"if-match": '"CD"'}, "PreconditionFailed"),
        ({"if-none-match": '"AB"'}, "NotModified"),
        ({"if-none-match": '"CD"'}, ""),
        ({"if-modified-since": THEN}, "NotModified"),
        ({"if-modified-since": AFTER}, "NotModified"),
        ({"if-modified-since": BEFORE}, ""),
        ({"if-unmodified-since": BEFORE}, "PreconditionFailed"),
        ({"if-unmodified-since": THEN}, ""),
        ({"if-match": '"AB"', "if-unmodified-since": BEFORE}, ""),  # RFC 9110, 13.2.2: entity tags count before dates
        ({"if-none-match": '"CD"', "if-modified-since": THEN}, ""),
        ({"if-modified-since": "yesterday", "if-unmodified-since": "yesterday"}, ""),
    ],
)
def test_conditions(headers: Mapping[str, str], code: str, prefix: str) -> None:
    given = {prefix + name: value for name, value in headers.items()}
    if not code:
        check_conditions(ITEM, given, prefix=prefix)
        return
    with pytest.raises(OssError, match=code):
        check_conditions(ITEM, given, prefix=prefix)


def test_an_upload_with_a_condition_is_refused_and_the_condition_named() -> None:
    refuse_conditions({"content-type": "text/plain"})
    for name in ("If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since"):
        with pytest.raises(OssError, match="NotImplemented") as refused:
            refuse_conditions({name.lower(): "*"})
        assert (refused.value.status, refused.value.detail) == (400, {"Header": name})
