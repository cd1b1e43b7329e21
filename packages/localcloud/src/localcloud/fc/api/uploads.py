"""Places for code packages on the wire; see `localcloud.fc.operations.uploads`."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from localcloud.fc.api.calls import Call
from localcloud.fc.operations.service import FcService
from localcloud.fc.operations.uploads import CodeUpload
from localcloud.fc.platform import MAX_CODE_OSS
from localcloud.kernel.times import to_seconds


async def get_temp_bucket_token(fc: FcService, call: Call) -> web.Response:
    """Serve GetTempBucketToken."""
    return web.json_response(_describe(fc, await asyncio.to_thread(fc.uploads.place)))


async def get_temp_code_bucket_token(fc: FcService, call: Call) -> web.Response:
    """Serve GetTempCodeBucketToken, of a service whose name is a part of the key."""
    place = await asyncio.to_thread(fc.uploads.place, call.target.service)
    return web.json_response({**_describe(fc, place), "codeSizeLimit": MAX_CODE_OSS})


def _describe(fc: FcService, place: CodeUpload) -> dict[str, Any]:
    credential = place.credential
    return {
        "credentials": {
            "AccessKeyId": credential.access_key_id,
            "AccessKeySecret": credential.access_key_secret,
            "SecurityToken": credential.security_token,
            "Expiration": to_seconds(credential.expires_at or 0),
        },
        "ossRegion": f"oss-{fc.settings.region}",
        "ossBucket": place.bucket,
        "objectName": place.name,
    }
