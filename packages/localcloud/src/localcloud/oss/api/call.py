"""One request on its way through a handler, and the operation that a row of the routes makes."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import ParamSpec, TypeVar

from aiohttp import web

from localcloud.kernel.access import Caller
from localcloud.oss.api.conditions import forbids_overwriting
from localcloud.oss.api.content import Content
from localcloud.oss.api.guard import Guard
from localcloud.oss.api.s3 import SPOKEN
from localcloud.oss.api.url import ResourceUrl
from localcloud.oss.arguments import read_number
from localcloud.oss.digests import Digests
from localcloud.oss.errors import OssError
from localcloud.oss.link import Link
from localcloud.oss.model import Bucket, StoredObject
from localcloud.oss.operations.buckets import BucketOperations
from localcloud.oss.operations.keys import check_version
from localcloud.oss.operations.objects import OpenObject, Permit
from localcloud.oss.operations.service import OssService
from localcloud.oss.roles import PRINCIPAL
from localcloud.oss.settings.overwrite import forbids
from localcloud.oss.settings.policy import names_of
from localcloud.oss.settings.versioning import versioning_of

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One request on its way through a handler."""

    request: web.Request
    target: ResourceUrl
    region: str  # where it is answered
    caller: Caller | None  # None: anybody
    oss: OssService
    guard: Guard
    link: Link
    digests: Digests
    content: Content
    body: bytes = field(repr=False)  # empty for operations that write it to disk as it comes

    @property
    def owner(self) -> str:
        """The id of the account that owns the bucket, or whose buckets a request for none is about."""
        bucket = self.guard.find_bucket(self.bucket)
        return self.requester if bucket is None else bucket.owner

    @property
    def buckets(self) -> BucketOperations:
        """The buckets of that account."""
        return self.oss.buckets_of(self.owner)

    @property
    def own_buckets(self) -> BucketOperations:
        """The buckets of the caller's account."""
        return self.oss.buckets_of(self.requester)

    @property
    def is_owner(self) -> bool:
        """Return True if the account itself that owns the bucket sent the request."""
        return self.caller is not None and self.caller.identity.is_account and self.requester == self.owner

    @property
    def bucket(self) -> str:
        """The bucket's name."""
        return self.target.bucket

    @property
    def holder(self) -> Bucket:
        """The bucket that the request names.

        Raises:
            OssError: NoSuchBucket (it was deleted meanwhile).
        """
        return self.buckets.get(self.bucket)

    @property
    def key(self) -> str:
        """The object's key."""
        return self.target.key

    @property
    def query(self) -> Mapping[str, str]:
        """The decoded query."""
        return self.target.query

    @property
    def version(self) -> str | None:
        """The version that the request names; None: the current one."""
        return self.query.get("versionId")

    def version_headers(self, version: str | None) -> dict[str, str]:
        """Return the header that names a version, if the bucket has had versioning set."""
        bucket = self.guard.find_bucket(self.bucket)
        return {"x-oss-version-id": version} if version and bucket and versioning_of(bucket) else {}

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, whose names are found in any case."""
        return self.request.headers

    @property
    def requester(self) -> str:
        """The id of the caller's account; empty: anybody sent the request."""
        return self.caller.identity.account_id if self.caller else ""

    @property
    def overwrite(self) -> bool:
        """The permission to replace the object; False: the request or the bucket forbids it."""
        return self.may_replace(self.key, self.headers, self.caller)

    def may_replace(self, key: str, headers: Mapping[str, str], caller: Caller | None) -> bool:
        """Return False if a request's headers, or the rules of the bucket, forbid to replace an object.

        Raises:
            OssError: InvalidArgument.
        """
        bucket = self.guard.find_bucket(self.bucket)
        forbidden = bucket is not None and forbids(bucket, key, names_of(caller.identity if caller else None))
        return not self.makes_only(headers) and not forbidden

    def makes_only(self, headers: Mapping[str, str]) -> bool:
        """Return True if a request's headers ask for an object that is not there yet.

        Where versions are kept x-oss-forbid-overwrite does not count; S3's If-None-Match does (assumed).
        Source: OSS, PutObject, PutSymlink, CopyObject, InitiateMultipartUpload, CompleteMultipartUpload.

        Raises:
            OssError: InvalidArgument.
        """
        bucket = self.guard.find_bucket(self.bucket)
        kept = bucket is not None and versioning_of(bucket) is not None
        return forbids_overwriting(headers) and (self.request[SPOKEN] or not kept)

    def number(self, name: str, default: int, low: int, high: int, *, ec: str | None = None) -> int:
        """Return the whole number that a query parameter holds; `ec` is the finer code of the error when it is none.

        Raises:
            OssError: InvalidArgument.
        """
        text = self.query.get(name)
        return read_number(name, text, low=low, high=high, ec=ec) if text else default

    async def run(
        self, function: Callable[Parameters, Result], *arguments: Parameters.args, **options: Parameters.kwargs
    ) -> Result:
        """Run a blocking operation in a thread."""
        return await asyncio.to_thread(partial(function, *arguments, **options))

    async def read(
        self, function: Callable[Parameters, Result], *arguments: Parameters.args, **options: Parameters.kwargs
    ) -> Result:
        """Run an operation that reads a few rows: at once, unless somebody else holds the store; then in a thread."""
        if not self.oss.lock.acquire(blocking=False):
            return await self.run(function, *arguments, **options)
        try:
            return function(*arguments, **options)
        finally:
            self.oss.lock.release()

    def require(self, action: str, *, acl: str = "private", target: ResourceUrl | None = None) -> None:
        """Refuse the request unless the action is allowed.

        Args:
            action: the RAM action without its service: `GetObject`.
            acl: the ACL in effect, which decides where no policy does.
            target: the bucket or object; None: the request's.

        Raises:
            OssError: AccessDenied.
        """
        self.guard.require(
            self.caller,
            f"oss:{action}",
            target or self.target,
            region=self.region,
            acl=acl,
            conditions=partial(conditions_of, self.request),
            headers=self.headers,
        )

    def pass_role(self, arn: str) -> None:
        """Refuse a caller that may not give OSS a role.

        Raises:
            OssError: AccessDenied.
        """
        if self.caller is None:
            raise OssError("AccessDenied", "Anonymous access is forbidden for this operation.")
        self.guard.gate.require(self.caller, "ram:PassRole", arn, {"acs:Service": PRINCIPAL})

    def permit(self, action: str, bucket: str | None = None) -> Permit:
        """Return a function that refuses access to objects of a bucket (None: this request's) by policy or by their ACL."""

        def check(key: str, acl: str) -> None:
            target = replace(self.target, key=key)
            if bucket is not None:
                target = ResourceUrl(bucket=bucket, key=key, query=self.query)
            self.require(action, acl=acl, target=target)

        return check

    def open(self, action: str, *, key: str | None = None, frozen: bool = False) -> Opening:
        """Return a context of the object that the request names, or of a symlink's target, if the action is allowed on both.

        Args:
            action: the RAM action, without its service.
            key: of another object in the same bucket, instead of the request's.
            frozen: an archived object, too, is yielded.
        """
        version = self.version if key is None else None
        permit = self.permit(on_version(action, version))
        name = self.key if key is None else key
        return Opening(self, partial(self.oss.objects.open, self.bucket, name, version, permit=permit, frozen=frozen))


