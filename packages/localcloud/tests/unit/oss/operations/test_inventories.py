"""Inventories: which lists are made, and what they hold."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from localcloud.kernel.xml import render
from localcloud.oss.errors import OssError
from localcloud.oss.model import Attributes, Bucket, Storage
from localcloud.oss.operations.service import OssService
from localcloud.oss.settings.collection import INVENTORY
from localcloud.oss.settings.tags import read_tagging_header
from tests.support.clock import Clock

DAY = 86_400.0
ROLE = "acs:ram::1111111111111111:role/oss"


@pytest.fixture
def refused() -> list[str]:
    """The roles that may not write."""
    return []


@pytest.fixture
def service(tmp_path: Path, clock: Clock, refused: list[str]) -> Iterator[OssService]:
    """A service with the buckets `kept` and `target`."""

    def check(role: str, bucket: Bucket, key: str) -> None:
        if role in refused:
            raise OssError("AccessDenied", f"not {key} in {bucket.name}")

    service = OssService(tmp_path, account_id="1111111111111111", region="cn-hangzhou", clock=clock, check_writer=check)
    service.buckets.create("kept")
    service.buckets.create("target")
    yield service
    service.close()


def order(service: OssService, name: str = "daily", /, prefix: str = "lists", **elements: object) -> None:
    """Put an inventory; elements replace those that it has otherwise."""
    destination = {
        "Format": "CSV",
        "AccountId": "1111111111111111",
        "RoleArn": ROLE,
        "Bucket": "acs:oss:::target",
        "Prefix": prefix,
    }
    document = {
        "Id": name,
        "IsEnabled": True,
        "Destination": {"OSSBucketDestination": destination},
        "Schedule": {"Frequency": "Daily"},
        "IncludedObjectVersions": "Current",
        **elements,
    }
    body = render(INVENTORY.root, document)
    place = INVENTORY.read(body, name, 0.0, find_bucket=service.buckets.find, pass_role=lambda _: None)
    service.buckets.change_setting("kept", INVENTORY.key(name), place)


def lists(service: OssService) -> list[str]:
    keys = [item.key for item in service.objects.page("target", limit=1000).entries]
    return [key for key in keys if key.endswith("/manifest.json")]


def rows(service: OssService) -> tuple[dict[str, Any], list[list[str]]]:
    """Return the manifest of the only list, and its rows."""
    (key,) = lists(service)
    document = service.objects.read("target", key)
    checksum = service.objects.read("target", key.replace(".json", ".checksum"))
    assert checksum.decode() == hashlib.md5(document).hexdigest().upper()
    manifest = json.loads(document)
    (file,) = manifest["files"]
    packed = service.objects.read("target", file["key"])
    assert (len(packed), hashlib.md5(packed).hexdigest().upper()) == (file["size"], file["MD5checksum"])
    lines = gzip.decompress(packed).decode().splitlines()
    return manifest, [[field.strip('"') for field in line.split(",")] for line in lines]


def test_a_list_lies_where_the_documents_say_and_its_manifest_tells_of_it(service: OssService, clock: Clock) -> None:
    clock.now = 1_589_731_200.0  # 2020-05-17T16:00:00Z
    service.objects.put("kept", "a/ü b", b"12345")
    order(service, OptionalFields={"Field": ["ETag", "Size"]})
    assert service.inventories.make() == 1
    assert lists(service) == ["lists/kept/daily/2020-05-17T16-00Z/manifest.json"]
    manifest, found = rows(service)
    (file,) = manifest.pop("files")
    assert file["key"].startswith("lists/kept/daily/data/")
    assert file["key"].endswith(".csv.gz")
    assert manifest == {
        "creationTimestamp": "1589731200",
        "destinationBucket": "target",
        "fileFormat": "CSV",
        "fileSchema": "Bucket, Key, Size, ETag",
        "sourceBucket": "kept",
        "version": "2019-09-01",
    }
    assert found == [["kept", "a%2F%C3%BC%20b", "5", "827CCB0EEA8A706C4C34A16891F84E7B"]]


def test_every_field_is_told(service: OssService, clock: Clock) -> None:
    clock.now = 1_589_731_200.0
    storage = Storage(storage_class="IA", encryption={"x-oss-server-side-encryption": "AES256"})
    attributes = Attributes(acl="public-read", tagging=read_tagging_header("a=1&b=2"), storage=storage)
    item = service.objects.put("kept", "a", b"1", attributes)
    chosen = ["Size", "LastModifiedDate", "ETag", "StorageClass", "IsMultipartUploaded", "EncryptionStatus"]
    chosen += ["ObjectAcl", "TaggingCount", "ObjectType", "Crc64", "TransitionTime"]
    order(service, OptionalFields={"Field": chosen})
    service.inventories.make()
    manifest, found = rows(service)
    assert dict(zip(manifest["fileSchema"].split(", "), found[0], strict=True)) == {
        "Bucket": "kept",
        "Key": "a",
        "Size": "1",
        "StorageClass": "IA",
        "LastModifiedDate": "2020-05-17T16:00:00.000Z",
        "ETag": item.etag,
        "IsMultipartUploaded": "false",
        "EncryptionStatus": "true",
        "ObjectAcl": "public-read",
        "TaggingCount": "2",
        "ObjectType": "Normal",
        "Crc64": str(item.crc64),
        "TransitionTime": "",
    }


def test_all_versions_are_listed_or_the_current_ones(service: OssService) -> None:
    enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>"
    service.buckets.set_setting("kept", "versioning", enabled)
    first = service.objects.put("kept", "a", b"1").version
    second = service.objects.put("kept", "a", b"22").version
    hidden = service.objects.put("kept", "b", b"1").version
    marker = service.objects.delete("kept", "b").marker
    order(service, IncludedObjectVersions="All", OptionalFields={"Field": "Size"})
    service.inventories.make()
    manifest, found = rows(service)
    assert manifest["fileSchema"] == "Bucket, Key, VersionId, IsLatest, IsDeleteMarker, Size"
    assert found == [
        ["kept", "a", second, "true", "false", "2"],
        ["kept", "a", first, "false", "false", "1"],
        ["kept", "b", marker, "true", "true", ""],
        ["kept", "b", hidden, "false", "false", "1"],
    ]
    service.buckets.empty("target")
    order(service, "current")
    service.inventories.make()
    assert rows(service)[1] == [["kept", "a"]]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"Prefix": "a/"}, ["a%2F1"]),
        ({"LowerSizeBound": 3}, ["b"]),
        ({"UpperSizeBound": 2}, ["a%2F1", "c"]),
        ({"LastModifyBeginTimeStamp": 2_000_000_000}, ["c"]),
        ({"LastModifyEndTimeStamp": 1_900_000_000}, ["a%2F1", "b"]),
        ({"StorageClass": "IA,Archive"}, ["b"]),
        ({"StorageClass": "All"}, ["a%2F1", "b", "c"]),
    ],
)
def test_a_filter_says_what_is_listed(
    service: OssService, clock: Clock, filters: dict[str, object], expected: list[str]
) -> None:
    clock.now = 1_800_000_000.0
    service.objects.put("kept", "a/1", b"1")
    service.objects.put("kept", "b", b"333", Attributes(storage=Storage(storage_class="IA")))
    clock.now = 2_000_000_000.0
    service.objects.put("kept", "c", b"22")
    order(service, Filter=filters)
    service.inventories.make()
    assert [row[1] for row in rows(service)[1]] == expected


def test_lists_are_made_daily_or_weekly(service: OssService, clock: Clock) -> None:
    clock.now = 1_589_731_200.0
    order(service)
    order(service, "weekly", Schedule={"Frequency": "Weekly"})
    assert service.inventories.make() == 2
    assert service.inventories.make(clock.now + 7 * 3600) == 0
    assert service.inventories.make(clock.now + 8 * 3600) == 1  # the next day in UTC
    assert [service.inventories.make(clock.now + days * DAY) for days in (1, 2, 6, 7)] == [0, 1, 1, 2]


def test_another_inventory_of_the_name_begins_anew(service: OssService, clock: Clock) -> None:
    order(service)
    assert service.inventories.make() == 1
    service.buckets.change_setting("kept", INVENTORY.key("daily"), lambda _: None)
    assert service.inventories.make() == 0
    order(service, prefix="")
    assert service.inventories.make() == 1
    assert sorted(key.partition("/")[0] for key in lists(service)) == ["kept", "lists"]


def test_one_that_is_not_enabled_or_of_another_format_makes_no_list(service: OssService) -> None:
    order(service, IsEnabled=False)
    assert service.inventories.make() == 0


def test_the_role_has_to_be_allowed_each_time(
    service: OssService, refused: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    refused.append(ROLE)
    order(service)
    assert service.inventories.make() == 0
    assert "the inventory daily of kept makes no list: not lists/kept/daily/ in target" in caplog.text
    assert service.objects.page("target").entries == ()
    refused.clear()
    assert service.inventories.make() == 1


def test_a_target_that_has_gone_makes_no_list(service: OssService, caplog: pytest.LogCaptureFixture) -> None:
    order(service)
    service.buckets.delete("target")
    assert service.inventories.make() == 0
    assert "does not exist" in caplog.text


def test_a_list_is_given_up_when_the_cloud_ends(service: OssService, clock: Clock) -> None:
    service.objects.put("kept", "a", b"1")
    order(service)
    service.inventories.end()
    assert service.inventories.make() == 0
    assert service.objects.page("target").entries == ()


def test_lists_are_encrypted_as_the_inventory_says(service: OssService) -> None:
    destination = {
        "Format": "CSV",
        "AccountId": "1111111111111111",
        "RoleArn": ROLE,
        "Bucket": "acs:oss:::target",
        "Encryption": {"SSE-OSS": ""},
    }
    order(service, Destination={"OSSBucketDestination": destination})
    service.inventories.make()
    assert {
        item.attributes.storage.encryption["x-oss-server-side-encryption"]
        for item in service.objects.page("target").entries
    } == {"AES256"}
