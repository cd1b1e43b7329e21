"""XML of nested values: the answers of the APIs that speak it, and the documents that are kept."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from xml.etree import ElementTree

HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
# What a text cannot hold as it is: marks of XML, and what XML 1.0 has not at all (all but production 2, Char).
_SPECIAL = re.compile("[&<>\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MARKS = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


class Elements(tuple[tuple[str, object], ...]):
    """Elements, by name and content, of which one name may come again after another; a mapping has each name in one place."""

    __slots__ = ()


_Write = Callable[[str], str]  # from a text to how it is written


def render(root: str, value: object, *, references: bool = False) -> bytes:
    """Render nested values as a document.

    Args:
        root: the name of the root element.
        value: a mapping, or `Elements`, holds elements, a list repeats its element, None leaves it out, all else is text.
        references: writes control characters but NUL as references to them, which XML 1.0 does not allow, but some clients read.
    """
    parts = [HEAD]
    _append(parts, root, value, _write_reference if references else _write)
    return "".join(parts).encode()


def serialize(tree: ElementTree.Element) -> str:
    """Return a document as it is kept, whatever encoding it came in."""
    return HEAD + ElementTree.tostring(tree, encoding="unicode", short_empty_elements=False)


def _append(parts: list[str], name: str, value: object, write: _Write) -> None:
    if value is None:
        return
    if isinstance(value, str):
        parts.append(f"<{name}>{write(value)}</{name}>")
    elif isinstance(value, dict):
        _append_elements(parts, name, value.items(), write)
    elif isinstance(value, Elements):
        _append_elements(parts, name, value, write)
    elif isinstance(value, bool):
        parts.append(f"<{name}>{'true' if value else 'false'}</{name}>")
    elif isinstance(value, int) or not isinstance(value, Iterable):
        parts.append(f"<{name}>{write(str(value))}</{name}>")
    elif isinstance(value, Mapping):  # which takes long to find out
        _append_elements(parts, name, value.items(), write)
    else:
        for each in value:
            _append(parts, name, each, write)


def _append_elements(parts: list[str], name: str, elements: Iterable[tuple[str, object]], write: _Write) -> None:
    parts.append(f"<{name}>")
    for child, content in elements:
        if isinstance(content, str):
            text = content if content.isalnum() else write(content)  # no letter or digit is written in another way
            parts.append(f"<{child}>{text}</{child}>")
        elif content is not None:
            _append(parts, child, content, write)
    parts.append(f"</{name}>")


def _write(text: str) -> str:
    return _SPECIAL.sub(_replace, text) if _SPECIAL.search(text) else text


def _replace(found: re.Match[str]) -> str:
    # XML 1.0 has no way to write most control characters; clients ask for encoding-type=url when keys hold them.
    return _MARKS.get(found[0], "\N{REPLACEMENT CHARACTER}")


def _write_reference(text: str) -> str:
    return _SPECIAL.sub(_refer, text) if _SPECIAL.search(text) else text


def _refer(found: re.Match[str]) -> str:
    return f"&#x{ord(found[0]):X};" if "\0" < found[0] < " " else _replace(found)
