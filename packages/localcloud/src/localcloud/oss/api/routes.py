"""The routes of OSS: which operation a request asks for.

A request names a bucket, an object or neither; its method and the first subresource in its query select the operation.
"""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.oss.api import (
    accesspoints,
    account,
    acls,
    appends,
    bucket_tags,
    buckets,
    cnames,
    copies,
    cors,
    fetches,
    forms,
    live,
    metaquery,
    objects,
    objectworm,
    policies,
    processing,
    redundancy,
    refused,
    replication,
    restores,
    site,
    symlinks,
    tagging,
    uploads,
    versions,
    worm,
)
from localcloud.oss.api.call import RIGHTS_BY_HEADER, Operation
from localcloud.oss.api.collections import delete_item, get_items, put_item
from localcloud.oss.api.empty import empty
from localcloud.oss.api.settings import delete_setting, get_setting, put_setting
from localcloud.oss.api.url import ResourceUrl
from localcloud.oss.errors import OssError, not_allowed
from localcloud.oss.settings import SETTINGS
from localcloud.oss.settings.collection import COLLECTIONS
from localcloud.oss.signing.v1 import SUBRESOURCES

_ACL = {"x-oss-object-acl": "PutObjectAcl"}
_COPY_OBJECT = Operation(copies.copy_object, "PutObject", header_actions=RIGHTS_BY_HEADER)
_DELETE_OBJECT = Operation(objects.delete_object, "DeleteObject", by_acl=True, versions=True)
_COPY_PART = Operation(copies.copy_part, "PutObject")

