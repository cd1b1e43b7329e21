"""Laws of the addresses of buckets and objects."""

from __future__ import annotations

from urllib.parse import quote

from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.oss.api.url import read_url

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


@settings(deadline=None)
@given(query=st.dictionaries(KEY, st.text(st.characters(exclude_categories=["Cs"]), max_size=10), max_size=4))
def test_any_query_is_read(query: dict[str, str]) -> None:
    raw = "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in query.items())
    assert read_url("127.0.0.1", f"/b/k?{raw}").query == query
