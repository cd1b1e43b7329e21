"""The certificates that programs trust in any language, with the embedded cloud's among them."""

from __future__ import annotations

from pathlib import Path

CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")  # that curl's library, OpenSSL, GnuTLS and Go read on Debian


def trusted(authority: str) -> str:
    """Return the content of that file, as this machine has it, and the embedded cloud's certificate (PEM)."""
    return (CERTIFICATES.read_text(encoding="utf-8") if CERTIFICATES.is_file() else "") + authority
