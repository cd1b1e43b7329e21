"""One setting of a bucket: an XML document that is put, kept and given back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from xml.etree.ElementTree import Element

from localcloud.kernel.xml import serialize
from localcloud.oss.errors import STATUS
from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import Field, check_form
from localcloud.oss.xml import parse

Options = Mapping[str, str]  # the request's headers
Check = Callable[[Element, Options], None]
Agree = Callable[[Bucket, Element], None]
Notes = Callable[[Bucket, Element, float], Mapping[str, str]]


def accept(document: Element, options: Options) -> None:
    """Accept every document that has the form."""


def agree_with_all(bucket: Bucket, document: Element) -> None:
    """Accept a document whatever else the bucket has."""


def note_nothing(bucket: Bucket, document: Element, now: float) -> Mapping[str, str]:
    """Keep nothing but a document."""
    return {}


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """A subresource of a bucket whose document is kept.

    Attributes:
        parameter: its name in the query.
        action: its name in actions, after `oss:Get`, `oss:Put` and `oss:Delete`.
        root: the document's root element.
        absent: the answer while none was put: the content of a document, or an error code.
        words: the message of that error; None: one that names the parameter.
        fields: what the document may hold.
        check: refuses a document that has the form, or changes it into the one that is kept.
        agree: refuses a document that does not go together with what else the bucket has.
        notes: returns what else is kept when a document is put, by names among the bucket's settings, from the bucket, the document
            and the time in seconds since the epoch.
        target: the path to an element that names a bucket, and the error code when there is no such bucket; None: no element does.
        deletable: whether it can be deleted.
    """

    parameter: str
    action: str
    root: str
    absent: Mapping[str, object] | str
    words: str | None = None
    fields: Mapping[str, Field] = field(default_factory=dict)
    check: Check = accept
    agree: Agree = agree_with_all
    notes: Notes = note_nothing
    target: tuple[str, str] | None = None
    deletable: bool = True

    def __post_init__(self) -> None:
        """Refuse an error code that OSS does not have."""
        codes = [code for code in (self.absent, self.target and self.target[1]) if isinstance(code, str)]
        assert all(code in STATUS for code in codes), codes

    def read(self, body: bytes, options: Options) -> Element:
        """Return the document that a request puts, in the form that is kept.

        Raises:
            OssError: MalformedXML, and what `check` raises.
        """
        document = parse(body, self.root)
        check_form(document, self.fields)
        self.check(document, options)
        return document


def keep(document: Element) -> str:
    """Return a document as it is kept."""
    return serialize(document)


@lru_cache(maxsize=64)  # each request asks for some of its bucket's
def kept_tree(document: str, root: str) -> Element:
    """Return a document that is kept as a tree, which all who ask for it share: it stays as it is."""
    return parse(document.encode(), root)
