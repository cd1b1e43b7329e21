"""The fields of objects that queries ask about.

Source: OSS, "Supported fields and operators".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from localcloud.oss.errors import OssError
from localcloud.oss.model import StoredObject
from localcloud.oss.settings.encryption import ALGORITHM
from localcloud.oss.settings.tags import tags_of

MICROSECONDS = 6  # decimal places of times
META, TAG = "OSSUserMeta.", "OSSTagging."
Value = str | float  # of a field


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """A field of objects.

    Attributes:
        read: returns its value; None: the object has none.
        parse: reads a query's value.
        numeric: its values are numbers.
        extra: the comparisons that it has beside those of order.
        totals: it can be added up.
        sorts: objects can be sorted and grouped by it.
    """

    read: Callable[[StoredObject], Value | None]
    parse: Callable[[str], Value] = str
    numeric: bool = False
    extra: frozenset[str] = frozenset({"prefix"})
    totals: bool = False
    sorts: bool = True


def _parse_time(value: str) -> float:
    moment = datetime.fromisoformat(value)
    return round((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp(), MICROSECONDS)


FIELDS: Mapping[str, Field] = {
    "Filename": Field(read=lambda item: item.key, extra=frozenset({"prefix", "match"})),
    "Size": Field(read=lambda item: item.size, parse=float, numeric=True, extra=frozenset(), totals=True),
    "FileModifiedTime": Field(
        read=lambda item: round(item.modified, MICROSECONDS), parse=_parse_time, numeric=True, extra=frozenset()
    ),
    "OSSObjectType": Field(read=lambda item: item.kind.value),
    "OSSStorageClass": Field(read=lambda item: item.attributes.storage.storage_class or "Standard"),
    "ObjectACL": Field(read=lambda item: item.attributes.acl),
    "ETag": Field(read=lambda item: item.etag, parse=lambda value: value.strip('"')),
    "OSSCRC64": Field(read=lambda item: str(item.crc64)),
    "OSSTaggingCount": Field(
        read=lambda item: len(tags_of(item.attributes.tagging)),
        parse=float,
        numeric=True,
        extra=frozenset(),
        totals=True,
    ),
    "ServerSideEncryption": Field(read=lambda item: item.attributes.storage.encryption.get(ALGORITHM)),
    "ContentType": Field(read=lambda item: item.attributes.headers.get("content-type")),
}


def find_field(element: str, name: str) -> Field:
    """Return a field by its name, which an element of the document says.

    Raises:
        OssError: InvalidArgument.
    """
    if name in FIELDS:
        return FIELDS[name]
    if name.startswith(TAG) and name != TAG:
        key = name.removeprefix(TAG)
        return Field(read=lambda item: tags_of(item.attributes.tagging).get(key), sorts=False)
    if name.startswith(META) and name != META:
        header = name.removeprefix(META).lower()
        header = header if header.startswith("x-oss-meta-") else f"x-oss-meta-{header}"
        return Field(read=lambda item: item.attributes.headers.get(header), sorts=False)
    raise invalid(element, name, f"the fields are {', '.join(FIELDS)}, {META}* and {TAG}*")


def invalid(name: str, value: str, why: str) -> OssError:
    """Return the error of an element of the document that is not valid."""
    return OssError(
        "InvalidArgument",
        f"The {name} of the query is not valid: {why}.",
        {"ArgumentName": name, "ArgumentValue": value[:200]},
        ec="0037-00000005",
    )
