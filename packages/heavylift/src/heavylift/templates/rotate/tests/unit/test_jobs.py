"""The jobs that events ask for."""

from __future__ import annotations

import json

import pytest

from function.jobs import (
    EXAMPLE,
    InvalidRequestError,
    InvalidRotationError,
    Job,
    Notice,
    Turn,
    UnsupportedFormatError,
    job_of,
    parse_event,
)

REQUEST = {"source": "in/a.png", "target": "out/a.jpg", "rotate": 90}


def event(**changes: object) -> bytes:
    return json.dumps(REQUEST | changes).encode()


def notification(*keys: str, name: str = "ObjectCreated:PutObject", bucket: str = "b") -> bytes:
    records = [{"eventName": name, "oss": {"bucket": {"name": bucket}, "object": {"key": key}}} for key in keys]
    return json.dumps({"events": records}).encode()


def only(data: bytes) -> Notice:
    notices = parse_event(data)
    assert isinstance(notices, tuple)
    return notices[0]


@pytest.mark.parametrize("data", [b"", b" \n"])
def test_nothing_asks_for_the_example(data: bytes) -> None:
    assert parse_event(data) == EXAMPLE
    assert (EXAMPLE.source, EXAMPLE.target, EXAMPLE.turn) == ("pic/e2.jpg", "picture", Turn.TRANSPOSE)


@pytest.mark.parametrize(
    ("rotate", "turn"),
    [(90, Turn.CLOCKWISE_90), (180, Turn.CLOCKWISE_180), (270, Turn.CLOCKWISE_270), ("transpose", Turn.TRANSPOSE)],
)
def test_a_request_is_a_job(rotate: object, turn: Turn) -> None:
    assert parse_event(event(rotate=rotate)) == Job("in/a.png", "out/a.jpg", turn, "jpg")


@pytest.mark.parametrize(
    ("target", "form"),
    [("a.JPG", "jpg"), ("a.jpeg", "jpg"), ("a.png", "png"), ("a.webp", "webp"), ("a.tif", "tiff"), ("a.bmp", "bmp")],
)
def test_the_extension_names_the_format(target: str, form: str) -> None:
    job = parse_event(event(target=target))
    assert isinstance(job, Job)
    assert job.format == form


@pytest.mark.parametrize("target", ["a", "a.gif", "a.jpg/b", ".jpg", "a.jpg."])
def test_another_extension_is_refused(target: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=r"\.webp"):
        parse_event(event(target=target))


@pytest.mark.parametrize("rotate", [0, 45, -90, 360, 90.0, "90", True, None, [90], {}, "Transpose"])
def test_another_angle_is_refused(rotate: object) -> None:
    with pytest.raises(InvalidRotationError, match=r"90, 180, 270 or .transpose."):
        parse_event(event(rotate=rotate))


@pytest.mark.parametrize("data", [b"{", b"\xff\xfe", b"not json", b"[" * 100_000, b"[]", b"null", b'"x"', b"7"])
def test_what_is_no_json_object_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="JSON"):
        parse_event(data)


@pytest.mark.parametrize("data", [b"{}", b'{"source": "a"}', event(angle=90), event(events=[])])
def test_keys_that_are_unknown_or_missing_are_named(data: bytes) -> None:
    with pytest.raises(InvalidRequestError, match=r"unknown|missing"):
        parse_event(data)


@pytest.mark.parametrize("key", ["", "/a.jpg", "\\a.jpg", 7, None, "a" * 1020 + ".jpg", "\ud800.jpg"])
@pytest.mark.parametrize("name", ["source", "target"])
def test_what_is_no_key_is_refused(name: str, key: object) -> None:
    with pytest.raises(InvalidRequestError, match=f"{name}: "):
        parse_event(event(**{name: key}))


def test_a_target_that_would_start_the_function_again_is_refused() -> None:
    with pytest.raises(InvalidRequestError, match="start the function again"):
        parse_event(event(target="incoming/a.jpg"))


def test_a_new_object_is_rotated_to_the_same_name() -> None:
    notices = parse_event(notification("incoming/ä b/c.png", "incoming/d.jpg"))
    assert isinstance(notices, tuple)
    assert [job_of(notice, bucket="b") for notice in notices] == [
        Job("incoming/ä b/c.png", "rotated/ä b/c.png", Turn.CLOCKWISE_90, "png"),
        Job("incoming/d.jpg", "rotated/d.jpg", Turn.CLOCKWISE_90, "jpg"),
    ]


def test_its_own_output_asks_for_nothing() -> None:
    job = job_of(only(notification("incoming/incoming/a.jpg")), bucket="b")
    assert isinstance(job, Job)
    again = job_of(only(notification(job.target)), bucket="b")
    assert again == "only objects under incoming/ are rotated"


@pytest.mark.parametrize(
    "data",
    [
        notification("other/a.jpg"),
        notification("incoming/"),
        notification("incoming/folder/"),
        notification("incoming/a.jpg", bucket="another"),
        notification("incoming/a.jpg", name="ObjectRemoved:DeleteObject"),
    ],
)
def test_other_notices_ask_for_nothing(data: bytes) -> None:
    assert isinstance(job_of(only(data), bucket="b"), str)


def test_a_new_object_that_is_no_picture_is_refused() -> None:
    with pytest.raises(UnsupportedFormatError, match=r"rotated/a\.txt"):
        job_of(only(notification("incoming/a.txt")), bucket="b")


@pytest.mark.parametrize("records", [{}, [], None, [7], [{}], [{"oss": {"bucket": {"name": "b"}}}], [{"oss": 7}]])
def test_a_notification_that_lacks_something_is_refused(records: object) -> None:
    with pytest.raises(InvalidRequestError, match="events"):
        parse_event(json.dumps({"events": records}).encode())
