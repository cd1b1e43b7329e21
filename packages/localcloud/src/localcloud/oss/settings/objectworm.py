"""Retention of single objects (ObjectWorm): the bucket's switch and its default, and what an object itself is given.

It needs versioning, excludes a bucket's retention policy, and cannot be switched off; versions may be hidden, not deleted. A date
can only be put off; in the mode GOVERNANCE, whoever may bypass it also sets an earlier one, or the other mode.

Sources: OSS, "Object-level retention policy", PutBucketObjectWormConfiguration, GetBucketObjectWormConfiguration,
PutObjectRetention, GetObjectRetention; of the legal hold and of GOVERNANCE, which the documents do not offer yet, OSS's SDKs for
Python and Go (version 2) and their suites. The names of error codes are assumed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

from localcloud.kernel.times import from_seconds, to_seconds
from localcloud.oss.errors import OssError
from localcloud.oss.model import NO_PROTECTION, Bucket, Protection, RetentionMode, StoredObject
from localcloud.oss.settings import worm
from localcloud.oss.settings.schema import check_form, choice, group, invalid, number
from localcloud.oss.settings.setting import keep
from localcloud.oss.settings.versioning import Versioning, versioning_of
from localcloud.oss.xml import malformed, parse

PARAMETER = worm.OBJECT_WORM
DAY = 24 * 3600.0  # seconds
DAYS_OF_A_YEAR = 365
MODE_HEADER = "x-oss-object-worm-mode"
UNTIL_HEADER = "x-oss-object-worm-retain-until-date"
HOLD_HEADER = "x-oss-object-worm-legal-hold"
BYPASS_HEADER = "x-oss-bypass-governance-retention"
_DEFAULT = {
    "Mode": choice(*RetentionMode, required=True),
    "Days": number(1, worm.MAX_DAYS),
    "Years": number(1, worm.MAX_DAYS // DAYS_OF_A_YEAR),
}
_FORM = {
    "ObjectWormEnabled": choice("Enabled", required=True),
    "Rule": group({"DefaultRetention": group(_DEFAULT, required=True)}),
}


def configure(bucket: Bucket, body: bytes, now: float) -> str:
    """Return the configuration that a request puts, as it is kept.

    Raises:
        OssError: MalformedXML, InvalidArgument, InvalidRequest (the bucket is not versioned, or has a retention policy of its own).
    """
    document = parse(body, "ObjectWormConfiguration")
    check_form(document, _FORM)
    default = document.find("Rule/DefaultRetention")
    if default is not None and (default.find("Days") is None) == (default.find("Years") is None):
        raise malformed("DefaultRetention needs one of Days and Years")
    if versioning_of(bucket) is not Versioning.ENABLED:
        raise OssError("InvalidRequest", "Enable the bucket's versioning before its object worm.")
    if worm.retention_of(bucket, now) is not None:
        raise OssError("InvalidRequest", "A bucket with a WORM configuration cannot have object worm.")
    return keep(document)


def check_versioning(bucket: Bucket, state: str | None, now: float) -> None:
    """Refuse to change the versioning of a bucket that has a retention policy, or that retains objects.

    Raises:
        OssError: OperationNotSupported.
    """
    if state != versioning_of(bucket) and (is_enabled(bucket) or worm.retention_of(bucket, now) is not None):
        raise OssError(
            "OperationNotSupported",
            "The versioning of a bucket cannot be changed while it has a WORM configuration.",
            ec="0012-00000006",
        )


def is_enabled(bucket: Bucket) -> bool:
    """Return True if the objects of a bucket can be retained."""
    return PARAMETER in bucket.settings


def check_enabled(bucket: Bucket) -> None:
    """Refuse what needs object worm on a bucket without it.

    Raises:
        OssError: InvalidRequest.
    """
    if not is_enabled(bucket):
        raise OssError("InvalidRequest", "The bucket has no object worm configuration.")


def settle(protection: Protection, bucket: Bucket, now: float) -> Protection:
    """Return the protection of an object to come: the one asked for, else the bucket's default.

    Raises:
        OssError: InvalidRequest (the bucket has no object worm), InvalidArgument (a date that has passed).
    """
    if protection != NO_PROTECTION:
        check_enabled(bucket)
    elif not is_enabled(bucket):
        return NO_PROTECTION
    if protection.until:
        _check_date(protection.until, now)
        return protection
    days, mode = _default(bucket.settings[PARAMETER])
    return replace(protection, until=now + days * DAY, mode=mode) if days else protection


@lru_cache(maxsize=64)
def _default(document: str) -> tuple[int, RetentionMode]:
    """Return the days of a configuration's default, 0 without one, and its mode."""
    tree = parse(document.encode(), "ObjectWormConfiguration")
    path = "Rule/DefaultRetention/"
    days = int(tree.findtext(path + "Days") or 0) or DAYS_OF_A_YEAR * int(tree.findtext(path + "Years") or 0)
    return days, RetentionMode(tree.findtext(path + "Mode") or RetentionMode.COMPLIANCE)


