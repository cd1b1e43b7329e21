"""Lifecycle rules of a bucket: their document. `expiry` says what they do, `localcloud.oss.operations.lifecycle` does it.

Source: OSS, PutBucketLifecycle, and the pages of its finer codes ("Troubleshooting", 0014-…), which do not name the code beside
theirs: that is assumed, as are the order of the checks and which of two codes a document with two mistakes gets.
"""

from __future__ import annotations

import calendar
import itertools
import time
import uuid
from dataclasses import dataclass
from xml.etree.ElementTree import Element, SubElement

from localcloud.oss.errors import OssError
from localcloud.oss.settings.monitoring import need_tracking
from localcloud.oss.settings.schema import boolean, choice, group, invalid, number, text
from localcloud.oss.settings.setting import Options, Setting
from localcloud.oss.settings.tags import TAG, check_characters
from localcloud.oss.xml import malformed

MAX_RULES = 1000
MAX_ID = 255  # characters
MAX_DAYS = 2**31 - 1
COLDER = {
    "IA": 1,
    "Archive": 2,
    "ColdArchive": 3,
    "DeepColdArchive": 4,
}  # in the order in which objects may go through them
_GONE = 5  # as cold as an object gets
DATE = "%Y-%m-%dT%H:%M:%S.000Z"
OVERLAP = "x-oss-allow-same-action-overlap"  # the header that allows rules of one action to overlap

_DAYS = number(1, MAX_DAYS)
_WHEN = {"Days": _DAYS, "CreatedBeforeDate": text(), "Date": text()}
_ACCESS = {"IsAccessTime": boolean(), "ReturnToStdWhenVisit": boolean(), "AllowSmallFile": boolean()}
_ACTIONS = (
    "Expiration",
    "Transition",
    "AbortMultipartUpload",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransition",
)
_RULE = {
    "ID": text(),
    "Prefix": text(),
    "Status": choice("Enabled", "Disabled", required=True),
    "Tag": group(TAG, many=True),
    "Filter": group(
        {
            "Not": group({"Prefix": text(), "Tag": group(TAG)}, many=True),
            "ObjectSizeGreaterThan": number(0, 5 * 2**40),
            "ObjectSizeLessThan": number(0, 5 * 2**40),
        }
    ),
    "Expiration": group({**_WHEN, "ExpiredObjectDeleteMarker": boolean()}),
    "Transition": group({**_WHEN, "StorageClass": text(required=True), **_ACCESS}, many=True),
    "AbortMultipartUpload": group(_WHEN),
    "NoncurrentVersionExpiration": group({"NoncurrentDays": number(1, MAX_DAYS, required=True)}),
    "NoncurrentVersionTransition": group(
        {"NoncurrentDays": number(1, MAX_DAYS, required=True), "StorageClass": text(required=True), **_ACCESS},
        many=True,
    ),
    "AtimeBase": number(0, MAX_DAYS),
    **{name: _WHEN[name] for name in ("Days", "Date")},  # of the first version of rules: they stand for an Expiration
}


def _check(document: Element, options: Options) -> None:
    rules = document.findall("Rule")
    if not 1 <= len(rules) <= MAX_RULES:
        raise malformed(f"there are {len(rules)} Rule; expected 1 to {MAX_RULES}")
    for rule in rules:
        _check_rule(rule)
    names = [rule.findtext("ID") or "" for rule in rules]
    if len(set(names)) != len(names):
        raise invalid("ID", "", "Rule ID must be unique. Found same ID for more than one rule.")
    _check_overlap(rules, same_action=options.get(OVERLAP, "false").lower() == "true")


def _check_rule(rule: Element) -> None:
    _modernise(rule)
    name = (rule.findtext("ID") or "").strip()
    if not name:
        identifier = rule.find("ID")
        (SubElement(rule, "ID") if identifier is None else identifier).text = str(uuid.uuid4())
    if len(name) > MAX_ID:
        raise invalid("ID", name, f"A rule's ID has up to {MAX_ID} characters.")
    if not any(rule.find(action) is not None for action in _ACTIONS):
        raise malformed(f"a Rule needs one of {', '.join(_ACTIONS)}", ec="0014-00000026")
    keys = [tag.findtext("Key") for tag in rule.findall("Tag")]
    if len(set(keys)) != len(keys):  # the code is from the suite of OSS's SDK for C++
        raise malformed("two tags of a rule have the same key")
    for tag in rule.findall("Tag"):
        _check_tag(tag)
    for action in ("AbortMultipartUpload", "Expiration/ExpiredObjectDeleteMarker"):
        if rule.find("Tag") is not None and rule.find(action) is not None:  # uploads and markers have no tags
            name = action.rpartition("/")[2]
            raise OssError("InvalidRequest", f"{name} cannot be specified with Tags.", ec="0014-00000027")
    _check_filter(rule)
    for action in ("Expiration", "AbortMultipartUpload"):
        for element in rule.findall(action):
            _check_when(element, {"Days", "CreatedBeforeDate", "Date", "ExpiredObjectDeleteMarker"})
    transitions = rule.findall("Transition")
    for element in transitions:
        _check_access(element)
        _check_when(element, {"Days", "CreatedBeforeDate", "Date"})
    for element in rule.findall("NoncurrentVersionTransition"):
        _check_access(element)
    _check_kinds([*rule.findall("Expiration"), *transitions])
    _check_order(transitions, "Days", rule.findtext("Expiration/Days"))
    _check_order(
        rule.findall("NoncurrentVersionTransition"),
        "NoncurrentDays",
        rule.findtext("NoncurrentVersionExpiration/NoncurrentDays"),
    )


