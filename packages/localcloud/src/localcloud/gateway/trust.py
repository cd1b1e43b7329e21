"""The files of certificates that programs trust in any language, with the embedded cloud's certificate in them.

Source: OpenJDK, `sun/security/provider/JavaKeyStore.java` (the format JKS, which every Java reads, with or without the password).
"""

from __future__ import annotations

import hashlib
import ssl
import struct
from collections.abc import Mapping
from pathlib import Path

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")  # that curl's library, OpenSSL, GnuTLS and Go read on Debian
JAVA = Path("/etc/ssl/certs/java/cacerts")  # that each Java reads which Debian's packages bring
PASSWORD = "changeit"  # noqa: S105 - of Java's file on every machine; it proves that the file is whole, and hides nothing
_MAGIC, _VERSION, _TRUSTED = 0xFEEDFEED, 2, 2


def trusting(authority: str) -> Mapping[Path, bytes]:
    """Return the files, of those that this machine has, as they are where the embedded cloud is trusted.

    Args:
        authority: its certificate (PEM); empty: it has none, and no file changes.
    """
    files: dict[Path, bytes] = {}
    if not authority:
        return files
    if CERTIFICATES.is_file():
        files[CERTIFICATES.resolve()] = CERTIFICATES.read_bytes() + authority.encode()
    if JAVA.is_file():  # whose programs meet nobody else there
        files[JAVA.resolve()] = java_file(authority)
    return files


def java_file(authority: str) -> bytes:
    """Return a file of Java's with one certificate (PEM)."""
    certificate = ssl.PEM_cert_to_DER_cert(authority)
    head = struct.pack(">IIII", _MAGIC, _VERSION, 1, _TRUSTED) + _text("embedded-cloud") + struct.pack(">q", 0)
    content = head + _text("X.509") + struct.pack(">I", len(certificate)) + certificate
    keyed = PASSWORD.encode("utf-16-be") + b"Mighty Aphrodite" + content
    return content + hashlib.sha1(keyed, usedforsecurity=False).digest()


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()