# (method, level) -> the subresource in the query that selects an operation, the first that is there; "" for none
OPERATIONS: Mapping[tuple[str, str], Mapping[str, Operation]] = {
    ("GET", "service"): {
        "regions": Operation(account.describe_regions, "DescribeRegions"),
        "qosInfo": Operation(account.account_quality, "GetUserQosInfo"),
        "publicAccessBlock": Operation(account.get_public_access_block, "GetPublicAccessBlock"),
        "accessPoint": Operation(accesspoints.list_all_points, "ListAccessPoints"),
        "accessPointForObjectProcess": Operation(
            empty("ListAccessPointsForObjectProcessResult", {"IsTruncated": False, "AccountId": ""}),
            "ListAccessPointsForObjectProcess",
        ),
        "redundancyTransition": Operation(redundancy.list_all, "ListUserDataRedundancyTransition"),
        "cloudboxes": Operation(
            empty("ListCloudBoxResult", {"IsTruncated": False, "CloudBoxes": ""}), "ListCloudBoxes"
        ),
        "": Operation(buckets.list_buckets, "ListBuckets"),
    },
    ("PUT", "service"): {"publicAccessBlock": Operation(account.put_public_access_block, "PutPublicAccessBlock")},
    ("DELETE", "service"): {
        "publicAccessBlock": Operation(account.delete_public_access_block, "DeletePublicAccessBlock")
    },
    ("POST", "service"): {"dataPipeline": Operation(refused.run_pipeline, "DoDataPipelineAction")},
    ("PUT", "bucket"): {
        "acl": Operation(acls.put_bucket_acl, "PutBucketAcl"),
        "policy": Operation(policies.put_policy, "PutBucketPolicy"),
        "objectWorm": Operation(objectworm.put_configuration, "PutBucketObjectWormConfiguration"),
        "accessPoint": Operation(accesspoints.create_point, "CreateAccessPoint"),
        accesspoints.NAME: Operation(accesspoints.put_block, "PutAccessPointPublicAccessBlock"),
        "accessPointPolicy": Operation(accesspoints.put_point_policy, "PutAccessPointPolicy"),
        "rtc": Operation(replication.control_time, "PutBucketRtc"),
        **{each.parameter: Operation(put_setting(each), f"Put{each.action}") for each in SETTINGS},
        **{each.parameter: Operation(put_item(each), f"Put{each.action}") for each in COLLECTIONS},
        "": Operation(
            buckets.put_bucket,
            "PutBucket",
            header_actions={
                "x-oss-acl": "PutBucketAcl",
                "x-oss-server-side-encryption": "PutBucketEncryption",
                "x-oss-resource-group-id": "PutBucketResourceGroup",
            },
        ),
    },
    ("OPTIONS", "bucket"): {"": Operation(cors.preflight, None)},
    ("OPTIONS", "object"): {"": Operation(cors.preflight, None)},
    ("GET", "bucket"): {
        "acl": Operation(acls.get_bucket_acl, "GetBucketAcl"),
        "bucketInfo": Operation(buckets.bucket_info, "GetBucketInfo"),
        "location": Operation(buckets.bucket_location, "GetBucketLocation"),
        "stat": Operation(buckets.bucket_stat, "GetBucketStat"),
        "uploads": Operation(uploads.list_uploads, "ListMultipartUploads"),
        "versions": Operation(versions.list_versions, "ListObjectVersions"),
        "policy": Operation(policies.get_policy, "GetBucketPolicy"),
        "metaQuery": Operation(metaquery.status, "GetMetaQueryStatus"),
        "policyStatus": Operation(policies.bucket_policy_status, "GetBucketPolicyStatus"),
        "worm": Operation(worm.get_worm, "GetBucketWorm"),
        "objectWorm": Operation(objectworm.get_configuration, "GetBucketObjectWormConfiguration"),
        "comp": Operation(cnames.get_cname_token, "GetCnameToken"),
        "asyncFetch": Operation(fetches.get_task, "GetAsyncFetchTask"),
        "cname": Operation(cnames.get_cnames, "ListCname"),
        "live": Operation(live.list_channels, "ListLiveChannel"),
        "accessPoint": Operation(accesspoints.get_points, None),
        accesspoints.NAME: Operation(accesspoints.get_block, "GetAccessPointPublicAccessBlock"),
        "accessPointPolicy": Operation(accesspoints.get_point_policy, "GetAccessPointPolicy"),
        "redundancyTransition": Operation(redundancy.tell, None),
        "replication": Operation(replication.get_rules, "GetBucketReplication"),
        "replicationLocation": Operation(replication.get_locations, "GetBucketReplicationLocation"),
        "replicationProgress": Operation(replication.get_progress, "GetBucketReplicationProgress"),
        **{each.parameter: Operation(get_setting(each), f"Get{each.action}") for each in SETTINGS},
        **{each.parameter: Operation(get_items(each), None) for each in COLLECTIONS},
        "": Operation(site.get_root, None),
    },
    ("HEAD", "bucket"): {"": Operation(buckets.head_bucket, "GetBucketAcl")},
    ("DELETE", "bucket"): {
        "redundancyTransition": Operation(redundancy.end, "DeleteBucketDataRedundancyTransition"),
        "policy": Operation(policies.delete_policy, "DeleteBucketPolicy"),
        "accessPoint": Operation(accesspoints.delete_point, "DeleteAccessPoint"),
        accesspoints.NAME: Operation(accesspoints.delete_block, "DeleteAccessPointPublicAccessBlock"),
        "accessPointPolicy": Operation(accesspoints.delete_point_policy, "DeleteAccessPointPolicy"),
        "worm": Operation(worm.abort_worm, "AbortBucketWorm"),
        **{
            each.parameter: Operation(delete_setting(each), f"Delete{each.action}")
            for each in SETTINGS
            if each.deletable
        },
        **{each.parameter: Operation(delete_item(each), f"Delete{each.action}") for each in COLLECTIONS},
        "tagging": Operation(bucket_tags.delete_bucket_tags, "DeleteBucketTagging"),
        "": Operation(buckets.delete_bucket, "DeleteBucket"),
    },
    ("POST", "bucket"): {
        "": Operation(forms.post_object, None, streams=True),
        "delete": Operation(objects.delete_objects, None),
        "metaQuery": Operation(metaquery.change, None),
        "asyncFetch": Operation(fetches.put_task, "PutAsyncFetchTask"),
        "worm": Operation(worm.initiate_worm, "InitiateBucketWorm"),
        "redundancyTransition": Operation(redundancy.begin, "CreateBucketDataRedundancyTransition"),
        "replication": Operation(replication.change, None),
        "wormExtend": Operation(worm.extend_worm, "ExtendBucketWorm"),
        "wormId": Operation(worm.complete_worm, "CompleteBucketWorm"),
        "cname": Operation(cnames.change_cname, None),
    },
    ("PUT", "object"): {
        "live": Operation(live.put_channel, None),
        "acl": Operation(acls.put_object_acl, "PutObjectAcl", versions=True),
        "symlink": Operation(symlinks.put_symlink, "PutObject", header_actions=RIGHTS_BY_HEADER),
        "tagging": Operation(tagging.put_object_tagging, "PutObjectTagging", versions=True),
        "retention": Operation(objectworm.put_retention, "PutObjectRetention", versions=True),
        "legalHold": Operation(objectworm.put_legal_hold, "PutObjectLegalHold", versions=True),
        "uploadId": Operation(uploads.put_part, "PutObject", streams=True, copy=_COPY_PART),
        "partNumber": Operation(refused.put_stray_part, "PutObject", streams=True),
        "x-oss-process": Operation(refused.put_processed, "PutObject", streams=True),
        "": Operation(
            objects.put_object,
            "PutObject",
            by_acl=True,
            header_actions=RIGHTS_BY_HEADER,
            streams=True,
            copy=_COPY_OBJECT,
        ),
    },
    ("GET", "object"): {
        "live": Operation(live.get_channel, None),
        "vod": Operation(live.make_playlist, "GetVodPlaylist"),
        "acl": Operation(acls.get_object_acl, "GetObjectAcl", versions=True),
        "symlink": Operation(symlinks.get_symlink, "GetObject", versions=True),
        "tagging": Operation(tagging.get_object_tagging, "GetObjectTagging", versions=True),
        "retention": Operation(objectworm.get_retention, "GetObjectRetention", versions=True),
        "legalHold": Operation(objectworm.get_legal_hold, "GetObjectLegalHold", versions=True),
        "uploadId": Operation(uploads.list_parts, "ListParts"),
        "objectMeta": Operation(objects.object_meta, "GetObject", by_acl=True, versions=True),
        "x-oss-process": Operation(processing.get_processed, None, versions=None),
        "": Operation(site.get_page, None, versions=True),
    },
    ("HEAD", "object"): {
        "objectMeta": Operation(objects.object_meta, "GetObject", by_acl=True, versions=True),
        "": Operation(site.get_page, None, versions=True),
    },
    ("DELETE", "object"): {
        "live": Operation(live.delete_channel, "DeleteLiveChannel"),
        "tagging": Operation(tagging.delete_object_tagging, "DeleteObjectTagging", versions=True),
        "uploadId": Operation(uploads.abort_upload, "AbortMultipartUpload"),
        "symlink": _DELETE_OBJECT,  # what oss2's get_symlink leaves in the parameters that it was given
        "": _DELETE_OBJECT,
    },
    ("POST", "object"): {
        "vod": Operation(live.make_playlist, "PostVodPlaylist"),
        "restore": Operation(restores.restore_object, "RestoreObject", versions=True),
        "cleanRestoredObject": Operation(restores.clean_restored_object, "CleanRestoredObject"),
        "x-oss-process": Operation(processing.post_process, None, versions=None),
        "x-oss-async-process": Operation(processing.post_async_process, "ProcessObject"),
        "seal": Operation(appends.seal_object, "SealAppendObject"),
        "append": Operation(appends.append_object, "PutObject", header_actions=RIGHTS_BY_HEADER, streams=True),
        # the SDK for Go names there the version that it will copy
        "uploads": Operation(uploads.begin_upload, "PutObject", header_actions=RIGHTS_BY_HEADER, versions=None),
        "uploadId": Operation(uploads.complete_upload, "PutObject", header_actions=_ACL, versions=None),
    },
}
# Query parameters that say more about an operation instead of selecting another one.
MODIFIERS = frozenset(
    """callback callback-var category comp continuation-token delimiter encoding-type endTime fetch-owner inventoryId
    key-marker list-type marker max-keys max-parts max-uploads part-number-marker position prefix
    sequential start-after startTime status styleName tag-key tag-value tagging upload-id-marker version-id-marker
    versionId wormId Expires OSSAccessKeyId Signature security-token regionList rule-id x-oss-access-key-id
    x-oss-additional-headers
    x-oss-credential x-oss-date x-oss-expires
    x-oss-redundancy-transition-taskid x-oss-request-payer x-oss-target-redundancy-type x-oss-security-token x-oss-signature
    x-oss-signature-version x-oss-traffic-limit""".split()  # noqa: SIM905 - one a line would fill a page
)
# Subresources of SDKs that V1 does not sign; passed over, DeleteBucketStorageQuota would be DeleteBucket.
_UNSIGNED = frozenset(
    """metadataConfiguration metadataInventoryTable metadataJournalTable processConfiguration quota udf udfApplication
    udfApplicationLog udfImage udfImageDesc vip vpcip putVectorIndex getVectorIndex listVectorIndexes deleteVectorIndex
    putVectors getVectors listVectors deleteVectors queryVectors""".split()  # noqa: SIM905 - as above
)
# Names of operations, here or elsewhere: one that the method and the level have not is refused.
SELECTING = SUBRESOURCES | _UNSIGNED | {name for operations in OPERATIONS.values() for name in operations}


