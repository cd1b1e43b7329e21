"""Parameters of callbacks."""

from __future__ import annotations

import base64

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
