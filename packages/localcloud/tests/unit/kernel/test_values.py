"""Values out of what strangers send."""

from __future__ import annotations

import pytest

from localcloud.kernel.values import MAX_DEPTH, read_json, read_whole, same_secret


@pytest.mark.parametrize(("text", "value"), [("0", 0), ("007", 7), ("9" * 18, 10**18 - 1)])
def test_whole_numbers(text: str, value: int) -> None:
    assert read_whole(text) == value


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", " 1", "1.0", "1e3", "٣", "²", "9" * 19, "9" * 5000, "\0", "1_000", "\ud800"]
)
def test_what_is_no_whole_number(text: str) -> None:
    with pytest.raises(ValueError, match="whole number") as error:
        read_whole(text)
    assert len(str(error.value)) < 200


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize("text", ["{}", "null", '"é\\ud83d\\ude00"', "-1.5e300", nested(MAX_DEPTH), "1" * 4000])
def test_json(text: str) -> None:
    read_json(text)
    read_json(text.encode())


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff",
        b'"\xed\xa0\x80"',
        "{}".encode("utf-16"),
        "1" * 5000,
        "NaN",
        "[-Infinity]",
        "1e999",
        r'"\u0000"',
        r'{"\u0000": 1}',
        r'"\ud800"',
        r'{"a": ["\udfff"]}',
        '{"a": 1, "a": 1}',
        nested(MAX_DEPTH + 2),
        nested(500),
        nested(100_000),
        '{"a":' * 100_000 + "1" + "}" * 100_000,
    ],
)
def test_json_with_surprises_is_refused(content: bytes | str) -> None:
    with pytest.raises(ValueError) as error:  # noqa: PT011 - each has a reason of its own
        read_json(content)
    assert len(str(error.value)) < 500


def test_secrets_are_compared_whatever_they_hold() -> None:
    assert same_secret("right", "right")
    for given in ("", "wrong", "righ", "ü", "\udcff", "\ud800", "\0"):
        assert not same_secret("right", given)
