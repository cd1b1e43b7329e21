"""The process that works on an image, with Pillow; `localcloud.oss.offload` starts it.

Source: OSS, "Image processing". Sizes of files differ from OSS's, whose encoder is another.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any, BinaryIO

from PIL import Image, ImageColor, ImageEnhance, ImageFilter, ImageOps

from localcloud.oss.errors import OssError
from localcloud.oss.images.actions import MAX_SIDE, PLACES
from localcloud.oss.images.watermark import mark
from localcloud.oss.offload import head, work

MAX_PIXELS = 250_000_000  # of a source
_PILLOW = {"jpg": "JPEG", "jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "bmp": "BMP", "gif": "GIF", "tiff": "TIFF"}
_NAMES = {pillow: ours for ours, pillow in _PILLOW.items() if ours != "jpeg"}
_ORIENTATION = 0x0112  # EXIF


def answer(request: Any, source: BinaryIO, output: BinaryIO) -> None:  # noqa: ANN401 - JSON
    """Do a request's actions on an image."""
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    image = _open(source)
    state = _State(image)
    for action in request["actions"]:
        name, values = action["name"], action["values"]
        if name == "info":
            _tell(output, _info(image, request["size"], state.format))
            return
        if name == "average-hue":
            red, green, blue = state.image.convert("RGB").resize((1, 1), Image.Resampling.BOX).getpixel((0, 0))  # type: ignore[misc]
            _say(output, {"RGB": f"0x{red:02x}{green:02x}{blue:02x}"})
            return
        if name == "watermark":
            state.image = mark(state.image, values, _picture(action["mark"], state.image))
        else:
            _STEPS[name](state, values)
    content = state.encode()
    _write(output, f"image/{'jpeg' if state.format == 'JPEG' else _NAMES[state.format]}", content)


def _open(source: BinaryIO) -> Image.Image:
    try:
        image: Image.Image = Image.open(source, formats=list(_NAMES))
        image.load()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise OssError(
            "InvalidArgument", f"The object is not an image that can be read: {str(error)[:200]}."
        ) from error
    return image


def _picture(told: dict[str, Any] | None, ground: Image.Image) -> Image.Image | None:
    """Return the image that is put on another one, after what is done to it before."""
    if told is None:
        return None
    with Path(told["file"]).open("rb") as file:
        state = _State(_open(file))
    for action in told["actions"]:
        name, values = action["name"], dict(action["values"])
        if name not in _STEPS:
            raise OssError("NotImplemented", f"not implemented: {name} of an image that is put on another one")
        if "P" in values:  # percent of the image that it is put on
            share = values.pop("P") / 100
            values |= {"w": max(1, round(ground.width * share)), "h": max(1, round(ground.height * share)), "limit": 0}
        _STEPS[name](state, values)
    return state.image


def _tell(output: BinaryIO, facts: dict[str, Any]) -> None:
    """Write facts about an image, in lines as OSS writes them: its SDK for C++ compares texts."""
    lines = ",\n".join(f"    {json.dumps(name)}: {json.dumps(fact)}" for name, fact in facts.items())
    _write(output, "application/json", f"{{\n{lines}}}".encode())


def _say(output: BinaryIO, document: dict[str, Any]) -> None:
    _write(output, "application/json", json.dumps(document).encode())


def _write(output: BinaryIO, kind: str, content: bytes) -> None:
    output.write(head(type=kind, length=len(content)) + content)


def _info(image: Image.Image, size: int, kind: str) -> dict[str, Any]:
    facts = {
        "FileSize": size,
        "Format": _NAMES[kind],
        "FrameCount": getattr(image, "n_frames", 1),
        "ImageHeight": image.height,
        "ImageWidth": image.width,
    }
    if orientation := image.getexif().get(_ORIENTATION):
        facts["Orientation"] = orientation
    if density := image.info.get("jfif_density"):  # the units of EXIF are those of JFIF and one
        facts["ResolutionUnit"] = image.info["jfif_unit"] + 1
        facts |= {f"{axis}Resolution": f"{value}/1" for axis, value in zip("XY", density, strict=True)}
    return {name: {"value": str(value)} for name, value in facts.items()}


class _State:
    """An image between two actions, and the way in which it will be written."""

    def __init__(self, image: Image.Image) -> None:
        self.format = image.format or "JPEG"
        self.quality: int | None = None
        self.interlaced = False
        self.image = image.convert("RGBA") if image.mode in {"P", "PA", "LA"} else image

    def encode(self) -> bytes:
        """Return the image in its format."""
        options: dict[str, Any] = {}
        image = self.image
        if self.format in {"JPEG", "BMP"} and image.mode not in {"RGB", "L"}:
            ground = Image.new("RGB", image.size, "white")
            ground.paste(image.convert("RGB"), mask=image.getchannel("A") if image.mode == "RGBA" else None)
            image = ground
        if self.format == "GIF":
            image = image.convert("RGB").quantize()
        if self.format in {"JPEG", "WEBP"}:
            options["quality"] = self.quality or 75
        if self.format == "JPEG" and self.interlaced:
            options["progressive"] = True
        buffer = io.BytesIO()
        image.save(buffer, self.format, **options)
        return buffer.getvalue()


