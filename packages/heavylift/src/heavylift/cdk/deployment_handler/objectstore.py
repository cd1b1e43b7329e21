"""OSS over HTTPS: the few calls that a deployment needs, signed, retried, within a time limit.

Sources: OSS, the page of each operation.
"""

from __future__ import annotations

import contextlib
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from email.message import Message
from xml.etree import ElementTree

from heavylift.contracts.failures import ObjectNotFoundError, TransientStoreError
from heavylift.runtime.credentials import Credentials
from heavylift.runtime.refusals import read_refusal
from heavylift.runtime.retries import Deadline, Retries, RetryPolicy
from heavylift.runtime.signing import encode_key, encode_query, sign

META = "x-oss-meta-"
POLICY = RetryPolicy(attempts=4, base=0.5)
CONTENT_TYPE = "application/octet-stream"  # what urllib sends by itself would not be what was signed


@dataclass(frozen=True)
class ObjectInfo:
    """The properties of an object."""

    size: int  # bytes
    crc64: str  # decimal; empty: OSS does not know it
    etag: str
    metadata: Mapping[str, str]  # the user's


@dataclass(frozen=True)
class _Request:
    """A call; sent twice it does the same (an upload begun twice is dropped by the bucket's life-cycle rule)."""

    method: str
    action: str  # of RAM, that allows it
    bucket: str
    key: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True)
class ObjectStore:
    """OSS in one region.

    Attributes:
        endpoint: URL without a bucket; buckets are part of the host name.
        region: id that the signature is for.
        credentials: sign the requests.
        deadline: of all calls together.
    """

    endpoint: str
    region: str
    credentials: Credentials
    deadline: Deadline

    def extended(self, deadline: Deadline) -> ObjectStore:
        """Return the same store with another time limit."""
        return replace(self, deadline=deadline)

    def head(self, bucket: str, key: str) -> ObjectInfo:
        """Return an object's properties; raises ObjectNotFoundError when there is none."""
        headers, _ = self._call("HEAD", "oss:GetObject", bucket, key)
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
        headers["x-oss-metadata-directive"] = "REPLACE"
        self._call("PUT", "oss:PutObject", bucket, key, headers=headers)

    def begin(self, bucket: str, key: str, metadata: Mapping[str, str]) -> str:
        """Begin a multipart upload and return its id."""
        _, body = self._call("POST", "oss:PutObject", bucket, key, {"uploads": ""}, _metadata(metadata))
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
        query = {"partNumber": str(number), "uploadId": upload}
        _, body = self._call("PUT", "oss:PutObject", bucket, key, query, headers)
        return _text(body, "ETag")

    def complete(self, bucket: str, key: str, upload: str, tags: Sequence[str]) -> None:
        """Make the object out of the parts, whose ETags are given in order."""
        root = ElementTree.Element("CompleteMultipartUpload")
        for number, tag in enumerate(tags, 1):
            part = ElementTree.SubElement(root, "Part")
            ElementTree.SubElement(part, "PartNumber").text = str(number)
            ElementTree.SubElement(part, "ETag").text = tag
        # No such upload: sent twice because the first answer was lost. Whoever verifies the copy sees whether it is there.
        with contextlib.suppress(ObjectNotFoundError):
            self._call("POST", "oss:PutObject", bucket, key, {"uploadId": upload}, body=ElementTree.tostring(root))

    def abort(self, bucket: str, key: str, upload: str) -> None:
        """Drop an unfinished upload."""
        self._call("DELETE", "oss:AbortMultipartUpload", bucket, key, {"uploadId": upload})

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object; one that does not exist is deleted already."""
        self._call("DELETE", "oss:DeleteObject", bucket, key)

    def list(self, bucket: str, prefix: str) -> list[str]:
        """Return the keys that begin with a prefix; raises ObjectNotFoundError when there is no such bucket."""
        keys: list[str] = []
        query = {"list-type": "2", "prefix": prefix, "max-keys": "1000"}
        while True:
            _, body = self._call("GET", "oss:ListObjects", bucket, "", query)
            root = ElementTree.fromstring(body)  # noqa: S314 - from OSS, over TLS
            keys += [each.text or "" for each in root.iter("Key")]
            token = root.findtext("NextContinuationToken")
            if root.findtext("IsTruncated") != "true" or not token:
                return keys
            query["continuation-token"] = token

    def _call(
        self,
        method: str,
        action: str,
        bucket: str,
        key: str,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
    ) -> tuple[Mapping[str, str], bytes]:
        request = _Request(
            method, action, bucket, key, query or {}, {"content-type": CONTENT_TYPE, **(headers or {})}, body
        )
        return Retries(POLICY, self.deadline).call(lambda: self._send(request), f"{method} {bucket}/{key}")

    def _send(self, request: _Request) -> tuple[Mapping[str, str], bytes]:
        scheme, _, host = self.endpoint.partition("://")
        query = f"?{encode_query(request.query)}" if request.query else ""
        message = urllib.request.Request(  # noqa: S310 - https, or a test's loopback
            f"{scheme}://{request.bucket}.{host}/{encode_key(request.key)}{query}",
            request.body if request.method in ("PUT", "POST") else None,
            sign(
                request.method,
                request.bucket,
                request.key,
                region=self.region,
                credentials=self.credentials,
                query=request.query,
                headers=request.headers,
            ),
            method=request.method,
        )
        resource = f"{request.bucket}/{request.key}"
        try:
            with urllib.request.urlopen(message, timeout=self.deadline.remaining()) as response:  # noqa: S310 - likewise
                return _headers(response.headers), response.read()
        except urllib.error.HTTPError as error:
            raise read_refusal(
                error.code, _headers(error.headers), _read(error), action=request.action, resource=resource
            ) from error
        except OSError as error:
            raise TransientStoreError(f"oss://{resource}: OSS cannot be reached: {error}") from error


def _headers(message: Message) -> dict[str, str]:
    return {name.lower(): value for name, value in message.items()}


def _read(error: urllib.error.HTTPError) -> bytes:
    try:
        return error.read()
    except OSError:
        return b""


def _source(bucket: str, key: str, etag: str) -> dict[str, str]:
    return {"x-oss-copy-source": f"/{bucket}/{encode_key(key)}", "x-oss-copy-source-if-match": etag}


def _metadata(metadata: Mapping[str, str]) -> dict[str, str]:
    return {f"{META}{name}": value for name, value in metadata.items()}


def _text(body: bytes, name: str) -> str:
    return ElementTree.fromstring(body).findtext(name) or ""  # noqa: S314 - from OSS, over TLS
