"""Image processing of the embedded OSS, with oss2."""

from __future__ import annotations

import base64
import functools
import io
import json
import struct
import uuid
import zlib
from urllib.parse import quote

import oss2
import pytest
from PIL import Image

from tests.support.cloud import Cloud


@pytest.fixture(scope="module")
def bucket(cloud: Cloud) -> oss2.Bucket:
    made = cloud.bucket("images-" + uuid.uuid4().hex[:12])
    made.create_bucket()
    picture = Image.new("RGB", (200, 100), "red")
    picture.paste("blue", (0, 0, 100, 100))
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    made.put_object("a.png", buffer.getvalue(), {"Content-Type": "image/png"})
    made.put_object("no image", b"hello")
    return made


@pytest.mark.parametrize(
    ("process", "size", "kind"),
    [
        ("resize,w_150,h_80", (150, 75), "PNG"),  # the vendor's examples, of an image of 200 x 100
        ("resize,m_mfit,w_150,h_80", (160, 80), "PNG"),
        ("resize,m_fill,w_150,h_80", (150, 80), "PNG"),
        ("resize,m_pad,w_150,h_80,color_FF0000", (150, 80), "PNG"),
        ("resize,m_fixed,w_150,h_80", (150, 80), "PNG"),
        ("resize,w_400", (200, 100), "PNG"),
        ("resize,w_400,limit_0", (400, 200), "PNG"),
        ("resize,p_50", (100, 50), "PNG"),
        ("crop,x_150,y_50,w_100,h_100", (50, 50), "PNG"),
        ("crop,w_20,h_30,g_center", (20, 30), "PNG"),
        ("rotate,90", (100, 200), "PNG"),
        ("resize,w_100/rotate,90/quality,q_50/format,jpg", (50, 100), "JPEG"),
        ("format,webp", (200, 100), "WEBP"),
    ],
)
def test_actions_change_an_image(bucket: oss2.Bucket, process: str, size: tuple[int, int], kind: str) -> None:
    answer = bucket.get_object("a.png", process=f"image/{process}")
    content = answer.read()
    assert answer.content_length == len(content)
    image = Image.open(io.BytesIO(content))
    assert (image.size, image.format, answer.content_type) == (size, kind, f"image/{kind.lower()}")


def test_a_crop_takes_the_part_that_was_asked_for(bucket: oss2.Bucket) -> None:
    for where, colour in (("g_west", (0, 0, 255)), ("g_east", (255, 0, 0))):
        content = bucket.get_object("a.png", process=f"image/crop,w_10,h_10,{where}").read()
        assert Image.open(io.BytesIO(content)).getpixel((5, 5)) == colour


def work_on(bucket: oss2.Bucket, process: str, key: str = "a.png") -> Image.Image:
    return Image.open(io.BytesIO(bucket.get_object(key, process=f"image/{process}").read()))


def test_an_indexed_crop_takes_one_of_the_strips(bucket: oss2.Bucket) -> None:
    for process, size, colour in (
        ("indexcrop,x_100,i_1", (100, 100), (255, 0, 0)),
        ("indexcrop,x_100,i_0", (100, 100), (0, 0, 255)),
        ("indexcrop,y_60,i_1", (200, 40), (0, 0, 255)),
        ("indexcrop,x_100,i_2", (200, 100), (0, 0, 255)),  # beyond the last one
        ("indexcrop,y_50,i_2", (200, 100), (0, 0, 255)),
    ):
        image = work_on(bucket, process).convert("RGB")
        assert (image.size, image.getpixel((5, 5))) == (size, colour), process


def test_effects_change_the_colours_that_they_should(bucket: oss2.Bucket) -> None:
    worked_on = functools.cache(lambda process: work_on(bucket, process).convert("RGB"))

    def red(process: str, x: int) -> float:
        pixel = worked_on(process).getpixel((x, 50))
        assert isinstance(pixel, tuple)
        return pixel[0]

    assert (red("resize,w_200", 98), red("resize,w_200", 102)) == (0, 255)
    assert 0 < red("blur,r_3,s_2", 98) < red("blur,r_3,s_2", 102) < 255  # the edge is no longer sharp
    assert red("blur,r_3,s_9", 95) > red("blur,r_3,s_2", 95)
    assert red("blur", 98) < red("blur,s_2", 98)  # one pixel, unless it says more
    assert (red("bright,-50", 150), red("bright,0", 150)) == (127, 255)
    assert red("contrast,-100", 150) == red("contrast,-100", 50)
    assert work_on(bucket, "interlace,1/format,jpg").info.get("progressive") == 1
    assert "progressive" not in work_on(bucket, "interlace,0/format,jpg").info
    hue = json.loads(bucket.get_object("a.png", process="image/average-hue").read())
    assert hue == {"RGB": "0x800080"}