def _resize(state: _State, values: dict[str, Any]) -> None:
    image = state.image
    if "p" in values:
        size = _rounded(image.width * values["p"] / 100, image.height * values["p"] / 100)
        state.image = image.resize(_within(size), Image.Resampling.LANCZOS)
        return
    mode, width, height = values.get("m", "lfit"), values.get("w"), values.get("h")
    if width is None and height is None:
        width, height = _by_sides(image, values.get("l"), values.get("s"))
        mode = "fixed" if mode in {"lfit", "mfit"} else mode
    if width is None and height is None:
        raise OssError("InvalidArgument", "The parameters of resize are missing: give w, h, l, s or p.")
    across, down = (
        None if side is None else side / own for side, own in ((width, image.width), (height, image.height))
    )
    ratios = [ratio for ratio in (across, down) if ratio is not None]
    ratio = min(ratios) if mode in {"lfit", "pad"} else max(ratios)
    whole = (width or round(image.width * ratio), height or round(image.height * ratio))
    target = whole if mode == "fixed" else _rounded(image.width * ratio, image.height * ratio)
    enlarged = target[0] > image.width or target[1] > image.height
    if enlarged and values.get("limit", 1) == 1:
        return
    image = image.resize(_within(target), Image.Resampling.LANCZOS)
    if mode == "fill":
        image = ImageOps.fit(image, whole)
    elif mode == "pad":
        colour = ImageColor.getrgb("#" + values.get("color", "FFFFFF"))
        image = ImageOps.pad(image.convert("RGB"), _within(whole), color=colour)
    state.image = image


def _by_sides(image: Image.Image, longest: int | None, shortest: int | None) -> tuple[int | None, int | None]:
    ratios = []
    if longest is not None:
        ratios.append(longest / max(image.size))
    if shortest is not None:
        ratios.append(shortest / min(image.size))
    if not ratios:
        return None, None
    return _rounded(image.width * min(ratios), image.height * min(ratios))


def _rounded(width: float, height: float) -> tuple[int, int]:
    return max(1, round(width)), max(1, round(height))


def _within(size: tuple[int, int]) -> tuple[int, int]:
    if max(size) > MAX_SIDE or size[0] * size[1] > MAX_PIXELS // 4:
        raise OssError("InvalidArgument", f"The image would have {size[0]} x {size[1]} pixels, more than are allowed.")
    return size


def _crop(state: _State, values: dict[str, Any]) -> None:
    image = state.image
    place = PLACES.index(values.get("g", "nw"))
    x, y = values.get("x", 0), values.get("y", 0)
    width, height = values.get("w") or image.width, values.get("h") or image.height
    left = x + ((0, (image.width - width) // 2, image.width - width)[place % 3] if "g" in values else 0)
    top = y + ((0, (image.height - height) // 2, image.height - height)[place // 3] if "g" in values else 0)
    left, top = max(left, 0), max(top, 0)
    if left >= image.width or top >= image.height:
        raise OssError("InvalidArgument", "Advance cut's position is out of image.")
    state.image = image.crop((left, top, min(left + width, image.width), min(top + height, image.height)))


def _indexcrop(state: _State, values: dict[str, Any]) -> None:
    image, index = state.image, values.get("i", 0)
    if ("x" in values) == ("y" in values):
        raise OssError("InvalidArgument", "Give indexcrop x or y.")
    left = values["x"] * index if "x" in values else 0
    top = values["y"] * index if "y" in values else 0
    if left < image.width and top < image.height:  # beyond its end, the image comes back as it is
        right = min(left + values["x"], image.width) if "x" in values else image.width
        bottom = min(top + values["y"], image.height) if "y" in values else image.height
        state.image = image.crop((left, top, right, bottom))


def _rotate(state: _State, values: dict[str, Any]) -> None:
    colour = "white" if state.image.mode in {"RGB", "L"} else None
    state.image = state.image.rotate(-values[""], expand=True, fillcolor=colour, resample=Image.Resampling.BICUBIC)


def _orient(state: _State, values: dict[str, Any]) -> None:
    if values[""]:
        state.image = ImageOps.exif_transpose(state.image)


def _quality(state: _State, values: dict[str, Any]) -> None:
    state.quality = values.get("Q") or values.get("q")


def _format(state: _State, values: dict[str, Any]) -> None:
    state.format = _PILLOW[values[""]]


def _interlace(state: _State, values: dict[str, Any]) -> None:
    state.interlaced = bool(values[""])


def _sharpen(state: _State, values: dict[str, Any]) -> None:
    state.image = state.image.filter(ImageFilter.UnsharpMask(radius=2, percent=values[""]))


def _blur(state: _State, values: dict[str, Any]) -> None:
    state.image = state.image.filter(ImageFilter.GaussianBlur(values.get("s") or values.get("r") or 1))


def _bright(state: _State, values: dict[str, Any]) -> None:
    state.image = ImageEnhance.Brightness(state.image).enhance(1 + values[""] / 100)


def _contrast(state: _State, values: dict[str, Any]) -> None:
    state.image = ImageEnhance.Contrast(state.image).enhance(1 + values[""] / 100)


_STEPS = {
    "resize": _resize,
    "crop": _crop,
    "indexcrop": _indexcrop,
    "rotate": _rotate,
    "auto-orient": _orient,
    "quality": _quality,
    "format": _format,
    "interlace": _interlace,
    "sharpen": _sharpen,
    "blur": _blur,
    "bright": _bright,
    "contrast": _contrast,
}


def main() -> None:
    """Be the process."""
    work(answer)
