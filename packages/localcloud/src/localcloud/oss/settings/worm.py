"""The retention policy (WORM) of a bucket: in progress for a day, in which it can be taken back, then locked for good.

With versioning enabled it protects versions: they may be hidden, not deleted. A bucket whose versioning is suspended gets no
policy, and while there is one the versioning stays as it is.

Sources: OSS, InitiateBucketWorm, AbortBucketWorm, CompleteBucketWorm, ExtendBucketWorm, GetBucketWorm, "Bucket-level retention
policy"; "Troubleshooting", 0027-00000003 and 0012-00000006 (the names of their codes are assumed).
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from enum import StrEnum

from localcloud.kernel.times import from_seconds, to_milliseconds
from localcloud.kernel.xml import render
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import check_form, number
from localcloud.oss.settings.setting import kept_tree
from localcloud.oss.settings.versioning import Versioning, versioning_of
from localcloud.oss.xml import parse

PARAMETER = "worm"
OBJECT_WORM = "objectWorm"  # the setting that excludes this one
MAX_DAYS = 25_550  # 70 years
UNLOCKED = 24 * 3600.0  # seconds after which a policy that was not locked is void
DAY = 24 * 3600.0  # seconds


class State(StrEnum):
    """The state of a retention policy."""

    IN_PROGRESS = "InProgress"
    LOCKED = "Locked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Retention:
    """A bucket's retention policy."""

    worm_id: str
    state: State
    days: int
    created: str  # as answers have it

    def document(self) -> str:
        """Return the policy as it is kept and answered."""
        return render(
            "WormConfiguration",
            {
                "WormId": self.worm_id,
                "State": self.state,
                "RetentionPeriodInDays": self.days,
                "CreationDate": self.created,
            },
        ).decode()


def retention_of(bucket: Bucket, now: float) -> Retention | None:
    """Return the retention policy in force; None: there is none, or it was not locked in time."""
    kept = bucket.settings.get(PARAMETER)
    if kept is None:
        return None
    document = kept_tree(kept, "WormConfiguration")
    found = Retention(
        worm_id=document.findtext("WormId") or "",
        state=State(document.findtext("State") or ""),
        days=int(document.findtext("RetentionPeriodInDays") or 0),
        created=document.findtext("CreationDate") or "",
    )
    begun = from_seconds(found.created)
    return None if found.state is State.IN_PROGRESS and now >= begun + UNLOCKED else found


def existing(bucket: Bucket, now: float, worm_id: str | None = None) -> Retention:
    """Return the retention policy in force.

    Raises:
        OssError: NoSuchWORMConfiguration (there is none, or another one than `worm_id` names).
    """
    found = retention_of(bucket, now)
    if found is None or worm_id not in (None, found.worm_id):
        raise OssError("NoSuchWORMConfiguration", "The specified bucket does not have this WORM configuration.")
    return found


def initiate(bucket: Bucket, body: bytes, now: float) -> Retention:
    """Return a new policy.

    Raises:
        OssError: MalformedXML, InvalidArgument, InvalidWORMConfiguration (versioning is suspended), WORMConfigurationLocked.
    """
    days = _days(body, "InitiateWormConfiguration")
    if OBJECT_WORM in bucket.settings:
        raise OssError("InvalidWORMConfiguration", "A bucket with object worm cannot get a WORM configuration.")
    if versioning_of(bucket) is Versioning.SUSPENDED:
        raise OssError(
            "InvalidWORMConfiguration",
            "A bucket whose versioning is suspended cannot get a WORM configuration.",
            ec="0027-00000003",
        )
    found = retention_of(bucket, now)
    if found and found.state is State.LOCKED:
        raise _locked()
    return Retention(worm_id=uuid.uuid4().hex.upper(), state=State.IN_PROGRESS, days=days, created=to_milliseconds(now))


def complete(bucket: Bucket, worm_id: str, now: float) -> Retention:
    """Return the policy, locked.

    Raises:
        OssError: NoSuchWORMConfiguration, WORMConfigurationLocked.
    """
    found = existing(bucket, now, worm_id)
    if found.state is State.LOCKED:
        raise _locked()
    return Retention(worm_id=worm_id, state=State.LOCKED, days=found.days, created=found.created)


def extend(bucket: Bucket, worm_id: str, body: bytes, now: float) -> Retention:
    """Return the policy with a longer period.

    Raises:
        OssError: NoSuchWORMConfiguration, InvalidWORMConfiguration (not locked, or not longer), MalformedXML, InvalidArgument.
    """
    days = _days(body, "ExtendWormConfiguration")
    found = existing(bucket, now, worm_id)
    if found.state is not State.LOCKED or days <= found.days:
        raise OssError(
            "InvalidWORMConfiguration", "Only a locked WORM configuration can be extended, and only to more days."
        )
    return Retention(worm_id=worm_id, state=State.LOCKED, days=days, created=found.created)


def check_abort(bucket: Bucket, now: float) -> None:
    """Refuse to take a policy back that is not there or locked.

    Raises:
        OssError: NoSuchWORMConfiguration, WORMConfigurationLocked.
    """
    if existing(bucket, now).state is State.LOCKED:
        raise _locked()


def is_protected(bucket: Bucket, modified: float, now: float) -> bool:
    """Return True if the retention policy protects an object.

    Args:
        bucket: the bucket.
        modified: when the object was written, in seconds since the epoch.
        now: seconds since the epoch.
    """
    found = retention_of(bucket, now)
    return found is not None and now < modified + found.days * DAY


def check_mutable(bucket: Bucket, modified: float, now: float) -> None:
    """Refuse to change or delete an object that the retention policy protects; the arguments are those of `is_protected`.

    Raises:
        OssError: FileImmutable.
    """
    if is_protected(bucket, modified, now):
        raise OssError(
            "FileImmutable", "The object you specified is immutable: the bucket's retention policy protects it."
        )


def _days(body: bytes, root: str) -> int:
    document = parse(body, root)
    check_form(document, {"RetentionPeriodInDays": number(1, MAX_DAYS, required=True)})
    return int(document.findtext("RetentionPeriodInDays") or 0)


def _locked() -> OssError:
    return OssError("WORMConfigurationLocked", "The WORM configuration of this bucket is locked.")
