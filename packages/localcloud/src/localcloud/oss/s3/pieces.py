"""Bodies in signed pieces (`Content-Encoding: aws-chunked`): the bytes within, checked as they come. Pure.

The form: `SIZE;chunk-signature=…` CRLF, so many bytes, CRLF; a piece of size 0 ends it. OSS takes no trailers behind it.

Source: Amazon S3 API reference, "Signature Calculations for the Authorization Header: Transferring Payload in Multiple Chunks".
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from enum import Enum

from localcloud.kernel.values import same_secret
from localcloud.oss.errors import OssError
from localcloud.oss.signing.aws4 import PieceSigner

MAX_LINE = 16 * 1024  # bytes of a piece's head
_HEAD = re.compile(rb"(?P<size>[0-9a-fA-F]{1,16});chunk-signature=(?P<signature>[0-9a-f]{64})", re.ASCII)


class _State(Enum):
    HEAD = "the head of a piece"
    DATA = "the bytes of a piece"
    AFTER = "the line's end behind a piece"
    LAST = "the line's end behind the last piece"
    END = "nothing"


class PieceReader:
    """Takes the pieces apart, however they are cut on their way.

    Args:
        signer: signs them as the client should have.
    """

    def __init__(self, signer: PieceSigner) -> None:
        self._signer = signer
        self._state = _State.HEAD
        self._waiting = bytearray()
        self._left = 0  # bytes of the piece
        self._signature = ""
        self._digest = hashlib.sha256()

    def feed(self, content: bytes) -> Iterator[bytes]:
        """Return the bytes of the object that these bring.

        Raises:
            OssError: SignatureDoesNotMatch, InvalidArgument (not in the form).
        """
        self._waiting += content
        while self._waiting and self._state is not _State.END:
            if self._state is _State.DATA:
                data = bytes(self._waiting[: self._left])
                del self._waiting[: len(data)]
                self._left -= len(data)
                self._digest.update(data)
                if not self._left:
                    self._end_piece()
                    self._state = _State.AFTER
                yield data
                continue
            end = self._waiting.find(b"\r\n")
            if end < 0:
                if len(self._waiting) > MAX_LINE:
                    raise _malformed(f"{self._state.value} is longer than {MAX_LINE} bytes")
                return
            line = bytes(self._waiting[:end])
            del self._waiting[: end + 2]
            self._take(line)
        if self._waiting:
            raise _malformed("bytes follow the last piece")

    def finish(self) -> None:
        """Check that the body is whole.

        Raises:
            OssError: InvalidArgument.
        """
        if self._state is not _State.END:
            raise _malformed(f"the body ends where {self._state.value} should come")

    def _take(self, line: bytes) -> None:
        if self._state is _State.AFTER:
            if line:
                raise _malformed("a piece is longer than its head says")
            self._state = _State.HEAD
        elif self._state is _State.HEAD:
            match = _HEAD.fullmatch(line)
            if match is None:
                raise _malformed("the head of a piece is expected to be SIZE;chunk-signature=SIGNATURE")
            self._left = int(match["size"], 16)
            self._signature = match["signature"].decode()
            self._digest = hashlib.sha256()
            self._state = _State.DATA
            if not self._left:
                self._end_piece()
                self._state = _State.LAST
        elif line:
            raise _malformed("the last piece is followed by a trailer, which OSS does not take")
        else:
            self._state = _State.END

    def _end_piece(self) -> None:
        if not same_secret(self._signer.piece(self._digest.hexdigest()), self._signature):
            raise OssError(
                "SignatureDoesNotMatch",
                "The signature of a piece of the body that we calculated does not match the one you provided. "
                "Check your key and signing method.",
            )


def _malformed(why: str) -> OssError:
    return OssError("InvalidArgument", f"The aws-chunked body is not well formed: {why}.")