def find_operation(method: str, target: ResourceUrl, *, copy: bool) -> Operation:
    """Return the operation that a request asks for.

    Args:
        method: the HTTP method.
        target: bucket, key and query.
        copy: whether a header names where the bytes of the object or part come from.

    Raises:
        OssError: NotImplemented, with the name of what is not; MethodNotAllowed.
    """
    operations = OPERATIONS.get((method, target.level))
    if operations is None:
        raise not_allowed(method)
    for name in target.query:
        if name not in MODIFIERS and name not in operations and _selects(name):
            raise OssError("NotImplemented", f"not implemented: {method} {target.level} with ?{name}")
    selected = next((name for name in operations if name and name in target.query), "") if target.query else ""
    found = operations.get(selected)
    if found is None:
        raise OssError("NotImplemented", f"not implemented: {method} on a {target.level}")
    return found.copy or found if copy else found


def makes_bucket(method: str, target: ResourceUrl) -> bool:
    """Return True for PutBucket and PutBucketAcl, the operations on a bucket that need not exist."""
    if (method, target.level) != ("PUT", "bucket"):
        return False
    operations = OPERATIONS["PUT", "bucket"]
    return all(
        name == "acl" or (name not in operations and (name in MODIFIERS or not _selects(name))) for name in target.query
    )


def _selects(name: str) -> bool:
    """Return True if a query parameter asks OSS for something; others mean nothing to it."""
    return (name in SELECTING or name.startswith("x-oss-")) and not name.startswith("response-")
