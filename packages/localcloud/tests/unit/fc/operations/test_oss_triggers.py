"""OSS triggers: the events that fire them, and the events that functions get."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from localcloud.fc.errors import FcError
from localcloud.fc.model import Trigger
from localcloud.fc.operations.oss_triggers import MOST, check_conflicts, check_oss_trigger, fires, make_event
from localcloud.oss.model import ObjectEvent

NOW = 1_780_000_000.0
TRIGGER = Trigger(
    function="services/s/functions/f",
    name="t",
    kind="oss",
    config={"events": ["oss:ObjectCreated:*"], "filter": {"key": {"prefix": "incoming/", "suffix": ".jpg"}}},
    source_arn="acs:oss:cn-hangzhou:1:pictures",
    trigger_id="rule",
)
EVENT = ObjectEvent(
    name="ObjectCreated:PutObject", bucket="pictures", key="incoming/é.jpg", size=7, etag="E", time=NOW, requester="1"
)
EVENTS = {"events": ["oss:ObjectCreated:*"]}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, True),
        ({"name": "ObjectCreated:CompleteMultipartUpload"}, True),
        ({"name": "ObjectRemoved:DeleteObject"}, False),
        ({"bucket": "other"}, False),
        ({"key": "rotated/é.jpg"}, False),
        ({"key": "incoming/é.png"}, False),
    ],
)
def test_which_events_fire(change: Mapping[str, Any], expected: bool) -> None:
    assert fires(TRIGGER, replace(EVENT, **change)) is expected


@pytest.mark.parametrize("filters", [{}, {"filter": {}}, {"filter": {"key": {"prefix": "", "suffix": ""}}}])
def test_trigger_without_filter_fires_for_all(filters: Mapping[str, Any]) -> None:
    assert fires(replace(TRIGGER, config={"events": ["oss:ObjectCreated:PutObject"], **filters}), EVENT)


def test_event_has_the_documented_form() -> None:
    event = json.loads(make_event(EVENT, TRIGGER, region="cn-hangzhou", account_id="1", request_id="r"))
    assert event == {
        "events": [
            {
                "eventName": "ObjectCreated:PutObject",
                "eventSource": "acs:oss",
                "eventTime": "2026-05-28T20:26:40.000Z",
                "eventVersion": "1.0",
                "oss": {
                    "bucket": {
                        "arn": "acs:oss:cn-hangzhou:1:pictures",
                        "name": "pictures",
                        "ownerIdentity": "1",
                        "virtualBucket": "",
                    },
                    "object": {"deltaSize": 7, "eTag": "E", "key": "incoming/é.jpg", "size": 7},
                    "ossSchemaVersion": "1.0",
                    "ruleId": "rule",
                },
                "region": "cn-hangzhou",
                "requestParameters": {"sourceIPAddress": "127.0.0.1"},
                "responseElements": {"requestId": "r"},
                "userIdentity": {"principalId": "1"},
            }
        ]
    }


@pytest.mark.parametrize(
    "change",
    [
        {"config": {}},
        {"config": {"events": ["ObjectCreated"]}},
        {"config": {"events": ["oss:ObjectCreated:PutObjects"]}},
        {"config": {"events": ["oss:Object*"]}},
        {"source_arn": "acs:oss"},
    ],
)
def test_oss_triggers_that_could_never_fire(change: Mapping[str, Any]) -> None:
    with pytest.raises(FcError, match="InvalidArgument"):
        check_oss_trigger(replace(TRIGGER, **change))


@pytest.mark.parametrize(
    "config",
    [
        {"events": [1]},
        {**EVENTS, "filter": 1},
        {**EVENTS, "filter": {"key": [1]}},
        {**EVENTS, "filter": {"key": {"prefix": 1}}},
    ],
)
def test_oss_trigger_that_would_fail_when_it_fires(config: Mapping[str, Any]) -> None:
    trigger = Trigger(function="functions/f", name="t", kind="oss", config=config, source_arn="acs:oss:r:1:bucket")
    with pytest.raises(FcError, match="triggerConfig"):
        check_oss_trigger(trigger)


PUT, ALL = "oss:ObjectCreated:PutObject", "oss:ObjectCreated:*"


def made(event: str, prefix: str = "", suffix: str = "", *, name: str = "other", bucket: str = "pictures") -> Trigger:
    config = {"events": [event], "filter": {"key": {"prefix": prefix, "suffix": suffix}}}
    return replace(TRIGGER, name=name, config=config, source_arn=f"acs:oss:cn-hangzhou:1:{bucket}")


@pytest.mark.parametrize(  # those that the vendor's page gives as examples
    ("trigger", "conflicts"),
    [
        (made(ALL, "source", "zip"), True),
        (made(PUT, "source", "zip"), True),
        (made(PUT, "source", "1zip"), True),
        (made(PUT, "source1", "zip"), True),
        (made(PUT, "source"), True),
        (made(PUT, "", "zip"), True),
        (made(PUT, "source1", "zip1"), False),
        (made(PUT, "1source", "1zip"), False),
        (made("oss:ObjectCreated:PostObject", "source", "zip"), False),
        (made("oss:ObjectRemoved:*", "source", "zip"), False),
        (made(PUT, "source", "zip", bucket="others"), False),
    ],
)
def test_no_event_fires_two_triggers_of_a_bucket(trigger: Trigger, conflicts: bool) -> None:
    beside = [made(PUT, "source", "zip", name="there"), replace(TRIGGER, kind="timer", name="timer")]
    if conflicts:
        with pytest.raises(
            FcError, match="OSSInvalidRequest: event source 'oss' returned error: Cannot specify overlap"
        ):
            check_conflicts(trigger, beside)
    else:
        check_conflicts(trigger, beside)


def test_a_bucket_has_ten_triggers_at_most() -> None:
    beside = [made(PUT, f"{number}/", name=f"t{number}") for number in range(MOST)]
    check_conflicts(beside[-1], beside[:-1])
    with pytest.raises(FcError, match=r"OSSInvalidRequest: .* has 10 triggers already"):
        check_conflicts(made(PUT, "one more/"), beside)
