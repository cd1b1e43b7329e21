"""The entry points of the function; replace them with your own."""

from __future__ import annotations

import json

import numpy as np


def warmup() -> None:
    """Prepare the instance once, so that no request waits for it."""
    np.linalg.inv(np.eye(2))


def handler(event: bytes, context: object) -> str:
    """Describe numbers.

    Args:
        event: `{"numbers": [1, 2, 3]}`; these when it is empty.
        context: the platform's.

    Returns:
        JSON: how many they are, their mean and their standard deviation.
    """
    numbers = np.array(json.loads(event)["numbers"] if event else [1, 2, 3], dtype=float)
    return json.dumps({"count": numbers.size, "mean": numbers.mean(), "deviation": numbers.std()})
