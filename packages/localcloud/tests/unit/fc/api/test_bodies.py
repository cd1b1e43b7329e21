"""Bodies of Function Compute's API: what is parsed of them, and how a code package of any size is read."""

from __future__ import annotations

import base64
import json
import time

import pytest

from localcloud.fc.api.bodies import MAX_REST, decode, parse_body
from localcloud.fc.api.functions import read_function
from localcloud.fc.errors import FcError

PACKAGE = bytes(range(256)) * 10_000
TEXT = base64.b64encode(PACKAGE).decode()


def refused(content: bytes) -> FcError:
    with pytest.raises(FcError) as error:
        parse_body(content)
    return error.value


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 65_535, 65_536, 2_000_001])
@pytest.mark.parametrize("spaces", ["", " \r\n\t"])
def test_package_is_read_whatever_its_size(size: int, spaces: str) -> None:
    text = base64.b64encode(PACKAGE[:size]).decode()
    body = f'{{"a": "b", "code" : {spaces} {{"zipFile"{spaces}:{spaces}"{text}"}}, "z": [1]}}'
    parsed = parse_body(body.encode())
    assert (parsed["a"], parsed["z"]) == ("b", [1])
    assert decode(parsed["code"]["zipFile"]) == PACKAGE[:size]


def test_escaped_slashes_of_a_package_are_slashes() -> None:
    for cut in range(8):  # so that the end of a chunk comes between any two characters
        content = PACKAGE[: 2_000_000 + cut]
        text = json.dumps({"code": {"zipFile": "!" + base64.b64encode(content).decode()}})
        parsed = parse_body(text.replace("!", "").replace("/", r"\/").encode())
        assert decode(parsed["code"]["zipFile"]) == content


@pytest.mark.parametrize("wrong", ["%", "=", "\\u0041", "\\\\/", "ü", " ", "\\n"])
@pytest.mark.parametrize("place", [0, 1_000_000, 262_144, len(TEXT)])
def test_package_that_is_not_base64_is_refused(wrong: str, place: int) -> None:
    parsed = parse_body(f'{{"code": {{"zipFile": "{TEXT[:place]}{wrong}{TEXT[place:]}"}}}}'.encode())
    with pytest.raises(FcError, match=r"code\.zipFile is not base64"):
        read_function(
            {"functionName": "f", "runtime": "python3.10", "handler": "a.b", **parsed}, generation=3, service=""
        )


@pytest.mark.parametrize(
    "body",
    [
        '{"zipFile": "%s"}',
        '{"code": {"a": {"zipFile": "%s"}}}',
        '{"code": {"x\\"zipFile": "%s"}}',
        '{"code": [{"zipFile": "%s"}]}',
        '{"code": {"zipFile": ["%s"]}}',
        '{"code": {"zipFile": 1, "a": "%s"}}',
        '{"code": {"zipFile": ""}, "a": "%s"}',
    ],
)
def test_large_text_elsewhere_than_in_the_package_is_refused(body: str) -> None:
    assert refused((body % TEXT).encode()).code == "EntityTooLarge"


def test_package_given_twice_is_refused() -> None:
    assert refused(f'{{"code": {{"zipFile": "{TEXT}", "zipFile": ""}}}}'.encode()).code == "InvalidArgument"


def test_body_cut_within_the_package_is_no_json() -> None:
    assert refused(f'{{"code": {{"zipFile": "{TEXT}'.encode()).code == "InvalidArgument"


@pytest.mark.parametrize(
    "content",
    [
        b'{"a": [' + b"[]," * (MAX_REST // 4) + b"[]]}",
        b'{"a": [' + b"0," * (MAX_REST // 4) + b"0]}",
        b"[" * MAX_REST,
        b'{"a": "' + b"x" * MAX_REST + b'"}',
        b'{"code": {"zipFile": "' + TEXT.encode() + b'"}, "a": "' + b"x" * MAX_REST + b'"}',
        b'{"code": {"zipFile": "' + TEXT.encode() + b'"}, "a": [' + b"0," * 100_000 + b"0]}",
        b'{"a": [' + b"[]," * 30_000_000 + b"[]]}",
    ],
    ids=["lists", "numbers", "opened", "long", "long beside a package", "many beside a package", "90 MB"],
)
def test_body_that_would_take_long_to_parse_is_refused_soon(content: bytes) -> None:
    began = time.process_time()
    assert refused(content).code == "EntityTooLarge"
    assert time.process_time() - began < 0.05
