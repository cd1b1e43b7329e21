"""The edge where the S3 protocol becomes OSS's: a request is translated before any operation sees it, its answer afterwards.

AWS's signature tells that a request speaks it. Whoever sends one means the same buckets and objects as with OSS's own protocol.

Source: OSS, "Compatibility with Amazon S3".
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from aiohttp import web
from multidict import CIMultiDict

from localcloud.kernel.door import HEADERS, HOST, headers_of
from localcloud.oss.api.conditions import refuse_conditions
from localcloud.oss.api.content import Content, content_of
from localcloud.oss.api.url import ResourceUrl, read_url
from localcloud.oss.arguments import read_number
from localcloud.oss.errors import OssError
from localcloud.oss.s3.checksums import Checksums
from localcloud.oss.s3.documents import acl_document, document_to_s3
from localcloud.oss.s3.encryption import encryption_to_oss, encryption_to_s3
from localcloud.oss.s3.headers import query_to_oss, to_oss, to_s3
from localcloud.oss.s3.lifecycle import lifecycle_to_oss, lifecycle_to_s3
from localcloud.oss.s3.pieces import PieceReader
from localcloud.oss.s3.versioning import versioning_to_oss
from localcloud.oss.signing.aws4 import piece_signer
from localcloud.oss.signing.reading import is_s3
from localcloud.oss.xml import parse

SIGNED_PIECES = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"  # the only bodies in pieces that OSS takes
SPOKEN = web.RequestKey("speaks s3", bool)  # of a request whose URL was read


def note_protocol(request: web.Request, target: ResourceUrl) -> ResourceUrl:
    """Note whether a request speaks the S3 protocol, and return what it names.

    S3's clients put the bucket's name before any name of a machine; `BUCKET.localhost` is read for them only.
    """
    request[SPOKEN] = spoken = is_s3(target.query, request[HEADERS])
    if not spoken:
        return target
    label = request[HOST].removesuffix(".localhost").removesuffix(".s3")
    if not request[HOST].endswith(".localhost") or label in {"oss", "s3"} or label.endswith(".oss"):
        return target
    return read_url(f"{label}.oss.localhost", request.raw_path)


def translate(request: web.Request, target: ResourceUrl) -> tuple[web.Request, ResourceUrl]:
    """Return a request, and what it names, in OSS's words.

    Raises:
        OssError: NotImplemented (a header or an operation without counterpart; a condition that S3 has for more than reads,
            and OSS has not: passed over, what it protects would be deleted), InvalidArgument.
    """
    is_bucket = target.level == "bucket"
    writes = request.method in {"PUT", "POST"}
    headers = to_oss(headers_of(request), target.query, is_bucket=is_bucket, writes=writes)
    if writes or request.method == "DELETE":
        refuse_conditions(headers)
    lists = target.level if request.method == "GET" and target.level != "object" else None
    query = query_to_oss(target.query, lists=lists)
    return request.clone(headers=CIMultiDict(headers)), replace(target, query=query)


def content_of_s3(request: web.Request, secret: str) -> Content:
    """Return the body of a request, out of its pieces, compared with its checksums.

    Pieces with trailers, which AWS's clients send over TLS unless they are told otherwise, OSS refuses: "Troubleshooting",
    0017-00000804; the words of what announces no `aws-chunked` are from what users of OSS report.

    Args:
        request: as it came; its signature is proved.
        secret: of the access key that it names, which signs pieces, too.

    Raises:
        OssError: InvalidArgument, MissingContentLength, NotImplemented.
    """
    plain = content_of(request)
    headers = headers_of(request)
    kind = headers.get("x-amz-content-sha256", "")
    if kind != SIGNED_PIECES and "aws-chunked" in headers.get("content-encoding", ""):
        raise OssError(
            "InvalidArgument",
            "aws-chunked encoding is not supported with the specified x-amz-content-sha256 value.",
            {"ArgumentName": "Content-Encoding", "ArgumentValue": "aws-chunked"},
            ec="0017-00000804",
        )
    checksums = Checksums(headers)
    if not kind.startswith("STREAMING-"):
        return replace(plain, chunks=_checked(plain.chunks, checksums))
    if kind != SIGNED_PIECES:
        raise OssError("NotImplemented", f"Aws MultiChunkedEncoding {kind} is not supported.")
    length = headers.get("x-amz-decoded-content-length")
    if length is None:
        raise OssError("MissingContentLength", "You must provide x-amz-decoded-content-length with a body in pieces.")
    size = read_number("x-amz-decoded-content-length", length)
    reader = PieceReader(piece_signer(headers, secret))
    return Content(length=size, ends=True, chunks=_pieces(plain.chunks, reader, checksums, size))


async def _checked(chunks: AsyncIterator[bytes], checksums: Checksums) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        checksums.update(chunk)
        yield chunk
    checksums.check()


async def _pieces(
    chunks: AsyncIterator[bytes], reader: PieceReader, checksums: Checksums, size: int
) -> AsyncIterator[bytes]:
    received = 0
    async for chunk in chunks:
        for piece in reader.feed(chunk):
            received += len(piece)
            checksums.update(piece)
            yield piece
    reader.finish()
    if received != size:
        raise OssError("InvalidArgument", f"The body has {received} bytes; x-amz-decoded-content-length says {size}.")
    checksums.check()


def translate_body(body: bytes, target: ResourceUrl) -> bytes:
    """Return the document that a request brings in OSS's form.

    Raises:
        OssError: MalformedXML, NotImplemented.
    """
    if target.level != "bucket" or not body:
        return body
    if "lifecycle" in target.query:
        return lifecycle_to_oss(body)
    if "versioning" in target.query:
        return versioning_to_oss(body)
    return encryption_to_oss(body) if "encryption" in target.query else body


def translate_answer(response: web.StreamResponse) -> None:
    """Turn an answer's document into S3's form; its headers follow when it is sent."""
    if not isinstance(response, web.Response) or response.prepared or response.content_type != "application/xml":
        return  # what has been sent already is an object
    body = response.body
    if not isinstance(body, bytes) or not body:
        return
    if b"<AccessControlPolicy>" in body[:200]:
        tree = parse(body, "AccessControlPolicy")
        grant = tree.findtext("AccessControlList/Grant") or "private"
        response.body = acl_document(tree.findtext("Owner/ID") or "", grant)
    elif b"<LifecycleConfiguration>" in body[:200]:
        response.body = document_to_s3(lifecycle_to_s3(body))
    elif b"<ServerSideEncryptionRule>" in body[:200]:
        response.body = encryption_to_s3(body)
    else:
        response.body = document_to_s3(body)


def translate_headers(response: web.StreamResponse) -> None:
    """Turn an answer's headers into S3's."""
    translated = to_s3(response.headers)
    response.headers.clear()
    response.headers.update(translated)
