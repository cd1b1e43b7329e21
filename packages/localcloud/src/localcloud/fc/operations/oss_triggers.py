"""OSS triggers: those that an object's event fires, and the event that the function gets.

Source: Function Compute, "OSS triggers": event definitions and the format of the event.
"""

from __future__ import annotations

import json
from fnmatch import fnmatchcase

from localcloud.fc.errors import FcError
from localcloud.fc.model import Trigger
from localcloud.kernel.times import to_milliseconds
from localcloud.oss.model import ObjectEvent


def check_oss_trigger(trigger: Trigger) -> None:
    """Refuse an OSS trigger without events, or whose source is not a bucket.

    Raises:
        FcError: InvalidArgument.
    """
    events = trigger.config.get("events")
    if not isinstance(events, list) or not events or not all(map(_is_object_event, events)):
        raise FcError("InvalidArgument", 'triggerConfig.events must list events such as "oss:ObjectCreated:*"')
    _key_filter(trigger)
    if not bucket_of(trigger):
        raise FcError("InvalidArgument", "sourceArn must be acs:oss:REGION:ACCOUNT:BUCKET")


def _is_object_event(name: object) -> bool:
    return isinstance(name, str) and name.startswith("oss:Object")


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
