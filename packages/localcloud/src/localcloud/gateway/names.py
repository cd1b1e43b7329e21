"""The names of the cloud that the embedded one answers to, and the service behind each. Pure.

Source: "Endpoints" of each service; its definition lists them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
        region: the region that the embedded cloud plays; only services that are the same everywhere have names in others.
    """
    return {
        f"{host.format(region=region, any_region=place)}.{domain}": service.name
        for service in services
        for domain, hosts in ((DOMAIN, service.hosts), (APPS, service.apps))
        for host in hosts
        for place in ((region, *REGIONS) if "{any_region}" in host else (region,))
    }


def find_service(host: str, names: Mapping[str, str]) -> str | None:
    """Return the service that answers to a host name; None: no service does."""
    name = host.lower().rstrip(".")
    return names.get(name) or names.get("*." + name.partition(".")[2])


def is_cloud_name(host: str) -> bool:
    """Return True for a name under a domain of the cloud, served or not: nothing here may reach it elsewhere."""
    return f".{host.lower().rstrip('.')}".endswith(tuple(f".{domain}" for domain in DOMAINS))
