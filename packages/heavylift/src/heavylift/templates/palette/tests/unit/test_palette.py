"""The palette of a picture, found without a cloud."""

from __future__ import annotations

from pathlib import Path

import pytest
from function.palette import find_palette
from PIL import Image

MODEL = Path(__file__).parents[2] / "layers_build" / "model"


def test_the_colours_of_a_picture_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ModelDir", str(MODEL))
    (colour,) = find_palette(Image.new("RGB", (8, 8), (250, 0, 0)), colours=5)
    assert (colour["name"], colour["share"]) == ("red", 1)
