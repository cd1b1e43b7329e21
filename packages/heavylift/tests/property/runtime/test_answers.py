"""Answers of HTTP, read from streams that bring them in any pieces."""

from __future__ import annotations

import io
from contextlib import suppress

from hypothesis import example, given
from hypothesis import strategies as st

from heavylift.runtime.answers import HttpMessage, ProtocolError

WHOLE = b"HTTP/1.1 206 Partial\r\nContent-Length: 9\r\nETag: e\r\n\r\nnine byte"
CHUNKED = b"HTTP/1.1 403 No\r\ntransfer-encoding: Chunked\r\nETag: e\r\n\r\n3;x=y\r\nnin\r\n6\r\ne byte\r\n0\r\nTrailer: t\r\n\r\n"
ENDLESS = b"HTTP/1.0 200 OK\nETag: e\n\nnine byte"


class Pieces(io.RawIOBase):
    """A stream that brings its bytes in pieces of some sizes, then one by one."""

    def __init__(self, content: bytes, sizes: list[int]) -> None:
        self._left = content
        self._sizes = sizes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        size = min(self._sizes.pop() if self._sizes else 1, len(buffer), len(self._left))
        buffer[:size], self._left = self._left[:size], self._left[size:]
        return size


def read(content: bytes, sizes: list[int], most: int) -> tuple[HttpMessage, bytes]:
    message = HttpMessage(io.BufferedReader(Pieces(content, sizes)))
    body = b""
    while part := message.read1(most):
        body += part
    return message, body


@given(st.sampled_from([WHOLE, CHUNKED, ENDLESS]), st.lists(st.integers(1, 40)), st.integers(1, 20))
def test_an_answer_is_the_same_in_whatever_pieces_it_comes(answer: bytes, sizes: list[int], most: int) -> None:
    message, body = read(answer, sizes, most)
    assert (body, message.headers["etag"], message.is_read) == (b"nine byte", "e", True)
    assert message.is_last == (answer is ENDLESS)


@given(st.sampled_from([WHOLE, CHUNKED]), st.data())
def test_an_answer_that_is_cut_is_refused(answer: bytes, data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(answer) - 1))
    try:
        read(answer[:cut], [], 65536)
    except ProtocolError:
        return
    raise AssertionError(cut)


@given(st.binary(), st.integers(0, 60), st.sampled_from([WHOLE, CHUNKED]))
@example(b"\xff", 15, WHOLE)
def test_whatever_comes_is_an_answer_or_refused(noise: bytes, place: int, answer: bytes) -> None:
    with suppress(ProtocolError):
        read(answer[:place] + noise + answer[place:], [], 65536)
