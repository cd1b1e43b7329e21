"""Access logs and inventories: the official Python SDK asks for them, and reads them in the target bucket."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import oss2
import oss2.models
import pytest
import requests

from tests.support.cloud import Cloud
from tests.support.roles import make_service_role, make_user

FIELD = re.compile(r'"[^"]*"|\[[^]]*\]|\S+')


@pytest.fixture
def bucket(cloud: Cloud) -> oss2.Bucket:
    bucket = cloud.bucket("src-" + uuid.uuid4().hex[:12])
    bucket.create_bucket()
    return bucket


@pytest.fixture
def target(cloud: Cloud) -> oss2.Bucket:
    bucket = cloud.bucket("dst-" + uuid.uuid4().hex[:12])
    bucket.create_bucket()
    return bucket


def run(cloud: Cloud, what: str, days: float = 0.0) -> int:
    """Have the cloud do what it does by itself, as if it were some days later."""
    answer = requests.post(
        f"{cloud.endpoints['oss']}/-/localcloud/{what}",
        json={"time": time.time() + days * 86_400},
        headers={"Authorization": f"Bearer {cloud.access_key_secret}"},
        timeout=30,
    )
    answer.raise_for_status()
    written: int = answer.json()["written"]
    return written


def test_access_logs_are_written_to_the_target_bucket(bucket: oss2.Bucket, target: oss2.Bucket, cloud: Cloud) -> None:
    bucket.put_bucket_logging(oss2.models.BucketLogging(target.bucket_name, "logs/"))
    bucket.put_object("folder/a b.txt", b"hello")
    request_id = bucket.get_object("folder/a b.txt", byte_range=(0, 1)).request_id
    with pytest.raises(oss2.exceptions.NoSuchKey):
        bucket.get_object("none")
    url = f"{cloud.endpoints['oss']}/{bucket.bucket_name}/folder/a%20b.txt?x-user=admin"
    agent = {"User-Agent": "browser", "Referer": "http://example.com/"}
    assert requests.get(url, headers=agent, timeout=10).status_code == 403
    list(oss2.ObjectIterator(bucket))
    run(cloud, "logging", 0.05)
    keys = [item.key for item in oss2.ObjectIterator(target, prefix="logs/")]
    assert all(re.fullmatch(rf"logs/{bucket.bucket_name}\d{{4}}(-\d\d){{5}}-\w+", key) for key in keys)
    lines = [line for key in keys for line in target.get_object(key).read().decode().splitlines()]
    entries = [[field.strip('"') for field in FIELD.findall(line)] for line in lines]
    entries.sort(key=lambda entry: entry[3])  # an hour may have ended meanwhile
    assert [(entry[14], entry[16], entry[5], entry[19]) for entry in entries] == [
        ("PutBucketLog", "-", "200", "-"),
        ("PutObject", "/folder/a%20b.txt", "200", "-"),
        ("GetObject", "/folder/a%20b.txt", "206", "-"),
        ("GetObject", "/none", "404", "NoSuchKey"),
        ("GetObject", "/folder/a%20b.txt", "403", "AccessDenied"),
        ("ListObjects", "-", "200", "-"),
    ]
    _, put, get, _, denied, _ = entries
    assert (put[17], get[6], get[17], get[11], get[24]) == ("5", "2", "5", request_id, "Standard")
    assert (get[13], get[21], get[27]) == (cloud.account_id, cloud.account_id, cloud.access_key_id)
    assert (denied[8], denied[9], denied[13], denied[4]) == (
        "http://example.com/",
        "browser",
        "-",
        f"GET /{bucket.bucket_name}/folder/a%20b.txt?x-user=admin HTTP/1.1",
    )
    moment = time.strptime(get[3], "[%d/%b/%Y:%H:%M:%S +0800]")
    assert abs(time.mktime(moment) - time.mktime(time.gmtime(time.time() + 8 * 3600))) < 60
    bucket.delete_bucket_logging()
    bucket.get_object("folder/a b.txt")
    assert run(cloud, "logging", 0.05) == 0


def inventory(target: oss2.Bucket, cloud: Cloud, role: str) -> oss2.models.InventoryConfiguration:
    destination = oss2.models.InventoryBucketDestination(
        account_id=cloud.account_id, role_arn=role, bucket=target.bucket_name, inventory_format="CSV", prefix="lists"
    )
    return oss2.models.InventoryConfiguration(
        inventory_id="daily",
        is_enabled=True,
        inventory_schedule=oss2.models.InventorySchedule(frequency="Daily"),
        included_object_versions="Current",
        inventory_filter=oss2.models.InventoryFilter("data/"),
        optional_fields=["Size", "ETag", "StorageClass"],
        inventory_destination=oss2.models.InventoryDestination(bucket_destination=destination),
    )


def test_inventories_are_written_daily_as_their_role(bucket: oss2.Bucket, target: oss2.Bucket, cloud: Cloud) -> None:
    write = {"Effect": "Allow", "Action": "oss:PutObject", "Resource": f"acs:oss:*:*:{target.bucket_name}/lists/*"}
    bucket.put_object("data/a b", b"12345")
    bucket.put_object("other", b"1")
    for role in (
        make_service_role(cloud, "fc", write),  # not OSS's
        make_service_role(cloud, "oss", {**write, "Resource": f"acs:oss:*:*:{target.bucket_name}/other/*"}),
        f"acs:ram::{cloud.account_id}:role/none",
    ):
        bucket.put_bucket_inventory_configuration(inventory(target, cloud, role))
        assert run(cloud, "inventory") == 0
        bucket.delete_bucket_inventory_configuration("daily")
    bucket.put_bucket_inventory_configuration(inventory(target, cloud, make_service_role(cloud, "oss", write)))
    assert [run(cloud, "inventory", days) for days in (0, 0.0001, 1)] == [1, 0, 1]
    keys = [item.key for item in oss2.ObjectIterator(target)]
    begin = f"lists/{bucket.bucket_name}/daily"
    manifests = [key for key in keys if key.endswith("/manifest.json")]
    assert len(manifests) == 2
    assert re.fullmatch(rf"{begin}/\d{{4}}-\d\d-\d\dT\d\d-\d\dZ/manifest.json", manifests[0])
    document = target.get_object(manifests[0]).read()
    checksum = target.get_object(manifests[0].replace(".json", ".checksum")).read().decode()
    assert checksum == hashlib.md5(document).hexdigest().upper()
    manifest = json.loads(document)
    assert manifest["fileSchema"] == "Bucket, Key, Size, StorageClass, ETag"
    (file,) = manifest["files"]
    assert file["key"].startswith(f"{begin}/data/")
    packed = target.get_object(file["key"]).read()
    assert hashlib.md5(packed).hexdigest().upper() == file["MD5checksum"]
    assert gzip.decompress(packed).decode() == (
        f'"{bucket.bucket_name}","data%2Fa%20b","5","Standard","827CCB0EEA8A706C4C34A16891F84E7B"\n'
    )


def test_who_names_a_role_needs_to_pass_it(bucket: oss2.Bucket, target: oss2.Bucket, cloud: Cloud) -> None:
    role = f"acs:ram::{cloud.account_id}:role/any"
    own = {"Effect": "Allow", "Action": "oss:PutBucketInventory", "Resource": "*"}
    service = {"StringEquals": {"acs:Service": "oss.aliyuncs.com"}}
    may_pass = {"Effect": "Allow", "Action": "ram:PassRole", "Resource": role, "Condition": service}
    for key in (make_user(cloud, own), make_user(cloud, own, {**may_pass, "Resource": role + "thing"})):
        with pytest.raises(oss2.exceptions.AccessDenied):
            cloud.bucket(bucket.bucket_name, key).put_bucket_inventory_configuration(inventory(target, cloud, role))
    passing = cloud.bucket(bucket.bucket_name, make_user(cloud, own, may_pass))
    passing.put_bucket_inventory_configuration(inventory(target, cloud, role))


def test_logs_and_inventories_come_by_the_clock(start_cloud: Callable[..., Cloud], tmp_path: Path) -> None:
    cloud = start_cloud(tmp_path)
    bucket, target = cloud.bucket("source-bucket"), cloud.bucket("target-bucket")
    for each in (bucket, target):
        each.create_bucket()
    bucket.put_bucket_logging(oss2.models.BucketLogging("target-bucket", "logs/"))
    role = make_service_role(cloud, "oss", {"Effect": "Allow", "Action": "oss:PutObject", "Resource": "*"})
    bucket.put_bucket_inventory_configuration(inventory(target, cloud, role))
    answer = requests.post(
        f"{cloud.endpoints['oss']}/-/localcloud/clock",
        json={"advance": 3600},
        headers={"Authorization": f"Bearer {cloud.access_key_secret}"},
        timeout=10,
    )
    answer.raise_for_status()
    deadline = time.monotonic() + 20
    wanted = {"logs", "lists"}
    while {item.key.partition("/")[0] for item in oss2.ObjectIterator(target)} != wanted:
        assert time.monotonic() < deadline, "the clock brings no logs, or no lists"
        time.sleep(0.1)
