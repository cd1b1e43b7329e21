"""OSS triggers: those that an object's event fires, and the event that the function gets. Pure.

Source: Function Compute, "Overview of OSS triggers": event types, and the rules by which triggers of a bucket conflict; "Trigger
event format".
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from fnmatch import fnmatchcase

from localcloud.fc.errors import FcError
from localcloud.fc.model import Trigger
from localcloud.kernel.times import to_milliseconds
from localcloud.oss.model import ObjectEvent

EVENTS = (
    "oss:ObjectCreated:PutObject",
    "oss:ObjectCreated:PutSymlink",
    "oss:ObjectCreated:PostObject",
    "oss:ObjectCreated:CopyObject",
    "oss:ObjectCreated:InitiateMultipartUpload",
    "oss:ObjectCreated:UploadPart",
    "oss:ObjectCreated:UploadPartCopy",
    "oss:ObjectCreated:CompleteMultipartUpload",
    "oss:ObjectCreated:AppendObject",
    "oss:ObjectRemoved:DeleteObject",
    "oss:ObjectRemoved:DeleteObjects",
    "oss:ObjectRemoved:AbortMultipartUpload",
    "oss:ObjectReplication:ObjectCreated",
    "oss:ObjectReplication:ObjectModified",
    "oss:ObjectReplication:ObjectRemoved",
    "oss:ObjectModified:UpdateObjectMeta",  # which nothing causes here
)
_PATTERNS = {*EVENTS, *(f"{event.rpartition(':')[0]}:*" for event in EVENTS)}
MOST = 10  # native triggers of a bucket


def check_oss_trigger(trigger: Trigger) -> None:
    """Refuse an OSS trigger without events, or whose source is not a bucket.

    Raises:
        FcError: InvalidArgument.
    """
    events = trigger.config.get("events")
    if not isinstance(events, list) or not events:
        raise FcError("InvalidArgument", 'triggerConfig.events must list events such as "oss:ObjectCreated:*"')
    for event in events:
        if not isinstance(event, str) or event not in _PATTERNS:
            raise FcError(
                "InvalidArgument",
                f'triggerConfig.events must list events such as "oss:ObjectCreated:*", not {repr(event)[:200]}',
            )
    _key_filter(trigger)
    if not bucket_of(trigger):
        raise FcError("InvalidArgument", "sourceArn must be acs:oss:REGION:ACCOUNT:BUCKET")


def check_conflicts(trigger: Trigger, others: Iterable[Trigger]) -> None:
    """Refuse an OSS trigger that one event would fire together with another one, or that is one too many for its bucket.

    Args:
        trigger: the trigger, which was checked.
        others: all other triggers.

    Raises:
        FcError: OSSInvalidRequest.
    """
    bucket = bucket_of(trigger)
    beside = [each for each in others if each.kind == "oss" and bucket_of(each) == bucket]
    if any(_conflict(trigger, each) for each in beside):
        raise from_oss("Cannot specify overlapping prefix and suffix with same event type.")
    if len(beside) >= MOST:  # the words are assumed
        raise from_oss(f"The bucket {bucket} has {len(beside)} triggers already, and may have {MOST}.")


def from_oss(message: str) -> FcError:
    """Return the refusal of a trigger by OSS, in the words of Function Compute (devsapp/fc looks for them)."""
    return FcError("OSSInvalidRequest", f"event source 'oss' returned error: {message}")


def _conflict(one: Trigger, other: Trigger) -> bool:
    (prefix, suffix), (its_prefix, its_suffix) = _key_filter(one), _key_filter(other)
    return (
        bool(_events_of(one) & _events_of(other))
        and (prefix.startswith(its_prefix) or its_prefix.startswith(prefix))
        and (suffix.endswith(its_suffix) or its_suffix.endswith(suffix))
    )


def _events_of(trigger: Trigger) -> set[str]:
    return {event for event in EVENTS for pattern in trigger.config["events"] if fnmatchcase(event, pattern)}


def bucket_of(trigger: Trigger) -> str:
    """Return the bucket that a trigger listens to; empty when its source names none."""
    parts = trigger.source_arn.split(":")
    return parts[4] if len(parts) == 5 and parts[:2] == ["acs", "oss"] else ""


def fires(trigger: Trigger, event: ObjectEvent) -> bool:
    """Return True if an event fires a trigger."""
    if trigger.kind != "oss" or bucket_of(trigger) != event.bucket:
        return False
    prefix, suffix = _key_filter(trigger)
    return (
        any(fnmatchcase(f"oss:{event.name}", pattern) for pattern in trigger.config["events"])
        and event.key.startswith(prefix)
        and event.key.endswith(suffix)
    )


def _key_filter(trigger: Trigger) -> tuple[str, str]:
    """Return the prefix and the suffix of the keys that a trigger wants."""
    wanted = trigger.config.get("filter") or {}
    key = (wanted.get("key") or {}) if isinstance(wanted, dict) else None
    if isinstance(key, dict):
        prefix, suffix = key.get("prefix") or "", key.get("suffix") or ""
        if isinstance(prefix, str) and isinstance(suffix, str):
            return prefix, suffix
    raise FcError(
        "InvalidArgument", "triggerConfig.filter must be an object with key: an object with prefix and suffix"
    )


def make_event(event: ObjectEvent, trigger: Trigger, *, region: str, account_id: str, request_id: str) -> bytes:
    """Return the event that a function gets."""
    record = {
        "eventName": event.name,
        "eventSource": "acs:oss",
        "eventTime": to_milliseconds(event.time),
        "eventVersion": "1.0",
        "oss": {
            "bucket": {
                "arn": f"acs:oss:{region}:{account_id}:{event.bucket}",
                "name": event.bucket,
                "ownerIdentity": account_id,
                "virtualBucket": "",
            },
            "object": {"deltaSize": event.size, "eTag": event.etag, "key": event.key, "size": event.size},
            "ossSchemaVersion": "1.0",
            "ruleId": trigger.trigger_id,
        },
        "region": region,
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "responseElements": {"requestId": request_id},
        "userIdentity": {"principalId": event.requester},
    }
    return json.dumps({"events": [record]}, ensure_ascii=False).encode()
