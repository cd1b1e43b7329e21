"""Buckets: what exists afterwards, and that a failure leaves everything as it was."""

from __future__ import annotations

import asyncio
import errno
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from xml.etree import ElementTree

import pytest

from localcloud.oss.model import Bucket as OssBucket
from localcloud.oss.operations.buckets import BucketOperations
from localcloud.oss.settings.description import resource_group_of
from localcloud.oss.settings.redundancy import redundancy_of
from localcloud.oss.settings.website import site_of
from localcloud.oss.store.store import Store
from localcloud.ros.resources.oss import Bucket
from localcloud.ros.resources.provider import Outcome
from localcloud.ros.resources.schema import check_properties
from tests.support.resource_types import ACCOUNT, CONTEXT, Cloud, reason

BUCKET = {
    "BucketName": "photos",
    "AccessControl": "private",
    "BlockPublicAccess": True,
    "ServerSideEncryptionConfiguration": {"SSEAlgorithm": "AES256"},
    "LifecycleConfiguration": {
        "Rule": [
            {"ID": "uploads", "Prefix": "", "AbortMultipartUpload": {"Days": 1}},
            {"Prefix": "applib/<&>", "Status": "Disabled", "Expiration": {"Days": "30"}},
        ]
    },
    "Tags": {"b": "2", "a": 1},
}


def xml(document: str) -> dict[str, list[str | None]]:
    """Return the texts of a document's leaves, by name."""
    found: dict[str, list[str | None]] = {}
    for element in ElementTree.fromstring(document).iter():
        if not len(element):
            found.setdefault(element.tag, []).append(element.text)
    return found


def test_a_bucket_gets_all_its_settings(cloud: Cloud) -> None:
    outcome = cloud.create("OSS::Bucket", **BUCKET, StorageClass="IA")
    bucket = cloud.oss.buckets.get("photos")
    assert (bucket.acl, bucket.storage_class) == ("private", "IA")
    assert xml(bucket.settings["encryption"]) == {"SSEAlgorithm": ["AES256"]}
    assert xml(bucket.settings["publicAccessBlock"]) == {"BlockPublicAccess": ["true"]}
    assert xml(bucket.settings["tagging"]) == {"Key": ["a", "b"], "Value": ["1", "2"]}
    assert xml(bucket.settings["lifecycle"]) == {
        "ID": ["uploads", "rule-2"],
        "Prefix": [None, "applib/<&>"],
        "Status": ["Enabled", "Disabled"],
        "Days": ["1", "30"],
    }
    assert outcome.attributes == {
        "Name": "photos",
        "DomainName": "photos.oss-cn-hangzhou.aliyuncs.com",
        "InternalDomainName": "photos.oss-cn-hangzhou-internal.aliyuncs.com",
        "Arn": f"acs:oss:cn-hangzhou:{ACCOUNT}:photos",
    }


def test_a_bucket_has_its_redundancy_and_is_in_its_resource_group(cloud: Cloud) -> None:
    plain = {"BucketName": "photos", "RedundancyType": "ZRS"}
    grouped = {**plain, "ResourceGroupId": "rg-acfmwave"}
    cloud.create("OSS::Bucket", **grouped)
    bucket = cloud.oss.buckets.get("photos")
    assert redundancy_of(bucket, 0.0) == "ZRS"
    assert resource_group_of(bucket) == "rg-acfmwave"
    cloud.update("OSS::Bucket", grouped, plain)
    assert resource_group_of(cloud.oss.buckets.get("photos")) == "rg-default"
    assert "ResourceGroupId" in reason(cloud.update, "OSS::Bucket", plain, {**plain, "ResourceGroupId": "a group"})


