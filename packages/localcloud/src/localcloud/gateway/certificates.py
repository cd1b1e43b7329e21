"""Makes the embedded cloud's certificate authority, and the certificate of its services, whose key is new in each process."""

from __future__ import annotations

import datetime
import os
import ssl
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from localcloud.gateway.authority import Authority, authority_of
from localcloud.gateway.names import DOMAINS
from localcloud.kernel.documents import write_private
from localcloud.kernel.errors import LocalCloudError

LIFE = datetime.timedelta(days=825)  # what TLS clients accept at most ("Requirements for trusted certificates", Apple)
SLACK = datetime.timedelta(hours=1)  # clocks differ


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def make_authority(folder: Path, *, now: datetime.datetime) -> Authority:
    """Make a folder's authority, in place of one that may be there."""
    folder.mkdir(parents=True, exist_ok=True)
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name("heavylift embedded cloud")
    certificate = (
        _builder(name, name, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.NameConstraints([x509.DNSName(domain) for domain in DOMAINS], None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    authority = authority_of(folder)
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    write_private(authority.both, pem + _key_pem(key))
    write_private(authority.path, pem)
    return authority


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime.datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SLACK)
        .not_valid_after(now - SLACK + LIFE)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def make_server_context(authority: Authority, names: Iterable[str], *, now: datetime.datetime) -> ssl.SSLContext:
    """Return the TLS settings of a server that has these names.

    Args:
        authority: vouches for it.
        names: DNS names, wildcards allowed.
        now: the time, with its zone.

    Raises:
        LocalCloudError: the authority cannot be read.
    """
    signer, issuer = _read(authority)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(_name("embedded cloud"), issuer.subject, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False)
        .sign(signer, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    memory = os.memfd_create("server.pem")  # the ssl module loads files only, and this one shall not be on a disk
    try:
        os.write(memory, certificate.public_bytes(serialization.Encoding.PEM) + _key_pem(key))
        context.load_cert_chain(f"/proc/self/fd/{memory}")
    finally:
        os.close(memory)
    return context


def _read(authority: Authority) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    try:
        content = authority.both.read_bytes()
        key = serialization.load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
    except (OSError, ValueError) as error:  # it was good when the embedded cloud started
        raise LocalCloudError(f"{authority.both} cannot be read ({type(error).__name__}); start anew") from error
    assert isinstance(key, ec.EllipticCurvePrivateKey), "it was made here"
    return key, certificate
