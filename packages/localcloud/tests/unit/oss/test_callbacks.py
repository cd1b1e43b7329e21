"""Parameters of callbacks."""

from __future__ import annotations

import base64
import json

import pytest

from localcloud.oss.callbacks import read_callback
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


def packed(**said: str) -> str:
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


def test_a_callback_that_is_kept_is_found_by_its_name() -> None:
    kept = {"thanks": (packed(callbackUrl="example.org", callbackBody="a=${x:a}"), packed(**{"x:a": "1"}))}
    assert read_callback(packed(callbackPolicy="thanks"), "", find_kept=kept.get).render({}) == b"a=1"
    own = packed(**{"x:a": "2"})
    assert read_callback(packed(callbackPolicy="thanks"), own, find_kept=kept.get).render({}) == b"a=2"
    with pytest.raises(OssError, match=r"InvalidArgument: .*keeps no callback of that name"):
        read_callback(packed(callbackPolicy="none"), "", find_kept=kept.get)
