"""Requests whose head says two lengths: those of clients that send a stream in pieces and tell its length as well. Pure.

The vendor's SDKs for C (with today's libcurl) and Node.js send `Transfer-Encoding: chunked` beside `Content-Length`, and the cloud
takes them. The pieces count; the connection ends with the answer, so that nobody can disagree about where the next request begins.

Sources: RFC 9112 sections 6.1 and 6.3.
"""

from __future__ import annotations

import re

# White space around a value stays with it here: an expression that divides it has to try each division, and anybody may send much.
_LINES = re.compile(rb"\r\n(content-length|transfer-encoding|connection):([^\r\n]*)(?=\r\n)", re.IGNORECASE)
_REQUEST = re.compile(rb"[A-Z]+ [^ \r\n]+ HTTP/1\.1\r\n")
_PIECES = b"chunked"


def one_length(received: bytes) -> bytes:
    """Return what came first on a connection, or next after a request, without a length beside pieces.

    Whatever else is ambiguous stays as it is, for the parser to refuse: a head that is not complete, several lengths or encodings.
    """
    end = received.find(b"\r\n\r\n")
    head = received[: end + 2]
    if end < 0 or _PIECES not in head.lower() or not _REQUEST.match(head):
        return received
    said: dict[bytes, list[bytes]] = {}
    for name, value in _LINES.findall(head):
        said.setdefault(name.lower(), []).append(value.strip(b" \t"))
    lengths, encodings = said.get(b"content-length", []), said.get(b"transfer-encoding", [])
    if [each.lower() for each in encodings] != [_PIECES] or len(lengths) != 1 or not lengths[0].isdigit():
        return received
    kept = _LINES.sub(lambda line: line[0] if line[1].lower() == b"transfer-encoding" else b"", head)
    return kept + b"Connection: close\r\n" + received[end + 2 :]
