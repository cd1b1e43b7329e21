"""ALIYUN::OSS::Bucket.

Encryption, life-cycle rules, tags and versioning are the settings of OSS's API, checked as there; the embedded OSS does not
encipher.
Sources: ROS, "ALIYUN::OSS::Bucket"; ros-cdk-oss 1.15.0; OSS, the XML of PutBucketLifecycle, PutBucketEncryption,
PutBucketPublicAccessBlock, PutBucketTags, PutBucketCors, PutBucketLogging, PutBucketReferer and PutBucketResourceGroup;
PutBucketPolicy.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable, Mapping, Sequence

from defusedxml.ElementTree import fromstring

from localcloud.kernel.errors import ApiError
from localcloud.kernel.xml import render
from localcloud.oss.model import ACLS, Buckets
from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.calls import BlockingType, Given
from localcloud.ros.resources.declarations import STRING
from localcloud.ros.resources.provider import Context, Outcome, Property, Right
from localcloud.ros.resources.rights import on_bucket
from localcloud.ros.resources.websites import WEBSITE, website_in_oss

DAYS = Property(kind="integer", minimum=1)
EXPIRY = {"Days": DAYS, "CreatedBeforeDate": STRING}
RULE = {
    "ID": STRING,
    "Prefix": Property(kind="string", required=True),
    "Status": Property(kind="string", choices=("Enabled", "Disabled")),
    "Expiration": Property(kind="map", fields={**EXPIRY, "ExpiredObjectDeleteMarker": Property(kind="boolean")}),
    "AbortMultipartUpload": Property(kind="map", fields=EXPIRY),
    "Transition": Property(
        kind="list",
        minimum=1,
        maximum=10,
        items=Property(
            kind="map",
            fields={
                **EXPIRY,
                "StorageClass": Property(kind="string", choices=("IA", "Archive", "ColdArchive", "DeepColdArchive")),
                "IsAccessTime": Property(kind="boolean"),
                "ReturnToStdWhenVisit": Property(kind="boolean"),
                "AllowSmallFile": Property(kind="boolean"),
            },
        ),
    ),
    "Filter": Property(
        kind="map",
        fields={
            "Not": Property(
                kind="map", fields={"Prefix": STRING, "Tag": Property(kind="list", maximum=1, supported=())}
            )
        },
    ),
}


SETTINGS = {  # how a bucket's subresource is called in the actions that change it
    "lifecycle": "BucketLifecycle",
    "encryption": "BucketEncryption",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "cors": "BucketCors",
    "logging": "BucketLogging",
    "referer": "BucketReferer",
    "policy": "BucketPolicy",
    "website": "BucketWebsite",
    "resourceGroup": "BucketResourceGroup",
}
_NAMES = Property(kind="list", items=STRING)
CORS_RULE = {
    "AllowedMethod": _NAMES,
    "AllowedOrigin": _NAMES,
    "AllowedHeader": _NAMES,
    "ExposeHeader": _NAMES,
    "MaxAgeSeconds": Property(kind="integer"),
}
ANY_REFERER = {"AllowEmptyReferer": True, "RefererList": {"Referer": []}}  # what there is before one is set


class Bucket(BlockingType):
    """A bucket; its physical id is its name."""

    name = "ALIYUN::OSS::Bucket"
    returns: Sequence[str] = ("Name", "DomainName", "InternalDomainName", "Arn")
    properties: Mapping[str, Property] = {
        "BucketName": Property(kind="string", required=True, replaces=True, minimum=3, maximum=63),
        "AccessControl": Property(kind="string", choices=tuple(sorted(ACLS))),
        "BlockPublicAccess": Property(kind="boolean"),
        "DeletionForce": Property(kind="boolean"),
        "LifecycleConfiguration": Property(
            kind="map",
            fields={"Rule": Property(kind="list", required=True, items=Property(kind="map", fields=RULE))},
        ),
        "ServerSideEncryptionConfiguration": Property(
            kind="map",
            fields={
                "SSEAlgorithm": Property(kind="string", required=True, choices=("KMS", "AES256", "SM4")),
                "KMSMasterKeyID": STRING,
            },
        ),
        "StorageClass": Property(kind="string", replaces=True, choices=("Standard", "IA", "Archive", "ColdArchive")),
        "RedundancyType": Property(kind="string", replaces=True, choices=("LRS", "ZRS")),
        "ResourceGroupId": STRING,
        "Tags": Property(kind="map", maximum=20, items=STRING, inherits=True),
        "VersioningConfiguration": Property(
            kind="map",
            fields={"Status": Property(kind="string", required=True, choices=("Enabled", "Suspended"))},
        ),
        "CORSConfiguration": Property(
            kind="map",
            fields={
                "CORSRule": Property(kind="list", items=Property(kind="map", fields=CORS_RULE)),
                "ResponseVary": Property(kind="boolean"),
            },
        ),
        "EnableOssHdfsService": Property(kind="boolean", supported=()),
        "LoggingConfiguration": Property(kind="map", fields={"TargetBucket": STRING, "TargetPrefix": STRING}),
        "Policy": Property(kind="map"),
        "RefererConfiguration": Property(
            kind="map", fields={"AllowEmptyReferer": Property(kind="boolean"), "RefererList": _NAMES}
        ),
        "WebsiteConfigurationV2": WEBSITE,
    }

    def __init__(self, buckets: Buckets) -> None:
        self._buckets = buckets
        self._making = threading.Lock()  # from looking whether a bucket exists until it does

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return str(properties["BucketName"])

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        bucket = self.plan_id(context, after or before or {})
        if after is None:
            yield on_bucket(context, "DeleteBucket", bucket)
            if before and before.get("DeletionForce"):
                yield from self._rights_to_empty(context, bucket)
            return
        yield on_bucket(context, "PutBucket" if before is None else "GetBucketInfo", bucket)
        if _acl(after) != _acl(before or {}):
            yield on_bucket(context, "PutBucketAcl", bucket)
        for setting, document in _changes(before or {}, after).items():
            yield on_bucket(context, f"{'Put' if document else 'Delete'}{SETTINGS[setting]}", bucket)

    def _rights_to_empty(self, context: Context, bucket: str) -> Iterable[Right]:
        if not self.find(bucket):
            return
        versions = "Version" if "versioning" in self._buckets.get(bucket).settings else ""
        yield on_bucket(context, f"ListObject{versions}s", bucket)
        objects, uploads = self._buckets.contents(bucket)
        for key in objects:
            yield on_bucket(context, f"DeleteObject{versions}", bucket, key)
        for key in uploads:
            yield on_bucket(context, "AbortMultipartUpload", bucket, key)

    def find(self, physical_id: str) -> bool:
        """See `BlockingType`."""
        try:
            self._buckets.get(physical_id)
        except ApiError as error:
            if error.code == "NoSuchBucket":
                return False
            raise
        return True

    def rights_to_read(self, context: Context, physical_id: str) -> Iterable[Right]:
        """See `Detectable`."""
        yield on_bucket(context, "GetBucketInfo", physical_id)
        yield on_bucket(context, "GetBucketTagging", physical_id)

    def present(self, context: Context, physical_id: str, properties: Given) -> Given | None:
        """See `Detectable`. Rules of life cycle and encryption are not compared."""
        if not self.find(physical_id):
            return None
        bucket = self._buckets.get(physical_id)
        actual: dict[str, object] = {
            "BucketName": bucket.name,
            "AccessControl": bucket.acl,
            "StorageClass": bucket.storage_class,
            "Tags": {},
            "VersioningConfiguration": None,
        }
        if tagging := bucket.settings.get("tagging"):
            tags = fromstring(tagging).iter("Tag")
            actual["Tags"] = {each.findtext("Key", ""): each.findtext("Value", "") for each in tags}
        if versioning := bucket.settings.get("versioning"):
            actual["VersioningConfiguration"] = {"Status": fromstring(versioning).findtext("Status", "")}
        return actual

    def make(self, context: Context, properties: Given) -> Outcome:
        """See `BlockingType`."""
        name = properties["BucketName"]
        _check_public(properties)
        with self._making:
            if self.find(name):  # OSS would accept it from the owner, but this stack has not made it
                raise ResourceError(
                    f"BucketAlreadyExists: The requested bucket name is not available: {name}. "
                    "Please select a different name and try again."
                )
            self._buckets.create(
                name,
                acl=_acl(properties),
                storage_class=properties.get("StorageClass", "Standard"),
                redundancy=properties.get("RedundancyType", "LRS"),
            )
        try:
            self._set(name, properties, {})
        except BaseException:
            self._buckets.delete(name)
            raise
        return _outcome(context, name)

    def change(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `BlockingType`."""
        _check_public(properties)
        self._buckets.get(physical_id)  # it may be gone
        self._set(physical_id, properties, previous)  # first: a bucket that blocks public access takes no public ACL
        if _acl(properties) != _acl(previous):
            self._buckets.set_acl(physical_id, _acl(properties))
        return _outcome(context, physical_id)

    def _set(self, name: str, properties: Given, previous: Given) -> None:
        for setting, document in _changes(previous, properties).items():
            self._buckets.set_setting(name, setting, document)

    def drop(self, physical_id: str, properties: Given) -> None:
        """See `BlockingType`."""
        if self.find(physical_id):
            if properties.get("DeletionForce"):
                self._buckets.empty(physical_id)
            self._buckets.delete(physical_id)


