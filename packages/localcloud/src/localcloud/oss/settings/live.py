"""Live channels: what is kept of them. Nothing can be pushed to one here, for the embedded cloud speaks no RTMP: each stays idle.

Source: OSS, "Operations on LiveChannel": PutLiveChannel, PutLiveChannelStatus, ListLiveChannel; "Troubleshooting", 0017-00000258,
0044-00000016 to -18.
"""

from __future__ import annotations

from collections.abc import Callable
from xml.etree.ElementTree import Element, SubElement

from localcloud.kernel.times import to_milliseconds
from localcloud.oss.errors import OssError
from localcloud.oss.model import Bucket
from localcloud.oss.settings.schema import check_form, choice, group, invalid, number, text
from localcloud.oss.settings.setting import keep
from localcloud.oss.xml import parse

ROOT = "LiveChannelConfiguration"
STATUSES = ("enabled", "disabled")
MOST = 1000  # channels of a bucket; assumed
MAX_NAME = 63  # characters
MAX_DESCRIPTION = 128  # bytes
_BEGIN = "live/"  # of their keys among a bucket's settings
_FIELDS = {
    "Description": text(),
    "Status": choice(*STATUSES),
    "Target": group(
        {
            "Type": text(required=True),
            "FragDuration": number(1, 100),  # seconds
            "FragCount": number(1, 100),
            "PlaylistName": text(),
            "PlayListName": text(),  # as the PHP SDK writes it; OSS passes it over
        },
        required=True,
    ),
    "Snapshot": group({"RoleName": text(), "DestBucket": text(), "NotifyTopic": text(), "Interval": number(1, 100)}),
}
_DEFAULTS = {"FragDuration": "5", "FragCount": "3", "PlaylistName": "playlist.m3u8"}


def key_of(name: str) -> str:
    """Return the key of a channel among its bucket's settings.

    Raises:
        OssError: InvalidArgument (the name).
    """
    if "/" in name or not 1 <= len(name) <= MAX_NAME:
        why = f"The name of a live channel has up to {MAX_NAME} characters and no slash."
        raise invalid("ChannelName", name, why, ec="0017-00000258")
    return _BEGIN + name


def read_channel(body: bytes, now: float) -> str:
    """Return the document of a channel, as it is kept, from the one that a request puts.

    Raises:
        OssError: MalformedXML, InvalidArgument.
    """
    document = parse(body, ROOT)
    check_form(document, _FIELDS)
    _default(document, "Description", "")
    _default(document, "Status", STATUSES[0])
    target = document.find("Target")
    assert target is not None, "the form requires it"
    if target.findtext("Type") != "HLS":
        raise invalid("Type", target.findtext("Type") or "", "The type of a live channel is HLS.")
    for element in target.findall("PlayListName"):
        target.remove(element)
    for name, value in _DEFAULTS.items():
        _default(target, name, value)
    description, playlist = document.findtext("Description") or "", target.findtext("PlaylistName") or ""
    if len(description.encode()) > MAX_DESCRIPTION:
        raise invalid("Description", description, f"A description has up to {MAX_DESCRIPTION} bytes.")
    for wrong, ec in (
        (not 6 <= len(playlist.encode()) <= 128, "0044-00000017"),
        (not playlist.endswith(".m3u8"), "0044-00000018"),
        ("/" in playlist, "0044-00000016"),
    ):
        if wrong:
            why = "A playlist's name has 6 to 128 bytes, ends with .m3u8 and has no slash."
            raise invalid("PlaylistName", playlist, why, ec=ec)
    _default(document, "LastModified", to_milliseconds(now))
    return keep(document)


def add_channel(document: str) -> Callable[[Bucket], str]:
    """Return the change that keeps a channel, or replaces the one of its name, in a bucket."""

    def change(bucket: Bucket) -> str:
        if len(channels_of(bucket)) >= MOST:
            raise OssError("InvalidArgument", f"A bucket has up to {MOST} live channels.")
        return document

    return change


def set_status(name: str, status: str) -> Callable[[Bucket], str]:
    """Return the change that gives a channel another status.

    Raises:
        OssError: InvalidArgument.
    """
    if status not in STATUSES:
        raise invalid("status", status, f"The status of a live channel is {' or '.join(STATUSES)}.")

    def change(bucket: Bucket) -> str:
        document = find_channel(bucket, name)
        element = document.find("Status")
        assert element is not None, "kept with each"
        element.text = status
        return keep(document)

    return change


def channels_of(bucket: Bucket) -> list[str]:
    """Return the names of a bucket's channels, in order."""
    return sorted(key.removeprefix(_BEGIN) for key in bucket.settings if key.startswith(_BEGIN))


def find_channel(bucket: Bucket, name: str) -> Element:
    """Return the document of a channel.

    Raises:
        OssError: NoSuchLiveChannel, InvalidArgument (the name).
    """
    document = bucket.settings.get(key_of(name))
    if document is None:
        raise OssError("NoSuchLiveChannel", "The specified live channel does not exist.", {"ChannelName": name[:100]})
    return parse(document.encode(), ROOT)


def _default(parent: Element, name: str, value: str) -> None:
    element = parent.find(name)
    if element is None:
        element = SubElement(parent, name)
    if not element.text:
        element.text = value
