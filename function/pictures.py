"""Pictures: from bytes to pixels, turned by the model, and back to bytes.

Pixels are arrays of [height, width, channels], uint8 or uint16; colours stand as OpenCV has them (blue first), with
alpha last. A picture is decoded as its viewer shows it: the EXIF orientation is applied, and not written again. Other
metadata, colour profiles and all frames but the first are left behind.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import Any

from jobs import FORMATS, RotationError, Turn, UnsupportedFormatError

MAX_PIXELS = 100_000_000
JPEG_QUALITY = 95  # of 100
WEBP_QUALITY = 101  # above 100: without loss

# OpenCV compares this with a picture's header, before it decodes; it reads the variable when it is imported.
os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(MAX_PIXELS)
os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")  # no advice on instruction sets in every log

# In the order of applib.txt, in which they arrive; TensorFlow takes longest to import, and the others come meanwhile.
import tensorflow as tf  # noqa: E402, I001 - after its settings
import cv2  # noqa: E402
import numpy as np  # noqa: E402

Pixels = Any  # numpy's array; the checks run without numpy

SIGNATURE = "rotate"
ALPHA_FORMATS = frozenset({"png", "webp", "tiff", "bmp"})
DEEP_FORMATS = frozenset({"png", "tiff"})
CONTENT_TYPES = {
    "jpg": "image/jpeg", "png": "image/png", "webp": "image/webp", "tiff": "image/tiff", "bmp": "image/bmp"
}  # fmt: skip
_PARAMETERS = {
    "jpg": [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY],
    "webp": [cv2.IMWRITE_WEBP_QUALITY, WEBP_QUALITY],
}
_ORIENTATION = 0x0112  # the tag; Exif 2.32, 4.6.4 A
_SHORT = 3  # a field's type; TIFF 6.0, section 2


class NotAPictureError(RotationError):
    """The object is not a picture that can be read."""


class PictureTooLargeError(RotationError):
    """The picture has more pixels than this function takes."""


class ModelError(RotationError):
    """There is no model that rotates."""


class Rotator:
    """A TensorFlow SavedModel that turns pictures.

    Args:
        directory: holds the model, with a signature `rotate`: `image`, uint8 [height, width, channels], and `mode`, a
            `Turn`, give `image`.

    Raises:
        ModelError: there is no such model.
    """

    def __init__(self, directory: Path) -> None:
        try:
            self._model = tf.saved_model.load(str(directory))  # keeps the signature's variables alive
            self._rotate = self._model.signatures[SIGNATURE]
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise ModelError(
                f"ModelDir: {directory} holds no SavedModel with a signature `{SIGNATURE}` ({type(error).__name__}: {error}); "
                "run `heavylift deploy` again"
            ) from error

    def rotate(self, pixels: Pixels, turn: Turn) -> Pixels:
        """Return the pixels turned; every value stays as it is."""
        # The model moves bytes: a channel of 16 bits travels as two of 8.
        image = tf.constant(np.ascontiguousarray(pixels).view(np.uint8))
        turned = self._rotate(image=image, mode=tf.constant(int(turn), tf.int32))["image"].numpy()
        return turned.view(pixels.dtype)

    def warm_up(self) -> None:
        """Take a tiny picture through everything that a request uses for the first time."""
        pixels = decode(encode(np.zeros((2, 3, 3), np.uint8), "jpg", "warm-up"), "warm-up")
        for turn in Turn:
            self.rotate(pixels, turn)


def decode(data: bytes, name: str) -> Pixels:
    """Decode a picture.

    Args:
        data: its bytes, in any format that OpenCV reads.
        name: what messages call it.

    Raises:
        NotAPictureError: it is none, or its channels are neither 8 nor 16 bits wide.
        PictureTooLargeError: its header announces more than `MAX_PIXELS`.
    """
    try:
        image, kinds, metadata = cv2.imdecodeWithMetadata(np.frombuffer(data, np.uint8), flags=cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        if "validateInputImageSize" in str(error):
            raise PictureTooLargeError(
                f"{name}: has more than {MAX_PIXELS // 1_000_000} megapixels, or none; send a smaller picture"
            ) from error
        raise NotAPictureError(f"{name}: cannot be decoded ({error.err}); send a picture") from error
    if image is None:
        raise NotAPictureError(f"{name}: is not a picture, or is damaged; send one as {', '.join(FORMATS)}")
    if image.dtype not in (np.uint8, np.uint16):
        raise NotAPictureError(f"{name}: has channels of type {image.dtype}; only 8 and 16 bits are rotated")
    exif = dict(zip(kinds, metadata, strict=True)).get(cv2.IMAGE_METADATA_EXIF)
    pixels = image.reshape(*image.shape[:2], -1)
    return upright(pixels, 1 if exif is None else orientation(bytes(exif)))


def orientation(exif: bytes) -> int:
    """Return the orientation that EXIF data tells, 1 to 8; 1 when it tells none or is damaged."""
    data = exif.removeprefix(b"Exif\0\0")
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    if order is None:
        return 1
    try:
        (first,) = struct.unpack_from(f"{order}L", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, first)
        for number in range(count):
            tag, kind, _, value = struct.unpack_from(f"{order}HHLH", data, first + 2 + 12 * number)
            if (tag, kind) == (_ORIENTATION, _SHORT):
                return value if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


def upright(pixels: Pixels, orientation: int) -> Pixels:
    """Turn and mirror a picture as its orientation says (Exif 2.32, 4.6.4 A: 1 to 8), so that it stands upright."""
    if orientation >= 5:  # rows are columns
        pixels = pixels.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        pixels = pixels[:, ::-1]
    if orientation in (3, 4, 7, 8):
        pixels = pixels[::-1]
    return pixels


def encode(pixels: Pixels, form: str, name: str) -> bytes:
    """Encode a picture.

    Args:
        pixels: what to write. Alpha is laid onto white and 16 bits are scaled to 8 where the format has no room for them.
        form: a value of `FORMATS`.
        name: what messages call it.

    Raises:
        UnsupportedFormatError: the format cannot hold a picture of this size.
    """
    if form not in DEEP_FORMATS and pixels.dtype == np.uint16:
        pixels = cv2.convertScaleAbs(pixels, alpha=1 / 257).reshape(pixels.shape)  # 65535 / 255, rounded
    if form not in ALPHA_FORMATS and pixels.shape[2] == 4:
        pixels = _on_white(pixels)
    try:
        done, data = cv2.imencode(f".{form}", np.ascontiguousarray(pixels), _PARAMETERS.get(form, []))
    except cv2.error:
        done = False
    if not done:
        height, width = pixels.shape[:2]
        raise UnsupportedFormatError(f"{name}: {form} cannot hold {width} × {height} pixels; choose another format")
    return bytes(data)


def _on_white(pixels: Pixels) -> Pixels:
    top = np.iinfo(pixels.dtype).max
    alpha = pixels[..., 3:].astype(np.float32) / top
    return np.rint(pixels[..., :3] * alpha + top * (1 - alpha)).astype(pixels.dtype)
