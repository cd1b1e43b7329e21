"""The example function with the real TensorFlow and OpenCV, on pictures in the embedded OSS. Pillow is the oracle."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import oss2
import pytest
from PIL import Image, ImageOps

from tests.support.paths import ROOT

SERVE = """
import base64, json, sys
from types import SimpleNamespace
loader.initializer(None)
for line in sys.stdin:
    call = json.loads(line)
    context = SimpleNamespace(credentials=SimpleNamespace(**call["credentials"])) if call["credentials"] else None
    try:
        result = {"answer": loader.handler(base64.b64decode(call["event"]), context)}
    except Exception as error:
        result = {"type": type(error).__name__, "message": str(error)}
    print("RESULT " + json.dumps(result), flush=True)
"""
TURNS = {"transpose": -1, 90: 3, 180: 2, 270: 1}  # quarter turns to the left, as numpy counts


@dataclass(frozen=True)
class Function:
    """A started instance of the example function and its bucket."""

    process: subprocess.Popen[str]
    bucket: oss2.Bucket

    def call(self, event: bytes, credentials: dict[str, str] | None = None) -> dict[str, Any]:
        """Invoke it; return its answer, or `type` and `message` of its error."""
        line = {"event": base64.b64encode(event).decode(), "credentials": credentials}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(line) + "\n")
        self.process.stdin.flush()
        for answer in self.process.stdout:
            if answer.startswith("RESULT "):
                result = json.loads(answer.removeprefix("RESULT "))
                given: dict[str, Any] = json.loads(result["answer"]) if "answer" in result else result
                return given
        raise AssertionError("the instance ended")

    def rotate(self, source: str, target: str, rotate: object = 90) -> dict[str, Any]:
        return self.call(json.dumps({"source": source, "target": target, "rotate": rotate}).encode())

    def notify(self, *keys: str) -> dict[str, Any]:
        records = [
            {
                "eventName": "ObjectCreated:PutObject",
                "oss": {"bucket": {"name": self.bucket.bucket_name}, "object": {"key": key}},
            }
            for key in keys
        ]
        return self.call(json.dumps({"events": records}).encode())

    def put(self, key: str, image: Image.Image, form: str, **options: Any) -> None:
        data = io.BytesIO()
        image.save(data, form, **options)
        self.bucket.put_object(key, data.getvalue())

    def get(self, key: str) -> Image.Image:
        return Image.open(io.BytesIO(self.bucket.get_object(key).read()))

    @property
    def keys(self) -> set[str]:
        return {item.key for item in oss2.ObjectIterator(self.bucket)}


@pytest.fixture(scope="module")
def environment(cloud: Any, libraries: Path, saved_model: Path) -> dict[str, str]:
    """The libraries lie where they belong already, so there are no objects to load."""
    return {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": cloud.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": cloud.access_key_secret,
        "AppLibDir": str(libraries),
        "ModelDir": str(saved_model),
        "Bucket": "pictures-" + uuid.uuid4().hex[:10],
        "Endpoint": cloud.endpoints["oss"],
        "Region": cloud.region,
    }


@pytest.fixture(scope="module")
def function(
    cloud: Any, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory, make_instance: Callable[..., Any]
) -> Iterator[Function]:
    """One warm instance for all tests."""
    folder = tmp_path_factory.mktemp("instance")
    bucket = cloud.bucket(environment["Bucket"])
    bucket.create_bucket()
    with (folder / "stderr").open("w") as errors:
        process = make_instance(environment, folder).popen(SERVE, stdin=subprocess.PIPE, stderr=errors)
        with process:
            yield Function(process, bucket)
            process.stdin.close()
            assert process.wait(timeout=30) == 0, (folder / "stderr").read_text()[-2000:]


def picture(mode: str, size: tuple[int, int] = (31, 17)) -> Image.Image:
    """A picture of smooth colours, so that JPEG does little to it."""
    width, height = size
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    channels = [x, y, 255 - x, np.where(x > 128, 255, y)][: len(Image.new(mode, (1, 1)).getbands())]
    return Image.fromarray(np.squeeze(np.dstack(channels).astype(np.uint8)), mode if mode != "LA" else None)


def turned(pixels: np.ndarray, rotate: object) -> np.ndarray:
    return pixels.swapaxes(0, 1) if rotate == "transpose" else np.rot90(pixels, TURNS[rotate])


def test_nothing_as_event_does_the_example(function: Function) -> None:
    answer = function.call(b"")
    before = np.asarray(Image.open(ROOT / "function/pic/e2.jpg"), dtype=int)
    after = function.get("picture")
    assert after.format == "JPEG"
    assert (answer["status"], answer["source"], answer["target"]) == ("success", "pic/e2.jpg", "picture")
    assert (answer["width"], answer["height"]) == after.size == before.shape[:2]
    assert answer["bytes"] == function.bucket.head_object("picture").content_length
    assert set(answer["milliseconds"]) == {"fetch", "decode", "rotate", "encode", "store"}
    assert np.abs(np.asarray(after, dtype=int) - before.swapaxes(0, 1)).mean() < 2


@pytest.mark.parametrize("rotate", TURNS)
@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L"])
def test_pixels_are_turned_clockwise(function: Function, mode: str, rotate: object) -> None:
    source = picture(mode)
    function.put("in.png", source, "PNG")
    answer = function.rotate("in.png", "out/turned.png", rotate)
    result = function.get("out/turned.png")
    assert (answer["width"], answer["height"]) == result.size
    assert np.array_equal(np.asarray(result), turned(np.asarray(source), rotate))


@pytest.mark.parametrize(
    ("extension", "form", "content_type", "tolerance"),
    [
        ("jpg", "JPEG", "image/jpeg", 12),
        ("JPEG", "JPEG", "image/jpeg", 12),
        ("png", "PNG", "image/png", 0),
        ("webp", "WEBP", "image/webp", 0),
        ("tiff", "TIFF", "image/tiff", 0),
        ("tif", "TIFF", "image/tiff", 0),
        ("bmp", "BMP", "image/bmp", 0),
    ],
)
def test_the_target_is_in_the_format_of_its_extension(
    function: Function, extension: str, form: str, content_type: str, tolerance: int
) -> None:
    source = picture("RGB", (64, 40))
    function.put("in.webp", source, "WEBP", lossless=True)
    function.rotate("in.webp", f"out/x.{extension}")
    result = function.get(f"out/x.{extension}")
    assert result.format == form
    assert function.bucket.head_object(f"out/x.{extension}").content_type == content_type
    difference = np.asarray(result.convert("RGB"), dtype=int) - turned(np.asarray(source, dtype=int), 90)
    assert np.abs(difference).max() <= tolerance


@pytest.mark.parametrize("extension", ["png", "webp", "tiff"])
def test_alpha_is_kept_where_the_format_has_it(function: Function, extension: str) -> None:
    source = picture("RGBA")
    function.put("in.png", source, "PNG")
    function.rotate("in.png", f"out/alpha.{extension}")
    result = np.asarray(function.get(f"out/alpha.{extension}"))
    assert np.array_equal(result[..., 3], turned(np.asarray(source), 90)[..., 3])


def test_alpha_is_laid_onto_white_where_the_format_has_none(function: Function) -> None:
    function.put("in.png", Image.new("RGBA", (16, 16), (255, 0, 0, 0)), "PNG")
    function.rotate("in.png", "out/flat.jpg")
    assert np.asarray(function.get("out/flat.jpg")).min() >= 250


@pytest.mark.parametrize(("extension", "scale"), [("png", 1), ("tiff", 1), ("bmp", 257), ("webp", 257)])
def test_sixteen_bits_are_kept_where_the_format_has_them(function: Function, extension: str, scale: int) -> None:
    pixels = np.linspace(0, 65535, 21 * 9).astype(np.uint16).reshape(9, 21)
    function.put("in16.png", Image.fromarray(pixels), "PNG")
    function.rotate("in16.png", f"out/deep.{extension}", 180)
    result = np.asarray(function.get(f"out/deep.{extension}").convert("I" if scale == 1 else "L"))
    assert np.array_equal(result, np.rint(turned(pixels, 180) / scale).astype(int))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_picture_is_turned_as_its_viewers_see_it(function: Function, orientation: int) -> None:
    source = picture("RGB", (64, 40))
    exif = Image.Exif()
    exif[0x0112] = orientation
    function.put("phone.jpg", source, "JPEG", exif=exif, quality=95)
    function.rotate("phone.jpg", "out/phone.png", 90)
    seen = ImageOps.exif_transpose(function.get("phone.jpg"))
    result = function.get("out/phone.png")
    assert result.getexif().get(0x0112, 1) == 1
    difference = np.asarray(result, dtype=int) - turned(np.asarray(seen, dtype=int), 90)
    assert np.abs(difference).max() <= 3  # two JPEG decoders


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF"])
def test_other_formats_have_orientations_too(function: Function, form: str) -> None:
    source = picture("RGB", (20, 12))
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"tiffinfo": {0x0112: 6}} if form == "TIFF" else {"exif": exif, "lossless": True}
    function.put("phone", source, form, **options)
    function.rotate("phone", "out/phone.png", 180)
    seen = np.asarray(ImageOps.exif_transpose(function.get("phone")))
    assert seen.shape == (20, 12, 3)
    assert np.array_equal(np.asarray(function.get("out/phone.png")), turned(seen, 180))


def test_new_objects_are_rotated_and_others_left_alone(function: Function) -> None:
    for name in ("a.png", "deep/ä b.jpg"):
        function.put(f"incoming/{name}", picture("RGB"), "PNG" if name.endswith("png") else "JPEG")
    answer = function.notify("incoming/a.png", "incoming/deep/ä b.jpg", "elsewhere/c.png", "rotated/a.png")
    assert [result["status"] for result in answer["results"]] == ["success", "success", "skipped", "skipped"]
    assert [result.get("target") for result in answer["results"]][:2] == ["rotated/a.png", "rotated/deep/ä b.jpg"]
    assert np.array_equal(np.asarray(function.get("rotated/a.png")), turned(np.asarray(picture("RGB")), 90))


def test_one_bad_object_does_not_keep_the_others_back(function: Function) -> None:
    function.put("incoming/good.png", picture("RGB"), "PNG")
    function.bucket.put_object("incoming/bad.png", b"not a picture")
    error = function.notify("incoming/bad.png", "incoming/good.png", "incoming/none.png")
    assert error["type"] == "NotificationError"
    assert "NotAPictureError: incoming/bad.png" in error["message"]
    assert "ObjectNotFoundError" in error["message"]
    assert "rotated/good.png" in function.keys
    assert "rotated/bad.png" not in function.keys
    assert function.notify("incoming/bad.png")["type"] == "NotAPictureError"


def huge() -> Image.Image:
    return Image.new("1", (20_000, 5_001))


@pytest.mark.parametrize(
    ("event", "kind", "words"),
    [
        (b"{", "InvalidRequestError", "JSON"),
        (b'{"source": "in.png"}', "InvalidRequestError", "missing: rotate, target"),
        (b'{"source": "a", "target": "b.png", "rotate": 45}', "InvalidRotationError", "45"),
        (b'{"source": "a", "target": "b.gif", "rotate": 90}', "UnsupportedFormatError", "b.gif"),
        (b'{"source": "none.png", "target": "bad.png", "rotate": 90}', "ObjectNotFoundError", "none.png"),
        (b'{"source": "empty.png", "target": "bad.png", "rotate": 90}', "EmptyObjectError", "empty.png"),
        (b'{"source": "text.png", "target": "bad.png", "rotate": 90}', "NotAPictureError", "text.png"),
        (b'{"source": "huge.png", "target": "bad.png", "rotate": 90}', "PictureTooLargeError", "100 megapixels"),
        (b'{"source": "float.tiff", "target": "bad.png", "rotate": 90}', "NotAPictureError", "float32"),
        (b'{"source": "long.png", "target": "bad.webp", "rotate": "transpose"}', "UnsupportedFormatError", "17000"),
    ],
)
def test_a_bad_request_is_answered_in_words_and_writes_nothing(
    function: Function, event: bytes, kind: str, words: str
) -> None:
    function.bucket.put_object("empty.png", b"")
    function.bucket.put_object("text.png", b"once upon a time")
    function.put("huge.png", huge(), "PNG")
    function.put("float.tiff", Image.fromarray(np.zeros((3, 4), np.float32)), "TIFF")
    function.put("long.png", Image.new("L", (3, 17_000)), "PNG")
    before = function.keys
    error = function.call(event)
    assert error["type"] == kind, error
    assert words in error["message"]
    assert function.keys == before


def test_a_picture_that_is_too_large_is_never_decoded(function: Function) -> None:
    status = Path(f"/proc/{function.process.pid}/status")
    function.put("huge.png", huge(), "PNG")
    function.put("in.png", picture("RGB"), "PNG")
    function.rotate("in.png", "out.png")  # whichever test is the first, the libraries have been imported by now
    before = peak(status)
    assert function.rotate("huge.png", "bad.png")["type"] == "PictureTooLargeError"
    assert peak(status) - before < 20_000_000


def peak(status: Path) -> int:
    (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmHWM:")]
    return int(line.split()[1]) * 1024


def test_credentials_that_may_not_read_are_told_so(function: Function) -> None:
    function.put("in.png", picture("RGB"), "PNG")
    event = json.dumps({"source": "in.png", "target": "bad.png", "rotate": 90}).encode()
    nobody = {"access_key_id": "nobody", "access_key_secret": "hush-hush", "security_token": "psst"}
    error = function.call(event, nobody)
    assert error["type"] == "AccessDeniedError"
    assert "oss:GetObject" in error["message"]
    assert "hush" not in error["message"]
    assert "psst" not in error["message"]
    assert "bad.png" not in function.keys


def test_a_directory_without_a_model_is_named(
    environment: dict[str, str], tmp_path: Path, make_instance: Callable[..., Any]
) -> None:
    outcome = make_instance({**environment, "ModelDir": str(tmp_path / "none")}, tmp_path).run()
    assert outcome.error["type"] == "ModelError"
    assert "heavylift deploy" in outcome.error["message"]


def test_deep_colours_with_alpha_survive_every_turn(
    environment: dict[str, str], tmp_path: Path, make_instance: Callable[..., Any]
) -> None:
    outcome = make_instance(environment, tmp_path).run(
        """
        loader.initializer(None)
        import numpy as np, pictures, jobs, os
        from pathlib import Path
        rotator = pictures.Rotator(Path(os.environ["ModelDir"]))
        for form in ("png", "tiff"):
            pixels = np.random.default_rng(0).integers(0, 65535, (5, 7, 4), np.uint16, endpoint=True)
            back = pictures.decode(pictures.encode(rotator.rotate(pixels, jobs.Turn.CLOCKWISE_90), form, "x"), "x")
            print(back.dtype, np.array_equal(back, np.rot90(pixels, 3)))
        """
    )
    assert outcome.answers == ["uint16 True"] * 2, outcome.errors
