"""Range headers, against their definition byte by byte."""

from __future__ import annotations

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.ranges import parse_range


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize(
    "header", [None, "", "bytes", "bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,3-4", "lines=0-1", "bytes=a-b"]
)
def test_what_is_no_range_is_ignored(header: str | None, strict: bool) -> None:
    assert parse_range(header, 10, strict=strict) is None


@pytest.mark.parametrize("header", ["bytes=%s-", "bytes=0-%s", "bytes=-%s"])
def test_a_range_of_5000_digits_is_refused(header: str) -> None:
    with pytest.raises(OssError, match="InvalidArgument"):
        parse_range(header % ("9" * 5000), 10, strict=False)