def test_what_is_transparent_is_white_where_the_format_knows_no_transparency(bucket: oss2.Bucket) -> None:
    buffer = io.BytesIO()
    picture = Image.new("RGBA", (20, 10), (0, 0, 255, 0))
    picture.paste((0, 0, 255, 255), (0, 0, 10, 10))
    picture.save(buffer, "PNG")
    bucket.put_object("clear.png", buffer.getvalue())
    image = work_on(bucket, "format,bmp", "clear.png").convert("RGB")
    assert (image.getpixel((2, 5)), image.getpixel((17, 5))) == ((0, 0, 255), (255, 255, 255))


def test_an_image_that_needs_too_much_memory_is_refused(bucket: oss2.Bucket) -> None:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    side = 15_000  # pixels of one bit each, which take 900 MB in colour
    head = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    data = zlib.compress(bytes(1 + side // 8) * side)
    huge = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    bucket.put_object("huge.png", huge)
    with pytest.raises(oss2.exceptions.InvalidArgument, match="it needs too much memory"):
        bucket.get_object("huge.png", process="image/format,jpg")


def test_an_image_is_described(bucket: oss2.Bucket) -> None:
    facts = json.loads(bucket.get_object("a.png", process="image/info").read())
    size = bucket.head_object("a.png").content_length
    assert {name: facts[name]["value"] for name in ("FileSize", "Format", "ImageHeight", "ImageWidth")} == {
        **{"FileSize": str(size), "Format": "png"},
        **{"ImageHeight": "100", "ImageWidth": "200"},
    }


def test_facts_of_a_jpeg_are_written_as_oss_writes_them(bucket: oss2.Bucket) -> None:
    bucket.put_object("small.jpg", bucket.get_object("a.png", process="image/resize,w_20/format,jpg").read())
    facts = bucket.get_object("small.jpg", process="image/info").read().decode()
    names = ("Format", "FrameCount", "ImageHeight", "ImageWidth", "ResolutionUnit", "XResolution", "YResolution")
    values = ("jpg", "1", "10", "20", "1", "1/1", "1/1")
    lines = [f'    "{name}": {{"value": "{value}"}}' for name, value in zip(names, values, strict=True)]
    assert facts.partition(",\n")[2] == ",\n".join(lines) + "}"


def test_versions_of_images_are_not_worked_on(bucket: oss2.Bucket, cloud: Cloud) -> None:
    versions = cloud.bucket("images-" + uuid.uuid4().hex[:12])
    versions.create_bucket()
    versions.put_bucket_versioning(oss2.models.BucketVersioningConfig("Enabled"))
    put = versions.put_object("a.png", bucket.get_object("a.png").read())
    versions.delete_object("a.png")
    with pytest.raises(oss2.exceptions.NoSuchKey):
        versions.get_object("a.png", process="image/info", params={"versionId": put.versionid})


@pytest.mark.parametrize("body", ["", "x-oss-process="])
def test_a_process_that_is_empty_is_refused(bucket: oss2.Bucket, body: str) -> None:
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        bucket._do("POST", bucket.bucket_name, "a.png", params={"x-oss-process": ""}, data=body)
    assert (caught.value.status, caught.value.code) == (400, "InvalidRequest")


def test_a_processed_image_is_kept_under_another_key(bucket: oss2.Bucket) -> None:
    key = base64.urlsafe_b64encode("kept/ü.jpg".encode()).decode().rstrip("=")
    answer = bucket.process_object("a.png", f"image/resize,w_20/format,jpg|sys/saveas,o_{key}")
    assert (answer.status, answer.object) == (200, "kept/ü.jpg")
    kept = bucket.get_object("kept/ü.jpg")
    assert (Image.open(io.BytesIO(kept.read())).size, kept.content_type) == ((20, 10), "image/jpeg")


def test_a_processed_image_replaces_nothing_that_the_bucket_forbids_to_replace(bucket: oss2.Bucket) -> None:
    rule = "<Rule><Action>forbid</Action><Prefix>once/</Prefix></Rule>"
    params = {"overwriteConfig": ""}
    document = f"<OverwriteConfiguration>{rule}</OverwriteConfiguration>"
    bucket._do("PUT", bucket.bucket_name, "", params=params, data=document)
    target = base64.urlsafe_b64encode(b"once/a.png").decode()
    assert bucket.process_object("a.png", f"image/resize,w_20|sys/saveas,o_{target}").status == 200
    with pytest.raises(oss2.exceptions.ServerError, match="FileAlreadyExists"):
        bucket.process_object("a.png", f"image/resize,w_10|sys/saveas,o_{target}")
    bucket._do("DELETE", bucket.bucket_name, "", params=params)


@pytest.mark.parametrize(
    ("key", "process", "error"),
    [
        ("no image", "image/info", (400, "InvalidArgument")),
        ("a.png", "image/resize,m_abc,w_100", (400, "InvalidArgument")),
        ("a.png", "image/resize,w_99999", (400, "InvalidArgument")),
        ("a.png", "image/resize,w_16000,h_16000,m_fixed,limit_0", (400, "InvalidArgument")),
        ("a.png", "image/circle,r_10", (501, "NotImplemented")),
        ("a.png", "video/snapshot,t_7000", (501, "NotImplemented")),
        ("none", "image/info", (404, "NoSuchKey")),
    ],
)
def test_what_cannot_be_done_is_refused(bucket: oss2.Bucket, key: str, process: str, error: tuple[int, str]) -> None:
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        bucket.get_object(key, process=process)
    assert (caught.value.status, caught.value.code) == error


def encoded(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def corner(content: bytes) -> set[object]:
    """Return the colours of the lower right quarter, which is red before."""
    image = Image.open(io.BytesIO(content)).convert("RGB").crop((100, 50, 200, 100))
    return {colour for _, colour in image.getcolors(10_000) or []}


def test_a_text_is_put_on_an_image_where_it_was_asked_for(bucket: oss2.Bucket) -> None:
    text = f"text_{encoded('mark')},size_20,color_00FF00"
    marked = bucket.get_object("a.png", process=f"image/watermark,{text},").read()
    assert (0, 255, 0) in corner(marked)
    elsewhere = bucket.get_object("a.png", process=f"image/watermark,{text},g_nw").read()
    assert corner(elsewhere) == {(255, 0, 0)}
    faint = bucket.get_object("a.png", process=f"image/watermark,{text},t_0").read()
    assert corner(faint) == {(255, 0, 0)}
    tiled = bucket.get_object("a.png", process=f"image/watermark,{text},g_nw,fill_1,padx_2,pady_2").read()
    assert (0, 255, 0) in corner(tiled)


def test_an_image_of_the_same_bucket_is_put_on_an_image(bucket: oss2.Bucket) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 40), "white").save(buffer, "PNG")
    bucket.put_object("logo.png", buffer.getvalue())
    for process, wide in (("logo.png", 40), ("logo.png?x-oss-process=image/resize,P_10", 10)):
        mark = f"image/watermark,image_{encoded(process)},x_0,y_0"
        image = Image.open(io.BytesIO(bucket.get_object("a.png", process=mark).read())).convert("RGB")
        assert image.getpixel((199, 99)) == image.getpixel((200 - wide, 99)) == (255, 255, 255)
        assert image.getpixel((199 - wide, 99)) == (255, 0, 0)
    with pytest.raises(oss2.exceptions.NoSuchKey):
        bucket.get_object("a.png", process=f"image/watermark,image_{encoded('none')}")


def test_a_text_stands_beside_an_image_in_the_order_and_at_the_height_that_were_asked_for(bucket: oss2.Bucket) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 80), "white").save(buffer, "PNG")
    bucket.put_object("tall.png", buffer.getvalue())
    both = f"watermark,image_{encoded('tall.png')},text_{encoded('mark')},size_20,color_00FF00,x_0,y_0"

    def box_of(colour: tuple[int, int, int], process: str) -> tuple[int, int, int, int]:
        image = work_on(bucket, f"{both},{process}").convert("RGB")
        found = [(x, y) for x in range(200) for y in range(100) if image.getpixel((x, y)) == colour]
        columns, rows = [x for x, _ in found], [y for _, y in found]
        return min(columns), min(rows), max(columns), max(rows)

    green, white = (0, 255, 0), (255, 255, 255)
    tops = [box_of(green, f"align_{align}")[1] for align in (0, 1, 2)]
    assert tops[0] < tops[1] < tops[2]
    assert box_of(white, "order_0")[2] < box_of(green, "order_0")[0]
    assert box_of(green, "order_1")[2] < box_of(white, "order_1")[0]
    apart = box_of(green, "interval_20")[0] - box_of(white, "interval_20")[2]
    assert apart - (box_of(green, "interval_0")[0] - box_of(white, "interval_0")[2]) == 20


