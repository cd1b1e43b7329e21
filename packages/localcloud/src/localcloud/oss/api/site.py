"""Static websites: what a GET or HEAD of anybody gets from a bucket that has one. Everybody else's request is as without.

Source: OSS, "Static website hosting", PutBucketWebsite.
"""

from __future__ import annotations

from dataclasses import replace
from xml.etree.ElementTree import Element

from aiohttp import web

from localcloud.oss.api.call import Call
from localcloud.oss.api.listing import list_objects
from localcloud.oss.api.objects import describe, get_object, head_object
from localcloud.oss.api.sending import send_object
from localcloud.oss.errors import OssError
from localcloud.oss.settings.website import Site, location, replaced_key, site_of


async def get_root(call: Call) -> web.StreamResponse:
    """GetBucket (ListObjects), or a website's first page."""
    site = _site(call) if call.caller is None else None
    if site is None or call.query:
        return await list_objects(call)
    return await _browse(call, site)


async def get_page(call: Call) -> web.StreamResponse:
    """GetObject or HeadObject, or a website's page; who signs gets the page of a folder under whose key nothing stands, too."""
    if call.caller is None:
        site = _site(call)
        return await _object(call) if site is None else await _browse(call, site)
    try:
        return await _object(call)
    except OssError as error:
        site = _site(call) if error.code == "NoSuchKey" and call.key.endswith("/") else None
        page = site.index_of(call.key) if site else None
        if page is None:
            raise
    return await _object(_at(call, page))


def _site(call: Call) -> Site | None:
    bucket = call.guard.find_bucket(call.bucket)
    return site_of(bucket) if bucket else None


async def _object(call: Call) -> web.StreamResponse:
    return await (head_object(call) if call.request.method == "HEAD" else get_object(call))


async def _browse(call: Call, site: Site) -> web.StreamResponse:
    if (rule := site.rule(call.key, call.headers, None)) is not None:
        return await _redirect(call, rule)
    try:
        return await _object(_at(call, site.index_of(call.key) or call.key))
    except OssError as error:
        if error.status not in {403, 404}:
            raise
        if (rule := site.rule(call.key, call.headers, error.status)) is not None:
            return await _redirect(call, rule)
        page = site.folder_page(call.key) if error.code == "NoSuchKey" else None
        if page and (answer := await _folder(call, site, page)):
            return answer
        return await _error_page(call, site, error)


async def _folder(call: Call, site: Site, page: str) -> web.StreamResponse | None:
    """Answer a key that may be a folder's without its slash; None: it is none, or folders are not looked for."""
    if site.folder_type == "1" or not await call.run(call.oss.objects.exists, call.bucket, page):
        return None
    if site.folder_type == "2":
        return await _object(_at(call, page))
    return web.Response(status=302, headers={"Location": call.request.raw_path.partition("?")[0] + "/"})


async def _error_page(call: Call, site: Site, error: OssError) -> web.StreamResponse:
    if site.error_page is None:
        raise error
    key, status = site.error_page
    try:
        async with _at(call, key).open("GetObject") as (item, path):
            whole = status if error.status == 404 else error.status
            headers = describe(call, item)
            return await send_object(call.request, item, path, headers=headers, link=call.link, fault=None, whole=whole)
    except OssError:  # there is no such page
        raise error from None


async def _redirect(call: Call, rule: Element) -> web.StreamResponse:
    redirect = rule.find("Redirect")
    assert redirect is not None
    key = replaced_key(redirect, call.key, rule.findtext("Condition/KeyPrefixEquals") or "")
    if redirect.findtext("RedirectType") == "Internal":
        return await _object(_at(call, key))
    request = call.request
    status, url = location(
        redirect, key, host=request.host, scheme=request.scheme, query=request.raw_path.partition("?")[2]
    )
    return web.Response(status=status, headers={"Location": url})


def _at(call: Call, key: str) -> Call:
    """Return the call as if it asked for another key."""
    return replace(call, target=replace(call.target, key=key))
