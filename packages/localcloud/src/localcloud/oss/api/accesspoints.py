"""Access points of buckets: made, described, listed and deleted, with their policies and their blocks of public access.

Each is ready at once. The header `x-oss-access-point-name` names one; for blocks, the parameter of that name.

Source: OSS, "Operations on access points".
"""

from __future__ import annotations

from dataclasses import replace

from aiohttp import web

from localcloud.kernel.paging import page_after
from localcloud.oss.api.answers import xml_response
from localcloud.oss.api.call import Call
from localcloud.oss.api.url import ResourceUrl
from localcloud.oss.errors import OssError
from localcloud.oss.operations.service import OssService
from localcloud.oss.settings import accesspoints as kept
from localcloud.oss.settings.accesspoints import AccessPoint, block_key_of, find_point, policy_key_of
from localcloud.oss.settings.policy import check_public, read_policy
from localcloud.oss.settings.setting import keep
from localcloud.oss.settings.table import PUBLIC_ACCESS_BLOCK

NAME = "x-oss-access-point-name"
DEFAULT_PAGE = 100
MAX_PAGE = 1000


def enter(target: ResourceUrl, oss: OssService) -> ResourceUrl:
    """Return the bucket's own target for one that names it by an access point's alias, and any other as it is."""
    if not target.bucket.endswith(kept.ALIAS):
        return target
    point = kept.find_alias(oss.all_buckets(), target.bucket)
    return target if point is None else replace(target, bucket=point.bucket, point=point.name)


async def create_point(call: Call) -> web.StreamResponse:
    """CreateAccessPoint."""
    name, document = kept.read_point(call.body, call.guard.clock())
    change = kept.add_point(name, document, call.buckets.all)
    await call.run(call.buckets.change_setting, call.bucket, kept.key_of(name), change)
    point = _find(call, name)
    return xml_response("CreateAccessPointResult", {"AccessPointArn": _arn(call, point), "Alias": point.alias})


async def get_points(call: Call) -> web.StreamResponse:
    """ListAccessPoints of a bucket, and GetAccessPoint, when a header names one."""
    if NAME not in call.headers:
        call.require("ListAccessPoints")
        return _list(call, kept.points_of(call.holder))
    call.require("GetAccessPoint")
    point = _find(call, call.headers[NAME])
    region, domain = call.holder.region, "oss-accesspoint.aliyuncs.com"
    return xml_response(
        "GetAccessPointResult",
        {
            **_summary(point),
            "AccountId": call.owner,
            "AccessPointArn": _arn(call, point),
            "CreationDate": point.created,
            "Endpoints": {
                "PublicEndpoint": f"{point.name}.oss-{region}.{domain}",
                "InternalEndpoint": f"{point.name}.oss-{region}-internal.{domain}",
            },
            "PublicAccessBlockConfiguration": {"BlockPublicAccess": point.blocked},
        },
    )


async def list_all_points(call: Call) -> web.StreamResponse:
    """ListAccessPoints of the account."""
    buckets = call.buckets.all()
    return _list(call, sorted([each for bucket in buckets for each in kept.points_of(bucket)], key=lambda it: it.name))


async def delete_point(call: Call) -> web.StreamResponse:
    """DeleteAccessPoint."""
    await call.run(call.buckets.delete_access_point, call.bucket, call.headers.get(NAME, ""))
    return web.Response(status=204)


async def put_point_policy(call: Call) -> web.StreamResponse:
    """PutAccessPointPolicy."""
    point = _find(call, call.headers.get(NAME, ""))
    document = read_policy(call.body)
    check_public(document, blocked=kept.is_blocked(call.holder, point))
    await call.run(call.buckets.change_setting, call.bucket, policy_key_of(point.name), lambda _: document)
    return web.Response()


async def get_point_policy(call: Call) -> web.StreamResponse:
    """GetAccessPointPolicy."""
    point = _find(call, call.headers.get(NAME, ""))
    if point.policy is None:
        raise OssError("NoSuchAccessPointPolicy", "The access point policy does not exist.")
    return web.Response(text=point.policy, content_type="application/json")


async def delete_point_policy(call: Call) -> web.StreamResponse:
    """DeleteAccessPointPolicy."""
    point = _find(call, call.headers.get(NAME, ""))
    await call.run(call.buckets.change_setting, call.bucket, policy_key_of(point.name), lambda _: None)
    return web.Response(status=204)


async def put_block(call: Call) -> web.StreamResponse:
    """PutAccessPointPublicAccessBlock."""
    point = _find_blocked(call)
    document = keep(PUBLIC_ACCESS_BLOCK.read(call.body, call.headers))
    await call.run(call.buckets.change_setting, call.bucket, block_key_of(point.name), lambda _: document)
    return web.Response()


async def get_block(call: Call) -> web.StreamResponse:
    """GetAccessPointPublicAccessBlock."""
    point = _find_blocked(call)
    return xml_response(PUBLIC_ACCESS_BLOCK.root, {"BlockPublicAccess": point.blocked})


async def delete_block(call: Call) -> web.StreamResponse:
    """DeleteAccessPointPublicAccessBlock."""
    point = _find_blocked(call)
    await call.run(call.buckets.change_setting, call.bucket, block_key_of(point.name), lambda _: None)
    return web.Response(status=204)


def _find_blocked(call: Call) -> AccessPoint:
    if PUBLIC_ACCESS_BLOCK.parameter not in call.query:
        raise OssError("NotImplemented", f"not implemented: {call.request.method} bucket with ?{NAME} alone")
    return _find(call, call.query[NAME])


def _find(call: Call, name: str) -> AccessPoint:
    return find_point(call.holder, name)


def _list(call: Call, points: list[AccessPoint]) -> web.Response:
    limit = call.number("max-keys", DEFAULT_PAGE, 1, MAX_PAGE)
    page = page_after(points, call.query.get("continuation-token", ""), limit, name=lambda point: point.name)
    return xml_response(
        "ListAccessPointsResult",
        {
            "AccountId": call.owner,
            "MaxKeys": limit,
            "IsTruncated": bool(page.rest),
            "NextContinuationToken": page.items[-1].name if page.rest else "",
            "AccessPoints": {"AccessPoint": [_summary(point) for point in page.items]},
        },
    )


def _summary(point: AccessPoint) -> dict[str, object]:
    return {
        "AccessPointName": point.name,
        "Bucket": point.bucket,
        "NetworkOrigin": point.origin,
        "VpcConfiguration": None if point.vpc is None else {"VpcId": point.vpc},
        "Alias": point.alias,
        "Status": "enable",
    }


def _arn(call: Call, point: AccessPoint) -> str:
    return point.arn(call.holder.region, call.owner)
