"""XML that clients send, parsed with care."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from defusedxml.ElementTree import XMLParser

from localcloud.oss.errors import OssError

# XML 1.0 has no control characters; OSS's clients write them in keys all the same, as they are or as references to them. Expat
# takes neither, so they stand for a moment where nobody has a use for them: in the last plane that is for private use.
_HIDDEN = 0x10FF00
_CONTROLS = re.compile(
    rb"[\x01-\x08\x0b\x0c\x0e-\x1f]|&#(?:0*(?:[1-8]|1[1245-9]|2[0-9]|3[01])|[xX]0*(?:1[0-9a-fA-F]|[1-9a-fA-F]));"
)
_BARE = re.compile(rb"&(?![A-Za-z]+;|#)")  # an ampersand that begins no reference: OSS's SDK for Java writes such ones
_CDATA = re.compile(rb"(<!\[CDATA\[.*?(?:\]\]>|\Z))", re.DOTALL)  # in which all of that stands for itself
_WIDE = (b"\xff\xfe", b"\xfe\xff", b"\0", b"<\0")  # how UTF-16 and UTF-32 begin
_SHOW = {_HIDDEN + code: chr(code) for code in range(32)}
MAX_DEPTH = 32  # elements within each other; the deepest document of OSS has six
# Marks of a document, each of which costs time; CompleteMultipartUpload of 10,000 parts, the largest, has some 100,000.
MAX_MARKS = 200_000
_MARKS = (b"<", b"&", b'"', b"'")


class _Builder(ElementTree.TreeBuilder):
    """Builds a tree without namespaces, of a limited depth."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0

    def data(self, data: str, /) -> None:
        super().data(data.translate(_SHOW))

    def start(self, tag: str, attrs: dict[str, str], /) -> ElementTree.Element:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ValueError(f"elements lie more than {MAX_DEPTH} deep")
        return super().start(tag.rpartition("}")[2], attrs)

    def end(self, tag: str, /) -> ElementTree.Element:
        self._depth -= 1
        return super().end(tag.rpartition("}")[2])


# What a malformed document of an operation is told beside its code; the others have the general one. Source: answers of OSS in the
# suite of its SDK for Go.
_EC = {"Delete": "0016-00000608", "CompleteMultipartUpload": "0042-00000205"}


def parse(body: bytes, root: str) -> ElementTree.Element:
    """Parse a request's XML body; as OSS does, it takes white space before the declaration.

    Raises:
        OssError: MalformedXML: not XML, an unknown encoding, a document type (which could expand without bounds), elements too deep
            within each other, too many elements, or another root element.
    """
    if sum(map(body.count, _MARKS)) > MAX_MARKS:
        raise malformed(f"it has more than {MAX_MARKS} tags, references and quotation marks", ec=_EC.get(root))
    parser = XMLParser(target=_Builder(), forbid_dtd=True)
    try:
        parser.feed(body if body.startswith(_WIDE) else _rewritten(body.lstrip()))
        tree: ElementTree.Element = parser.close()
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise malformed(str(error), ec=_EC.get(root)) from error
    if tree.tag != root:
        raise malformed(f"the root element is {tree.tag}, expected {root}", ec=_EC.get(root))
    return tree


def _rewritten(body: bytes) -> bytes:
    pieces = _CDATA.split(body)
    pieces[::2] = [_CONTROLS.sub(_hide, _BARE.sub(b"&amp;", piece)) for piece in pieces[::2]]
    return b"".join(pieces)


def _hide(match: re.Match[bytes]) -> bytes:
    found = match[0]
    if len(found) == 1:
        code = found[0]
    else:
        digits = found[2:-1]
        code = int(digits[1:], 16) if digits[:1] in b"xX" else int(digits)
    return b"&#%d;" % (_HIDDEN + code)


def text_of(element: ElementTree.Element, path: str) -> str:
    """Return the text of a required child.

    Raises:
        OssError: MalformedXML: there is none.
    """
    text = element.findtext(path)
    if text is None:
        raise malformed(f"{element.tag} has no {path}")
    return text


def malformed(why: str, *, ec: str | None = None) -> OssError:
    """Return the error for XML of another form than the operation asks for; `ec` is its finer code, None: the general one."""
    return OssError("MalformedXML", f"The XML you provided was not well-formed or did not validate: {why}.", ec=ec)