def test_a_bucket_gets_rules_for_other_pages_and_a_place_for_its_logs(cloud: Cloud) -> None:
    cors = {
        "CORSRule": [{"AllowedOrigin": ["https://a.example"], "AllowedMethod": ["GET", "PUT"], "MaxAgeSeconds": "5"}]
    }
    plain = {"BucketName": "photos"}
    given = {
        **plain,
        "CORSConfiguration": {**cors, "ResponseVary": True},
        "LoggingConfiguration": {"TargetBucket": "photos", "TargetPrefix": "log/"},
        "RefererConfiguration": {"AllowEmptyReferer": False, "RefererList": ["https://a.example"]},
    }
    cloud.create("OSS::Bucket", **plain)
    cloud.update("OSS::Bucket", plain, given)
    settings = cloud.oss.buckets.get("photos").settings
    assert xml(settings["cors"])["AllowedMethod"] == ["GET", "PUT"]
    assert xml(settings["cors"])["ResponseVary"] == ["true"]
    assert xml(settings["logging"]) == {"TargetBucket": ["photos"], "TargetPrefix": ["log/"]}
    assert xml(settings["referer"])["AllowEmptyReferer"] == ["false"]
    cloud.update("OSS::Bucket", given, plain)
    settings = cloud.oss.buckets.get("photos").settings
    assert not {"cors", "logging"} & settings.keys()
    assert xml(settings["referer"])["AllowEmptyReferer"] == ["true"]


def test_a_bucket_gets_a_policy_and_a_website(cloud: Cloud) -> None:
    plain = {"BucketName": "photos"}
    statement = {
        "Effect": "Allow",
        "Action": ["oss:GetObject"],
        "Principal": ["*"],
        "Resource": ["acs:oss:*:*:photos/*"],
    }
    redirect = {"RedirectType": "External", "HostName": "a.example", "HttpRedirectCode": "302"}
    rule = {"RuleNumber": 1, "Condition": {"IncludeHeaders": [{"Key": "x", "Equals": "1"}]}, "Redirect": redirect}
    given = {
        **plain,
        "Policy": {"Version": "1", "Statement": [statement]},
        "WebsiteConfigurationV2": {"IndexDocument": {"Suffix": "index.html"}, "RoutingRules": [rule]},
    }
    cloud.create("OSS::Bucket", **given)
    bucket = cloud.oss.buckets.get("photos")
    assert json.loads(bucket.settings["policy"]) == given["Policy"]
    site = site_of(bucket)
    assert site is not None
    assert site.index_of("") == "index.html"
    assert site.rule("a", {"x": "1"}, None) is not None
    assert site.rule("a", {}, None) is None
    cloud.update("OSS::Bucket", given, plain)
    assert not {"policy", "website"} & cloud.oss.buckets.get("photos").settings.keys()


def test_a_bucket_with_versions_is_emptied_by_whoever_may_delete_them(cloud: Cloud) -> None:
    given = {"BucketName": "photos", "DeletionForce": True}
    for properties, action in (
        (given, "Object"),
        (given | {"VersioningConfiguration": {"Status": "Enabled"}}, "ObjectVersion"),
    ):
        cloud.create("OSS::Bucket", **properties)
        cloud.oss.objects.put("photos", "a", b"a")
        rights = {right.action for right in Bucket(cloud.oss.buckets).rights(CONTEXT, properties, None)}
        assert rights == {"oss:DeleteBucket", f"oss:List{action}s", f"oss:Delete{action}"}
        cloud.oss.buckets.empty("photos")
        cloud.delete("OSS::Bucket", **{**properties, "DeletionForce": False})


def test_a_bucket_keeps_versions_in_any_storage_class_and_never_turns_them_off(cloud: Cloud) -> None:
    given = {"BucketName": "photos", "StorageClass": "ColdArchive"}
    versioned = {**given, "VersioningConfiguration": {"Status": "Enabled"}}
    cloud.create("OSS::Bucket", **versioned)
    bucket = cloud.oss.buckets.get("photos")
    assert (bucket.storage_class, xml(bucket.settings["versioning"])) == ("ColdArchive", {"Status": ["Enabled"]})
    cloud.update("OSS::Bucket", versioned, given)
    assert xml(cloud.oss.buckets.get("photos").settings["versioning"]) == {"Status": ["Suspended"]}