def _modernise(rule: Element) -> None:
    """Put what a rule of the first version says outside of actions into its Expiration."""
    for tag in ("Days", "Date"):
        for element in rule.findall(tag):
            rule.remove(element)
            if rule.find("Expiration") is None:
                SubElement(rule, "Expiration").append(element)


def _check_when(element: Element, ways: set[str]) -> None:
    """Refuse an action that does not say once when it happens, or not on a day."""
    given = [child.tag for child in element if child.tag in ways]
    if len(given) != 1:
        raise malformed(
            f"{element.tag} has {len(given)} of {', '.join(sorted(ways))}; expected one",
            ec="0014-00000060" if element.tag == "Expiration" and not given else None,
        )
    for name in ("CreatedBeforeDate", "Date"):
        date = element.findtext(name)
        if date is not None:
            read_date(name, date)


def _check_access(transition: Element) -> None:
    """Refuse a transition by last access that has a date or does not say what a visit does, and one by another time that does."""
    by_access = transition.findtext("IsAccessTime") == "true"
    if by_access and any(transition.find(name) is not None for name in ("CreatedBeforeDate", "Date")):
        raise malformed("a Transition with IsAccessTime has Days, and no date", ec="0014-00000047")
    if by_access != (transition.find("ReturnToStdWhenVisit") is not None):
        raise malformed(
            "a Transition has ReturnToStdWhenVisit if IsAccessTime is true, and only then", ec="0014-00000052"
        )


def read_date(name: str, date: str) -> float:
    """Return a midnight of a rule in seconds since the epoch.

    Raises:
        OssError: InvalidArgument.
    """
    try:
        moment = calendar.timegm(time.strptime(date.strip(), DATE))
    except ValueError:
        moment = 1
    if moment % 86400:
        raise invalid(
            name, date, f"{name} must conform to the ISO8601 format and be a midnight in UTC: 2026-01-31T00:00:00.000Z."
        )
    return float(moment)


def _check_kinds(actions: list[Element]) -> None:
    """Refuse days and dates in one rule."""
    if len(_kinds(actions)) > 1:
        raise OssError(
            "InvalidRequest", "Found mixed 'Date' and 'Days' based Expiration and Transition actions in lifecycle rule."
        )


def _kinds(actions: list[Element]) -> set[str]:
    """Return the ways in which actions say when they happen; those on delete markers do not."""
    return {
        "Days" if action.find("Days") is not None else "Date"
        for action in actions
        if action.find("ExpiredObjectDeleteMarker") is None
    }


def _check_order(transitions: list[Element], days: str, expiration: str | None) -> None:
    """Refuse transitions into a storage class that is none, to a warmer one later, or after the end."""
    steps = []
    for element in transitions:
        storage_class = element.findtext("StorageClass") or ""
        if storage_class not in COLDER:
            raise invalid(
                "StorageClass",
                storage_class,
                f"Objects cannot go to {storage_class!r}; expected one of {', '.join(COLDER)}.",
            )
        if (count := element.findtext(days)) is not None:
            steps.append((COLDER[storage_class], int(count)))
    steps.sort()
    for (_, earlier), (_, later) in itertools.pairwise(steps):
        if later <= earlier:
            raise invalid(
                days,
                str(later),
                f"'{days}' of a transition to a colder storage class must be greater than of one before.",
            )
    if expiration is not None and any(int(expiration) <= count for _, count in steps):
        raise invalid(
            days,
            expiration,
            f"'{days}' in the Expiration action must be greater than '{days}' in the Transition action.",
        )


def _check_tag(tag: Element) -> None:
    """Refuse a tag that no object can have; the code is from the suite of OSS's SDK for C++."""
    key, value = tag.findtext("Key") or "", tag.findtext("Value") or ""
    for beside, ec in (("", "0014-00000031"), (value, None)):  # the key's characters have a finer code of their own
        try:
            check_characters(key, beside)
        except OssError as error:
            raise malformed(error.message, ec=ec) from error


