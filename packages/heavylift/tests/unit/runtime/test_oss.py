"""The official client for a function's own requests: a failure of the connection is a sentence, and may pass."""

from __future__ import annotations

import socket

import pytest

from heavylift.contracts.failures import ConfigurationError, TransientStoreError
from heavylift.runtime.credentials import Credentials
from heavylift.runtime.oss import open_bucket, oss_errors
from heavylift.runtime.settings import read_settings

KEY = Credentials("the-key-id", "the-secret", "")


def test_a_connection_that_fails_is_told_without_what_was_signed() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = f"http://127.0.0.1:{server.getsockname()[1]}"
    bucket = open_bucket(read_settings({"Bucket": "bucket", "Endpoint": nobody, "Region": "cn-hangzhou"}), KEY)
    said = r"^oss://bucket/key: the connection failed \(ConnectionError\); check `Endpoint`$"
    with pytest.raises(TransientStoreError, match=said), oss_errors("oss:GetObject", "bucket", "key"):
        bucket.get_object("key")


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"Bucket": "", "Endpoint": "http://a.com", "Region": "cn-hangzhou"}, "^Bucket: not set"),
        (
            {"Bucket": "B", "Endpoint": "http://a.com", "Region": "cn-hangzhou"},
            "^Bucket, Endpoint: 'B' at 'http://a.com'",
        ),
    ],
)
def test_what_cannot_be_a_bucket_is_refused(variables: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        open_bucket(read_settings(variables), KEY)
