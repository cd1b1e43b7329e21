"""The forms of XML documents: which elements they hold, how often, and with what texts."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from localcloud.oss.arguments import read_number
from localcloud.oss.errors import OssError
from localcloud.oss.model import MAX_KEY
from localcloud.oss.xml import malformed

Reader = Callable[[str, str], str]  # from an element's name and text to the text that is kept; raises OssError


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """An element of a document.

    Attributes:
        read: reads its text; None: it holds elements.
        fields: the elements that it holds.
        required: it must be there.
        many: it may come more than once.
        kept: it is; else it means nothing, and is taken out of the document.
    """

    read: Reader | None = None
    fields: Mapping[str, Field] | None = None
    required: bool = False
    many: bool = False
    kept: bool = True


def meaningless() -> Field:
    """Return an element that clients send and OSS passes over."""
    return Field(kept=False)


def text(*, required: bool = False, many: bool = False) -> Field:
    """Return an element with any text."""
    return Field(read=lambda _, value: value, required=required, many=many)


def prefix(*, ec: str) -> Field:
    """Return an element with the beginning of keys; `ec` is the finer code of the error for another text."""

    def read(name: str, value: str) -> str:
        if len(value) > MAX_KEY or any(unicodedata.category(each) == "Cc" for each in value):
            why = f"{name} is the beginning of keys: up to {MAX_KEY} characters, none of which controls anything."
            raise invalid(name, value, why, ec=ec)
        return value

    return Field(read=read)


def line(*, required: bool = False, many: bool = False) -> Field:
    """Return an element whose text becomes a part of a header: without control characters, nor white space around it."""

    def read(name: str, value: str) -> str:
        found = value.strip()
        if not found.isprintable():
            raise invalid(name, found, f"{name} holds what a header cannot carry: characters that are not printable.")
        return found

    return Field(read=read, required=required, many=many)


def boolean(*, required: bool = False) -> Field:
    """Return an element that is true or false, in lower case when it is kept: the Python SDK writes True, and reads only true."""
    return choice("true", "false", required=required, lower=True)


def choice(*values: str, required: bool = False, many: bool = False, lower: bool = False) -> Field:
    """Return an element with one of some texts; `lower` takes them in any case."""

    def read(name: str, value: str) -> str:
        found = value.strip().lower() if lower else value.strip()
        if found not in values:
            raise malformed(f"{name} is {value[:100]!r}; expected {' or '.join(values)}")
        return found

    return Field(read=read, required=required, many=many)


def number(low: int, high: int, *, required: bool = False) -> Field:
    """Return an element with a whole number of at least -1; another one is an InvalidArgument that names the element."""

    def read(name: str, value: str) -> str:
        given = value.strip()
        return given if given == str(low) else str(read_number(name, given, low=max(low, 0), high=high))

    return Field(read=read, required=required)


def group(fields: Mapping[str, Field], *, required: bool = False, many: bool = False) -> Field:
    """Return an element that holds elements."""
    return Field(fields=fields, required=required, many=many)


def check_form(element: Element, fields: Mapping[str, Field]) -> None:
    """Refuse an element that holds others than it may, and bring the texts in it into the form that is kept.

    Raises:
        OssError: MalformedXML, InvalidArgument (a number).
    """
    counts = Counter(child.tag for child in element)
    for name, field in fields.items():
        if field.required and not counts[name]:
            raise malformed(f"{element.tag} has no {name}")
        if counts[name] > 1 and not field.many:
            raise malformed(f"{element.tag} has more than one {name}")
    for child in list(element):
        known = fields.get(child.tag)
        if known is None:
            raise malformed(f"{element.tag} has no element {child.tag}")
        if not known.kept:
            element.remove(child)
        elif known.fields is not None:
            check_form(child, known.fields)
        elif known.read is not None:
            if len(child):
                raise malformed(f"{child.tag} holds elements; expected a text")
            child.text = known.read(child.tag, child.text or "")


def invalid(name: str, value: str, why: str, *, ec: str | None = None) -> OssError:
    """Return the error for an element whose value is not allowed; `ec` is its finer code, None: there is none."""
    return OssError("InvalidArgument", why, {"ArgumentName": name, "ArgumentValue": value[:100]}, ec=ec)
