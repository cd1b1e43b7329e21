"""The digests that a request gives of its body: Content-MD5, and `x-oss-content-sha256` of signature V4.

Sources: OSS, "Common HTTP headers"; "Signature version 4"; the words of a wrong MD5, of another body or of none: the suite of OSS's
SDK for Java, and what users of OSS report. What OSS answers to a SHA-256 of another body is assumed: no SDK
sends one, and OSS's documents ask for `UNSIGNED-PAYLOAD`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass

from localcloud.oss.errors import OssError

UNSIGNED = "UNSIGNED-PAYLOAD"
_WRONG_MD5 = "The Content-MD5 you specified was invalid."
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Digests:
    """The digests that a body must have; None: any."""

    md5: bytes | None
    sha256: str | None  # lower-case hexadecimal

    def check(self, *, md5: bytes, sha256: str | None) -> None:
        """Compare the digests with those of a body that arrived.

        Args:
            md5: of the bytes that arrived.
            sha256: likewise; may be None when none is asked for.

        Raises:
            OssError: InvalidDigest (the MD5), BadDigest (the SHA-256).
        """
        if self.md5 is not None and self.md5 != md5:
            raise OssError(
                "InvalidDigest",
                _WRONG_MD5,
                {"Content-MD5": _base64(self.md5), "Calculated": _base64(md5)},
            )
        if self.sha256 is not None and self.sha256 != sha256:
            raise OssError(
                "BadDigest",
                "The x-oss-content-sha256 you specified did not match what we received.",
                {"x-oss-content-sha256": self.sha256, "Calculated": str(sha256)},
            )

    def check_content(self, content: bytes) -> None:
        """Compare the digests with a whole body's.

        Raises:
            OssError: InvalidDigest (the MD5), BadDigest (the SHA-256).
        """
        if self.md5 is not None or self.sha256 is not None:
            self.check(
                md5=hashlib.md5(content, usedforsecurity=False).digest(), sha256=hashlib.sha256(content).hexdigest()
            )


def read_digests(headers: Mapping[str, str]) -> Digests:
    """Read the digests that a request gives.

    Raises:
        OssError: InvalidDigest (no MD5 at all), InvalidArgument (no SHA-256 at all).
    """
    md5, sha256 = headers.get("Content-MD5"), headers.get("x-oss-content-sha256", UNSIGNED)
    if sha256 != UNSIGNED and not _SHA256.fullmatch(sha256.lower()):
        raise OssError(
            "InvalidArgument",
            f"x-oss-content-sha256 must be {UNSIGNED} or the SHA-256 of the body.",
            {"ArgumentName": "x-oss-content-sha256", "ArgumentValue": sha256},
        )
    return Digests(md5=_read_md5(md5) if md5 else None, sha256=None if sha256 == UNSIGNED else sha256.lower())


def _read_md5(header: str) -> bytes:
    try:
        md5 = base64.b64decode(header, validate=True)
    except ValueError:
        md5 = b""
    size = hashlib.md5(usedforsecurity=False).digest_size
    if len(md5) < size:
        raise OssError(
            "InvalidDigest",
            _WRONG_MD5,
            {"Content-MD5": header},
            ec="0017-00000502",
        )
    return md5[:size]  # the SDK for C appends four bytes, which OSS does not look at


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()