def _check_filter(rule: Element) -> None:
    prefix = rule.findtext("Prefix") or ""
    for element in rule.findall("Filter/Not"):
        excluded = element.findtext("Prefix")
        if excluded is None and element.find("Tag") is None:
            raise malformed("Not has neither Prefix nor Tag")
        if excluded is not None and (
            not excluded.startswith(prefix) or (excluded == prefix and element.find("Tag") is None)
        ):
            raise invalid(
                "Prefix", excluded, f"The prefix of Not must begin with the rule's, {prefix!r}, and be longer."
            )
        for tag in element.findall("Tag"):
            _check_tag(tag)
    least, most = rule.findtext("Filter/ObjectSizeGreaterThan"), rule.findtext("Filter/ObjectSizeLessThan")
    if least is not None and most is not None and int(least) >= int(most):
        raise invalid("ObjectSizeLessThan", most, "ObjectSizeLessThan must be greater than ObjectSizeGreaterThan.")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Scope:
    """The objects that a rule speaks of, and what it does to them."""

    prefix: str
    tags: frozenset[tuple[str, str]]
    actions: frozenset[tuple[str, str]]  # with the storage class, if they have one
    kinds: frozenset[str]  # see `_kinds`
    steps: tuple[tuple[int, int], ...]  # how cold objects get, and after how many days; gone is the coldest


def _check_overlap(rules: list[Element], *, same_action: bool) -> None:
    """Refuse rules that do the same to some objects, unless that is allowed, or what does not go together.

    Rules overlap if one's prefix begins with the other's, and their tags are the same; disabled ones, too (assumed). That a rule
    with tags does not overlap one without is from the suite of OSS's SDK for C#.

    Source: OSS, "Troubleshooting", 0014-00000079, -80, -82, -84; the message of -82 is assumed. By 0014-00000085 no two rules have
    the same prefix at all; OSS's user guide has such rules with other tags and other actions. That what does not go together is
    refused in any case is from the suite of OSS's SDK for Go.

    Raises:
        OssError: InvalidRequest.
    """
    around: list[_Scope] = []  # those whose prefix the next one's begins with
    for scope in sorted(map(_scope, rules), key=lambda scope: scope.prefix):
        while around and not scope.prefix.startswith(around[-1].prefix):
            around.pop()
        for other in around:
            if scope.tags == other.tags:
                _check_pair(other, scope, same_action=same_action)
        around.append(scope)


def _scope(rule: Element) -> _Scope:
    actions = [element for action in _ACTIONS for element in rule.findall(action)]
    timed = [*rule.findall("Transition"), *rule.findall("Expiration")]
    return _Scope(
        prefix=rule.findtext("Prefix") or "",
        tags=_tags(rule),
        actions=frozenset((element.tag, element.findtext("StorageClass") or "") for element in actions),
        kinds=frozenset(_kinds(timed)),
        steps=tuple(
            (COLDER.get(element.findtext("StorageClass") or "", _GONE), int(days))
            for element in timed
            if (days := element.findtext("Days"))
        ),
    )


def _check_pair(one: _Scope, other: _Scope, *, same_action: bool) -> None:
    """Refuse two rules that speak of the same objects, and do not go together."""
    shared = sorted(one.actions & other.actions)
    if shared and not same_action:
        action, storage_class = shared[0]
        ec = "0014-00000079" if storage_class else "0014-00000084"
        raise OssError("InvalidRequest", f"Overlap for same action type {action}", ec=ec)
    moved = min((name for _, name in one.actions | other.actions if name), default=None)
    if moved is not None and len(one.kinds | other.kinds) > 1:
        raise OssError(
            "InvalidRequest",
            f"Found mixed CreatedBeforeDate and Days based Expiration and Transition for StorageClass {moved} actions",
            ec="0014-00000080",
        )
    for (step, earlier), (next_step, later) in itertools.pairwise(sorted(one.steps + other.steps)):
        if step != next_step and later <= earlier:
            raise OssError(
                "InvalidRequest",
                f"The rules for {one.prefix[:100]!r} and {other.prefix[:100]!r} overlap: 'Days' must be greater for a colder "
                "storage class than for one before, and greatest for the Expiration.",
                ec="0014-00000082",
            )


def _tags(rule: Element) -> frozenset[tuple[str, str]]:
    return frozenset((tag.findtext("Key") or "", tag.findtext("Value") or "") for tag in rule.findall("Tag"))


SETTING = Setting(
    parameter="lifecycle",
    action="BucketLifecycle",
    root="LifecycleConfiguration",
    absent="NoSuchLifecycle",
    words="No Row found in Lifecycle Table.",
    fields={"Rule": group(_RULE, required=True, many=True)},
    check=_check,
    agree=need_tracking,
)
