"""XML of nested values: the answers of the APIs that speak it, and the documents that are kept."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from xml.etree import ElementTree

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
_HIDDEN = 0x10FF00  # where control characters stand for a moment, to become references to them
_CONTROL = {code: chr(_HIDDEN + code) for code in range(32) if chr(code) not in "\t\n\r"}
_REFERENCES = {_HIDDEN + code: f"&#x{code:X};" for code in range(32)}
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, production 2 (Char)


def render(root: str, value: object, *, references: bool = False) -> bytes:
    """Render nested values as a document.

    Args:
        root: the name of the root element.
        value: a mapping holds elements, a list repeats its element, None leaves it out, all else is text.
        references: writes control characters as references to them, which XML 1.0 does not allow, but some clients read.
    """
    holder = ElementTree.Element("holder")
    _append(holder, root, value, _CONTROL if references else {})
    document = serialize(holder[0])
    return (document.translate(_REFERENCES) if references else document).encode()


def serialize(tree: ElementTree.Element) -> str:
    """Return a document as it is kept, whatever encoding it came in."""
    return HEAD + ElementTree.tostring(tree, encoding="unicode", short_empty_elements=False)


def _append(parent: ElementTree.Element, name: str, value: object, hidden: Mapping[int, str]) -> None:
    if value is None:
        return
    if isinstance(value, Iterable) and not isinstance(value, str | Mapping):
        for each in value:
            _append(parent, name, each, hidden)
        return
    element = ElementTree.SubElement(parent, name)
    if isinstance(value, Mapping):
        for child, content in value.items():
            _append(element, child, content, hidden)
    else:
        element.text = str(value).lower() if isinstance(value, bool) else _printable(str(value).translate(hidden))


def _printable(text: str) -> str:
    # XML 1.0 has no way to write most control characters; clients ask for encoding-type=url when keys hold them.
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
