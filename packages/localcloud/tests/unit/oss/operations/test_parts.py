"""The choice of parts that an upload is completed with."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.model import MIN_PART, Part
from localcloud.oss.operations.uploads import choose_parts


def part(number: int, size: int = MIN_PART) -> Part:
    return Part(number=number, data=f"{number}", size=size, etag=f"{number:032X}", crc64=0, modified=0.0)


UPLOADED = [part(1), part(2), part(4, size=1)]


def test_who_names_no_parts_gets_all() -> None:
    assert choose_parts(UPLOADED, None) == UPLOADED
    assert choose_parts([], None) == choose_parts([], []) == []


@pytest.mark.parametrize(
    ("uploaded", "chosen", "code"),
    [
        (UPLOADED, [], "InvalidPart"),
        (UPLOADED, [(3, part(3).etag)], "InvalidPart"),
        (UPLOADED, [(1, part(2).etag)], "InvalidPart"),
        (UPLOADED, [(2, part(2).etag), (1, part(1).etag)], "InvalidPartOrder"),
        (UPLOADED, [(1, part(1).etag), (1, part(1).etag)], "InvalidPartOrder"),
        ([part(1, size=MIN_PART - 1), part(2)], None, "EntityTooSmall"),
    ],
)
def test_what_makes_no_object_is_refused(
    uploaded: Sequence[Part], chosen: Sequence[tuple[int, str]] | None, code: str
) -> None:
    with pytest.raises(OssError, match=f"{code}:"):
        choose_parts(uploaded, chosen)
