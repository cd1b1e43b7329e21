"""The embedded cloud's own certificate authority, as a start needs it: its files, and whether they are still good.

The authority may vouch for names under the cloud's domains only (a name constraint, RFC 5280 section 4.2.1.10), so trusting it
opens no other door. Its key stays in the data folder, readable by its owner only. `certificates` makes it, and signs with it:
that takes a library of several megabytes, which no start waits for that finds an authority, and no cloud holds that serves no
TLS.
"""

from __future__ import annotations

import logging
import os
import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import NoReturn

from localcloud.gateway.names import DOMAINS
from localcloud.kernel.errors import LocalCloudError

RENEW = timedelta(days=30)  # an authority with less than that left is replaced

logger = logging.getLogger(__name__)


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


def open_authority(folder: Path, *, now: datetime) -> Authority:
    """Return the folder's authority; made when none is there that lasts and may vouch for all names.

    A copy of this process makes it, so that this one stays small: call it while no other thread runs.

    Raises:
        LocalCloudError: the kept authority cannot be read, or none can be made.
    """
    authority = authority_of(folder)
    if is_good(authority, now=now):
        return authority
    copy = os.fork()
    if not copy:
        _make_and_end(folder, now)
    if os.waitpid(copy, 0)[1]:
        raise LocalCloudError(f"{authority.both} cannot be made; what stands above says why")
    return authority


def _make_and_end(folder: Path, now: datetime) -> NoReturn:
    code = 1
    try:
        from localcloud.gateway.certificates import make_authority

        make_authority(folder, now=now)
        code = 0
    except Exception:
        logger.exception("no certificate authority can be made in %s", folder)
    finally:
        os._exit(code)  # nothing of what is open in both processes may be ended here


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
