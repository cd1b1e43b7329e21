"""The function on the embedded cloud."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import oss2
from PIL import Image


def test_a_photo_gets_its_palette(heavylift: Callable[..., str], cloud: Path) -> None:
    endpoints, account = (json.loads((cloud / f"{name}.json").read_text()) for name in ("endpoints", "account"))
    auth = oss2.AuthV4(account["access_key_id"], account["access_key_secret"])
    name = heavylift("outputs", "--key", "BucketName").strip()
    bucket = oss2.Bucket(auth, endpoints["oss"], name, region=endpoints["region"])
    photo = io.BytesIO()
    Image.new("RGB", (60, 40), (250, 0, 0)).save(photo, "png")
    bucket.put_object("photos/red.png", photo.getvalue())
    answer = json.loads(heavylift("invoke", "--payload", '{"source": "photos/red.png"}'))
    assert [colour["name"] for colour in answer["palettes/red.png.json"]] == ["red"]
