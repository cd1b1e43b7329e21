"""Rules of a bucket that forbid to replace objects.

Source: OSS, PutBucketOverwriteConfig, "Prevent object overwriting".
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from functools import lru_cache
from xml.etree.ElementTree import Element, SubElement

from localcloud.kernel.wildcard import wildcard_matches
from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import choice, group, invalid, text
from localcloud.oss.settings.setting import Options, Setting
from localcloud.oss.xml import parse

MOST = 100  # rules of a bucket
MAX_AFFIX = 1023  # characters of a prefix or suffix


def _check(document: Element, options: Options) -> None:
    rules = document.findall("Rule")
    if len(rules) > MOST:
        raise invalid("Rule", str(len(rules)), f"A bucket has up to {MOST} rules.")
    names = [rule.findtext("ID") or "" for rule in rules]
    for rule, name in zip(rules, names, strict=True):
        if not name:
            SubElement(rule, "ID").text = str(uuid.uuid4())
        elif names.count(name) > 1:
            raise invalid("ID", name, "The IDs of two rules are the same.")
        for affix in ("Prefix", "Suffix"):
            given = rule.findtext(affix) or ""
            if len(given) > MAX_AFFIX:
                raise invalid(affix, given, f"{affix} has up to {MAX_AFFIX} characters.")


SETTING = Setting(
    parameter="overwriteConfig",
    action="BucketOverwriteConfig",
    root="OverwriteConfiguration",
    absent="NoSuchBucketOverwriteConfig",
    fields={
        "Rule": group(
            {
                "ID": text(),
                "Action": choice("forbid", required=True),
                "Prefix": text(),
                "Suffix": text(),
                "Principals": group({"Principal": text(many=True)}),
            },
            required=True,
            many=True,
        )
    },
    check=_check,
)


def forbids(bucket: Bucket, key: str, names: Collection[str]) -> bool:
    """Return True if a rule forbids a caller to replace an object.

    Args:
        bucket: the bucket.
        key: the object's.
        names: of the caller, as policies may call them; empty: anybody.
    """
    document = bucket.settings.get(SETTING.parameter)
    return document is not None and any(
        key.startswith(prefix)
        and key.endswith(suffix)
        and (not principals or any(wildcard_matches(each, name) for each in principals for name in names or ("*",)))
        for prefix, suffix, principals in _rules(document)
    )


@lru_cache(maxsize=256)
def _rules(document: str) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    return tuple(
        (
            rule.findtext("Prefix") or "",
            rule.findtext("Suffix") or "",
            tuple(each.text or "" for each in rule.iterfind("Principals/Principal")),
        )
        for rule in parse(document.encode(), SETTING.root).findall("Rule")
    )
