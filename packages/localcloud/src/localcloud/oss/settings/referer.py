"""Hotlink protection of a bucket: from which pages objects may be fetched.

It is applied to requests without an Authorization header: anonymous ones, and signed URLs.

Source: OSS, PutBucketReferer and "Hotlink protection".
"""

from __future__ import annotations

from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement

from localcloud.kernel.wildcard import wildcard_matches
from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import boolean, group, invalid, text
from localcloud.oss.settings.setting import Options, Setting, kept_tree

MOST = 1000  # referers of a list, each of which a request may be compared with; assumed
DEFAULTS = {"AllowTruncateQueryString": "true", "TruncatePath": "false"}


def _check(document: Element, options: Options) -> None:
    for name, value in DEFAULTS.items():
        if document.find(name) is None:
            SubElement(document, name).text = value
    for name in ("RefererList", "RefererBlacklist"):
        count = len(document.findall(f"{name}/Referer"))
        if count > MOST:
            raise invalid(name, str(count), f"{name} has up to {MOST} referers.")


_LIST = group({"Referer": text(many=True)})
SETTING = Setting(
    parameter="referer",
    action="BucketReferer",
    root="RefererConfiguration",
    absent={"AllowEmptyReferer": "true", **DEFAULTS, "RefererList": ""},
    fields={
        "AllowEmptyReferer": boolean(required=True),
        "AllowTruncateQueryString": boolean(),
        "TruncatePath": boolean(),
        "RefererList": _LIST,
        "RefererBlacklist": _LIST,
    },
    check=_check,
    deletable=False,
)


def admits(bucket: Bucket, referer: str) -> bool:
    """Return True if a bucket lets a request through that comes from a page, or (empty) from none."""
    kept = bucket.settings.get(SETTING.parameter)
    if kept is None:
        return True
    document = kept_tree(kept, SETTING.root)
    if not referer:
        return document.findtext("AllowEmptyReferer") == "true"
    name = _cut(document, referer)
    if any(_matches(pattern, name) for pattern in _texts(document, "RefererBlacklist")):
        return False
    allowed = _texts(document, "RefererList")
    return not allowed or any(_matches(pattern, name) for pattern in allowed)


def _cut(document: Element, referer: str) -> str:
    try:
        url = urlsplit(referer)
    except ValueError:
        return referer
    if document.findtext("TruncatePath") == "true" and url.netloc:
        return f"{url.scheme}://{url.netloc}"
    return referer.partition("?")[0] if document.findtext("AllowTruncateQueryString") != "false" else referer


def _matches(pattern: str, referer: str) -> bool:
    """Match a referer; a pattern without a path stands for the whole site (assumed for paths that are not cut off)."""
    return wildcard_matches(pattern, referer) or wildcard_matches(f"{pattern.rstrip('/')}/*", referer)


def _texts(document: Element, name: str) -> list[str]:
    return [
        element.text.strip() for element in document.findall(f"{name}/Referer") if element.text and element.text.strip()
    ]
