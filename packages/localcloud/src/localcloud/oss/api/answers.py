"""Parts of answers that many operations share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import quote

from aiohttp import web

from localcloud.kernel.xml import render
from localcloud.oss.api.call import Call
from localcloud.oss.errors import OssError

Encode = Callable[[str], str]
_PLAIN = re.compile(r"[A-Za-z0-9/_.~*-]*")  # a text that is encoded as it is, as most keys are


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

    Raises:
        OssError: InvalidArgument (an unknown encoding).
    """
    kind = call.query.get("encoding-type", "")
    if kind == "url":
        return kind, _encode
    if kind:
        raise OssError("InvalidArgument", "Invalid Encoding Method specified in Request: only `url` is known.")
    return None, lambda text: text


def _encode(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else quote(text, safe="-_.~/*", errors="surrogateescape")
