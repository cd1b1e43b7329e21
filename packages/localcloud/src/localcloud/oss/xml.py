"""XML bodies: rendered from nested values, and parsed with care when clients send them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias
from xml.etree import ElementTree

from defusedxml.ElementTree import XMLParser

from localcloud.oss.errors import OssError

Value: TypeAlias = "str | int | Mapping[str, Value] | Iterable[Mapping[str, Value]] | None"

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
MAX_DEPTH = 32  # elements within each other; the deepest document of OSS has six


def render(root: str, value: Value) -> bytes:
    """Render nested mappings as XML; a list repeats its element, None leaves it out."""
    holder = ElementTree.Element("holder")
    _append(holder, root, value)
    return serialize(holder[0]).encode("utf-8", "replace")


def _append(parent: ElementTree.Element, name: str, value: Value) -> None:
    if value is None:
        return
    if not isinstance(value, str | int | Mapping):
        for each in value:
            _append(parent, name, each)
        return
    element = ElementTree.SubElement(parent, name)
    if isinstance(value, Mapping):
        for child, content in value.items():
            _append(element, child, content)
    else:
        element.text = str(value).lower() if isinstance(value, bool) else _printable(str(value))


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
    return HEAD + ElementTree.tostring(tree, encoding="unicode", short_empty_elements=False)


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
