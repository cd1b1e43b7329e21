"""Tags of buckets and objects: their limits and characters.

Sources: OSS, "Tag objects" (10 tags, keys of 128 and values of 256 characters, letters, digits, spaces and `+ - = . _ : /`);
"Manage bucket tags" (20 tags, keys of 64 and values of 128 bytes, no prefix http://, https:// or Aliyun). Codes and words of errors
are those that the suite of OSS's SDK for C++ expects.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from urllib.parse import unquote_plus
from xml.etree.ElementTree import Element

from localcloud.kernel.xml import render
from localcloud.oss.errors import OssError
from localcloud.oss.settings.schema import check_form, group, text
from localcloud.oss.settings.setting import Options
from localcloud.oss.xml import parse

MAX_TAGS = 10  # of an object
MAX_KEY, MAX_VALUE = 128, 256  # characters, of an object's tag
MAX_BUCKET_TAGS = 20
MAX_BUCKET_KEY, MAX_BUCKET_VALUE = 64, 128  # bytes
_FORBIDDEN = ("http://", "https://", "aliyun")
_CHARACTERS = re.compile(r"(?:[A-Za-z0-9 +\-=._:/]|[^\0-\x7f])*")

TAG = {"Key": text(required=True), "Value": text(required=True)}
FIELDS = {"TagSet": group({"Tag": group(TAG, many=True)}, required=True)}


def check_bucket_tags(document: Element, options: Options) -> None:
    """Refuse tags that a bucket may not have.

    Raises:
        OssError: InvalidArgument.
    """
    tags = pairs_of(document)
    if len(tags) > MAX_BUCKET_TAGS:
        raise _invalid(f"There are {len(tags)} tags; up to {MAX_BUCKET_TAGS} are allowed.")
    if _repeat(tags):
        raise _invalid("Two tags have the same key.")
    for key, value in tags:
        if not 1 <= len(key.encode()) <= MAX_BUCKET_KEY or key.lower().startswith(_FORBIDDEN):
            raise _invalid(
                f"The tag's key {key[:200]!r} is longer than {MAX_BUCKET_KEY} bytes, or begins with a word that is reserved."
            )
        if len(value.encode()) > MAX_BUCKET_VALUE:
            raise _invalid(f"The value of the tag {key!r} is longer than {MAX_BUCKET_VALUE} bytes.")


def read_tagging(body: bytes) -> str:
    """Return the tags of an object as they are kept, from an XML document.

    Raises:
        OssError: MalformedXML, InvalidTag, BadRequest (too many).
    """
    document = parse(body, "Tagging")
    check_form(document, FIELDS)
    tags = pairs_of(document)
    if _repeat(tags):
        raise OssError("InvalidTag", "Cannot provide multiple Tags with the same key")
    return _keep(tags)


def read_tagging_header(header: str) -> str | None:
    """Return the tags of an object as they are kept, from `x-oss-tagging`: `k1=v1&k2=v2`, URL-encoded; None: there are none.

    Raises:
        OssError: InvalidTag, BadRequest (too many), InvalidArgument (not UTF-8, or a key that comes twice).
    """
    if not header:
        return None
    wrong = OssError(
        "InvalidArgument",
        "The header 'x-oss-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.",
        {"ArgumentName": "x-oss-tagging", "ArgumentValue": header[:200]},
    )
    try:
        tags = [(_decode(key), _decode(value)) for key, _, value in (pair.partition("=") for pair in header.split("&"))]
    except UnicodeDecodeError as error:
        raise wrong from error
    if _repeat(tags):
        raise wrong
    return _keep(tags)


def pairs_of(document: Element) -> list[tuple[str, str]]:
    """Return the keys and values of a tagging document."""
    return [(tag.findtext("Key") or "", tag.findtext("Value") or "") for tag in document.findall("TagSet/Tag")]


@lru_cache(maxsize=256)  # each rule of a lifecycle asks for an object's
def tags_of(tagging: str | None) -> Mapping[str, str]:
    """Return the tags of an object or bucket; None: it has none."""
    return MappingProxyType(dict(pairs_of(parse(tagging.encode(), "Tagging"))) if tagging else {})


def without(tagging: str, keys: Iterable[str]) -> str | None:
    """Return a tagging document without some keys; None: none is left."""
    left = [(key, value) for key, value in tags_of(tagging).items() if key not in set(keys)]
    return _document(left) if left else None


def check_characters(key: str, value: str) -> None:
    """Refuse a tag with characters that tags may not have.

    Raises:
        OssError: InvalidTag.
    """
    if not key or not _CHARACTERS.fullmatch(key):
        raise OssError("InvalidTag", f"The TagKey you have provided is invalid: {key[:200]!r}.")
    if not _CHARACTERS.fullmatch(value):
        raise OssError("InvalidTag", f"The TagValue you have provided is invalid: {value[:200]!r}.")


def _keep(tags: list[tuple[str, str]]) -> str:
    if len(tags) > MAX_TAGS:
        raise OssError("BadRequest", f"Object tags cannot be greater than {MAX_TAGS}")
    for key, value in tags:
        check_characters(key, value)
        if len(key) > MAX_KEY or len(value) > MAX_VALUE:
            raise OssError(
                "InvalidTag", f"A tag's key has up to {MAX_KEY} characters, its value up to {MAX_VALUE}: {key[:200]!r}."
            )
    return _document(tags)


def _repeat(tags: list[tuple[str, str]]) -> bool:
    """Return True if two tags have the same key."""
    return len({key for key, _ in tags}) != len(tags)


def _document(tags: Iterable[tuple[str, str]]) -> str:
    return render("Tagging", {"TagSet": {"Tag": [{"Key": key, "Value": value} for key, value in tags]}}).decode()


def _decode(text: str) -> str:
    return unquote_plus(text, errors="strict")


def _invalid(why: str) -> OssError:
    return OssError("InvalidArgument", why, {"ArgumentName": "Tag"})
