"""The runtime inside an instance."""

from __future__ import annotations

import pytest

from localcloud.fc.instances.bootstrap import encode


@pytest.mark.parametrize(
    ("result", "expected"), [(b"\xff", b"\xff"), ("é", "é".encode()), ({"a": 1}, b'{"a": 1}'), (None, b"null")]
)
def test_results_as_bytes(result: object, expected: bytes) -> None:
    assert encode(result) == expected
