"""Answers to `x-oss-process`: images that were worked on, sent or kept, and queries.

Sources: OSS, "Image processing"; "ProcessObject" (`sys/saveas`); "SelectObject".
"""

from __future__ import annotations

import base64
import importlib.util
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote

from aiohttp import web

from localcloud.oss.api import objects
from localcloud.oss.api.call import Call
from localcloud.oss.api.conditions import check_conditions
from localcloud.oss.api.queries import describe, select
from localcloud.oss.api.url import ResourceUrl
from localcloud.oss.arriving import write_blob
from localcloud.oss.digests import Digests
from localcloud.oss.errors import OssError
from localcloud.oss.images.actions import Action, Mark, read_actions, to_request
from localcloud.oss.model import Attributes
from localcloud.oss.offload import Outcome, offloaded
from localcloud.oss.settings.collection import STYLE
from localcloud.oss.settings.setting import kept_tree

MAX_SOURCE = 20 * 1024**2  # bytes; OSS, "Image processing": limits
MAX_IMAGE = 256 * 1024**2  # bytes of what becomes of it
WORKER = "localcloud.oss.images.worker"
_OF_THE_BYTES = frozenset(
    {
        "accept-ranges",
        "content-encoding",
        "content-length",
        "content-md5",
        "content-type",
        "etag",
        "x-oss-hash-crc64ecma",
    }
)


async def get_processed(call: Call) -> web.StreamResponse:
    """GetObject with `x-oss-process`."""
    call = _of_current_version(call)
    actions = await _read(call, call.query["x-oss-process"])
    async with call.open("GetObject") as (item, path):
        check_conditions(item, call.headers)
        async with _worked_on(call, actions, item.size, path) as outcome:
            kept = {
                name: value for name, value in objects.describe(call, item).items() if name.lower() not in _OF_THE_BYTES
            }
            response = web.StreamResponse(headers=kept | {"Content-Type": outcome.head["type"]})
            response.content_length = outcome.head["length"]
            await response.prepare(call.request)
            async for chunk in outcome.chunks:
                await response.write(chunk)
            await response.write_eof()
            return response


async def post_process(call: Call) -> web.StreamResponse:
    """ProcessObject, and SelectObject and its description."""
    call = _of_current_version(call)
    kind = call.query["x-oss-process"]
    match kind:
        case "csv/select" | "json/select":
            return await select(call, kind.partition("/")[0])
        case "csv/meta" | "json/meta":
            return await describe(call, kind.partition("/")[0])
        case "":
            return await _save(call)
        case _:
            raise OssError("NotImplemented", f"not implemented: POST with x-oss-process={kind[:80]}")


async def post_async_process(call: Call) -> web.StreamResponse:
    """AsyncProcessObject: a task of Intelligent Media Management, to which no bucket is bound."""
    await call.run(call.oss.objects.get, call.bucket, call.key)
    raise OssError("Imm Client", "ResourceNotFound, The specified resource Attachment is not found.")


def _of_current_version(call: Call) -> Call:
    """Return the request without the version that it names: OSS works on none but the current one (its SDK for C++)."""
    query = {name: value for name, value in call.query.items() if name != "versionId"}
    return replace(call, target=replace(call.target, query=query))


async def _save(call: Call) -> web.StreamResponse:
    name, _, process = unquote(call.body).partition("=")  # some SDKs encode it, others send it as it is
    steps, bar, target = process.partition("|sys/saveas,")
    if not process:
        raise OssError("InvalidRequest", "The body must hold x-oss-process= and the process.")
    if name != "x-oss-process" or not bar:
        raise OssError("NotImplemented", "not implemented: a process that does not end with |sys/saveas,o_…,b_…")
    fields = dict(each.partition("_")[::2] for each in target.split(","))
    bucket, key = _decode(fields.get("b", "")), _decode(fields.get("o", ""))
    if not key:
        raise OssError("InvalidArgument", "sys/saveas needs o_ and the target's key in URL-safe base64.")
    into = ResourceUrl(bucket=bucket, key=key, query={}) if bucket else replace(call.target, key=key, query={})
    call.require("PutObject", target=into)
    overwrite = replace(call, target=into).overwrite
    actions = await _read(call, steps)
    async with call.open("GetObject") as (item, path), _worked_on(call, actions, item.size, path) as outcome:
        any_digests = Digests(md5=None, sha256=None)
        blob = await write_blob(call.oss.blobs, outcome.chunks, limit=MAX_IMAGE, digests=any_digests)
        headers = {"content-type": outcome.head["type"]}
    stored = await call.run(
        call.oss.objects.put,
        into.bucket,
        key,
        blob,
        Attributes(headers=headers),
        overwrite=overwrite,
        requester=call.requester,
    )
    said = json.dumps({"bucket": bucket, "fileSize": stored.size, "object": key, "status": "OK"})
    return web.Response(body=said.encode(), content_type="application/json")  # some SDKs take no charset behind it


async def _read(call: Call, process: str) -> Sequence[Action]:
    """Return the actions on an image that a process names, or the bucket's style that it names."""
    kind, _, steps = process.partition("/")
    if kind == "style":
        document = STYLE.of(call.holder).get(steps)
        if document is None:
            raise OssError(STYLE.missing, f"The bucket has no style {steps[:80]!r}.")
        kind, _, steps = (kept_tree(document, STYLE.root).findtext("Content") or "").partition("/")
    if kind != "image":
        raise OssError("NotImplemented", f"not implemented: x-oss-process={process[:80]}")
    actions = read_actions(steps)
    if importlib.util.find_spec("PIL") is None:
        raise OssError(
            "NotImplemented",
            "not implemented: image processing without Pillow; pip install 'aliyun-localcloud[images]'",
        )
    return actions


@asynccontextmanager
async def _worked_on(call: Call, actions: Sequence[Action], size: int, path: Path) -> AsyncIterator[Outcome]:
    """Do actions on an image; the images that they put on it are objects of the same bucket, which the caller may read."""
    _check_source(size)
    async with AsyncExitStack() as stack:
        marks: dict[int, Mark] = {}
        for number, action in enumerate(actions):
            if "image" in action.values:
                key, _, process = str(action.values["image"]).partition("?x-oss-process=image/")
                item, file = await stack.enter_async_context(call.open("GetObject", key=key))
                _check_source(item.size)
                marks[number] = Mark(file=str(file), actions=read_actions(process, mark=True) if process else ())
        yield await stack.enter_async_context(offloaded(WORKER, to_request(actions, size, marks), path))


def _check_source(size: int) -> None:
    if size > MAX_SOURCE:
        raise OssError("InvalidArgument", f"The image has {size} bytes; at most {MAX_SOURCE} are processed.")


def _decode(text: str) -> str:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except ValueError as error:
        raise OssError("InvalidArgument", "sys/saveas takes names in URL-safe base64.") from error
