"""Makes a picture small, with Pillow."""

from __future__ import annotations

import io

from PIL import Image

SIDE = 32  # pixels


def handler(event: bytes, _context: object) -> bytes:
    """Return the picture of an event as a PNG of at most 32 pixels a side."""
    picture = Image.open(io.BytesIO(event))
    picture.thumbnail((SIDE, SIDE))
    stream = io.BytesIO()
    picture.save(stream, "png")
    return stream.getvalue()
