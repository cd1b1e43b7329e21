"""The choice of parts that an upload is completed with."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.oss.errors import OssError
from localcloud.oss.model import MIN_PART, Part
from localcloud.oss.operations.uploads import choose_parts


def part(number: int, size: int = MIN_PART) -> Part:
    return Part(number=number, data=f"{number}", size=size, etag=f"{number:032X}", crc64=0, modified=0.0)


UPLOADED = [part(1), part(2), part(4, size=1)]


@settings(deadline=None)
@given(numbers=st.sets(st.sampled_from([1, 2, 4]), min_size=1))
def test_the_parts_that_are_named_are_taken_whatever_the_form_of_their_entity_tags(numbers: set[int]) -> None:
    taken = choose_parts(UPLOADED, [(number, f'"{number:032x}"') for number in sorted(numbers)])
    assert [each.number for each in taken] == sorted(numbers)


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
