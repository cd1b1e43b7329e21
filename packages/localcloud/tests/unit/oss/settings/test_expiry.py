"""The effects of lifecycle rules at a moment."""

from __future__ import annotations

from dataclasses import replace

import pytest

from localcloud.kernel.xml import render
from localcloud.oss.model import Attributes, Bucket, ObjectKind, StoredObject, Upload
from localcloud.oss.settings.expiry import DAY, Rule, rules_of
from localcloud.oss.settings.lifecycle import SETTING
from localcloud.oss.settings.setting import keep
from localcloud.oss.settings.tags import read_tagging_header

BUCKET = Bucket(name="b", owner="1", created=0.0, acl="private", storage_class="Standard")
WRITTEN = 1_480_000_000.0  # 2016-11-24
ITEM = StoredObject(
    bucket="b",
    key="logs/1",
    data="d",
    size=100,
    etag="E",
    crc64=0,
    modified=WRITTEN,
    kind=ObjectKind.NORMAL,
    attributes=Attributes(tagging=read_tagging_header("a=1&b=2")),
)


def rules(**elements: object) -> list[Rule]:
    rule = {"Prefix": "logs/", "Status": "Enabled", **elements}
    document = SETTING.read(render(SETTING.root, {"Rule": rule}), {})
    return rules_of(replace(BUCKET, settings={"lifecycle": keep(document)}))


def expires(now: float, item: StoredObject = ITEM, /, **elements: object) -> bool:
    (rule,) = rules(**{"Expiration": {"Days": 3}, **elements})
    return rule.expires(item, now)


def test_days_are_counted_from_the_last_change() -> None:
    assert not expires(WRITTEN + 3 * DAY - 1)
    assert expires(WRITTEN + 3 * DAY)
    assert not expires(WRITTEN + 3 * DAY, replace(ITEM, key="other"))


def test_a_rule_that_is_disabled_does_nothing() -> None:
    assert rules(Status="Disabled", Expiration={"Days": 1}) == []
    assert rules_of(BUCKET) == []


@pytest.mark.parametrize(
    ("expiration", "now", "due"),
    [
        ({"CreatedBeforeDate": "2016-12-25T00:00:00.000Z"}, WRITTEN, False),
        ({"CreatedBeforeDate": "2016-12-25T00:00:00.000Z"}, WRITTEN + 60 * DAY, True),
        ({"CreatedBeforeDate": "2016-11-01T00:00:00.000Z"}, WRITTEN + 60 * DAY, False),
        ({"Date": "2016-12-25T00:00:00.000Z"}, WRITTEN, False),
        ({"Date": "2016-11-01T00:00:00.000Z"}, WRITTEN, True),
    ],
)
def test_a_date_is_of_the_objects_or_of_the_action(expiration: dict[str, str], now: float, due: bool) -> None:
    assert expires(now, Expiration=expiration) is due


@pytest.mark.parametrize(
    ("elements", "due"),
    [
        ({"Tag": {"Key": "a", "Value": "1"}}, True),
        ({"Tag": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "3"}]}, False),
        ({"Filter": {"ObjectSizeGreaterThan": 99, "ObjectSizeLessThan": 101}}, True),
        ({"Filter": {"ObjectSizeGreaterThan": 100}}, False),
        ({"Filter": {"ObjectSizeLessThan": 100}}, False),
        ({"Filter": {"Not": {"Prefix": "logs/1"}}}, False),
        ({"Filter": {"Not": {"Prefix": "logs/2"}}}, True),
        ({"Filter": {"Not": {"Prefix": "logs/1", "Tag": {"Key": "a", "Value": "2"}}}}, True),
        ({"Filter": {"Not": {"Tag": {"Key": "a", "Value": "1"}}}}, False),
    ],
)
def test_tags_and_filters_choose_the_objects(elements: dict[str, object], due: bool) -> None:
    assert expires(WRITTEN + 9 * DAY, **elements) is due


def test_uploads_are_aborted_by_the_time_when_they_began() -> None:
    (rule,) = rules(AbortMultipartUpload={"Days": 1})
    upload = Upload(bucket="b", key="logs/1", upload_id="u", initiated=WRITTEN, attributes=Attributes())
    assert not rule.aborts(upload, WRITTEN + DAY - 1)
    assert rule.aborts(upload, WRITTEN + DAY)
    assert not rule.aborts(replace(upload, key="other"), WRITTEN + DAY)
    assert not rule.expires(ITEM, WRITTEN + 9 * DAY)
