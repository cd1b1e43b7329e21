"""The names of the cloud that the embedded one answers to, and the service behind each. Pure.

Source: "Endpoints" of each service; its definition lists them.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from localcloud.kernel.regions import REGIONS

if TYPE_CHECKING:
    from localcloud.kernel.service import Definition

DOMAIN = "aliyuncs.com"
APPS = "fcapp.run"  # of HTTP triggers
DOMAINS = (DOMAIN, APPS)


def served_names(services: Iterable[Definition], *, region: str) -> Mapping[str, str]:
    """Return the served names and the service behind each; `*.` stands for one label.

    Args:
        services: the services.
        region: the home region; only services that are in all regions have names in others.
    """
    return {
        f"{host.format(region=region, any_region=place)}.{domain}": service.name
        for service, domain, host in _hosts(services)
        for place in ((region, *REGIONS) if "{any_region}" in host else (region,))
    }


def names_in(services: Iterable[Definition], *, region: str) -> Mapping[str, str]:
    """Return the names that services have in a region, where all of them are, and the service behind each."""
    return {
        f"{host.format(region=region, any_region=region)}.{domain}": service.name
        for service, domain, host in _hosts(services)
    }


def known_names(services: Iterable[Definition], *, region: str) -> Mapping[str, str]:
    """Return the names of the services in all regions: where a service is not, it says so itself, in its own words.

    Args:
        services: the services.
        region: the home region.
    """
    return {name: service for place in (*REGIONS, region) for name, service in names_in(services, region=place).items()}


def _hosts(services: Iterable[Definition]) -> Iterator[tuple[Definition, str, str]]:
    for service in services:
        for domain, hosts in ((DOMAIN, service.hosts), (APPS, service.apps)):
            for host in hosts:
                yield service, domain, host


def find_name(host: str, names: Container[str]) -> str | None:
    """Return the name that a host name is, or whose wildcard stands for it; None: it is none of them."""
    name = host.lower().rstrip(".")
    return next((each for each in (name, "*." + name.partition(".")[2]) if each in names), None)


def find_service(host: str, names: Mapping[str, str]) -> str | None:
    """Return the service that answers to a host name; None: no service does."""
    name = find_name(host, names)
    return None if name is None else names[name]


def is_cloud_name(host: str) -> bool:
    """Return True for a name under a domain of the cloud, served or not: nothing here may reach it elsewhere."""
    return f".{host.lower().rstrip('.')}".endswith(tuple(f".{domain}" for domain in DOMAINS))
