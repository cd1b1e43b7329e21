"""Laws of the choice of parts that an upload is completed with."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

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
