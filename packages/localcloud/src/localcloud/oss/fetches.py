"""Asynchronous fetches: what a task is asked to do, and what became of it. Values, and the documents that tell them.

OSS does not document the operations any more: elements and states are those of its SDKs for Python, Java and Go, whose suites say
which error a key that is taken has. That other mistakes are an InvalidArgument is assumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from localcloud.oss.callbacks import MAX_PARAMETER
from localcloud.oss.digests import Digests, read_digests
from localcloud.oss.errors import OssError
from localcloud.oss.model import STORAGE_CLASSES
from localcloud.oss.settings.schema import boolean, check_form, invalid, text
from localcloud.oss.xml import parse

MAX_URL = 8 * 1024  # characters; assumed
_FIELDS = {
    "Url": text(required=True),
    "Object": text(required=True),
    "Host": text(),
    "ContentMD5": text(),
    "Callback": text(),
    "StorageClass": text(),
    "IgnoreSameKey": boolean(),
    "CallbackWhenFailed": boolean(),
}


class State(StrEnum):
    """The state of a task. `Retry`, which SDKs know too, no task here has: none is tried again."""

    RUNNING = "Running"
    SUCCESS = "Success"
    FAILED = "Failed"
    CALLBACK_FAILED = "FetchSuccessCallbackFailed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What a task is asked to do."""

    url: str
    key: str
    host: str = ""  # of the header Host; empty: that of the URL
    content_md5: str = ""  # base64; empty: it is not compared
    callback: str = ""  # as in the header x-oss-callback; empty: there is none
    storage_class: str = ""  # empty: the bucket's
    keeps: bool = True  # an object that stands under the key (`IgnoreSameKey`)
    tells_failure: bool = False  # to the callback

    def describe(self) -> dict[str, object]:
        """Return the elements that tell of it."""
        return {
            "Url": self.url,
            "Object": self.key,
            "Host": self.host,
            "ContentMD5": self.content_md5,
            "Callback": self.callback,
            "StorageClass": self.storage_class or None,
            "IgnoreSameKey": self.keeps,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Task:
    """A task."""

    id: str
    bucket: str
    created: float  # seconds since the epoch
    requester: str  # the id of the account that asked for it
    request_id: str
    overwrites: bool  # an object that stands under the key
    order: Order
    state: State = State.RUNNING
    message: str = ""  # why it failed


def read_order(body: bytes) -> Order:
    """Read what a request asks for.

    Raises:
        OssError: MalformedXML, InvalidArgument, InvalidDigest, InvalidStorageClass.
    """
    document = parse(body, "AsyncFetchTaskConfiguration")
    check_form(document, _FIELDS)
    said = {element.tag: element.text or "" for element in document}
    for name, most in (("Url", MAX_URL), ("Object", None), ("Callback", MAX_PARAMETER)):
        value = said.get(name, "")
        if (not value and name != "Callback") or (most is not None and len(value) > most):
            raise invalid(name, value, f"{name} is empty, or too long.")
    digests_of(said.get("ContentMD5", ""))
    storage_class = said.get("StorageClass", "")
    if storage_class and storage_class not in STORAGE_CLASSES:
        raise OssError("InvalidStorageClass", f"StorageClass must be one of {', '.join(sorted(STORAGE_CLASSES))}.")
    return Order(
        url=said["Url"],
        key=said["Object"],
        host=said.get("Host", ""),
        content_md5=said.get("ContentMD5", ""),
        callback=said.get("Callback", ""),
        storage_class=storage_class,
        keeps=said.get("IgnoreSameKey", "true") != "false",
        tells_failure=said.get("CallbackWhenFailed") == "true",
    )


def digests_of(content_md5: str) -> Digests:
    """Return the digests that the bytes have to have, from the base64 of an MD5; empty: any.

    Raises:
        OssError: InvalidDigest.
    """
    return read_digests({"Content-MD5": content_md5})
