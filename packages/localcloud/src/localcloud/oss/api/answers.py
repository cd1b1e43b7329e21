"""Parts of answers that many operations share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

from aiohttp import web

from localcloud.kernel.xml import render
from localcloud.oss.api.call import Call
from localcloud.oss.api.s3 import SPOKEN
from localcloud.oss.errors import OssError

Encode = Callable[[str], str]
_PLAIN = re.compile(r"[A-Za-z0-9_.~*-]*")  # a text that is encoded as it is
_PLAIN_IN_S3 = re.compile(r"[A-Za-z0-9/_.~*-]*")


def xml_response(root: str, value: object, *, headers: Mapping[str, str] | None = None) -> web.Response:
    """Return an XML answer."""
    body = render(root, value, references=True)
    return web.Response(body=body, content_type="application/xml", headers=headers)


def document_response(document: str) -> web.Response:
    """Return an XML document that was put."""
    return web.Response(text=document, content_type="application/xml")


def owner_of(account_id: str) -> dict[str, str]:
    """Return the element that names an owner."""
    return {"ID": account_id, "DisplayName": account_id}


def encoding_type(call: Call) -> tuple[str | None, Encode]:
    """Return the element EncodingType (None: there is none) and the function that encodes keys for the answer.

    It is asked for in the query; of DeleteMultipleObjects also in a header. Slashes are encoded, too, as OSS's SDK for Java
    expects; S3 leaves them.

    Raises:
        OssError: InvalidArgument (an unknown encoding).
    """
    kind = call.query.get("encoding-type") or call.headers.get("Encoding-Type", "")
    if kind == "url":
        return kind, _encode_in_s3 if call.request[SPOKEN] else _encode
    if kind:
        raise OssError("InvalidArgument", "Invalid Encoding Method specified in Request: only `url` is known.")
    return None, lambda text: text


def _encode(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote(text, safe="-_.~*", errors="surrogateescape")


def _encode_in_s3(text: str) -> str:
    return text if _PLAIN_IN_S3.fullmatch(text) else quote(text, safe="-_.~/*", errors="surrogateescape")
