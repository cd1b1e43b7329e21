"""Buckets as a whole, and the list of them."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from aiohttp import web

from localcloud.kernel.door import HEADERS, HOST, is_loopback
from localcloud.kernel.times import to_milliseconds
from localcloud.kernel.xml import render
from localcloud.oss.api.answers import owner_of, xml_response
from localcloud.oss.api.call import Call
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket, BucketStat
from localcloud.oss.settings import blocks_public_access
from localcloud.oss.settings.description import (
    describe_settings,
    describe_tags,
    has_tags,
    read_tag_filter,
    resource_group_of,
)
from localcloud.oss.settings.encryption import read_encryption
from localcloud.oss.settings.redundancy import LOCAL, check_redundancy, redundancy_of
from localcloud.oss.settings.table import RESOURCE_GROUP_ID, RESOURCE_GROUPS
from localcloud.oss.signing.reading import named_region
from localcloud.oss.xml import parse

_NAMES_IN_STAT = {
    "Standard": "Standard",
    "IA": "InfrequentAccess",
    "Archive": "Archive",
    "ColdArchive": "ColdArchive",
    "DeepColdArchive": "DeepColdArchive",
}


_PART_OF_NAME = re.compile(r"[a-z0-9-]{0,63}")  # that others are refused the SDK for Go expects; the code is assumed


async def list_buckets(call: Call) -> web.StreamResponse:
    """GetService (ListBuckets)."""
    prefix, marker = call.query.get("prefix", ""), call.query.get("marker", "")
    for name, value in (("prefix", prefix), ("marker", marker)):
        if not _PART_OF_NAME.fullmatch(value):
            raise OssError(
                "InvalidArgument",
                f"{name} holds what no bucket's name does.",
                {"ArgumentName": name, "ArgumentValue": value[:100]},
            )
    limit = call.number("max-keys", 100, 1, 1000, ec="0017-00000289")
    tags, group = read_tag_filter(call.query), call.headers.get("x-oss-resource-group-id")
    found = [
        bucket
        for bucket in call.buckets.all()
        if bucket.name.startswith(prefix)
        and bucket.name > marker
        and has_tags(bucket, tags)
        and group in (None, "", resource_group_of(bucket))
    ]
    page, truncated = found[:limit], len(found) > limit
    return xml_response(
        "ListAllMyBucketsResult",
        {
            "Prefix": prefix,
            "Marker": marker,
            "MaxKeys": limit,
            "IsTruncated": truncated,
            "NextMarker": page[-1].name if truncated else None,
            "Owner": owner_of(call.owner),
            "Buckets": {"Bucket": [_entry(call, bucket) for bucket in page]},
        },
    )


def _entry(call: Call, bucket: Bucket) -> dict[str, Any]:
    shown = describe_tags(bucket) if "tagging" in call.query else None
    grouped = "x-oss-resource-group-id" in call.headers  # as the SDK for Java expects
    group = resource_group_of(bucket) if grouped else None
    return {**_describe(call, bucket), "ResourceGroupId": group, "TagSet": shown}


def _describe(call: Call, bucket: Bucket) -> dict[str, Any]:
    return {
        "Name": bucket.name,
        "Location": f"oss-{bucket.region}",
        "Region": bucket.region,
        "CreationDate": to_milliseconds(bucket.created),
        "StorageClass": bucket.storage_class,
        **_endpoints(call, bucket.region),
    }


def _endpoints(call: Call, region: str) -> dict[str, str]:
    """Return the endpoints of a region that work where the client is: names for who came by name, else the URL that it came by.

    The URL has its scheme, for an endpoint without one is reached over TLS by some SDKs, which the port does not speak.
    """
    if not is_loopback(call.request[HOST]):
        return {
            "ExtranetEndpoint": f"oss-{region}.aliyuncs.com",
            "IntranetEndpoint": f"oss-{region}-internal.aliyuncs.com",
        }
    address = call.request.host.lower().removeprefix(f"{call.bucket}.") if call.bucket else call.request.host
    url = f"{call.request.scheme}://{address}"
    return {"ExtranetEndpoint": url, "IntranetEndpoint": url}


async def put_bucket(call: Call) -> web.StreamResponse:
    """PutBucket."""
    storage_class, redundancy = None, LOCAL
    if call.body.strip():
        tree = parse(call.body, "CreateBucketConfiguration")
        call = _at(call, (tree.findtext("LocationConstraint") or "").removeprefix("oss-"))
        storage_class = tree.findtext("StorageClass") or None
        redundancy = check_redundancy(tree.findtext("DataRedundancyType") or LOCAL)
    group = call.headers.get("x-oss-resource-group-id")
    document = render(RESOURCE_GROUPS.root, {"ResourceGroupId": group})
    if group is not None and not RESOURCE_GROUP_ID.fullmatch(group):
        raise OssError(  # not the error of PutBucketResourceGroup: the suite of OSS's SDK for Java
            "InvalidArgument",
            "The resource group id is not valid.",
            {"ArgumentName": "x-oss-resource-group-id", "ArgumentValue": group[:100]},
        )
    await call.run(
        call.own_buckets.create,
        call.bucket,
        acl=call.headers.get("x-oss-acl"),
        storage_class=storage_class,
        redundancy=redundancy,
        encryption=read_encryption(call.headers),
        region=call.region,
    )
    if group is not None:
        await call.run(call.buckets.put_setting, call.bucket, RESOURCE_GROUPS, document, call.headers)
    return web.Response(headers={"Location": f"/{call.bucket}"})


def _at(call: Call, location: str) -> Call:
    """Return the call as if it had come to a location's endpoint: where neither host nor signature names a region, it may.

    Elsewhere the location is the endpoint's, or is refused: the suite of OSS's SDK for Java. S3's clients name it without `oss-`.

    Raises:
        OssError: InvalidLocationConstraint, AccessDenied.
    """
    if location in {"", call.region}:
        return call
    if call.target.region or named_region(call.query, call.request[HEADERS]) or location not in call.guard.regions:
        raise OssError(
            "InvalidLocationConstraint",
            f"The specified location-constraint is not valid: {location[:100]!r}; this endpoint's is oss-{call.region}.",
            {"LocationConstraint": location[:100]},
        )
    call = replace(call, region=location)
    call.require("PutBucket")
    return call


async def delete_bucket(call: Call) -> web.StreamResponse:
    """DeleteBucket."""
    await call.run(call.buckets.delete, call.bucket)
    return web.Response(status=204)


async def bucket_info(call: Call) -> web.StreamResponse:
    """GetBucketInfo."""
    bucket = call.holder
    return xml_response(
        "BucketInfo",
        {
            "Bucket": {
                **_describe(call, bucket),
                "Owner": owner_of(bucket.owner),
                "AccessControlList": {"Grant": bucket.acl},
                "DataRedundancyType": redundancy_of(bucket, call.guard.clock()),
                "Comment": "",
                "BlockPublicAccess": blocks_public_access(bucket),
                **describe_settings(bucket),
            }
        },
    )


async def head_bucket(call: Call) -> web.StreamResponse:
    """HeadBucket; OSS answers it like GetBucketAcl without a body."""
    return web.Response(headers={"x-oss-bucket-region": f"oss-{call.holder.region}"})


async def bucket_location(call: Call) -> web.StreamResponse:
    """GetBucketLocation."""
    return xml_response("LocationConstraint", f"oss-{call.holder.region}")


async def bucket_stat(call: Call) -> web.StreamResponse:
    """GetBucketStat."""
    stat = await call.run(call.buckets.stat, call.bucket)
    return xml_response("BucketStat", _describe_stat(stat))


def _describe_stat(stat: BucketStat) -> dict[str, int]:
    described = {
        "Storage": stat.size,
        "ObjectCount": stat.objects,
        "MultipartUploadCount": stat.uploads,
        "LiveChannelCount": stat.channels,
        "LastModifiedTime": int(stat.changed),
        "DeleteMarkerCount": stat.markers,
    }
    for storage_class, name in _NAMES_IN_STAT.items():
        described[f"{name}Storage"] = stat.sizes.get(storage_class, 0)
        if storage_class != "Standard":  # the other ones have a least size that is billed, which is not counted here
            described[f"{name}RealStorage"] = stat.sizes.get(storage_class, 0)
        described[f"{name}ObjectCount"] = stat.counts.get(storage_class, 0)
    return described
