"""The second example: other libraries, deployed by its settings alone."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path

import oss2
import pytest
from PIL import Image

from heavylift.clouds.embedded import EmbeddedCloud
from heavylift.clouds.session import local_session
from tests.support.paths import ROOT
from tests.support.waiting import wait_for

EXAMPLE = ROOT / "examples" / "palette"
pytestmark = [pytest.mark.node, pytest.mark.timeout(600)]  # the first build downloads and packs 200 MB


def run(*words: str) -> str:
    done = subprocess.run([sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def picture() -> bytes:
    """A picture that is two thirds red and one third blue."""
    image = Image.new("RGB", (60, 40), (250, 0, 0))
    image.paste((0, 0, 250), (0, 0, 20, 40))
    stream = io.BytesIO()
    image.save(stream, "png")
    return stream.getvalue()


def test_a_new_photo_gets_its_palette(tmp_path: Path) -> None:
    data = tmp_path / "cloud"
    where = ("--project", str(EXAMPLE), "--data", str(data))
    with EmbeddedCloud(data) as endpoints:
        session = local_session(endpoints, data)
        run("heavylift", "deploy", *where)
        bucket = session.bucket(run("heavylift", "outputs", "palette", *where, "--key", "BucketName").strip())
        bucket.put_object("photos/two.png", picture())
        logs = ("heavylift", "logs", "palette", *where)
        wait_for(lambda: bucket.object_exists("palettes/two.png.json"), why=lambda: run(*logs))
        palette = json.loads(bucket.get_object("palettes/two.png.json").read())
        assert [(colour["name"], colour["share"]) for colour in palette] == [("red", 0.667), ("blue", 0.333)]
        run("heavylift", "destroy", "palette", *where)
        with pytest.raises(oss2.exceptions.NoSuchBucket):
            bucket.get_bucket_info()
