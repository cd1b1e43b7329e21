"""Names the main colours of a picture with scikit-learn: a function of one's own, deployed by settings alone.

A new object `photos/NAME` gives `palettes/NAME.json`. The libraries come from the applib, the named colours from the model folder.
"""

from __future__ import annotations

import io
import json
import os
from functools import lru_cache

import numpy as np
from PIL import Image, UnidentifiedImageError
from sklearn.cluster import KMeans
from sklearn.neighbors import KNeighborsClassifier

from heavylift.runtime.credentials import find_credentials
from heavylift.runtime.oss import open_bucket, oss_errors
from heavylift.runtime.settings import read_settings

SOURCE, TARGET = "photos/", "palettes/"
SIDE = 128  # pixels; the colours of a thumbnail are those of the picture
Colour = dict[str, object]


class PaletteError(ValueError):
    """The request is not about a picture under `photos/`."""


def warmup() -> None:
    """Fit the names and find one palette, so that no request pays for it."""
    find_palette(Image.new("RGB", (8, 8), "red"), colours=1)


def handler(event: bytes, context: object) -> str:
    """Write the palette of each new picture.

    Args:
        event: a notification of OSS, or `{"source": "photos/NAME"}`.
        context: the platform's; its credentials sign the requests.

    Returns:
        JSON: the palettes by their keys.

    Raises:
        PaletteError: the event names no picture.
    """
    settings = read_settings(os.environ)
    bucket = open_bucket(settings, find_credentials(context, os.environ, local=settings.local))
    colours = int(os.environ.get("COLOURS", "5"))
    written = {}
    for source in _sources(event):
        target = f"{TARGET}{source.removeprefix(SOURCE)}.json"
        with oss_errors("oss:GetObject", bucket.bucket_name, source):
            data = bucket.get_object(source).read()
        try:
            picture = Image.open(io.BytesIO(data))
            palette = find_palette(picture, colours=colours)
        except (UnidentifiedImageError, OSError) as error:
            raise PaletteError(f"{source}: is not a picture that Pillow reads ({error})") from error
        with oss_errors("oss:PutObject", bucket.bucket_name, target):
            bucket.put_object(target, json.dumps(palette), headers={"Content-Type": "application/json"})
        written[target] = palette
    return json.dumps(written)


def find_palette(picture: Image.Image, *, colours: int) -> list[Colour]:
    """Return the main colours of a picture, the largest share first.

    Args:
        picture: of any mode and size.
        colours: how many at most.
    """
    small = picture.convert("RGB")
    small.thumbnail((SIDE, SIDE))
    pixels = np.asarray(small, dtype=float).reshape(-1, 3)
    clusters = min(colours, len(np.unique(pixels, axis=0)))
    found = KMeans(n_clusters=clusters, n_init=1, random_state=0).fit(pixels)
    shares = np.bincount(found.labels_, minlength=clusters) / len(pixels)
    names = _names().predict(found.cluster_centers_)
    return [
        {
            "name": str(names[number]),
            "rgb": [round(value) for value in found.cluster_centers_[number]],
            "share": round(float(shares[number]), 3),
        }
        for number in np.argsort(-shares)
    ]


@lru_cache(maxsize=1)
def _names() -> KNeighborsClassifier:
    table = json.loads((read_settings(os.environ).model / "colours.json").read_text())
    samples = [(name, rgb) for name, rgbs in table.items() for rgb in rgbs]
    return KNeighborsClassifier(n_neighbors=1).fit([rgb for _, rgb in samples], [name for name, _ in samples])


def _sources(event: bytes) -> list[str]:
    try:
        request = json.loads(event)
        keys = (
            [each["oss"]["object"]["key"] for each in request["events"]] if "events" in request else [request["source"]]
        )
    except (ValueError, KeyError, TypeError) as error:
        raise PaletteError('send a notification of OSS, or {"source": "photos/NAME"}') from error
    for key in keys:
        if not isinstance(key, str) or not key.startswith(SOURCE) or key == SOURCE:
            raise PaletteError(f"{key!r}: only objects under {SOURCE} are read")
    return keys