class Opening:
    """A context that yields an object and the file with its bytes, which stays until the block ends."""

    __slots__ = ("_call", "_left", "_lock", "_open", "_opened")

    def __init__(self, call: Call, opener: Callable[[], OpenObject]) -> None:
        self._call = call
        self._open = opener
        self._opened: OpenObject | None = None
        self._left = False
        self._lock = threading.Lock()

    async def __aenter__(self) -> tuple[StoredObject, Path]:
        try:
            opened = await self._call.read(self._keep)
        except asyncio.CancelledError:
            self._leave()
            raise
        return opened.item, opened.path

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leave()

    def _keep(self) -> OpenObject:
        """Open the object; where that takes a thread, it may outlive the request, and nobody waits for the file then."""
        opened = self._open()
        with self._lock:
            self._opened = opened
            if self._left:
                opened.close()
        return opened

    def _leave(self) -> None:
        with self._lock:
            self._left = True
            if self._opened:
                self._opened.close()


def conditions_of(request: web.Request) -> dict[str, str]:
    """Return the conditions of a request that policies may ask for, whoever sent it."""
    return {
        "acs:SourceIp": request.remote or "",
        "acs:SecureTransport": str(request.secure).lower(),
        "acs:UserAgent": request.headers.get("User-Agent", ""),
        "acs:Referer": request.headers.get("Referer", ""),
    }


def on_version(action: str, version: str | None) -> str:
    """Return the action that does to a version what another one does to an object: GetObjectVersionAcl for GetObjectAcl."""
    return action if version is None else action.replace("Object", "ObjectVersion", 1)


COPY_SOURCE = "x-oss-copy-source"  # the header
RIGHTS_BY_HEADER: Mapping[str, str] = {  # the further rights that an upload with these headers needs
    "x-oss-object-acl": "PutObjectAcl",
    "x-oss-tagging": "PutObjectTagging",
    "x-oss-object-worm-mode": "PutObjectRetention",
    "x-oss-object-worm-legal-hold": "PutObjectLegalHold",
}
Handler = Callable[[Call], Awaitable[web.StreamResponse]]


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation of the API: a row of the routes.

    Attributes:
        handler: reads the request, calls the domain and makes the answer.
        action: the RAM action, without its service, that the request needs on its target; None: the handler asks, for what it
            finds.
        by_acl: whether the ACL of the object, too, can allow it to everybody.
        header_actions: by request header, the action that it needs in addition.
        streams: whether the handler writes the body to disk as it comes.
        versions: whether it can be asked for a version; None: it passes over one that is named.
        copy: the operation that the header `x-oss-copy-source` makes of it; None: the header says nothing.
    """

    handler: Handler
    action: str | None
    by_acl: bool = field(default=False, kw_only=True)
    header_actions: Mapping[str, str] = field(default_factory=dict, kw_only=True)
    streams: bool = field(default=False, kw_only=True)
    versions: bool | None = field(default=False, kw_only=True)
    copy: Operation | None = field(default=None, kw_only=True)

    async def authorize(self, call: Call) -> None:
        """Refuse a request that lacks a right.

        Raises:
            OssError: AccessDenied, NoSuchBucket, NotImplemented (a version), InvalidArgument (likewise).
        """
        version = None if COPY_SOURCE in call.headers else call.version  # oss2 repeats there which one is copied
        if self.versions is None:
            version = None
        if version is not None:
            if not self.versions:
                raise OssError("NotImplemented", f"not implemented: {call.request.method} with ?versionId here")
            check_version(version)
        if self.action is not None:
            acl = "private"
            if self.by_acl and not call.is_owner:
                acl = await call.read(call.oss.objects.effective_acl, call.bucket, call.key)
            call.require(on_version(self.action, version), acl=acl)
        for header, action in self.header_actions.items():
            if header in call.headers:
                call.require(action)
