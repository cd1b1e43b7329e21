"""Live channels: made, described, listed and deleted. Nothing can be pushed to them, so that they are idle and have no history.

Source: OSS, "Operations on LiveChannel".
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from aiohttp import web

from localcloud.kernel.door import HOST, is_loopback
from localcloud.kernel.paging import page_after
from localcloud.oss.api.answers import document_response, xml_response
from localcloud.oss.api.call import Call
from localcloud.oss.api.listing import check_lengths
from localcloud.oss.errors import OssError
from localcloud.oss.settings.live import ROOT, add_channel, channels_of, find_channel, key_of, read_channel, set_status
from localcloud.oss.settings.setting import keep, kept_tree

DEFAULT_PAGE = 100
MAX_PAGE = 1000


async def put_channel(call: Call) -> web.StreamResponse:
    """PutLiveChannel and PutLiveChannelStatus: the latter has the parameter `status`."""
    status = call.query.get("status")
    call.require("PutLiveChannel" if status is None else "PutLiveChannelStatus")
    key = key_of(call.key)
    if status is not None:
        await call.run(call.buckets.change_setting, call.bucket, key, set_status(call.key, status))
        return web.Response()
    document = read_channel(call.body, call.guard.clock())
    target = kept_tree(document, ROOT).findtext("Snapshot/DestBucket")
    if target:  # a bucket of the same account (assumed; the suite of OSS's SDK for C++ expects one that there is)
        call.buckets.get(target)
    await call.run(call.buckets.change_setting, call.bucket, key, add_channel(document))
    return xml_response("CreateLiveChannelResult", _urls(call, call.key, find_channel(call.holder, call.key)))


async def get_channel(call: Call) -> web.StreamResponse:
    """GetLiveChannelInfo, GetLiveChannelStat and GetLiveChannelHistory: the parameter `comp` says which."""
    component = call.query.get("comp", "")
    actions = {"": "GetLiveChannel", "stat": "GetLiveChannelStat", "history": "GetLiveChannelHistory"}
    if component not in actions:
        raise OssError("NotImplemented", f"not implemented: GET object with ?live&comp={component[:40]}")
    call.require(actions[component])
    document = find_channel(call.holder, call.key)
    if component == "stat":
        enabled = document.findtext("Status") == "enabled"
        return xml_response("LiveChannelStat", {"Status": "Idle" if enabled else "Disabled"})
    if component == "history":
        return xml_response("LiveChannelHistory", {})
    _drop(document, "LastModified")
    return document_response(keep(document))


async def list_channels(call: Call) -> web.StreamResponse:
    """ListLiveChannel."""
    bucket = call.holder
    check_lengths(call, {"prefix": "0044-00000102", "marker": "0044-00000103"})
    prefix, marker = call.query.get("prefix", ""), call.query.get("marker", "")
    limit = call.number("max-keys", DEFAULT_PAGE, 1, MAX_PAGE, ec="0044-00000101")
    names = [name for name in channels_of(bucket) if name.startswith(prefix)]
    page = page_after(names, marker, limit, name=str)
    documents = {name: find_channel(bucket, name) for name in page.items}
    return xml_response(
        "ListLiveChannelResult",
        {
            "Prefix": prefix,
            "Marker": marker,
            "MaxKeys": limit,
            "IsTruncated": bool(page.rest),
            "NextMarker": page.items[-1] if page.rest else "",
            "LiveChannel": [
                {
                    "Name": name,
                    **{tag: document.findtext(tag) or "" for tag in ("Description", "Status", "LastModified")},
                    **_urls(call, name, document),
                }
                for name, document in documents.items()
            ],
        },
    )


async def delete_channel(call: Call) -> web.StreamResponse:
    """DeleteLiveChannel; what was recorded of it would stay."""
    key = key_of(call.key)
    await call.run(call.buckets.change_setting, call.bucket, key, lambda _: None)
    return web.Response(status=204)


async def make_playlist(call: Call) -> web.StreamResponse:
    """PostVodPlaylist and GetVodPlaylist: of what was recorded between two times, which is nothing."""
    channel = call.key.rpartition("/")[0] if call.request.method == "POST" else call.key
    find_channel(call.holder, channel)
    raise OssError("InvalidArgument", "No ts file found in specified time span.", ec="0044-00000308")


def _urls(call: Call, name: str, document: Element) -> dict[str, object]:
    host, path = f"{call.bucket}.oss-{call.holder.region}.aliyuncs.com", ""
    if is_loopback(call.request[HOST]):
        host, path = call.request.host, f"{call.bucket}/"
    playlist = document.findtext("Target/PlaylistName")
    return {
        "PublishUrls": {"Url": f"rtmp://{host}/{path}live/{name}"},
        "PlayUrls": {"Url": f"http://{host}/{path}{name}/{playlist}"},
    }


def _drop(document: Element, tag: str) -> None:
    for element in document.findall(tag):
        document.remove(element)
