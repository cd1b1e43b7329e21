"""The region, the bucket and the object that a URL names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote

from aiohttp import web

from localcloud.kernel.regions import REGIONS
from localcloud.oss.errors import OssError

_BUCKET = r"(?:(?P<bucket>(?!s3\.)[a-z0-9_-]{1,255})\.)?"
# BUCKET.oss-REGION.aliyuncs.com, with or without -internal, and with s3. before oss; BUCKET.REGION.oss.aliyuncs.com
_PUBLIC_HOST = re.compile(
    rf"{_BUCKET}(?:(?:s3\.)?oss-(?P<place>[a-z0-9-]+?)(?:-internal)?|(?P<stack>[a-z0-9-]+)\.oss)\.aliyuncs\.com"
)
# BUCKET.oss.localhost, for clients that insist on it
_LOCAL_HOST = re.compile(rf"{_BUCKET}(?:s3\.)?oss(?:-[a-z0-9-]+)?\.localhost")
# BUCKET.oss.aliyuncs.com and BUCKET.oss-internal.aliyuncs.com, from when OSS had one region: those of cn-hangzhou still.
# Source: the endpoints that Apache Libcloud and other programs of that time have in them, as their documentation explains them.
_FIRST_HOST = re.compile(rf"{_BUCKET}oss(?:-internal)?\.aliyuncs\.com")
_FIRST_REGION = "cn-hangzhou"
_ACCELERATED = frozenset({"accelerate", "accelerate-overseas"})  # in the place of a region: endpoints of all of them


@dataclass(frozen=True, kw_only=True, slots=True)
class ResourceUrl:
    """Region, bucket, key and query of a URL."""

    bucket: str  # empty: the service
    key: str = ""  # empty: the bucket
    query: Mapping[str, str]  # decoded
    region: str = ""  # of the endpoint; empty: it is none of a region
    point: str = ""  # the name of the access point by which the bucket was named; empty: none

    @property
    def level(self) -> str:
        """The kind of resource: service, bucket or object."""
        return "object" if self.key else "bucket" if self.bucket else "service"


URL = web.RequestKey("url", ResourceUrl)  # of a request, once it was read


def read_url(host: str, raw_path: str) -> ResourceUrl:
    """Read region, bucket, key and query of a request (virtual-host or path style).

    A plus sign is a space in the path, too; a key's own is %2B. Source: OSS's SDK for Ruby, which writes both in this way
    (`http.rb`), and whose suite puts such keys into OSS and gets them back (`test_object_key.rb`).

    Args:
        host: the name in the Host header, as `door.HOST` says it.
        raw_path: path and query exactly as they came.

    Raises:
        OssError: InvalidArgument: a query parameter is given twice, so it is unclear which of its values is signed;
            SecondLevelDomainForbidden: at aliyuncs.com the bucket is part of the name, also for S3's clients
            ("Compatibility with Amazon S3"; the words are those that users of OSS report).
    """
    path, _, raw_query = raw_path.partition("?")
    query: dict[str, str] = {}
    for pair in raw_query.split("&"):
        if pair:
            name, _, value = (_decode(part) for part in pair.partition("="))
            if name in query:
                raise OssError("InvalidArgument", f"Give the query parameter {name} once.", {"ArgumentName": name})
            query[name] = value
    decoded = _decode(path.removeprefix("/"))
    named, place = _read_host(host)
    if named:
        return ResourceUrl(bucket=named, key=decoded, query=query, region="" if place in _ACCELERATED else place)
    bucket, _, key = decoded.partition("/")
    if place and bucket:
        raise OssError("SecondLevelDomainForbidden", "Please use virtual hosted style to access.")
    return ResourceUrl(bucket=bucket, key=key, query=query, region="" if place in _ACCELERATED else place)


def bucket_of(host: str) -> str:
    """Return the bucket that a host name, in lower case, names; empty: none."""
    return _read_host(host)[0]


def is_accelerated(host: str) -> bool:
    """Return True if a host name, as `door.HOST` says it, is that of transfer acceleration."""
    return _read_host(host)[1] in _ACCELERATED


@lru_cache(maxsize=256)  # a client's requests name one or a few
def _read_host(host: str) -> tuple[str, str]:
    """Return the bucket in a host name, and the region or what stands for one; empty: it has none."""
    if (match := _FIRST_HOST.fullmatch(host)) and match["bucket"] not in REGIONS:
        return match["bucket"] or "", _FIRST_REGION
    if match := _PUBLIC_HOST.fullmatch(host):
        return match["bucket"] or "", match["place"] or match["stack"]
    match = _LOCAL_HOST.fullmatch(host)
    return (match["bucket"] or "" if match else ""), ""


def _decode(text: str) -> str:
    return unquote(text.replace("+", " "), errors="surrogateescape")
