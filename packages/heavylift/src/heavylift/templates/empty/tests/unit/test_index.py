"""The function by itself."""

from __future__ import annotations

import json

from function.index import handler


def test_numbers_are_described() -> None:
    assert json.loads(handler(b'{"numbers": [2, 4]}', None)) == {"count": 2, "mean": 3, "deviation": 1}