def read_protection(headers: Mapping[str, str]) -> Protection:
    """Return the protection that an upload's headers ask for.

    Raises:
        OssError: InvalidArgument.
    """
    mode, until, hold = (headers.get(name) for name in (MODE_HEADER, UNTIL_HEADER, HOLD_HEADER))
    if (mode is None) != (until is None) or mode not in {None, *RetentionMode}:
        raise invalid(
            MODE_HEADER, mode or "", f"{MODE_HEADER} must be {' or '.join(RetentionMode)}, beside {UNTIL_HEADER}."
        )
    if hold not in {None, "ON", "OFF"}:
        raise invalid(HOLD_HEADER, hold or "", f"{HOLD_HEADER} must be ON or OFF.")
    if mode is None or until is None:
        return Protection(held=hold == "ON")
    return Protection(until=_read_date(UNTIL_HEADER, until), mode=RetentionMode(mode), held=hold == "ON")


def headers_of(protection: Protection) -> dict[str, str]:
    """Return the headers of answers that tell a protection."""
    told = {MODE_HEADER: protection.mode.value, UNTIL_HEADER: to_seconds(protection.until)} if protection.until else {}
    return {**told, HOLD_HEADER: "ON"} if protection.held else told


def asks_to_bypass(headers: Mapping[str, str]) -> bool:
    """Return True if a request asks to bypass a retention in the mode GOVERNANCE.

    Raises:
        OssError: InvalidArgument.
    """
    value = headers.get(BYPASS_HEADER, "false").lower()
    if value not in {"true", "false"}:
        raise invalid(BYPASS_HEADER, value, f"{BYPASS_HEADER} must be true or false.")
    return value == "true"


def retain(item: StoredObject, body: bytes, now: float, *, bypass: bool) -> Protection:
    """Return an object's protection with the date and the mode that a request puts.

    Args:
        item: the object.
        body: the request's document.
        now: seconds since the epoch.
        bypass: whoever asks may end a retention in the mode GOVERNANCE.

    Raises:
        OssError: MalformedXML, InvalidArgument (no date to come), InvalidRequest (an earlier one than there is, or another mode).
    """
    document = parse(body, "Retention")
    until = _read_date("RetainUntilDate", document.findtext("RetainUntilDate") or "")
    _check_date(until, now)
    mode = document.findtext("Mode") or ""
    if mode not in [*RetentionMode]:
        raise malformed(f"Mode is {mode[:100]!r}; expected {' or '.join(RetentionMode)}")
    protection = item.attributes.storage.protection
    eased = now < protection.until and (until < protection.until or mode != protection.mode)
    if eased and not (bypass and protection.mode is RetentionMode.GOVERNANCE):
        raise OssError("InvalidRequest", "The retain until date can only be extended, and the mode stays as it is.")
    return replace(protection, until=until, mode=RetentionMode(mode))


def hold(item: StoredObject, body: bytes) -> Protection:
    """Return an object's protection with the legal hold that a request puts.

    Raises:
        OssError: MalformedXML.
    """
    status = parse(body, "LegalHold").findtext("Status")
    if status not in {"ON", "OFF"}:
        raise malformed("Status is neither ON nor OFF")
    return replace(item.attributes.storage.protection, held=status == "ON")


def check_mutable(item: StoredObject, now: float) -> None:
    """Refuse to delete a version that is retained or held.

    Raises:
        OssError: FileImmutable.
    """
    if is_protected(item, now):
        raise OssError("FileImmutable", "The object you specified is immutable: it is retained, or under a legal hold.")


def is_protected(item: StoredObject, now: float) -> bool:
    """Return True if a version is retained at a moment, or held."""
    protection = item.attributes.storage.protection
    return protection.held or now < protection.until


def _read_date(name: str, text: str) -> float:
    try:
        return from_seconds(text)
    except (ValueError, OverflowError) as error:
        raise invalid(name, text, f"{name} must be a time such as 2030-01-31T12:00:00Z.") from error


def _check_date(until: float, now: float) -> None:
    if until <= now:
        raise invalid("RetainUntilDate", to_seconds(until), "The retain until date must be in the future.")