def _acl(properties: Given) -> str:
    return str(properties.get("AccessControl", "private"))


def _check_public(properties: Given) -> None:
    if properties.get("BlockPublicAccess") and _acl(properties) != "private":
        raise ResourceError(
            f"AccessDenied: Put public bucket acl is not allowed: AccessControl is {_acl(properties)}, and BlockPublicAccess is "
            "true."
        )


def _outcome(context: Context, name: str) -> Outcome:
    region = context.region
    attributes = {
        "Name": name,
        "DomainName": f"{name}.oss-{region}.aliyuncs.com",
        "InternalDomainName": f"{name}.oss-{region}-internal.aliyuncs.com",
        "Arn": f"acs:oss:{region}:{context.account_id}:{name}",  # assumed
    }
    return Outcome(physical_id=name, attributes=attributes)


def _changes(before: Given, after: Given) -> dict[str, str | None]:
    """Return the documents that differ; None: it goes."""
    old, new = _settings(before), _settings(after)
    gone = {  # what stands for those that OSS cannot delete
        "versioning": _document("VersioningConfiguration", {"Status": "Suspended"}),
        "referer": _document("RefererConfiguration", ANY_REFERER),
        "resourceGroup": _resource_group("rg-default"),
    }
    return {name: document or gone.get(name) for name, document in new.items() if document != old[name]}


