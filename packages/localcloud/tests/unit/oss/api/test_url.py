"""Buckets and keys in URLs."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.oss.api.url import read_url
from localcloud.oss.errors import OssError

KEY = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)


@settings(deadline=None)
@given(key=KEY)
def test_any_key_is_read_in_both_styles(key: str) -> None:
    for host, path in (
        ("127.0.0.1", f"/bucket/{quote(key)}"),
        ("bucket.oss-cn-hangzhou.aliyuncs.com", f"/{quote(key)}"),
    ):
        target = read_url(host, path)
        assert (target.bucket, target.key, target.level) == ("bucket", key, "object")


@pytest.mark.parametrize(
    ("host", "path", "bucket", "level"),
    [
        ("127.0.0.1", "/", "", "service"),
        ("oss-cn-hangzhou.aliyuncs.com", "/", "", "service"),
        ("127.0.0.1", "/bucket", "bucket", "bucket"),
        ("127.0.0.1", "/bucket/", "bucket", "bucket"),
        ("bucket.oss-cn-hangzhou-internal.aliyuncs.com", "/", "bucket", "bucket"),
        ("bucket.oss.localhost", "/?acl", "bucket", "bucket"),
    ],
)
def test_service_and_buckets_are_told_apart(host: str, path: str, bucket: str, level: str) -> None:
    target = read_url(host, path)
    assert (target.bucket, target.level) == (bucket, level)


@settings(deadline=None)
@given(query=st.dictionaries(KEY, st.text(st.characters(exclude_categories=["Cs"]), max_size=10), max_size=4))
def test_any_query_is_read(query: dict[str, str]) -> None:
    raw = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query.items())
    assert read_url("127.0.0.1", f"/b/k?{raw}").query == query


def test_a_parameter_that_comes_twice_is_refused() -> None:
    with pytest.raises(OssError, match="InvalidArgument: Give the query parameter acl once"):
        read_url("127.0.0.1", "/b?acl&%61cl=x")
