"""The routes of OSS: which operation a request asks for, and the application that serves them.

A request names a bucket, an object or neither; its method and the first subresource in its query select the operation.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from aiohttp import web

from localcloud.kernel.access import Gate
from localcloud.kernel.clock import Clock
from localcloud.kernel.door import ADMINISTRATION, HEADERS, HOST, check_expectation, meet_expectation, open_door
from localcloud.kernel.identity import Authorizer, CredentialStore
from localcloud.kernel.regions import REGIONS
from localcloud.kernel.service import Reset
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
    s3,
    site,
    symlinks,
    tagging,
    uploads,
    versions,
    worm,
)
from localcloud.oss.api.accesslog import BEGAN, SIGNER, log_request
from localcloud.oss.api.administration import administer
from localcloud.oss.api.call import COPY_SOURCE, RIGHTS_BY_HEADER, Call, Operation
from localcloud.oss.api.collections import delete_item, get_items, put_item
from localcloud.oss.api.content import content_of
from localcloud.oss.api.dialect import OssDialect
from localcloud.oss.api.empty import empty
from localcloud.oss.api.guard import Guard, caller_of, refuse
from localcloud.oss.api.settings import delete_setting, get_setting, put_setting
from localcloud.oss.api.url import URL, ResourceUrl, is_accelerated, read_url
from localcloud.oss.digests import read_digests
from localcloud.oss.errors import OssError, not_allowed
from localcloud.oss.link import Link
from localcloud.oss.model import Bucket
from localcloud.oss.operations.buckets import check_endpoint
from localcloud.oss.operations.service import OssService
from localcloud.oss.s3.documents import error_to_s3
from localcloud.oss.settings import SETTINGS, quality
from localcloud.oss.settings.collection import COLLECTIONS
from localcloud.oss.settings.table import TRANSFER_ACCELERATION, find_text
from localcloud.oss.signing.v1 import SUBRESOURCES
from localcloud.oss.throttle import THROTTLE, read_throttle

_ACL = {"x-oss-object-acl": "PutObjectAcl"}
_COPY_OBJECT = Operation(copies.copy_object, "PutObject", header_actions=RIGHTS_BY_HEADER)
_DELETE_OBJECT = Operation(objects.delete_object, "DeleteObject", by_acl=True, versions=True)
_COPY_PART = Operation(copies.copy_part, "PutObject")

# Settings whose document, for a bucket that is not there, OSS takes for PutBucket's: the suites of its second SDK for Go.
_NEWER = frozenset({"overwriteConfig", "objectWorm"})

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


def _selects(name: str) -> bool:
    """Return True if a query parameter asks OSS for something; others mean nothing to it."""
    return (name in SELECTING or name.startswith("x-oss-")) and not name.startswith("response-")


def create_app(
    oss: OssService,
    *,
    credentials: CredentialStore,
    authorizer: Authorizer,
    admin_token: str,
    region: str,
    link: Link,
    clock: Clock,
    machine_clock: Callable[[], float],
    reset: Reset,
    serves: Callable[[str], bool],
) -> web.Application:
    """Return the application that serves OSS.

    Args:
        oss: the domain.
        credentials: whose keys sign.
        authorizer: what they may do.
        admin_token: the bearer token of the administration's endpoints.
        region: the home region.
        link: the link's speed and faults.
        clock: the embedded cloud's.
        machine_clock: by which clients sign; seconds since the epoch.
        reset: has the embedded cloud emptied.
        serves: says whether a host name is OSS's.
    """
    guard = Guard(
        credentials=credentials,
        gate=Gate(authorizer, refuse),
        home=region,
        regions=frozenset({*REGIONS, region}),
        clock=clock,
        machine_clock=machine_clock,
        find_bucket=oss.find_bucket,
    )

    async def serve(request: web.Request) -> web.StreamResponse:
        check_expectation(request)
        request[THROTTLE], request[BEGAN] = None, time.monotonic()
        target = request[URL] = s3.note_protocol(request, read_url(request[HOST], request.raw_path))
        if f"/{target.bucket}/{target.key}".startswith(ADMINISTRATION):
            await meet_expectation(request)
            return await administer(request, oss, link, clock, reset, admin_token)
        try:
            answer = await _answer(request, target, oss, guard, link)
        except OssError as error:
            told = error_to_s3(error) if request[s3.SPOKEN] else error
            log_request(request, told, oss, guard)
            if told is error:
                raise
            raise told from error
        if request[s3.SPOKEN]:
            s3.translate_answer(answer)
        log_request(request, answer, oss, guard)
        return answer

    def decorate(request: web.Request, response: web.StreamResponse) -> None:
        response.headers["Server"] = "AliyunOSS"
        if URL in request:  # else it was refused at the door
            took = int((time.monotonic() - request[BEGAN]) * 1000)
            response.headers["x-oss-server-time"] = str(took)  # milliseconds
            target = request[URL]
            if throttle := request[THROTTLE]:
                seconds = (
                    throttle.delay_of(response.content_length or 0) if request.method == "GET" else throttle.delayed
                )
                response.headers["x-oss-qos-delay-time"] = str(int(seconds * 1000))
            cors.allow_page(request, response, oss.find_bucket(target.bucket))
            if request[s3.SPOKEN]:
                s3.translate_headers(response)

    return open_door(OssDialect(), serves=serves, max_body=0, decorate=decorate, handler=serve)


async def _answer(
    request: web.Request, target: ResourceUrl, oss: OssService, guard: Guard, link: Link
) -> web.StreamResponse:
    """Answer a request of OSS's API: its bucket there, authenticated, found, whole, authorized, handled."""
    named, target = target, accesspoints.enter(target, oss)
    request[URL] = target
    bucket = _find_bucket(request.method, target, oss)
    if bucket and target.region:
        check_endpoint(bucket, target.region)
    if bucket and quality.SETTING.parameter in bucket.settings and quality.SETTING.parameter not in target.query:
        guard.rates.count(bucket, internal="-internal." in request[HOST])
    if is_accelerated(request[HOST]):
        _check_acceleration(bucket, guard.home)
    region = guard.region_of(request, target, bucket)
    preflight = request.method == "OPTIONS"  # which is anybody's
    credential = None if preflight else guard.identify(request, named, region)
    if credential is not None:
        request[SIGNER] = credential
    guard.check_referer(request, target)
    request[THROTTLE] = read_throttle(request[HEADERS], target.query)
    content = content_of(request)
    if request[s3.SPOKEN] and credential is not None:
        content = s3.content_of_s3(request, credential.access_key_secret)
        request, target = s3.translate(request, target)
    operation = find_operation(request.method, target, copy=COPY_SOURCE in request.headers)
    digests = read_digests(request.headers)
    reads = request.method in {
        "GET",
        "HEAD",
    }  # SDKs sign the MD5 and the length of the object with them, and send no body
    if reads:
        digests = replace(digests, md5=None)
    body = b""
    if not operation.streams:
        body = await content.whole() if request.can_read_body and not reads else b""
        digests.check_content(body)
        if request[s3.SPOKEN]:
            body = s3.translate_body(body, target)
    call = Call(
        request=request,
        target=target,
        region=region,
        caller=caller_of(request, credential),
        oss=oss,
        guard=guard,
        link=link,
        digests=digests,
        content=content,
        body=body,
    )
    await operation.authorize(call)
    return await operation.handler(call)


