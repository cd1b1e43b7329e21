"""Bodies in pieces: AWS's published example, however it is cut, and each way to spoil it."""

from __future__ import annotations

import pytest

from localcloud.oss.errors import OssError
from localcloud.oss.s3.pieces import PieceReader
from localcloud.oss.signing.aws4 import PieceSigner, read_scope

# Amazon S3 API reference, "Transferring Payload in Multiple Chunks": the example
SECRET, MOMENT = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524T000000Z"
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"
PIECES = (
    (65536, "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648"),
    (1024, "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497"),
    (0, "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9"),
)
BODY = b"".join(
    f"{size:x};chunk-signature={signature}\r\n".encode() + b"a" * size + b"\r\n" for size, signature in PIECES
)


def signer() -> PieceSigner:
    scope = read_scope("AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request", MOMENT)
    return PieceSigner(key=scope.derive(SECRET), moment=MOMENT, scope=str(scope), previous=SEED)


def read(body: bytes, cut: int, signer: PieceSigner) -> bytes:
    reader = PieceReader(signer)
    content = b"".join(b"".join(reader.feed(body[at : at + cut])) for at in range(0, len(body), cut))
    reader.finish()
    return content


@pytest.mark.parametrize("cut", [1, 7, 65536, 10**6])
def test_the_published_example_is_read_however_it_is_cut(cut: int) -> None:
    assert read(BODY, cut, signer()) == b"a" * 66560


def test_a_changed_byte_is_noticed() -> None:
    at = BODY.index(b"aaaa") + 70_000 - 4_500
    with pytest.raises(OssError, match="SignatureDoesNotMatch"):
        read(BODY[:at] + b"b" + BODY[at + 1 :], 4096, signer())


@pytest.mark.parametrize("body", [BODY[:-2], BODY[:60_000], BODY + b"x", b"zz\r\n", b"5\r\nhello", b"a" * 20_000])
def test_what_is_not_in_the_form_is_refused(body: bytes) -> None:
    with pytest.raises(OssError, match="InvalidArgument"):
        read(body, 4096, signer())


def test_trailers_are_refused() -> None:
    with pytest.raises(OssError, match="trailer"):
        read(BODY[:-2] + b"x-amz-checksum-crc32:1Q==\r\n\r\n", 4096, signer())
