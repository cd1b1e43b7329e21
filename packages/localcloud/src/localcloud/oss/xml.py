"""XML bodies: rendering from nested values, and careful parsing of what clients send."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import TypeAlias
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from defusedxml.ElementTree import XMLParser

from localcloud.oss.errors import OssError

Value: TypeAlias = "str | int | Mapping[str, Value] | Iterable[Mapping[str, Value]] | None"

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
MAX_DEPTH = 32  # elements within each other; the deepest document of OSS has six


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
    return "".join(c if (c >= " " or c in "\t\n\r") and c not in "\ufffe\uffff" else "�" for c in text)


class _Builder(ElementTree.TreeBuilder):
    """Builds a tree without namespaces, of a limited depth."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> ElementTree.Element:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ValueError(f"elements lie more than {MAX_DEPTH} deep")
        return super().start(tag.rpartition("}")[2], attrs)

    def end(self, tag: str, /) -> ElementTree.Element:
        self._depth -= 1
        return super().end(tag.rpartition("}")[2])


def parse(body: bytes, root: str) -> ElementTree.Element:
    """Parse a request's XML body.

    Raises:
        OssError: MalformedXML: not XML, an unknown encoding, a document type (which could expand without bounds), elements too deep
            within each other, or another root element.
    """
    parser = XMLParser(target=_Builder(), forbid_dtd=True)
    try:
        parser.feed(body)
        tree: ElementTree.Element = parser.close()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise _malformed(str(error)) from error
    if tree.tag != root:
        raise _malformed(f"the root element is {tree.tag}, expected {root}")
    return tree


def serialize(tree: ElementTree.Element) -> str:
    """Return a document as it is kept, whatever encoding it came in."""
    return HEAD + ElementTree.tostring(tree, encoding="unicode")


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
