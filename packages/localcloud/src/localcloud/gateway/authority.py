"""The embedded cloud's own certificate authority, as a start needs it: its files, and whether they are still good.

The authority may vouch for names under the cloud's domains only (a name constraint, RFC 5280 section 4.2.1.10), so trusting it
opens no other door. Its key stays in the data folder, readable by its owner only. `certificates` makes it, and signs with it; `tls`
says when.
"""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from localcloud.gateway.names import DOMAINS
from localcloud.kernel.errors import LocalCloudError

RENEW = timedelta(days=30)  # an authority with less than that left is replaced


@dataclass(frozen=True, kw_only=True, slots=True)
class Authority:
    """A certificate authority.

    Attributes:
        path: the file with what clients trust (PEM).
        both: the file with certificate and key: in one, so that a crash cannot leave one without the other.
    """

    path: Path
    both: Path

    @property
    def pem(self) -> str:
        """The certificate as clients load it."""
        return self.path.read_text(encoding="ascii")


def authority_of(folder: Path) -> Authority:
    """Return the place of a folder's authority, which may not have been made yet."""
    return Authority(path=folder / "ca.pem", both=folder / "authority.pem")


def is_good(authority: Authority, *, now: datetime) -> bool:
    """Return True if an authority is there that lasts and may vouch for all names of the cloud; one of an earlier release may not.

    Raises:
        LocalCloudError: it cannot be read.
    """
    if not authority.both.exists():
        return False
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(authority.both)  # refuses a key that is not the certificate's
        context.load_verify_locations(authority.both)
        (der,) = context.get_ca_certs(binary_form=True)
        (described,) = context.get_ca_certs()
        until = ssl.cert_time_to_seconds(str(described["notAfter"]))
    except (OSError, ValueError) as error:
        raise LocalCloudError(
            f"{authority.both} cannot be read ({type(error).__name__}); remove it to have a new one made"
        ) from error
    # The names in an authority's certificate are those of its constraint: each a dNSName (RFC 5280, GeneralName, [2] IA5String).
    names = all(b"\x82" + bytes([len(domain)]) + domain.encode() in der for domain in DOMAINS)
    return names and until - now.timestamp() > RENEW.total_seconds()
