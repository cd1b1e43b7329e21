"""The function on the embedded cloud."""

from __future__ import annotations

import json
from collections.abc import Callable


def test_the_packaged_picture_is_rotated(heavylift: Callable[..., str]) -> None:
    assert json.loads(heavylift("invoke"))["status"] == "success"