@pytest.mark.parametrize("mark", ["", "g_se", "text_!", "text_", f"text_{encoded('a')},type_{encoded('comic')}"])
def test_a_watermark_of_nothing_is_refused(bucket: oss2.Bucket, mark: str) -> None:
    with pytest.raises(oss2.exceptions.InvalidArgument):
        bucket.get_object("a.png", process=f"image/watermark,{mark}")


def test_a_style_stands_for_its_actions(bucket: oss2.Bucket) -> None:
    bucket.put_bucket_style("half", "image/resize,p_50")
    image = Image.open(io.BytesIO(bucket.get_object("a.png", process="style/half").read()))
    assert image.size == (100, 50)
    with pytest.raises(oss2.exceptions.OssError) as refused:
        bucket.get_object("a.png", process="style/none")
    assert refused.value.code == "NoSuchStyle"


def test_a_process_is_read_encoded_and_as_it_is(bucket: oss2.Bucket) -> None:
    process = f"x-oss-process=image/watermark,text_{encoded('mark')}|sys/saveas,o_{encoded('saved.png')}"
    for body in (process, "x-oss-process=" + quote(process.partition("=")[2], safe="")):
        bucket._do("POST", bucket.bucket_name, "a.png", params={"x-oss-process": ""}, data=body)
        assert Image.open(io.BytesIO(bucket.get_object("saved.png").read())).size == (200, 100)
        bucket.delete_object("saved.png")
