"""Times as the APIs write them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from localcloud.kernel.times import from_basic, from_seconds, to_basic, to_milliseconds, to_seconds

MOMENT = 1_700_000_000.9


@pytest.mark.parametrize(
    ("write", "text"),
    [
        (to_seconds, "2023-11-14T22:13:20Z"),
        (to_milliseconds, "2023-11-14T22:13:20.000Z"),
        (to_basic, "20231114T221320Z"),
    ],
)
def test_a_moment_is_written_in_utc_and_cut_to_seconds(write: Callable[[float], str], text: str) -> None:
    assert write(MOMENT) == text


@pytest.mark.parametrize(("write", "read"), [(to_seconds, from_seconds), (to_basic, from_basic)])
def test_a_moment_is_read_as_it_was_written_and_no_other_form_is(
    write: Callable[[float], str], read: Callable[[str], float]
) -> None:
    assert read(write(MOMENT)) == int(MOMENT)
    for text in ("", write(MOMENT)[:-1] + ".Z", write(MOMENT)[:-1], write(MOMENT) + "Z"):
        with pytest.raises(ValueError, match=r"does not match format|unconverted data|expected a time"):
            read(text)


def test_a_moment_with_milliseconds_as_sdks_for_node_send_it_is_read() -> None:
    assert from_seconds(to_milliseconds(MOMENT)) == int(MOMENT)