def test_a_bucket_that_holds_objects_is_deleted_by_force_alone(cloud: Cloud) -> None:
    cloud.create("OSS::Bucket", **BUCKET)
    cloud.oss.objects.put("photos", "a", b"a")
    cloud.oss.uploads.begin("photos", "b")
    assert reason(cloud.delete, "OSS::Bucket", **BUCKET).startswith("BucketNotEmpty: ")
    assert cloud.oss.objects.read("photos", "a") == b"a"
    cloud.delete("OSS::Bucket", **BUCKET, DeletionForce=True)
    assert cloud.oss.buckets.all() == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"BucketName": "-photos"}, "InvalidBucketName: "),
        ({"BlockPublicAccess": True, "AccessControl": "public-read"}, "AccessDenied: Put public bucket acl"),
        ({"Policy": {"Version": "1"}}, "InvalidPolicyDocument: "),
        ({"WebsiteConfigurationV2": {"IndexDocument": {"Suffix": "a/b"}}}, "InvalidArgument: "),
        ({"CORSConfiguration": {"CORSRule": [{"AllowedOrigin": ["*"]}]}}, "MalformedXML: "),
        ({"LoggingConfiguration": {"TargetBucket": "none"}}, "InvalidTargetBucketForLogging: "),
        ({"LifecycleConfiguration": {"Rule": [{}]}}, r"Property LifecycleConfiguration.Rule[0].Prefix: required"),
        (
            {"ServerSideEncryptionConfiguration": {"SSEAlgorithm": "ROT13"}},
            "Property ServerSideEncryptionConfiguration.",
        ),
    ],
)
def test_a_bucket_that_is_refused_is_not_there(cloud: Cloud, given: dict[str, object], expected: str) -> None:
    assert reason(cloud.create, "OSS::Bucket", **{"BucketName": "photos", **given}).startswith(expected)
    assert cloud.oss.buckets.all() == []


def test_a_bucket_that_stops_to_block_public_access_becomes_public_in_one_update(cloud: Cloud) -> None:
    cloud.create("OSS::Bucket", **BUCKET)
    cloud.update("OSS::Bucket", BUCKET, {**BUCKET, "BlockPublicAccess": False, "AccessControl": "public-read"})
    assert cloud.oss.buckets.get("photos").acl == "public-read"


def test_a_refused_update_leaves_the_bucket_as_it_was(cloud: Cloud) -> None:
    cloud.create("OSS::Bucket", **BUCKET)
    before = cloud.oss.buckets.get("photos")
    assert reason(cloud.update, "OSS::Bucket", BUCKET, {**BUCKET, "AccessControl": "public-read", "Tags": {}})
    assert cloud.oss.buckets.get("photos") == before


class Hesitant(BucketOperations):
    """An OSS that is slow to create a bucket: in the meantime someone else may have looked whether it exists."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, account_id=ACCOUNT, region="cn-hangzhou", clock=lambda: 0.0)
        self.looks = threading.Semaphore(0)

    def get(self, name: str) -> OssBucket:
        self.looks.release()
        return super().get(name)

    def create(
        self,
        name: str,
        *,
        acl: str | None = None,
        storage_class: str | None = None,
        redundancy: str = "LRS",
        encryption: Mapping[str, str] | None = None,
        region: str | None = None,
    ) -> OssBucket:
        self.looks.acquire()  # one's own
        self.looks.acquire(timeout=0.5)  # another's
        return super().create(
            name, acl=acl, storage_class=storage_class, redundancy=redundancy, encryption=encryption, region=region
        )


def test_of_two_that_make_the_same_bucket_at_once_one_succeeds(tmp_path: Path) -> None:
    store = Store(tmp_path, ACCOUNT, "cn-hangzhou")
    kind = Bucket(Hesitant(store))

    async def race() -> list[Outcome | BaseException]:
        both = (kind.create(CONTEXT, {"BucketName": "photos"}) for _ in range(2))
        return await asyncio.gather(*both, return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in asyncio.run(race())) == ["Outcome", "ResourceError"]
    store.close()


class FullDisk(BucketOperations):
    """An OSS that cannot write settings."""

    def set_setting(self, name: str, setting: str, document: str | None) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_bucket_whose_settings_cannot_be_written_is_not_there(tmp_path: Path) -> None:
    store = Store(tmp_path, ACCOUNT, "cn-hangzhou")
    kind = Bucket(FullDisk(store, account_id=ACCOUNT, region="cn-hangzhou", clock=lambda: 0.0))
    with pytest.raises(OSError, match="No space left"):
        asyncio.run(kind.create(CONTEXT, check_properties(kind.properties, BUCKET)))
    assert store.buckets.all() == []
    store.close()
