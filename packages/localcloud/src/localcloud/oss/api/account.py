"""Requests about the account as a whole, or about no bucket at all: regions, public access, limits."""

from __future__ import annotations

from aiohttp import web

from localcloud.oss.api.answers import document_response, xml_response
from localcloud.oss.api.call import Call
from localcloud.oss.errors import OssError
from localcloud.oss.settings.quality import OF_ACCOUNT
from localcloud.oss.settings.table import PUBLIC_ACCESS_BLOCK


async def describe_regions(call: Call) -> web.StreamResponse:
    """DescribeRegions."""
    known = [f"oss-{region}" for region in sorted(call.guard.regions)]
    asked = call.query["regions"]
    if asked and asked not in known:
        # The message is the region alone: the suite of OSS's SDK for Java, second version.
        raise OssError("NoSuchRegion", asked[:100], {"Region": asked[:100]})
    return xml_response(
        "RegionInfoList",
        {
            "RegionInfo": [
                {
                    "Region": region,
                    "InternetEndpoint": f"{region}.aliyuncs.com",
                    "InternalEndpoint": f"{region}-internal.aliyuncs.com",
                    "AccelerateEndpoint": "oss-accelerate.aliyuncs.com",
                }
                for region in known
                if asked in ("", region)
            ]
        },
    )


async def account_quality(call: Call) -> web.StreamResponse:
    """GetUserQoSInfo."""
    return xml_response("QoSConfiguration", {"Region": f"oss-{call.region}", **OF_ACCOUNT})


async def get_public_access_block(call: Call) -> web.StreamResponse:
    """GetPublicAccessBlock."""
    document = call.buckets.account_setting(PUBLIC_ACCESS_BLOCK)
    if document is None:
        return xml_response(PUBLIC_ACCESS_BLOCK.root, PUBLIC_ACCESS_BLOCK.absent)
    return document_response(document)


async def put_public_access_block(call: Call) -> web.StreamResponse:
    """PutPublicAccessBlock."""
    await call.run(call.buckets.put_account_setting, PUBLIC_ACCESS_BLOCK, call.body, call.headers)
    return web.Response()


async def delete_public_access_block(call: Call) -> web.StreamResponse:
    """DeletePublicAccessBlock."""
    await call.run(call.buckets.delete_account_setting, PUBLIC_ACCESS_BLOCK)
    return web.Response(status=204)
