"""Settings of which a bucket has several: inventories."""

from __future__ import annotations

from dataclasses import replace

import pytest

from localcloud.kernel.xml import render
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.collection import INVENTORY

BUCKET = Bucket(name="b", owner="1", region="cn-hangzhou", created=0.0, acl="private", storage_class="Standard")


def destination(bucket: str, *encryptions: str, prefix: str = "") -> dict[str, object]:
    return {
        "OSSBucketDestination": {
            "Format": "CSV",
            "AccountId": "1",
            "RoleArn": "acs:ram::1:role/r",
            "Bucket": bucket,
            "Prefix": prefix,
            "Encryption": dict.fromkeys(encryptions or ("SSE-OSS",), ""),
        }
    }


CONTENT = {
    "Id": "daily",
    "IsEnabled": "true",
    "Destination": destination("acs:oss:::b"),
    "Schedule": {"Frequency": "Daily"},
    "IncludedObjectVersions": "All",
    "OptionalFields": {"Field": ["Size", "ETag"]},
}


def put(bucket: Bucket, name: str = "daily", **changes: object) -> Bucket:
    body = render("InventoryConfiguration", {**CONTENT, **changes})
    passed: list[str] = []
    place = INVENTORY.read(body, name, 0.0, find_bucket={"b": bucket}.get, pass_role=passed.append)
    assert passed == ["acs:ram::1:role/r"], "who names a role needs to pass it"
    return replace(bucket, settings={**bucket.settings, INVENTORY.key(name): place(bucket)})


def test_documents_are_kept_beside_each_other_by_name() -> None:
    bucket = put(put(replace(BUCKET, settings={"tagging": "x"})), "other", Id="other")
    assert list(INVENTORY.of(bucket)) == ["daily", "other"]
    assert "<Field>ETag</Field>" in INVENTORY.of(bucket)["daily"]


@pytest.mark.parametrize(
    ("name", "changes", "code"),
    [
        ("daily", {"Id": "other"}, "InvalidArgument"),
        ("a/b", {"Id": "a/b"}, "InvalidArgument"),
        ("daily", {"Schedule": {"Frequency": "Hourly"}}, "MalformedXML"),
        ("daily", {"OptionalFields": {"Field": "Colour"}}, "MalformedXML"),
        ("daily", {"Destination": {}}, "MalformedXML"),
        ("daily", {"Destination": destination("b")}, "InvalidArgument"),
        ("daily", {"Destination": destination("acs:oss:::b", "SSE-OSS", "SSE-KMS")}, "MalformedXML"),
        ("daily", {"Destination": destination("acs:oss:::none")}, "InvalidArgument"),
    ],
)
def test_a_wrong_document_is_refused(name: str, changes: dict[str, object], code: str) -> None:
    with pytest.raises(OssError) as error:
        put(BUCKET, name, **changes)
    assert error.value.code == code


@pytest.mark.parametrize(
    ("prefix", "code"),
    [
        ("a/é *%", None),
        ("a" * 1023, None),
        ("a" * 1024, "0020-00000034"),
        ("a\x7f", "0020-00000034"),
        ("a\tb", "0020-00000034"),
        ("/a", "0020-00000034"),
        ("\\a", "0020-00000034"),
    ],
)
def test_lists_are_kept_where_objects_can_be(prefix: str, code: str | None) -> None:
    elsewhere = destination("acs:oss:::b", prefix=prefix)
    if code is None:
        assert put(BUCKET, Destination=elsewhere)
        return
    with pytest.raises(OssError) as error:
        put(BUCKET, Destination=elsewhere)
    assert (error.value.code, error.value.ec) == ("InvalidArgument", code)


def test_a_filter_has_the_beginning_of_keys() -> None:
    assert put(BUCKET, Filter={"Prefix": "/a"}), "none of which there is, but nobody forbids it"
    with pytest.raises(OssError) as error:
        put(BUCKET, Filter={"Prefix": "a" * 1024})
    assert error.value.ec == "0020-00000021"


def test_an_inventory_is_enciphered_with_a_named_key_or_the_default_one() -> None:
    for key in ({"KeyId": "k"}, {}):
        target = {**CONTENT["Destination"]["OSSBucketDestination"], "Encryption": {"SSE-KMS": key}}  # type: ignore[index]
        assert "SSE-KMS" in INVENTORY.of(put(BUCKET, Destination={"OSSBucketDestination": target}))["daily"]


def test_what_the_sdk_for_java_writes_a_second_time_is_not_kept() -> None:
    incremental = {"enabled": "true", "IsEnabled": "true", "Schedule": {"Frequency": "600"}}
    kept = INVENTORY.of(put(BUCKET, enabled="true", IncrementalInventory=incremental))["daily"]
    assert (kept.count("IsEnabled"), "enabled" in kept) == (4, False)


def test_an_inventory_is_not_replaced() -> None:
    with pytest.raises(OssError, match="InventoryAlreadyExist"):
        put(put(BUCKET))


def test_storage_classes_of_an_inventory_are_kept_in_order() -> None:
    assert (
        "<StorageClass>IA,Standard</StorageClass>"
        in INVENTORY.of(put(BUCKET, Filter={"StorageClass": "Standard,IA"}))["daily"]
    )
