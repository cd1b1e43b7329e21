"""Reading one object, whole or in parts, in spite of a bad network.

`Store` is all that the loader asks of an object store: one ranged read. `ObjectReader` makes it dependable: it goes on
at the byte where a connection broke, waits longer each time nothing came, keeps to the version of the object that it
saw first, and gives up when the start's time is used up. It never interprets the bytes.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Protocol

from heavylift.contracts.failures import (
    EmptyObjectError,
    LoadError,
    ObjectChangedError,
    StoreError,
    TransientStoreError,
)
from heavylift.runtime.beginning import Beginning
from heavylift.runtime.retries import Deadline, Retries, RetryPolicy, draw

if TYPE_CHECKING:
    from concurrent.futures import Future

AHEAD = 16 * 1024 * 1024  # bytes of an archive to begin with: its index, and the blocks that come while it is read


class Body(NamedTuple):
    """The answer of a store.

    Attributes:
        size: bytes of the whole object, whatever was asked for.
        etag: names this version of the object, as the store wrote it.
        chunks: the bytes asked for; iterating may raise the same errors as `Store.ask`.
    """

    size: int
    etag: str
    chunks: Iterator[bytes]


class Store(Protocol):
    """A place that objects are read from. Called by several threads at once."""

    def describe(self, key: str) -> str:
        """Return the name of the object for messages."""

    def ask(self, key: str, start: int, stop: int, etag: str | None, seconds: float) -> Callable[[], Body]:
        """Ask for the bytes from `start` up to `stop`, or up to the object's end when that comes first.

        Args:
            key: the object's key.
            start: first byte.
            stop: the byte after the last one; more than `start`.
            etag: the version that must be read, or None for whichever is there.
            seconds: for the whole answer, its chunks with it.

        Returns:
            What waits for the answer; call it once. It may raise the same errors.

        Raises:
            TransientStoreError: asking again may help.
            ObjectChangedError: the object's version is not `etag`.
            StoreError: asking again will not help.
        """


class ObjectReader:
    """Reads one version of one object. Used by several threads at once.

    Args:
        store: where the object lies.
        key: its key.
        deadline: when to give up.
        policy: how often to try.
        sleep: waits that many seconds.
        jitter: returns a number from 0 to 1; each wait is that part of its maximum, so that many instances which
            failed together do not come back together.
    """

    def __init__(
        self,
        store: Store,
        key: str,
        deadline: Deadline,
        policy: RetryPolicy | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = draw,
    ) -> None:
        self.name = store.describe(key)
        self.deadline = deadline
        self._store = store
        self._key = key
        self._retries = Retries(policy or RetryPolicy(), deadline, sleep=sleep, jitter=jitter)
        self._lock = threading.Lock()
        self._version: tuple[int, str] | None = None
        self._asked: Callable[[], Body] | None = None  # what waits for the first bytes
        self._ahead: Beginning | None = None
        self._stopped = False
        self.fetched = 0  # bytes, so far
        self.retries = 0  # requests made again, so far

    @property
    def size(self) -> int:
        """Bytes of the object; known once something was read."""
        return self._seen()[0]

    @property
    def etag(self) -> str:
        """The version that is being read; known once something was read."""
        return self._seen()[1]

    def again(self, deadline: Deadline, policy: RetryPolicy | None = None) -> ObjectReader:
        """Return another reader of the same version of the object, with a deadline of its own."""
        other = ObjectReader(self._store, self._key, deadline, policy)
        other._version = self._version
        return other

    def take_counts(self) -> dict[str, int]:
        """Return the bytes `fetched` and the `retries` since the last call."""
        with self._lock:
            counts = {"fetched": self.fetched, "retries": self.retries}
            self.fetched = self.retries = 0
        return counts

    def stop(self) -> None:
        """Make all reads end with an error soon, because one of them failed for good."""
        self._stopped = True

    def ask(self, ahead: int) -> None:
        """Ask for the first bytes, up to `ahead` of them, which `begin` begins to fetch."""
        self._asked = self._ask_now(0, ahead)

    def begin(self, ahead: int) -> None:
        """Begin to fetch the first bytes, up to `ahead` of them, in one request. What was fetched is not fetched again."""
        self._begun(ahead)

    def head(self, size: int, *, ahead: int = 0) -> bytes:
        """Return the first `size` bytes, fewer when the object is shorter.

        Args:
            size: bytes; no more than it was begun with, if it was.
            ahead: begin with that many, unless it has begun.
        """
        return self._begun(max(size, ahead)).head(size)

    def _begun(self, ahead: int) -> Beginning:
        if self._ahead is None:
            self._ahead = Beginning(self._read(0, ahead, clamp=True, asked=self._asked))
        return self._ahead

    def narrow_ahead(self, wanted: Iterable[tuple[int, int]]) -> None:
        """Fetch ahead only what is wanted: (start, stop) of each stretch."""
        if self._ahead:
            self._ahead.narrow(wanted)

    def end_ahead(self) -> None:
        """Let go of what was asked for or fetched ahead: nobody will read it."""
        self._asked = None
        if self._ahead:
            self._ahead.close()

    def read(self, start: int, stop: int, *, now: bool = False) -> Iterator[bytes]:
        """Return exactly the bytes from `start` up to `stop`, in chunks of any size.

        Args:
            start: first byte.
            stop: the byte after the last one.
            now: ask for them before this returns, and not when the first is wanted: they will not have been fetched ahead.

        Raises:
            StoreError: the object could not be read, when that is met; its subclasses say why.
            DeadlineError: the time is used up.
        """
        if now:
            return self._read(start, stop, clamp=False, asked=self._ask_now(start, stop))
        return self._read_on(start, stop)

    def _read_on(self, start: int, stop: int) -> Iterator[bytes]:
        if self._ahead:
            for part in self._ahead.read(start, stop):
                yield part
                self._check()
                start += len(part)
        yield from self._read(start, stop, clamp=False)

    def read_ahead(self, start: int, stop: int, *, window: int, connections: int) -> Generator[bytes, None, None]:
        """Yield the bytes from `start` up to `stop` in order, read by several connections at once.

        Holds `connections + 1` windows in memory at most. Close it when it is not used up.

        Args:
            start: first byte.
            stop: the byte after the last one.
            window: bytes that one request asks for.
            connections: requests at once.
        """
        from concurrent.futures import ThreadPoolExecutor  # takes time to import, and our own archives do not need it

        starts = iter(range(start, stop, window))
        pending: deque[Future[bytes]] = deque()
        with ThreadPoolExecutor(connections, thread_name_prefix="fetch") as pool:
            try:
                for first in starts:
                    pending.append(pool.submit(self._window, first, min(first + window, stop)))
                    if len(pending) == connections:
                        yield pending.popleft().result()
                while pending:
                    yield pending.popleft().result()
            except BaseException:
                self.stop()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _window(self, start: int, stop: int) -> bytes:
        return b"".join(self.read(start, stop))

    def _ask(self, start: int, stop: int) -> Callable[[], Body]:
        etag = self._version and self._version[1]
        return self._store.ask(self._key, start, stop, etag, self.deadline.remaining())

    def _ask_now(self, start: int, stop: int) -> Callable[[], Body]:
        """Ask in this thread; whoever waits for the answer meets what failed."""
        try:
            return self._ask(start, stop)
        except LoadError as error:
            return partial(_fail, error)

    def _read(self, start: int, stop: int, *, clamp: bool, asked: Callable[[], Body] | None = None) -> Iterator[bytes]:
        failures = 0
        while start < stop:
            self._check()
            try:
                answer, asked = asked or self._ask(start, stop), None
                body = answer()
                self._accept(body)
                stop = min(stop, body.size) if clamp else stop
                for chunk in body.chunks:
                    if len(chunk) > stop - start:
                        raise StoreError(f"{self.name}: the store sent more than the {stop - start} bytes asked for")
                    start, failures = start + len(chunk), 0
                    self._count(fetched=len(chunk))
                    yield chunk
                    self._check()
                if start < stop:
                    raise TransientStoreError(f"{self.name}: the answer ended {stop - start} bytes early")
            except TransientStoreError as error:
                failures += 1
                self._retries.wait(failures, error)
                self._count(retries=1)

    def _check(self) -> None:
        if self._stopped:
            raise StoreError(f"{self.name}: the read was called off because another part of it failed")
        self.deadline.check(f"reading {self.name}")

    def _accept(self, body: Body) -> None:
        if body.size == 0:
            raise EmptyObjectError(f"{self.name}: the object is empty; upload it again")
        with self._lock:
            self._version = self._version or (body.size, body.etag)
            if self._version != (body.size, body.etag):
                raise ObjectChangedError(
                    f"{self.name}: the object was replaced while it was being read (it was {self._version}, it is "
                    f"{(body.size, body.etag)}); upload under a new key instead of replacing"
                )

    def _count(self, *, fetched: int = 0, retries: int = 0) -> None:
        with self._lock:
            self.fetched += fetched
            self.retries += retries

    def _seen(self) -> tuple[int, str]:
        if self._version is None:
            raise ValueError("nothing was read yet")
        return self._version


def _fail(error: LoadError) -> NoReturn:
    raise error


def cut(chunks: Iterator[bytes], ranges: list[tuple[int, int]]) -> Iterator[bytes]:
    """Yield, for each range of a stream, its bytes; the bytes between the ranges are passed over.

    Args:
        chunks: the stream.
        ranges: (start, stop) from the beginning of the stream; in order, not overlapping.
    """
    rest, position = memoryview(b""), 0  # of the chunk, and where it stands
    for start, stop in ranges:
        parts = []
        while position < stop:
            rest = rest or memoryview(next(chunks))
            size = min(len(rest), (start if position < start else stop) - position)
            if position >= start:
                parts.append(rest[:size])
            rest, position = rest[size:], position + size
        yield b"".join(parts)
