"""Lines of access logs: one request to a bucket, as OSS writes it. Pure.

Any field may be `-`: unknown, or none for this request. Here these are the change of the bucket's size, whether a CDN asked, and
what a transition or an acceleration would tell. That the access key and the bucket's ARN come last is assumed.

Sources: OSS, PutBucketLogging ("Log format"); Simple Log Service, "OSS": operations.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from localcloud.oss.settings import SETTINGS

NONE = "-"
BEIJING = 8 * 3600  # seconds that its clocks are ahead of UTC: those of logs everywhere
_UNQUOTABLE = re.compile(r'["\x00-\x1f\x7f]')
_VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete"}
_OF_SETTINGS = {each.parameter: each.action for each in SETTINGS}
# (method, level) -> the subresource that is asked for, and the name in logs; "" for none
_NAMES: Mapping[tuple[str, str], Mapping[str, str]] = {
    ("GET", "bucket"): {
        "logging": "GetBucketLog",
        "acl": "GetBucketAcl",
        "bucketInfo": "GetBucketInfo",
        "location": "GetBucketLocation",
        "stat": "GetBucketStat",
        "policy": "GetBucketPolicy",
        "uploads": "ListMultiPartUploads",
        "versions": "ListObjectVersions",
        "": "ListObjects",
    },
    ("PUT", "bucket"): {
        "logging": "PutBucketLog",
        "acl": "PutBucketAcl",
        "policy": "PutBucketPolicy",
        "": "PutBucket",
    },
    ("DELETE", "bucket"): {"logging": "DeleteBucketLog", "policy": "DeleteBucketPolicy", "": "DeleteBucket"},
    ("HEAD", "bucket"): {"": "HeadBucket"},
    ("POST", "bucket"): {"delete": "DeleteObjects", "": "PostObject"},
    ("OPTIONS", "bucket"): {"": "OptionObject"},
    ("OPTIONS", "object"): {"": "OptionObject"},
    ("GET", "object"): {
        "acl": "GetObjectAcl",
        "symlink": "GetObjectSymlink",
        "tagging": "GetObjectTagging",
        "uploadId": "ListParts",
        "objectMeta": "GetObjectMeta",
        "": "GetObject",
    },
    ("HEAD", "object"): {"objectMeta": "GetObjectMeta", "": "HeadObject"},
    ("PUT", "object"): {
        "acl": "PutObjectAcl",
        "symlink": "PutObjectSymlink",
        "tagging": "PutObjectTagging",
        "uploadId": "UploadPart",
        "": "PutObject",
    },
    ("DELETE", "object"): {
        "tagging": "DeleteObjectTagging",
        "uploadId": "AbortMultiPartUpload",
        "": "DeleteObject",
    },
    ("POST", "object"): {
        "restore": "RestoreObject",
        "append": "AppendObject",
        "uploads": "InitiateMultipartUpload",
        "uploadId": "CompleteUploadPart",
        "x-oss-process": "ProcessObject",
        "": NONE,
    },
}
_COPIES = {"PutObject": "CopyObject", "UploadPart": "UploadPartCopy"}


@dataclass(frozen=True, kw_only=True, slots=True)
class LoggedRequest:
    """A request that was answered."""

    address: str  # of the client
    time: float  # when it came, in seconds since the epoch
    method: str
    uri: str  # path and query as they came
    protocol: str  # HTTP/1.1
    status: int
    sent: int  # bytes of the answer's body
    took: int  # milliseconds
    referer: str = NONE
    agent: str = NONE
    host: str
    request_id: str
    requester: str = NONE  # the id of the user or of the account
    operation: str
    bucket: str
    key: str  # empty: none
    size: int | None  # bytes of the object; None: unknown, or there is none
    error: str = NONE  # its code
    length: int  # bytes of the request
    owner: str
    storage_class: str = NONE
    access_key_id: str = NONE
    arn: str  # of the bucket


def operation_of(method: str, level: str, query: Mapping[str, str], *, copies: bool) -> str:
    """Return the name by which logs call an operation.

    Args:
        method: the HTTP method.
        level: service, bucket or object.
        query: the decoded query.
        copies: whether a header names where the bytes come from.
    """
    names = _NAMES.get((method, level), {})
    selected = next((name for name in names if name and name in query), None)
    if selected is None and level == "bucket" and method in _VERBS:
        setting = next((name for name in query if name in _OF_SETTINGS), None)
        if setting is not None:
            return _VERBS[method] + _OF_SETTINGS[setting]
    name = names.get(selected or "", NONE)
    return _COPIES.get(name, name) if copies else name


def write_line(entry: LoggedRequest) -> bytes:
    """Return the line of a request, with its end."""
    moment = time.strftime("%d/%b/%Y:%H:%M:%S +0800", time.gmtime(entry.time + BEIJING))
    key = f"/{quote(entry.key, errors='surrogateescape')}" if entry.key else NONE
    fields = (
        *(entry.address, NONE, NONE, f"[{moment}]", _quoted(f"{entry.method} {entry.uri} {entry.protocol}")),
        *(entry.status, entry.sent, entry.took),
        *map(_quoted, (entry.referer, entry.agent, entry.host, entry.request_id, "true", entry.requester)),
        *map(_quoted, (entry.operation, entry.bucket, key)),
        *(NONE if entry.size is None else entry.size, entry.took, _quoted(entry.error), entry.length),
        *(_quoted(entry.owner), NONE, _quoted(NONE)),
        *map(_quoted, (entry.storage_class, NONE, NONE, entry.access_key_id, entry.arn)),
    )
    return (" ".join(map(str, fields)) + "\n").encode("utf-8", "surrogateescape")


def _quoted(text: str) -> str:
    """Return a text within quotation marks, of which it has none itself, nor line ends: a client cannot write fields of its own."""
    return '"' + _UNQUOTABLE.sub(lambda found: f"%{ord(found[0]):02X}", text or NONE) + '"'
