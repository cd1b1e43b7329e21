"""OSS over HTTPS, signed with V4: the few calls that a deployment needs, retried, within a time limit.

Sources: OSS, "Include a V4 signature in the Authorization header", and the page of each operation.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import quote
from xml.etree import ElementTree

ALGORITHM = "OSS4-HMAC-SHA256"
META = "x-oss-meta-"
ATTEMPTS = 4
FIRST_WAIT = 0.5  # seconds; doubled for each further attempt


class StoreError(Exception):
    """OSS did not do what was asked; the message says what and why."""


class NotFoundError(StoreError):
    """There is no such object or bucket."""


@dataclass(frozen=True)
class Credentials:
    """Temporary credentials of a role."""

    key_id: str
    secret: str = field(repr=False)
    token: str = field(repr=False)


@dataclass(frozen=True)
class ObjectInfo:
    """What HeadObject says."""

    size: int  # bytes
    crc64: str  # decimal; empty: OSS does not know it
    etag: str
    metadata: Mapping[str, str]  # the user's


class Deadline:
    """A time limit.

    Args:
        seconds: from now.
        clock: seconds that never go back.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def remaining(self, doing: str) -> float:
        """Return the seconds that are left.

        Raises:
            StoreError: none are.
        """
        left = self._end - self._clock()
        if left <= 0:
            raise StoreError(f"{doing}: the time of the deployment's function is over; deploy again to go on")
        return left


