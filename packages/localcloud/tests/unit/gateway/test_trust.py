"""Files of certificates that programs trust."""

from __future__ import annotations

import datetime
import hashlib
import ssl
import struct
from pathlib import Path

from localcloud.gateway.certificates import make_authority
from localcloud.gateway.trust import CERTIFICATES, PASSWORD, java_file, trusting

NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


def test_java_reads_the_certificate_with_and_without_the_usual_password(tmp_path: Path) -> None:
    pem = make_authority(tmp_path, now=NOW).pem
    content, digest = java_file(pem)[:-20], java_file(pem)[-20:]
    magic, version, entries, kind, length = struct.unpack_from(">IIIIH", content)
    assert (magic, version, entries, kind) == (0xFEEDFEED, 2, 1, 2)
    at = 18 + length + 8  # behind the alias and the date
    assert content[at : at + 7] == b"\0\5X.509"
    assert struct.unpack_from(">I", content, at + 7)[0] == len(content) - at - 11
    assert content[at + 11 :] == ssl.PEM_cert_to_DER_cert(pem)
    assert digest == hashlib.sha1(PASSWORD.encode("utf-16-be") + b"Mighty Aphrodite" + content).digest()


def test_the_certificates_of_this_machine_stay_beside_it(tmp_path: Path) -> None:
    pem = make_authority(tmp_path, now=NOW).pem
    for path, content in trusting(pem).items():
        assert path.is_file()
        if path == CERTIFICATES.resolve():
            assert content == path.read_bytes() + pem.encode()


def test_without_a_certificate_of_the_cloud_no_file_changes() -> None:
    assert trusting("") == {}
