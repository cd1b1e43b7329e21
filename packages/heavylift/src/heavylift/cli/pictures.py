"""Checks that one picture is another with its axes exchanged."""

from __future__ import annotations

import io

import numpy
from PIL import Image


def difference_from_transposed(before: bytes, after: bytes) -> float:
    """Compare `after` with `before`, whose two axes are exchanged first.

    Args:
        before: an encoded picture, H x W.
        after: an encoded picture, W x H if it is the transposed one.

    Returns:
        The mean absolute difference in levels (0 to 255); infinity when the sizes do not match.
    """
    expected = numpy.asarray(Image.open(io.BytesIO(before)).convert("RGB"), dtype=numpy.int16).transpose(1, 0, 2)
    actual = numpy.asarray(Image.open(io.BytesIO(after)).convert("RGB"), dtype=numpy.int16)
    if expected.shape != actual.shape:
        return float("inf")
    return float(numpy.abs(expected - actual).mean())