@dataclass(frozen=True)
class ObjectStore:
    """OSS in one region.

    Attributes:
        endpoint: URL without a bucket; buckets are part of the host name.
        region: id that the signature is for.
        credentials: who signs.
        deadline: of all calls together.
    """

    endpoint: str
    region: str
    credentials: Credentials
    deadline: Deadline

    def extended(self, seconds: float) -> ObjectStore:
        """Return the same store with a time limit of its own."""
        return replace(self, deadline=Deadline(seconds))

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """Return what an object is; raises NotFoundError when there is none."""
        headers, _ = self._call("HEAD", bucket, key)
        return ObjectInfo(
            size=int(headers["content-length"]),
            crc64=headers.get("x-oss-hash-crc64ecma", ""),
            etag=headers.get("etag", ""),
            metadata={name[len(META) :]: value for name, value in headers.items() if name.startswith(META)},
        )

    def copy(
        self, source_bucket: str, source_key: str, etag: str, bucket: str, key: str, metadata: Mapping[str, str]
    ) -> None:
        """Copy an object of at most 1 GB that still has that ETag."""
        headers = {**_source(source_bucket, source_key, etag), **_metadata(metadata)}
        self._call("PUT", bucket, key, headers={**headers, "x-oss-metadata-directive": "REPLACE"})

    def begin(self, bucket: str, key: str, metadata: Mapping[str, str]) -> str:
        """Begin a multipart upload and return its id."""
        _, body = self._call("POST", bucket, key, {"uploads": ""}, _metadata(metadata))
        return _text(body, "UploadId")

    def copy_part(
        self, source: tuple[str, str, str], target: tuple[str, str, str], number: int, span: tuple[int, int]
    ) -> str:
        """Copy a range of an object into a multipart upload and return the part's ETag.

        Args:
            source: bucket, key and ETag.
            target: bucket, key and upload id.
            number: of the part, from 1.
            span: first and last byte.
        """
        bucket, key, upload = target
        headers = {**_source(*source), "x-oss-copy-source-range": f"bytes={span[0]}-{span[1]}"}
        _, body = self._call("PUT", bucket, key, {"partNumber": str(number), "uploadId": upload}, headers)
        return _text(body, "ETag")

    def complete(self, bucket: str, key: str, upload: str, tags: Sequence[str]) -> None:
        """Make the object out of the parts, whose ETags are given in order."""
        root = ElementTree.Element("CompleteMultipartUpload")
        for number, tag in enumerate(tags, 1):
            part = ElementTree.SubElement(root, "Part")
            ElementTree.SubElement(part, "PartNumber").text = str(number)
            ElementTree.SubElement(part, "ETag").text = tag
        # No such upload: sent twice because the first answer was lost. Whoever verifies the copy sees whether it is there.
        with contextlib.suppress(NotFoundError):
            self._call("POST", bucket, key, {"uploadId": upload}, body=ElementTree.tostring(root))

    def abort(self, bucket: str, key: str, upload: str) -> None:
        """Drop an unfinished upload."""
        self._call("DELETE", bucket, key, {"uploadId": upload})

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object; one that does not exist is deleted already."""
        self._call("DELETE", bucket, key)

    def list(self, bucket: str, prefix: str) -> list[str]:
        """Return the keys that begin with a prefix; raises NotFoundError when there is no such bucket."""
        keys: list[str] = []
        query = {"list-type": "2", "prefix": prefix, "max-keys": "1000"}
        while True:
            _, body = self._call("GET", bucket, "", query)
            root = ElementTree.fromstring(body)  # noqa: S314 - from OSS, over TLS
            keys += [each.text or "" for each in root.iter("Key")]
            token = root.findtext("NextContinuationToken")
            if root.findtext("IsTruncated") != "true" or not token:
                return keys
            query["continuation-token"] = token

    def _call(
        self,
        method: str,
        bucket: str,
        key: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> tuple[Mapping[str, str], bytes]:
        # Every call may be sent twice: the result is the same (an upload begun twice is dropped by the bucket's life-cycle rule).
        what = f"{method} {bucket}/{key}"
        for attempt in range(ATTEMPTS):
            left = self.deadline.remaining(what)
            request = self._request(method, bucket, key, query or {}, headers or {}, body)
            try:
                with urllib.request.urlopen(request, timeout=left) as response:  # noqa: S310 - https, or a test's loopback
                    return {name.lower(): value for name, value in response.headers.items()}, response.read()
            except urllib.error.HTTPError as error:
                if error.code < 500 or attempt == ATTEMPTS - 1:
                    raise _refused(what, error) from error
            except OSError as error:
                if attempt == ATTEMPTS - 1:
                    raise StoreError(f"{what}: OSS cannot be reached: {error}") from error
            time.sleep(min(FIRST_WAIT * 2**attempt, self.deadline.remaining(what)))
        raise AssertionError("every attempt returns or raises")

    def _request(
        self, method: str, bucket: str, key: str, query: Mapping[str, str], headers: Mapping[str, str], body: bytes
    ) -> urllib.request.Request:
        scheme, _, host = self.endpoint.partition("://")
        signed = sign(
            method,
            bucket,
            key,
            query,
            headers,
            self.region,
            self.credentials,
            time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        )
        url = f"{scheme}://{bucket}.{host}/{_encoded(key)}{'?' if query else ''}{_query(query)}"
        return urllib.request.Request(  # noqa: S310 - https, or a test's loopback
            url, body if method in ("PUT", "POST") else None, signed, method=method
        )


def sign(
    method: str,
    bucket: str,
    key: str,
    query: Mapping[str, str],
    headers: Mapping[str, str],
    region: str,
    credentials: Credentials,
    now: str,
) -> dict[str, str]:
    """Return a request's headers with its V4 signature.

    Args:
        method: of HTTP.
        bucket: the bucket's name.
        key: the object's key; empty: the request is about the bucket.
        query: parameters, not encoded.
        headers: those that are sent; names in small letters.
        region: id.
        credentials: who signs.
        now: `20261123T224500Z`.
    """
    scope = f"{now[:8]}/{region}/oss/aliyun_v4_request"
    signed = {
        "content-type": "application/octet-stream",
        **headers,
        "x-oss-date": now,
        "x-oss-content-sha256": "UNSIGNED-PAYLOAD",
        "x-oss-security-token": credentials.token,
    }
    canonical = "\n".join(
        (
            method,
            f"/{bucket}/{_encoded(key)}",
            _query(query),
            "".join(f"{name}:{signed[name]}\n" for name in sorted(signed)),
            "",  # no headers beyond those that are always signed
            "UNSIGNED-PAYLOAD",
        )
    )
    text = f"{ALGORITHM}\n{now}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    derived = f"aliyun_v4{credentials.secret}".encode()
    for word in scope.split("/"):
        derived = hmac.new(derived, word.encode(), hashlib.sha256).digest()
    signature = hmac.new(derived, text.encode(), hashlib.sha256).hexdigest()
    signed["authorization"] = f"{ALGORITHM} Credential={credentials.key_id}/{scope}, Signature={signature}"
    return signed


def _query(query: Mapping[str, str]) -> str:
    pairs = sorted((quote(name, safe="-_.~"), quote(value, safe="-_.~")) for name, value in query.items())
    return "&".join(f"{name}={value}" if value else name for name, value in pairs)


def _encoded(key: str) -> str:
    return quote(key, safe="/-_.~")


def _source(bucket: str, key: str, etag: str) -> dict[str, str]:
    return {"x-oss-copy-source": f"/{bucket}/{_encoded(key)}", "x-oss-copy-source-if-match": etag}


def _metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    return {f"{META}{name}": value for name, value in metadata.items()}


def _text(body: bytes, name: str) -> str:
    return ElementTree.fromstring(body).findtext(name) or ""  # noqa: S314 - from OSS, over TLS


def _refused(what: str, error: urllib.error.HTTPError) -> StoreError:
    code, message = "", ""
    try:
        root = ElementTree.fromstring(error.read())  # noqa: S314 - from OSS, over TLS
        code, message = root.findtext("Code") or "", root.findtext("Message") or ""
    except (ElementTree.ParseError, OSError):
        pass  # HEAD answers without a body
    if error.code == 404:
        return NotFoundError(f"{what}: {code or 'not found'}")
    advice = "; the deployment's role must allow it" if error.code == 403 else ""
    return StoreError(f"{what}: OSS answered {error.code} {code} {message}".rstrip() + advice)
