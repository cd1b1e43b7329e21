"""Custom domains of the account: kept, and found by the name and the path of a request.

Sources: Function Compute 2.0 and 3.0, "Configure custom domain names"; the operations of the API.
"""

from __future__ import annotations

import re
import ssl
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace

from localcloud.fc.domains import AUTHENTICATIONS, HTTPS, PROTOCOLS, Certificate, CustomDomain, Route
from localcloud.fc.errors import FcError
from localcloud.fc.operations.http_triggers import METHODS
from localcloud.fc.store.resources import FcStore

MAX_CERTIFICATE, MAX_KEY = 20 * 1024, 4 * 1024  # bytes
MAX_ROUTES = 100  # of a domain; assumed
_PATH = re.compile(r"/[!-)+-~]*\*?", re.ASCII)  # an asterisk at its end only
# Letters at the end: neither an address nor localhost. "Configure custom domain names", "Limits".
_NAME = re.compile(r"(\*\.)?([A-Za-z0-9][A-Za-z0-9-]{0,62}\.)+[A-Za-z]{2,63}", re.ASCII)
_OTHERS = (".aliyuncs.com", ".fcapp.run", ".localhost")  # names of the cloud and of this machine
_VERSIONS = {
    "TLSv1.0": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}


class DomainOperations:
    """The custom domains of the account, by their names in lower case, in which DNS has them.

    Args:
        store: keeps them.
        clock: seconds since the epoch.
    """

    def __init__(self, store: FcStore, *, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._contexts: dict[str, tuple[CustomDomain, ssl.SSLContext]] = {}

    def create(self, domain: CustomDomain) -> CustomDomain:
        """Create a domain.

        Raises:
            FcError: DomainNameAlreadyExists, InvalidArgument.
        """
        if domain.name.lower() in self._store.domains:
            raise FcError("DomainNameAlreadyExists", f"the custom domain '{domain.name}' already exists")
        return self._put(replace(domain, created=self._clock()))

    def get(self, name: str, generation: int) -> CustomDomain:
        """Return a domain that an API has made; of the other generation's nothing is said (assumed).

        Raises:
            FcError: DomainNameNotFound.
        """
        found = self._store.domains.get(name.lower())
        if found is None or found.generation != generation:
            raise FcError("DomainNameNotFound", f"the custom domain '{name}' does not exist")
        return found

    def all(self, generation: int) -> list[CustomDomain]:
        """Return the domains that an API has made, in order of their names."""
        found = [each for each in self._store.domains.values() if each.generation == generation]
        return sorted(found, key=lambda each: each.name)

    def update(self, domain: CustomDomain) -> CustomDomain:
        """Replace what a domain has.

        Raises:
            FcError: DomainNameNotFound, InvalidArgument.
        """
        self.get(domain.name, domain.generation)
        return self._put(domain)

    def delete(self, name: str, generation: int) -> None:
        """Delete a domain.

        Raises:
            FcError: DomainNameNotFound.
        """
        self.get(name, generation)
        del self._store.domains[name.lower()]
        self._store.save()

    def find(self, host: str) -> CustomDomain | None:
        """Return the domain that a host name is, in lower case; one of a name before one with a wildcard."""
        domains = self._store.domains
        return domains.get(host) or domains.get(f"*.{host.partition('.')[2]}")

    def serves(self, host: str) -> bool:
        """Return True if a host name, in lower case, is a custom domain."""
        return self.find(host) is not None

    def tls(self, host: str) -> ssl.SSLContext | None:
        """Return the TLS settings of a host name; None: it is no custom domain, or takes no HTTPS."""
        domain = self.find(host)
        if domain is None or domain.certificate is None or HTTPS not in domain.protocols:
            return None
        kept = self._contexts.get(domain.name)
        if kept is None or kept[0] != domain:
            kept = self._contexts[domain.name] = (domain, make_context(domain.certificate, domain.tls))
        return kept[1]

    def _put(self, domain: CustomDomain) -> CustomDomain:
        check_domain(domain)
        domain = replace(domain, modified=self._clock())
        self._store.domains[domain.name.lower()] = domain
        self._store.save()
        return domain


def find_route(domain: CustomDomain, path: str) -> Route:
    """Return the route of a path: the one that names it, else the longest one that ends with an asterisk.

    Raises:
        FcError: DomainRouteNotFound.
    """
    exact = [each for each in domain.routes if each.path == path]
    below = [each for each in domain.routes if each.path.endswith("*") and path.startswith(each.path[:-1])]
    found = [*exact, *sorted(below, key=lambda each: -len(each.path))]
    if not found:
        raise FcError("DomainRouteNotFound", f"the custom domain '{domain.name}' has no route for {path[:200]}")
    return found[0]


def check_domain(domain: CustomDomain) -> None:
    """Hold a domain to what can be.

    Raises:
        FcError: InvalidArgument.
    """
    if not _NAME.fullmatch(domain.name) or f".{domain.name.lower()}".endswith(_OTHERS):
        raise FcError("InvalidArgument", f"domainName: {domain.name[:200]!r} is not the name of a domain of one's own")
    if domain.protocol not in PROTOCOLS:
        raise FcError(
            "InvalidArgument", f"protocol is {domain.protocol[:200]!r}; expected one of {' '.join(PROTOCOLS)}"
        )
    if domain.authentication not in AUTHENTICATIONS:
        raise FcError("InvalidArgument", f"authConfig.authType must be {' or '.join(AUTHENTICATIONS)}")
    if len(domain.routes) > MAX_ROUTES:
        raise FcError(
            "InvalidArgument", f"routeConfig has {len(domain.routes)} routes; at most {MAX_ROUTES} are allowed"
        )
    for route in domain.routes:
        if not _PATH.fullmatch(route.path):
            raise FcError("InvalidArgument", f"routeConfig: {route.path[:200]!r} is no path such as /login or /api/*")
        if wrong := [each for each in route.methods if each not in METHODS]:
            raise FcError("InvalidArgument", f"routeConfig: {wrong[0][:200]!r} is not one of {', '.join(METHODS)}")
    if repeated := {
        each.path for each in domain.routes if [other.path for other in domain.routes].count(each.path) > 1
    }:
        raise FcError("InvalidArgument", f"routeConfig names the path {min(repeated)[:200]} twice")
    for name, version in domain.tls.items():
        if version not in _VERSIONS:
            raise FcError("InvalidArgument", f"tlsConfig.{name} must be one of {', '.join(_VERSIONS)}")
    if HTTPS in domain.protocols and domain.certificate is None:
        raise FcError("InvalidArgument", "certConfig is missing: HTTPS needs a certificate")
    if domain.certificate is not None:
        _check_certificate(domain)


def _check_certificate(domain: CustomDomain) -> None:
    certificate = domain.certificate
    assert certificate is not None
    if len(certificate.chain) > MAX_CERTIFICATE or len(certificate.key) > MAX_KEY:
        raise FcError(
            "InvalidArgument", f"certConfig: at most {MAX_CERTIFICATE} bytes of certificate and {MAX_KEY} of its key"
        )
    try:
        make_context(certificate, domain.tls)
    except (ssl.SSLError, ValueError) as error:
        raise FcError(
            "InvalidArgument", f"certConfig: no certificate with its key, both in PEM and without password: {error}"
        ) from error


def make_context(certificate: Certificate, tls: Mapping[str, str]) -> ssl.SSLContext:
    """Return the TLS settings of a server with a certificate.

    Raises:
        ssl.SSLError, ValueError: it is none.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8"
    ) as file:  # the ssl module loads files only; its owner's alone
        file.write(f"{certificate.chain}\n{certificate.key}\n")
        file.flush()
        # Without this, OpenSSL would ask the terminal for the password of a key that has one.
        context.load_cert_chain(file.name, password=lambda: "")
    if least := tls.get("minVersion"):
        context.minimum_version = _VERSIONS[least]
    if most := tls.get("maxVersion"):
        context.maximum_version = _VERSIONS[most]
    return context
