"""The embedded cloud's own certificate authority, and the certificate of its services.

The authority may vouch for names under aliyuncs.com only (a name constraint, RFC 5280 section 4.2.1.10), so trusting it opens no
other door. Its key stays in the data folder, readable by its owner only; the services' key is new at each start.
"""

from __future__ import annotations

import datetime
import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from localcloud.gateway.names import DOMAINS
from localcloud.kernel.documents import write_private
from localcloud.kernel.errors import LocalCloudError

LIFE = datetime.timedelta(days=825)  # what TLS clients accept at most ("Requirements for trusted certificates", Apple)
RENEW = datetime.timedelta(days=30)  # an authority with less than that left is replaced
SLACK = datetime.timedelta(hours=1)  # clocks differ


@dataclass(frozen=True, kw_only=True)
class Authority:
    """A certificate authority.

    Attributes:
        certificate: what clients trust.
        key: what signs.
        path: the file that holds the certificate (PEM).
    """

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    path: Path

    @property
    def pem(self) -> str:
        """The certificate as clients load it."""
        return self.certificate.public_bytes(serialization.Encoding.PEM).decode()


def open_authority(folder: Path, *, now: datetime.datetime) -> Authority:
    """Return the folder's authority; made when none is there that lasts and may vouch for all names.

    Raises:
        LocalCloudError: the kept authority cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path, both = folder / "ca.pem", folder / "authority.pem"
    if both.exists():
        kept = _read(both, path)
        if kept.certificate.not_valid_after_utc - now > RENEW and _covers(kept.certificate):
            return kept
    made = _make(path, now)
    # One file holds certificate and key, so that a crash cannot leave one without the other.
    write_private(both, made.pem.encode() + _key_pem(made.key))
    write_private(path, made.pem.encode())
    return made


def _covers(certificate: x509.Certificate) -> bool:
    """Return True if an authority may vouch for all names of the cloud; one of an earlier release may not."""
    constraints = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
    return {name.value for name in constraints.permitted_subtrees or ()} >= set(DOMAINS)


def _read(both: Path, path: Path) -> Authority:
    try:
        content = both.read_bytes()
        key = serialization.load_pem_private_key(content, None)
        certificate = x509.load_pem_x509_certificate(content)
    except (OSError, ValueError) as error:
        raise LocalCloudError(
            f"{both} cannot be read ({type(error).__name__}); remove it to have a new one made"
        ) from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise LocalCloudError(f"{both} holds no EC key; remove it to have a new one made")
    return Authority(certificate=certificate, key=key, path=path)


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _make(path: Path, now: datetime.datetime) -> Authority:
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
    return Authority(certificate=certificate, key=key, path=path)


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
    """
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = (
        _builder(_name("embedded cloud"), authority.certificate.subject, key.public_key(), now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    file = authority.path.with_name("server.pem")  # the ssl module loads files only
    write_private(file, certificate.public_bytes(serialization.Encoding.PEM) + _key_pem(key))
    try:
        context.load_cert_chain(file)
    finally:
        file.unlink()
    return context
