"""Parameters of callbacks."""

from __future__ import annotations

import base64
import json

import pytest

from localcloud.oss.callbacks import host_of, read_callback
from localcloud.oss.errors import OssError


@pytest.mark.parametrize(
    ("parameter", "words"),
    [
        ("an argument", "The callback configuration is not base64 encoded."),
        (base64.b64encode(b"an argument").decode(), "The callback configuration is not json format."),
        (base64.b64encode(b"[]").decode(), "The callback configuration is not json format."),
    ],
)
def test_a_parameter_that_is_no_object_is_refused_in_the_words_of_oss(parameter: str, words: str) -> None:
    with pytest.raises(OssError) as refused:
        read_callback(parameter, "")
    assert (refused.value.code, refused.value.message) == ("InvalidArgument", words)


def packed(**said: object) -> str:
    return base64.b64encode(json.dumps(said).encode()).decode()


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("my", "needs the name or the address of a host"),
        ("my.com:test", "needs the name or the address of a host"),
        ("http://192.168.1.1", "Private address is forbidden to callback."),
    ],
)
def test_a_url_that_no_callback_can_go_to_is_refused(url: str, words: str) -> None:
    with pytest.raises(OssError, match=f"InvalidArgument: .*{words}"):
        read_callback(packed(callbackUrl=url, callbackBody="a=b"), "")


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/", "http://localhost:1/", "http://[::1]:1/", "example.org"])
def test_a_url_on_loopback_and_one_with_a_name_are_callbacks(url: str) -> None:
    assert read_callback(packed(callbackUrl=url, callbackBody="a=b"), "").urls[0].endswith(url)


@pytest.mark.parametrize("body", ["size=${size}&my_var=$x:my_var}", "object=$(object)", "$"])
def test_a_dollar_sign_that_begins_no_variable_is_refused_in_the_words_of_oss(body: str) -> None:
    with pytest.raises(OssError) as refused:
        read_callback(packed(callbackUrl="example.org", callbackBody=body), "")
    assert (refused.value.message, refused.value.ec) == ("Left brace must be adjacent to dollar sign.", "0007-00000105")


@pytest.mark.parametrize(
    ("name", "ec"),
    [("callbackUrl", "0007-00000004"), ("callbackHost", "0007-00000009"), ("callbackBodyType", "0007-00000012")],
)
def test_a_value_that_is_no_text_is_refused_with_its_finer_code(name: str, ec: str) -> None:
    said: dict[str, object] = {"callbackUrl": "example.org", "callbackBody": "a=b", name: [1, 2, 3]}
    with pytest.raises(OssError, match=f"InvalidArgument: .*{name} must be a string") as refused:
        read_callback(packed(**said), "")
    assert refused.value.ec == ec


def test_a_callback_that_is_kept_is_found_by_its_name() -> None:
    kept = {"thanks": (packed(callbackUrl="example.org", callbackBody="a=${x:a}"), packed(**{"x:a": "1"}))}
    assert read_callback(packed(callbackPolicy="thanks"), "", find_kept=kept.get).render({}) == b"a=1"
    own = packed(**{"x:a": "2"})
    assert read_callback(packed(callbackPolicy="thanks"), own, find_kept=kept.get).render({}) == b"a=2"
    with pytest.raises(OssError, match=r"InvalidArgument: .*keeps no callback of that name"):
        read_callback(packed(callbackPolicy="none"), "", find_kept=kept.get)


@pytest.mark.parametrize("url", ["ftp://localhost/", "http://:80/", "http://[::1", "file:///etc/passwd"])
def test_a_url_that_is_none_of_http_has_no_host(url: str) -> None:
    assert host_of(url) is None
