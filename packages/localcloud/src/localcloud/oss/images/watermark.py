"""Watermarks: texts and images on an image, with Pillow.

Fonts are those of this machine; where none has the asked for name, the nearest one that knows Chinese, else Pillow's own.

Source: OSS, "Add watermarks".
"""

from __future__ import annotations

from typing import Any

from PIL import Image, ImageColor, ImageDraw, ImageFont

from localcloud.oss.errors import OssError
from localcloud.oss.images.actions import PLACES

_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont
# By name, the files in which systems have a font; the last ones stand in for all.
_FILES = {
    "wqy-zenhei": ("wqy-zenhei.ttc",),
    "wqy-microhei": ("wqy-microhei.ttc",),
    "droidsansfallback": ("DroidSansFallbackFull.ttf", "DroidSansFallback.ttf"),
}
_INSTEAD = ("wqy-zenhei.ttc", "wqy-microhei.ttc", "NotoSansCJK-Regular.ttc", "DroidSansFallbackFull.ttf")
FONTS = (*_FILES, "fangzhengshusong", "fangzhengkaiti", "fangzhengheiti", "fangzhengfangsong")


def mark(image: Image.Image, values: dict[str, Any], picture: Image.Image | None) -> Image.Image:
    """Return an image with a watermark.

    Args:
        image: what is marked.
        values: the parameters of the action `watermark`.
        picture: the image that is put on it; None: there is a text alone.

    Raises:
        OssError: InvalidArgument (nothing to put on it, or a font without a name).
    """
    parts = [part for part in (picture and picture.convert("RGBA"), _draw(values)) if part is not None]
    if not parts:
        raise OssError("InvalidArgument", "A watermark needs a text or an image.")
    stamp = _join(parts, values) if len(parts) > 1 else parts[0]
    layer = Image.new("RGBA", image.size)
    if values.get("fill") and "text" in values:
        across, down = stamp.width + values.get("padx", 0), stamp.height + values.get("pady", 0)
        for left in range(0, image.width, across):
            for top in range(0, image.height, down):
                layer.paste(stamp, (left, top))
    else:
        layer.paste(stamp, _place(image, stamp, values))
    opacity = values.get("t", 100) / 100
    layer.putalpha(layer.getchannel("A").point(lambda alpha: round(alpha * opacity)))
    marked = Image.alpha_composite(image.convert("RGBA"), layer)
    return marked if image.mode == "RGBA" else marked.convert("RGB")


def _place(image: Image.Image, stamp: Image.Image, values: dict[str, Any]) -> tuple[int, int]:
    row, column = divmod(PLACES.index(values.get("g", "se")), 3)
    right, bottom = image.width - stamp.width, image.height - stamp.height
    x, y = values.get("x", 10), values.get("y", 10)
    left = (x, right // 2, right - x)[column]
    top = (y, bottom // 2 + values.get("voffset", 0), bottom - y)[row]
    return left, top


def _draw(values: dict[str, Any]) -> Image.Image | None:
    """Return a text on nothing; None: there is none."""
    text = values.get("text")
    if not text:
        return None
    size, shadow = values.get("size", 40), values.get("shadow", 0)
    font = _font(values.get("type", FONTS[0]), size)
    left, top, right, bottom = font.getbbox(text)
    offset = max(1, size // 20) if shadow else 0
    drawn = Image.new("RGBA", (max(1, int(right - left) + offset), max(1, int(bottom - top) + offset)))
    pen = ImageDraw.Draw(drawn)
    if shadow:
        pen.text((offset - left, offset - top), text, font=font, fill=(0, 0, 0, round(255 * shadow / 100)))
    pen.text((-left, -top), text, font=font, fill=ImageColor.getrgb("#" + values.get("color", "000000")))
    return drawn.rotate(-values["rotate"], expand=True) if values.get("rotate") else drawn


def _font(name: str, size: int) -> _Font:
    if name not in FONTS:
        raise OssError("InvalidArgument", f"The font {name[:80]!r} is not one of {', '.join(FONTS)}.")
    for file in (*_FILES.get(name, ()), *_INSTEAD):
        try:
            return ImageFont.truetype(file, size)
        except OSError:
            continue
    return ImageFont.load_default(size)


def _join(parts: list[Image.Image], values: dict[str, Any]) -> Image.Image:
    """Return the image and the text side by side."""
    first, second = parts if values.get("order", 0) == 0 else parts[::-1]
    interval, height = values.get("interval", 0), max(first.height, second.height)
    joined = Image.new("RGBA", (first.width + interval + second.width, height))
    for part, left in ((first, 0), (second, first.width + interval)):
        spare = height - part.height
        joined.paste(part, (left, (0, spare // 2, spare)[values.get("align", 2)]))
    return joined
