"""XML bodies: rendering from nested values, and careful parsing of what clients send."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TypeAlias
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from localcloud.oss.errors import OssError

Value: TypeAlias = "str | int | Mapping[str, Value] | Iterable[Mapping[str, Value]] | None"

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'


def render(root: str, value: Value) -> bytes:
    """Render nested mappings as XML; a list repeats its element, None leaves it out."""
    return (HEAD + _render(root, value)).encode("utf-8", "replace")


def _render(name: str, value: Value) -> str:
    if value is None:
        return ""
    if isinstance(value, str | int):
        return f"<{name}>{escape(_printable(str(value)))}</{name}>"
    if isinstance(value, Mapping):
        return f"<{name}>{''.join(_render(key, child) for key, child in value.items())}</{name}>"
    return "".join(_render(name, child) for child in value)


def _printable(text: str) -> str:
    # XML 1.0 has no way to write most control characters; clients ask for encoding-type=url when keys hold them.
    return "".join(c if c >= " " or c in "\t\n\r" else "�" for c in text)


def parse(body: bytes, root: str) -> ElementTree.Element:
    """Parse a request's XML body.

    Raises:
        OssError: MalformedXML: not XML, a document type (which could expand without bounds), or another root element.
    """
    try:
        if b"<!DOCTYPE" in body or b"<!ENTITY" in body:
            raise ValueError("document types are not allowed")
        tree = ElementTree.fromstring(body)  # noqa: S314 - entities are refused above
    except (ElementTree.ParseError, ValueError) as error:
        raise _malformed(str(error)) from error
    for element in tree.iter():
        element.tag = element.tag.rpartition("}")[2]
    if tree.tag != root:
        raise _malformed(f"the root element is {tree.tag}, expected {root}")
    return tree


def text_of(element: ElementTree.Element, path: str) -> str:
    """Return the text of a required child.

    Raises:
        OssError: MalformedXML: there is none.
    """
    text = element.findtext(path)
    if text is None:
        raise _malformed(f"{element.tag} has no {path}")
    return text


def _malformed(why: str) -> OssError:
    return OssError("MalformedXML", f"The XML you provided was not well-formed or did not validate: {why}.")


def iso(moment: float) -> str:
    """Return a time as OSS writes it into XML."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(moment))
