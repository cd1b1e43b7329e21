"""Buckets and keys in URLs."""

from __future__ import annotations

import pytest

from localcloud.oss.api.url import is_accelerated, read_url
from localcloud.oss.errors import OssError


@pytest.mark.parametrize(
    ("host", "path", "bucket", "level"),
    [
        ("127.0.0.1", "/", "", "service"),
        ("oss-cn-hangzhou.aliyuncs.com", "/", "", "service"),
        ("127.0.0.1", "/bucket", "bucket", "bucket"),
        ("127.0.0.1", "/bucket/", "bucket", "bucket"),
        ("bucket.oss-cn-hangzhou-internal.aliyuncs.com", "/", "bucket", "bucket"),
        ("bucket.oss.localhost", "/?acl", "bucket", "bucket"),
        ("no_bucket-_1.oss-cn-hangzhou.aliyuncs.com", "/", "no_bucket-_1", "bucket"),
        ("s3.oss-cn-hangzhou.aliyuncs.com", "/", "", "service"),
        ("oss-cn-hangzhou.aliyuncs.com", "//", "", "service"),
    ],
)
def test_service_and_buckets_are_told_apart(host: str, path: str, bucket: str, level: str) -> None:
    target = read_url(host, path)
    assert (target.bucket, target.level) == (bucket, level)


@pytest.mark.parametrize(
    ("host", "bucket", "region"),
    [
        ("127.0.0.1", "", ""),
        ("b.oss.localhost", "b", ""),
        ("b.oss-cn-shanghai.localhost", "b", ""),
        ("oss-cn-shanghai.aliyuncs.com", "", "cn-shanghai"),
        ("b.oss-cn-shanghai.aliyuncs.com", "b", "cn-shanghai"),
        ("b.oss-cn-shanghai-internal.aliyuncs.com", "b", "cn-shanghai"),
        ("s3.oss-cn-shanghai.aliyuncs.com", "", "cn-shanghai"),
        ("b.s3.oss-us-west-1-internal.aliyuncs.com", "b", "us-west-1"),
        ("cn-shanghai.oss.aliyuncs.com", "", "cn-shanghai"),
        ("b.cn-shanghai.oss.aliyuncs.com", "b", "cn-shanghai"),
        ("oss.aliyuncs.com", "", "cn-hangzhou"),
        ("b.oss.aliyuncs.com", "b", "cn-hangzhou"),
        ("b.oss-internal.aliyuncs.com", "b", "cn-hangzhou"),
        ("oss-accelerate.aliyuncs.com", "", ""),
        ("b.oss-accelerate-overseas.aliyuncs.com", "b", ""),
    ],
)
def test_an_endpoint_is_of_a_region_or_of_all(host: str, bucket: str, region: str) -> None:
    target = read_url(host, "/")
    assert (target.bucket, target.region, is_accelerated(host)) == (bucket, region, "accelerate" in host)


def test_a_parameter_that_comes_twice_is_refused() -> None:
    with pytest.raises(OssError, match="InvalidArgument: Give the query parameter acl once"):
        read_url("127.0.0.1", "/b?acl&%61cl=x")


def test_a_plus_sign_is_a_space_and_an_escaped_one_itself() -> None:
    target = read_url("127.0.0.1", "/b/a+b%2Bc%20d?prefix=x+y%2B")
    assert (target.key, target.query) == ("a b+c d", {"prefix": "x y+"})


@pytest.mark.parametrize("host", ["oss-cn-hangzhou.aliyuncs.com", "s3.oss-cn-hangzhou-internal.aliyuncs.com"])
def test_a_bucket_in_the_path_is_refused_at_the_clouds_own_names(host: str) -> None:
    with pytest.raises(OssError, match="SecondLevelDomainForbidden"):
        read_url(host, "/bucket/key")
    assert read_url("oss.localhost", "/bucket/key").bucket == "bucket"
