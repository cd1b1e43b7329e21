"""Answers of HTTP/1.1, read from a stream: the head, then a body of a length, in chunks, or up to the stream's end (RFC 9112).

`http.client` does that, too; with `email` and `ssl`, which it imports, it takes a third of the time until a start's first request.
"""

from __future__ import annotations

import io
import re

MAX_LINE = 65536  # bytes
MAX_HEADERS = 100
_STATUS = re.compile(rb"HTTP/1\.([01]) ([0-9]{3})(?: [^\r\n]*)?")
_NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_LENGTH = re.compile(r"[0-9]{1,18}")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})[ \t]*(?:;.*)?", re.DOTALL)
_BODILESS = (204, 304)  # RFC 9110, section 6.4.1


class ProtocolError(Exception):
    """What was sent, or is to be sent, is not HTTP/1.1."""


class Headers(dict[str, str]):
    """The headers of an answer, looked up whatever their case; of several with one name, the first."""

    def __contains__(self, name: object) -> bool:
        """Return whether there is a header of a name."""
        return isinstance(name, str) and super().__contains__(name.lower())

    def __getitem__(self, name: str) -> str:
        """Return a header."""
        return super().__getitem__(name.lower())

    def get(self, name: str, default: str = "") -> str:  # type: ignore[override] # there is always a text
        """Return a header, or what stands for one that is not there."""
        return super().get(name.lower(), default)


class HttpMessage:
    """An answer whose head has come.

    Attributes:
        status: of HTTP.
        headers: looked up whatever their case.
        is_last: whether the connection ends with it.
        is_read: whether all of its body was read.

    Args:
        stream: what the server sends.

    Raises:
        ProtocolError: what comes is no answer.
        OSError: the stream failed.
    """

    def __init__(self, stream: io.BufferedIOBase) -> None:
        self._stream = stream
        minor, self.status = b"1", 100
        while self.status < 200:  # what goes before is only told by the way
            match = _STATUS.fullmatch(self._line())
            if match is None:
                raise ProtocolError("the answer does not begin as one of HTTP/1.1")
            minor, self.status = match[1], int(match[2])
            self.headers = self._headers()
        self._in_chunks = self.headers.get("Transfer-Encoding").lower() == "chunked"
        self._left = self._length()  # bytes, of the chunk where it comes in chunks; None: up to the end of the stream
        self.is_read = self._left == 0 and not self._in_chunks
        kept = self.headers.get("Connection").lower()
        self.is_last = self._left is None or (kept != "keep-alive" if minor == b"0" else "close" in kept)

    def read1(self, size: int) -> bytes:
        """Return bytes of the body that have come, up to `size` of them; none at its end.

        Raises:
            ProtocolError: it ends too early, or is none.
            OSError: the stream failed.
        """
        if self._in_chunks and not self._left and not self.is_read:
            self._begin_chunk()
        if self.is_read:
            return b""
        found = self._stream.read1(size if self._left is None else min(size, self._left))
        if self._left is None:
            self.is_read = not found
            return found
        if not found:
            raise ProtocolError("the connection ended before the answer")
        self._left -= len(found)
        if self._in_chunks and not self._left and self._line():
            raise ProtocolError("a chunk of the answer does not end where it should")
        self.is_read = not self._left and not self._in_chunks
        return found

    def _begin_chunk(self) -> None:
        match = _CHUNK.fullmatch(self._line())
        if match is None:
            raise ProtocolError("a chunk of the answer tells no size")
        self._left = int(match[1], 16)
        if not self._left:
            self._headers()  # trailers
            self.is_read = True

    def _length(self) -> int | None:
        if self._in_chunks or self.status in _BODILESS:
            return 0
        told = self.headers.get("Content-Length")
        if told and not _LENGTH.fullmatch(told):
            raise ProtocolError("the answer's length is no number")
        return int(told) if told else None

    def _headers(self) -> Headers:
        headers = Headers()
        for _ in range(MAX_HEADERS + 1):
            line = self._line()
            if not line:
                return headers
            name, colon, value = line.partition(b":")
            if not colon or not _NAME.fullmatch(name):
                raise ProtocolError("the answer has a header without a name")
            headers.setdefault(name.decode().lower(), value.strip().decode("latin-1"))
        raise ProtocolError(f"the answer has more than {MAX_HEADERS} headers")

    def _line(self) -> bytes:
        line = self._stream.readline(MAX_LINE + 1)
        if not line.endswith(b"\n"):
            ended = "is too long" if len(line) > MAX_LINE else "ends too early"
            raise ProtocolError(f"a line of the answer {ended}")
        return line[:-1].removesuffix(b"\r")