def _settings(properties: Given) -> dict[str, str | None]:
    """Return the documents of a bucket's subresources; None: there is none."""
    return {
        "lifecycle": _lifecycle(properties.get("LifecycleConfiguration")),
        "encryption": _encryption(properties.get("ServerSideEncryptionConfiguration")),
        "publicAccessBlock": _public_access_block(bool(properties.get("BlockPublicAccess"))),
        "tagging": _tagging(properties.get("Tags")),
        "versioning": _versioning(properties.get("VersioningConfiguration")),
        "cors": _cors(properties.get("CORSConfiguration")),
        "logging": _logging(properties.get("LoggingConfiguration")),
        "referer": _referer(properties.get("RefererConfiguration")),
        "policy": _policy(properties.get("Policy")),
        "website": _website(properties.get("WebsiteConfigurationV2")),
        "resourceGroup": _resource_group(properties.get("ResourceGroupId")),
    }


def _lifecycle(configuration: Given | None) -> str | None:
    if not configuration or not configuration["Rule"]:
        return None
    rules = [
        {"ID": f"rule-{number}", "Status": "Enabled", **rule} for number, rule in enumerate(configuration["Rule"], 1)
    ]
    return _document("LifecycleConfiguration", {"Rule": rules})


def _encryption(configuration: Given | None) -> str | None:
    if not configuration:
        return None
    return _document("ServerSideEncryptionRule", {"ApplyServerSideEncryptionByDefault": configuration})


def _public_access_block(blocked: bool) -> str | None:
    return _document("PublicAccessBlockConfiguration", {"BlockPublicAccess": True}) if blocked else None


def _tagging(tags: Given | None) -> str | None:
    if not tags:
        return None
    return _document("Tagging", {"TagSet": {"Tag": [{"Key": key, "Value": tags[key]} for key in sorted(tags)]}})


def _versioning(configuration: Given | None) -> str | None:
    return _document("VersioningConfiguration", configuration) if configuration else None


def _cors(configuration: Given | None) -> str | None:
    return _document("CORSConfiguration", configuration) if configuration and configuration.get("CORSRule") else None


def _logging(configuration: Given | None) -> str | None:
    if not configuration or not configuration.get("TargetBucket"):
        return None
    return _document("BucketLoggingStatus", {"LoggingEnabled": configuration})


def _referer(configuration: Given | None) -> str | None:
    if not configuration:
        return None
    listed = {"Referer": configuration.get("RefererList", [])}
    allows = configuration.get("AllowEmptyReferer", True)
    return _document("RefererConfiguration", {"AllowEmptyReferer": allows, "RefererList": listed})


def _policy(policy: Given | None) -> str | None:
    return json.dumps(policy, ensure_ascii=False, sort_keys=True) if policy else None


def _website(configuration: Given | None) -> str | None:
    return _document("WebsiteConfiguration", website_in_oss(configuration)) if configuration else None


def _resource_group(group: str | None) -> str | None:
    return _document("BucketResourceGroupConfiguration", {"ResourceGroupId": group}) if group else None


def _document(root: str, content: Given) -> str:
    return render(root, content).decode()
