"""Answers a request with a QR code of its query parameter `text`, as a picture.

The event and the answer are those of HTTP triggers (Function Compute 3.0, "HTTP trigger: request and response").
"""

from __future__ import annotations

import json

import segno


def handler(event: bytes, _context: object) -> str:
    """Return an HTTP response with an SVG, or with 400 when there is no text."""
    parameters = json.loads(event).get("queryParameters") or {}
    if not parameters.get("text"):
        return _response(400, "text/plain", "say ?text=…")
    return _response(200, "image/svg+xml", segno.make(parameters["text"]).svg_inline())


def _response(status: int, kind: str, body: str) -> str:
    return json.dumps({"statusCode": status, "headers": {"Content-Type": kind}, "body": body})
