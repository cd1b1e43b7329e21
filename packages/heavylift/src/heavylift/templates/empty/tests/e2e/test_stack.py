"""The function on the embedded cloud."""

from __future__ import annotations

import json
from collections.abc import Callable


def test_the_function_answers(heavylift: Callable[..., str]) -> None:
    assert json.loads(heavylift("invoke", "--payload", '{"numbers": [2, 4]}'))["mean"] == 3
