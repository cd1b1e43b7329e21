"""Settings of which a bucket has several: the handlers that each row of `localcloud.oss.settings.collection.COLLECTIONS` has.

That who names a role needs to pass it is assumed, as with replication.
"""

from __future__ import annotations

from functools import partial
from xml.etree.ElementTree import Element, SubElement

from aiohttp import web

from localcloud.kernel.xml import serialize
from localcloud.oss.api.answers import document_response
from localcloud.oss.api.call import Call, Handler
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.collection import Collection
from localcloud.oss.xml import parse


def put_item(collection: Collection) -> Handler:
    """Return the handler of PutBucketInventory, PutStyle."""

    async def handler(call: Call) -> web.StreamResponse:
        name = _name(call, collection)
        place = collection.read(
            call.body, name, call.guard.clock(), find_bucket=partial(_find_near, call), pass_role=call.pass_role
        )
        await call.run(call.buckets.change_setting, call.bucket, collection.key(name), place)
        return web.Response()

    return handler


def get_items(collection: Collection) -> Handler:
    """Return the handler of GetBucketInventory and ListBucketInventory, GetStyle and ListStyle."""

    async def handler(call: Call) -> web.StreamResponse:
        found = collection.of(call.holder)
        if collection.identifier not in call.query:
            call.require(collection.listing)
            return _list(call, collection, found)
        call.require(f"Get{collection.action}")
        name = _name(call, collection)
        if name not in found:
            raise OssError(collection.missing, f"The bucket has no {collection.root} {name!r}.")
        return document_response(found[name])

    return handler


def delete_item(collection: Collection) -> Handler:
    """Return the handler of DeleteBucketInventory, DeleteStyle."""

    async def handler(call: Call) -> web.StreamResponse:
        key = collection.key(_name(call, collection))
        await call.run(call.buckets.change_setting, call.bucket, key, lambda _: None)
        return web.Response(status=204)

    return handler


def _find_near(call: Call, bucket: str) -> Bucket | None:
    """Return a bucket of the same account and region, or None."""
    found = call.buckets.find(bucket)
    return found if found and found.region == call.holder.region else None


def _name(call: Call, collection: Collection) -> str:
    name = call.query.get(collection.identifier)
    if not name:
        raise OssError(
            "InvalidArgument", f"The request needs {collection.identifier}.", {"ArgumentName": collection.identifier}
        )
    return name


def _list(call: Call, collection: Collection, found: dict[str, str]) -> web.StreamResponse:
    if not found and collection.empty:
        raise OssError(collection.empty, f"The bucket has no {collection.root}.")
    token = call.query.get("continuation-token", "")
    names = [name for name in found if collection.page is None or name > token]
    root = Element(collection.lists)
    for name in names[: collection.page]:
        root.append(parse(found[name].encode(), collection.root))
    if collection.page is not None:
        _tell_page(root, token, names, collection.page)
    return document_response(serialize(root))


def _tell_page(root: Element, token: str, names: list[str], page: int) -> None:
    if token:
        SubElement(root, "ContinuationToken").text = token
    SubElement(root, "IsTruncated").text = str(len(names) > page).lower()
    if len(names) > page:
        SubElement(root, "NextContinuationToken").text = names[page - 1]
