"""The limit of traffic that a request sets itself: which it may be, and where it stands."""

from __future__ import annotations

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.throttle import LEAST, LIMIT, MOST, read_throttle


@pytest.mark.parametrize("rate", [LEAST, MOST])
def test_a_rate_within_the_limits_delays_by_the_size(rate: int) -> None:
    throttle = read_throttle({LIMIT: str(rate)}, {})
    assert throttle is not None
    assert throttle.delay_of(rate) == 8.0


@pytest.mark.parametrize("text", ["245759", "838860801", "", "-1", "1e6", "٨١٩٢٠٠", "819200.0", "9" * 12])
def test_a_rate_out_of_range_is_refused(text: str) -> None:
    with pytest.raises(OssError, match="InvalidArgument"):
        read_throttle({}, {LIMIT: text})


def test_a_request_that_says_nothing_is_not_slowed() -> None:
    assert read_throttle({}, {}) is None
