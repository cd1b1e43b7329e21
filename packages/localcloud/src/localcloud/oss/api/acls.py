"""Access control lists of buckets and objects."""

from __future__ import annotations

from aiohttp import web

from localcloud.oss.api.answers import owner_of, xml_response
from localcloud.oss.api.call import Call
from localcloud.oss.errors import OssError
from localcloud.oss.xml import parse, text_of


async def get_bucket_acl(call: Call) -> web.StreamResponse:
    """GetBucketAcl."""
    bucket = call.holder
    return _answer(bucket.owner, bucket.acl)


async def put_bucket_acl(call: Call) -> web.StreamResponse:
    """PutBucketAcl; source of what it does to a bucket that does not exist: OSS, PutBucketAcl.

    A request that names no ACL changes nothing: OSS's SDK for Java sends such ones.
    """
    acl = call.headers.get("x-oss-acl")
    if acl is None and call.body.strip():
        acl = text_of(parse(call.body, "AccessControlPolicy"), "AccessControlList/Grant")
    if call.guard.find_bucket(call.bucket) is None:  # PutBucketAcl makes a bucket that does not exist
        call.require("PutBucket")
        await call.run(call.own_buckets.create, call.bucket, acl=acl, region=call.region)
    elif acl is not None:
        await call.run(call.buckets.set_acl, call.bucket, acl)
    return web.Response(headers={"Location": f"/{call.bucket}"})


async def get_object_acl(call: Call) -> web.StreamResponse:
    """GetObjectAcl."""
    item = await call.run(call.oss.objects.get, call.bucket, call.key, call.version)
    answer = _answer(call.owner, item.attributes.acl)
    answer.headers.update(call.version_headers(item.version))
    return answer


async def put_object_acl(call: Call) -> web.StreamResponse:
    """PutObjectAcl.

    Raises:
        OssError: MissingArgument, and what the operation raises.
    """
    acl = call.headers.get("x-oss-object-acl")
    if not acl:
        raise OssError(
            "MissingArgument",
            "Missing Some Required Arguments.",
            {"ArgumentName": "x-oss-object-acl"},
            ec="0017-00000105",
        )
    item = await call.run(call.oss.objects.set_acl, call.bucket, call.key, acl, call.version)
    return web.Response(headers=call.version_headers(item.version))


def _answer(owner: str, acl: str) -> web.Response:
    return xml_response("AccessControlPolicy", {"Owner": owner_of(owner), "AccessControlList": {"Grant": acl}})
