"""Archives in the stack's bucket: copied and verified, removed when superseded, removed at the end. Only objects of its own.

Every copy carries the stack's id as user metadata: what does not carry it is never removed.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from objectstore import ObjectInfo, ObjectStore

from heavylift.contracts.failures import ObjectNotFoundError, StoreError
from heavylift.runtime.retries import Deadline

OWNER = "heavylift-stack"  # name of the user metadata
MAX_COPY = 1024**3  # bytes; OSS, "CopyObject": larger objects are copied by parts
PART = 256 * 1024**2  # bytes
WORKERS = 8  # parts at a time
CLEANUP = 10  # seconds that tidying up after a failure may take, also when the time is over


def time_limit(seconds: float) -> Deadline:
    """Return a time limit of the deployment's work."""
    return Deadline(seconds, work="the deployment function", advice="deploy again to go on")


class RequestError(Exception):
    """The request is not one that this handler serves."""


@dataclass(frozen=True)
class Source:
    """An object to copy, and the key that it gets."""

    bucket: str
    key: str
    target: str


@dataclass(frozen=True)
class Copy:
    """The archives of a deployment."""

    stack: str
    bucket: str
    sources: Sequence[Source]

    def apply(self, store: ObjectStore) -> None:
        """Copy the archives that the bucket does not hold yet; if one fails, remove those that were copied.

        Raises:
            StoreError: a copy failed, or is not what it was copied from.
        """
        copied: list[str] = []
        try:
            for source in self.sources:
                if copy(store, source, self.bucket, self.stack):
                    copied.append(source.target)
        except BaseException:
            for key in copied:
                store.extended(time_limit(CLEANUP)).delete(self.bucket, key)
            raise

    def remove(self, store: ObjectStore) -> None:
        """Remove all that this stack copied, now or in earlier deployments; a bucket that is gone needs nothing."""
        _remove(store, self.bucket, self.stack, [source.target for source in self.sources], keep=())


@dataclass(frozen=True)
class Sweep:
    """The archives that are in use."""

    stack: str
    bucket: str
    keep: Sequence[str]

    def apply(self, store: ObjectStore) -> None:
        """Remove the archives of earlier deployments of this stack that are not in use."""
        _remove(store, self.bucket, self.stack, self.keep, keep=self.keep)

    def remove(self, store: ObjectStore) -> None:
        """Do nothing: the copies are removed with the resource that made them."""


def read_request(request: dict[str, Any]) -> Copy | Sweep:
    """Return the work that a request of ROS asks for.

    Raises:
        RequestError: it has other parameters.
    """
    properties = request["ResourceProperties"]
    try:
        stack, bucket = str(request["StackId"]), str(properties["destinationBucket"])
        if "keep" in properties:
            return Sweep(stack, bucket, [str(key) for key in properties["keep"]])
        sources = [
            Source(str(source["bucket"]), str(source["objectKey"]), str(source.get("fileName") or source["objectKey"]))
            for source in properties["sources"]
        ]
    except (KeyError, TypeError, AttributeError) as error:
        raise RequestError(
            "the parameters are neither destinationBucket and sources, nor destinationBucket and keep "
            f"({type(error).__name__}: {error})"
        ) from error
    return Copy(stack, bucket, sources)


def copy(
    store: ObjectStore, source: Source, bucket: str, stack: str, *, max_copy: int = MAX_COPY, part: int = PART
) -> bool:
    """Copy one object, unless the bucket holds the same already.

    Args:
        store: OSS.
        source: what is copied.
        bucket: where to.
        stack: the id that the copy is marked with.
        max_copy: bytes; larger objects are copied by parts.
        part: bytes of a part.

    Returns:
        Whether there is an object now that was not there before.

    Raises:
        StoreError: the key is taken, the copy failed, or it differs from its source; then it is removed.
    """
    origin = store.head(source.bucket, source.key)
    present = _find(store, bucket, source.target)
    if present and _same(present, origin):
        return False
    if present and present.metadata.get(OWNER) != stack:
        raise StoreError(
            f"{bucket}/{source.target}: there is another object under this key, which this stack did not make; it was left as "
            "it is: move it away, then deploy again"
        )
    metadata = {OWNER: stack}
    if origin.size <= max_copy:
        store.copy(source.bucket, source.key, origin.etag, bucket, source.target, metadata)
    else:
        _copy_parts(store, source, origin, bucket, metadata, part)
    made = store.head(bucket, source.target)
    if not _same(made, origin):
        store.delete(bucket, source.target)
        raise StoreError(
            f"{bucket}/{source.target}: the copy has {made.size} bytes and CRC-64 {made.crc64}, its source {source.bucket}/"
            f"{source.key} has {origin.size} and {origin.crc64}; the copy was removed: deploy again"
        )
    return present is None


def _copy_parts(
    store: ObjectStore, source: Source, origin: ObjectInfo, bucket: str, metadata: dict[str, str], part: int
) -> None:
    upload = store.begin(bucket, source.target, metadata)
    starts = range(0, origin.size, part)
    try:
        with ThreadPoolExecutor(WORKERS) as pool:
            tags = list(
                pool.map(
                    lambda number: store.copy_part(
                        (source.bucket, source.key, origin.etag),
                        (bucket, source.target, upload),
                        number + 1,
                        (starts[number], min(starts[number] + part, origin.size) - 1),
                    ),
                    range(len(starts)),
                )
            )
        store.complete(bucket, source.target, upload, tags)
    except BaseException:
        store.extended(time_limit(CLEANUP)).abort(bucket, source.target, upload)
        raise


def _same(one: ObjectInfo, other: ObjectInfo) -> bool:
    return bool(one.crc64) and (one.size, one.crc64) == (other.size, other.crc64)


def _find(store: ObjectStore, bucket: str, key: str) -> ObjectInfo | None:
    try:
        return store.head(bucket, key)
    except ObjectNotFoundError:
        return None


def _remove(store: ObjectStore, bucket: str, stack: str, keys: Sequence[str], *, keep: Sequence[str]) -> None:
    for prefix in sorted({key.rpartition("/")[0] + "/" for key in keys}):
        try:
            found = store.list(bucket, prefix)
        except ObjectNotFoundError:
            return  # the bucket is gone
        for key in found:
            if key in keep:
                continue
            info = _find(store, bucket, key)
            if info and info.metadata.get(OWNER) == stack:
                store.delete(bucket, key)
