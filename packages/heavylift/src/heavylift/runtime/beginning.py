"""The first bytes of an object, fetched before anybody knows that they are wanted.

An archive's blocks follow its index in the order in which they are needed. While the index is read, checked and planned, the
connection that brought it goes on bringing them, up to a limit.
"""

from __future__ import annotations

import threading
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator


class Beginning:
    """Bytes that a thread fetches, and that several others read. It holds each until it was read.

    Args:
        chunks: the object's first bytes; iterating may raise whatever a read of the object raises.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._starts: list[int] = []  # of the chunks that came
        self._held: list[bytes] = []
        self._unread: list[int] = []  # bytes of each
        self._stop = 0
        self._limit: int | None = None  # fetch no more behind it
        self._ended = False
        self._error: Exception | None = None
        self._changed = threading.Condition()
        threading.Thread(target=self._fetch, daemon=True, name="ahead").start()

    def head(self, size: int) -> bytes:
        """Return the first `size` bytes, fewer when there are fewer; they can be read again.

        Raises:
            Exception: what the fetch raised, where it ended before.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._stop >= size or self._ended)
            if self._stop < size and self._error:
                raise self._error
            number = bisect_left(self._starts, size)  # chunks that begin before it; there may be thousands
            return b"".join(self._held[:number])[:size]

    def read(self, start: int, stop: int) -> Iterator[bytes]:
        """Yield the bytes from `start` up to `stop`, or up to where they end or were read before.

        Raises:
            Exception: what the fetch raised, where it ended before `stop`.
        """
        while start < stop and (part := self._take(start, stop)):
            yield part
            start += len(part)

    def narrow(self, wanted: Iterable[tuple[int, int]]) -> None:
        """Fetch on to the end of the stretch that it has come to, now that it is known what is wanted; nothing where it is in none.

        Args:
            wanted: (start, stop) of each stretch.
        """
        with self._changed:
            self._limit = next((stop for start, stop in wanted if start <= self._stop < stop), 0)

    def close(self) -> None:
        """Fetch no more, soon, and let go of what was fetched."""
        with self._changed:
            self._limit = 0
            self._held = [b""] * len(self._held)

    def _take(self, start: int, stop: int) -> bytes:
        with self._changed:
            self._changed.wait_for(lambda: self._stop > start or self._ended)
            if self._stop <= start:
                if self._error:
                    raise self._error
                return b""
            number = bisect_right(self._starts, start) - 1
            first = self._starts[number]
            part = self._held[number][start - first : stop - first]
            self._unread[number] -= len(part)
            if self._unread[number] <= 0:
                self._held[number] = b""
            return part

    def _fetch(self) -> None:
        error: Exception | None = None
        try:
            for chunk in self._chunks:
                with self._changed:
                    if self._limit is not None and self._stop >= self._limit:
                        break
                    self._starts.append(self._stop)
                    self._held.append(chunk)
                    self._unread.append(len(chunk))
                    self._stop += len(chunk)
                    self._changed.notify_all()
        except Exception as raised:  # noqa: BLE001 - whoever reads gets it
            error = raised
        with self._changed:
            self._ended, self._error = True, error
            self._changed.notify_all()
