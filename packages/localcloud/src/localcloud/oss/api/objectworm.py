"""Retention of single objects: the bucket's configuration, an object's date, and its legal hold."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web

from localcloud.kernel.times import to_milliseconds
from localcloud.oss.api.answers import document_response, xml_response
from localcloud.oss.api.call import Call
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket, Protection, StoredObject
from localcloud.oss.settings import objectworm


async def put_configuration(call: Call) -> web.StreamResponse:
    """PutBucketObjectWormConfiguration."""

    def change(bucket: Bucket) -> str:
        return objectworm.configure(bucket, call.body, call.guard.clock())

    await call.run(call.buckets.change_setting, call.bucket, objectworm.PARAMETER, change)
    return web.Response()


async def get_configuration(call: Call) -> web.StreamResponse:
    """GetBucketObjectWormConfiguration."""
    bucket = call.holder
    if not objectworm.is_enabled(bucket):
        raise OssError("NoSuchObjectWormConfiguration", "The bucket has no object worm configuration.")
    return document_response(bucket.settings[objectworm.PARAMETER])


async def put_retention(call: Call) -> web.StreamResponse:
    """PutObjectRetention."""
    bypass = objectworm.asks_to_bypass(call.headers)
    if bypass:
        call.require("BypassGovernanceRetention")  # assumed: the documents name no right; it is S3's
    return await _protect(call, lambda item: objectworm.retain(item, call.body, call.guard.clock(), bypass=bypass))


async def put_legal_hold(call: Call) -> web.StreamResponse:
    """PutObjectLegalHold."""
    return await _protect(call, lambda item: objectworm.hold(item, call.body))


async def get_retention(call: Call) -> web.StreamResponse:
    """GetObjectRetention."""
    protection = await _protection(call)
    until = protection.until
    document = {"Mode": protection.mode.value, "RetainUntilDate": to_milliseconds(until)} if until else {}
    return xml_response("Retention", {"Mode": "", "RetainUntilDate": "", **document})


async def get_legal_hold(call: Call) -> web.StreamResponse:
    """GetObjectLegalHold."""
    return xml_response("LegalHold", {"Status": "ON" if (await _protection(call)).held else "OFF"})


async def _protect(call: Call, change: Callable[[StoredObject], Protection]) -> web.StreamResponse:
    item = await call.run(call.oss.objects.protect, call.bucket, call.key, change, call.version)
    return web.Response(headers=call.version_headers(item.version))


async def _protection(call: Call) -> Protection:
    objectworm.check_enabled(call.holder)
    item = await call.run(call.oss.objects.get, call.bucket, call.key, call.version)
    return item.attributes.storage.protection
