"""The effects of lifecycle rules at a moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from localcloud.kernel.xml import render
from localcloud.oss.model import Attributes, Bucket, ObjectKind, StoredObject, Upload
from localcloud.oss.settings.expiry import DAY, Rule, expiration_of, rules_of
from localcloud.oss.settings.lifecycle import OVERLAP, SETTING
from localcloud.oss.settings.setting import keep
from localcloud.oss.settings.tags import read_tagging_header

BUCKET = Bucket(name="b", owner="1", region="cn-hangzhou", created=0.0, acl="private", storage_class="Standard")
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


def bucket_with(*rules: dict[str, object]) -> Bucket:
    document = SETTING.read(
        render(SETTING.root, {"Rule": [{"Prefix": "logs/", "Status": "Enabled", **rule} for rule in rules]}),
        {OVERLAP: "true"},
    )
    return replace(BUCKET, settings={"lifecycle": keep(document)})


def rules(**elements: object) -> Sequence[Rule]:
    return rules_of(bucket_with(elements))


def expires(now: float, item: StoredObject = ITEM, /, **elements: object) -> bool:
    (rule,) = rules(**{"Expiration": {"Days": 3}, **elements})
    return rule.expires(item, now)


def test_days_are_counted_from_the_last_change() -> None:
    assert not expires(WRITTEN + 3 * DAY - 1)
    assert expires(WRITTEN + 3 * DAY)
    assert not expires(WRITTEN + 3 * DAY, replace(ITEM, key="other"))


def test_a_rule_that_is_disabled_does_nothing() -> None:
    assert rules(Status="Disabled", Expiration={"Days": 1}) == []
    assert not rules_of(BUCKET)


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


@pytest.mark.parametrize(
    ("found", "told"),
    [
        ([{"ID": "a b", "Expiration": {"Days": 3}}], 'expiry-date="Mon, 28 Nov 2016 00:00:00 GMT", rule-id="a%20b"'),
        (
            [{"ID": "x", "Expiration": {"Days": 9}}, {"ID": "y", "Expiration": {"Date": "2016-11-26T00:00:00.000Z"}}],
            'expiry-date="Sat, 26 Nov 2016 00:00:00 GMT", rule-id="y"',
        ),
        ([{"ID": "x", "Status": "Disabled", "Expiration": {"Days": 3}}], None),
        ([{"ID": "x", "Prefix": "other", "Expiration": {"Days": 3}}], None),
        ([{"ID": "x", "Expiration": {"CreatedBeforeDate": "2016-11-01T00:00:00.000Z"}}], None),
        ([{"ID": "x", "Expiration": {"ExpiredObjectDeleteMarker": "true"}}], None),
        ([{"ID": "x", "Transition": {"Days": 3, "StorageClass": "IA"}}], None),
    ],
)
def test_the_end_of_an_object_is_the_midnight_of_the_first_rule(
    found: list[dict[str, object]], told: str | None
) -> None:
    assert expiration_of(bucket_with(*found), ITEM) == told


def test_no_header_tells_of_a_day_that_has_no_date() -> None:
    assert expiration_of(bucket_with({"ID": "never", "Expiration": {"Days": 2**31 - 1}}), ITEM) is None
