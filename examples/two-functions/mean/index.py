"""Answers the mean of the numbers in an event, with numpy."""

from __future__ import annotations

import json

import numpy as np


def handler(event: bytes, _context: object) -> str:
    """Return the mean of a JSON list of numbers."""
    return json.dumps(float(np.mean(json.loads(event))))
