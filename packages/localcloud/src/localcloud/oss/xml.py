"""XML that clients send, parsed with care."""

from __future__ import annotations

from xml.etree import ElementTree

from defusedxml.ElementTree import XMLParser

from localcloud.oss.errors import OssError

MAX_DEPTH = 32  # elements within each other; the deepest document of OSS has six


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
        raise malformed(str(error)) from error
    if tree.tag != root:
        raise malformed(f"the root element is {tree.tag}, expected {root}")
    return tree


def text_of(element: ElementTree.Element, path: str) -> str:
    """Return the text of a required child.

    Raises:
        OssError: MalformedXML: there is none.
    """
    text = element.findtext(path)
    if text is None:
        raise malformed(f"{element.tag} has no {path}")
    return text


def malformed(why: str) -> OssError:
    """Return the error for XML of another form than the operation asks for."""
    return OssError("MalformedXML", f"The XML you provided was not well-formed or did not validate: {why}.")