def _find_bucket(method: str, target: ResourceUrl, oss: OssService) -> Bucket | None:
    """Return the bucket of a request, before anything looks at the key; None: it names none, or makes one.

    Raises:
        OssError: NoSuchBucket; MalformedXML (the document of a newer setting is not PutBucket's).
    """
    if not target.bucket:
        return None
    if _makes_bucket(method, target):
        return oss.find_bucket(target.bucket) if "acl" in target.query else None
    if method == "PUT" and _NEWER & target.query.keys() and oss.find_bucket(target.bucket) is None:
        raise OssError(
            "MalformedXML",
            "The XML you provided was not well-formed or did not validate against our published schema.",
            ec="0015-00000231",
        )
    return oss.get_bucket(target.bucket)


def _check_acceleration(bucket: Bucket | None, home: str) -> None:
    """Refuse a request at the accelerated endpoint for what is not a bucket with transfer acceleration.

    That it is refused as one at a wrong endpoint is assumed.

    Raises:
        OssError: AccessDenied.
    """
    if bucket is None or find_text(bucket, TRANSFER_ACCELERATION, "Enabled") != "true":
        raise OssError(
            "AccessDenied",
            "The bucket you are attempting to access must be addressed using the specified endpoint. "
            "Please send all future requests to this endpoint.",
            {"Endpoint": f"oss-{bucket.region if bucket else home}.aliyuncs.com"},
            ec="0003-00001403",
        )


def _makes_bucket(method: str, target: ResourceUrl) -> bool:
    """Return True for PutBucket and PutBucketAcl, the operations on a bucket that need not exist."""
    if (method, target.level) != ("PUT", "bucket"):
        return False
    operations = OPERATIONS["PUT", "bucket"]
    return all(
        name == "acl" or (name not in operations and (name in MODIFIERS or not _selects(name))) for name in target.query
    )
