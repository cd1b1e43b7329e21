"""Asynchronous fetches: tasks that are kept, and carried out beside the requests, also after a restart.

Each account has some at a time; the others wait. A task fetches from loopback and from the embedded cloud's own names alone.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import uuid
from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit, urlunsplit

from localcloud.kernel.outgoing import is_near, sending
from localcloud.oss.arguments import check_header
from localcloud.oss.arriving import check_size, write_blob
from localcloud.oss.callbacks import read_callback
from localcloud.oss.calling import call_back
from localcloud.oss.errors import OssError
from localcloud.oss.fetches import Order, State, Task, digests_of
from localcloud.oss.model import MAX_PUT, Attributes, Bucket, Storage, StoredObject
from localcloud.oss.operations.keys import check_key
from localcloud.oss.operations.objects import ObjectOperations
from localcloud.oss.settings.callbackpolicy import find_callback
from localcloud.oss.store.store import Store

AT_ONCE = 4  # tasks of an account
PATIENCE = 600.0  # seconds for a fetch; assumed
EVENT = "ObjectCreated:PutObject"  # assumed
MAX_MESSAGE = 500  # characters
_KEPT = ("content-type", "content-encoding")  # headers of the source that the object has

logger = logging.getLogger(__name__)


class FetchOperations:
    """The asynchronous fetches of all buckets.

    Args:
        store: where they are kept.
        objects: gets what was fetched.
        clock: seconds since the epoch.
    """

    def __init__(self, store: Store, *, objects: ObjectOperations, clock: Callable[[], float]) -> None:
        self._store = store
        self._objects = objects
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._turns: dict[str, asyncio.Semaphore] = {}  # by account
        self._find_own: Callable[[str], str | None] = lambda _: None

    def add(self, bucket: str, order: Order, *, overwrites: bool, requester: str, request_id: str) -> Task:
        """Keep a new task; `carry_out` begins it.

        Args:
            bucket: the bucket's name.
            order: what it is asked to do.
            overwrites: it may replace an object.
            requester: the id of the account that asked for it.
            request_id: the id of its request.

        Raises:
            OssError: NoSuchBucket, InvalidObjectName, ObjectAlreadyExists, ServiceUnavailable (too many wait).
        """
        check_key(order.key)
        if not overwrites and self._objects.exists(bucket, order.key):
            raise OssError("ObjectAlreadyExists", "The object you specified already exists.", {"Object": order.key})
        task = Task(
            id=str(uuid.uuid4()),
            bucket=bucket,
            created=self._clock(),
            requester=requester,
            request_id=request_id,
            overwrites=overwrites,
            order=order,
        )
        self._store.fetches.add(task)
        return task

    def get(self, bucket: str, task_id: str) -> Task:
        """Return a task of a bucket.

        Raises:
            OssError: NoSuchAsyncFetchTask.
        """
        task = self._store.fetches.find(bucket, task_id)
        if task is None:
            raise OssError("NoSuchAsyncFetchTask", "The specified task does not exist.", {"TaskId": task_id[:100]})
        return task

    def begin(self, find_own: Callable[[str], str | None]) -> None:
        """Go on with the tasks that have not ended, in the running event loop.

        Args:
            find_own: returns the URL under which this process serves a host name, or None.
        """
        self._find_own = find_own
        for task in self._store.fetches.running():
            self.carry_out(task)

    def carry_out(self, task: Task) -> None:
        """Begin a task, in the running event loop."""
        running = asyncio.create_task(self._wait_and_run(task))
        self._tasks.add(running)
        running.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Break off what runs; the next `begin` does it anew."""
        for running in self._tasks:
            running.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _wait_and_run(self, task: Task) -> None:
        bucket = self._store.buckets.find(task.bucket)
        if bucket is None:
            return
        async with self._turns.setdefault(bucket.owner, asyncio.Semaphore(AT_ONCE)):
            try:
                state, message = await self._run(task, bucket)
            except OssError as error:
                state, message = State.FAILED, error.message
            except Exception:
                logger.exception("the fetch %s failed", task.id)
                state, message = State.FAILED, "the embedded cloud failed at this task; its log says how"
            with contextlib.suppress(OssError):  # the disk is full: it is done anew after a restart
                await asyncio.to_thread(self._store.fetches.end, task, state, message[:MAX_MESSAGE])

    async def _run(self, task: Task, bucket: Bucket) -> tuple[State, str]:
        """Fetch, store and call back."""
        try:
            item = await self._fetch(task, bucket)
        except OssError as error:
            if task.order.tells_failure and task.order.callback:
                with contextlib.suppress(OssError):
                    await self._call_back(task, bucket.owner, {})
            return State.FAILED, error.message
        if not task.order.callback:
            return State.SUCCESS, ""
        try:
            await self._call_back(task, bucket.owner, _values(item))
        except OssError as error:
            return State.CALLBACK_FAILED, error.message
        return State.SUCCESS, ""

    async def _fetch(self, task: Task, bucket: Bucket) -> StoredObject:
        order = task.order
        url, headers = self._locate(order)
        try:
            async with sending("GET", url, headers=headers, patience=PATIENCE, unpack=False) as answer:
                if answer.status != 200:
                    raise OssError("InvalidArgument", f"The source answered with the status {answer.status}.")
                check_size(answer.length or 0, MAX_PUT)
                kept = {name: check_header(name, answer.headers[name]) for name in _KEPT if name in answer.headers}
                blob = await write_blob(
                    self._store.blobs, answer.chunks, limit=MAX_PUT, digests=digests_of(order.content_md5)
                )
        except TimeoutError as error:
            raise OssError("InvalidArgument", f"The source took more than {PATIENCE:g} seconds.") from error
        except ConnectionError as error:
            raise OssError("InvalidArgument", f"The source cannot be read: {error}") from error
        attributes = Attributes(headers=kept, storage=Storage(storage_class=order.storage_class or None))
        return await asyncio.to_thread(
            self._objects.put,
            task.bucket,
            order.key,
            blob,
            attributes,
            overwrite=task.overwrites,
            event=EVENT,
            requester=task.requester,
            admitted=bucket,
        )

    def _locate(self, order: Order) -> tuple[str, dict[str, str]]:
        """Return the URL that is asked, and the headers.

        Raises:
            OssError: InvalidArgument: it is none, or neither on loopback nor one of this cloud's.
        """
        try:
            parts = urlsplit(order.url)
            host, _ = parts.hostname or "", parts.port
        except ValueError as error:
            raise OssError("InvalidArgument", f"The URL is not valid: {error}") from error
        headers = {"Accept-Encoding": "identity"}
        if order.host:
            headers["Host"] = order.host
        if is_near(order.url):
            return order.url, headers
        own = self._find_own(host) if parts.scheme in {"http", "https"} else None
        if own is None:
            raise OssError(
                "InvalidArgument", "The URL is not on loopback, and the embedded cloud fetches from nowhere else."
            )
        base = urlsplit(own)
        return urlunsplit((base.scheme, base.netloc, parts.path, parts.query, "")), {"Host": host, **headers}

    async def _call_back(self, task: Task, owner: str, values: dict[str, str | int]) -> None:
        known = {"bucket": task.bucket, "object": task.order.key, "reqId": task.request_id, "operation": "AsyncFetch"}
        find_kept = partial(find_callback, self._store.buckets.find(task.bucket))
        await call_back(
            read_callback(task.order.callback, "", find_kept=find_kept),
            {**known, **values},
            bucket=task.bucket,
            owner=owner,
            requester=task.requester,
            request_id=task.request_id,
        )


def _values(item: StoredObject) -> dict[str, str | int]:
    return {
        "etag": item.etag,
        "size": item.size,
        "mimeType": item.attributes.headers.get("content-type", "application/octet-stream"),
        "crc64": str(item.crc64),
        "contentMd5": base64.b64encode(bytes.fromhex(item.etag)).decode(),
    }
