"""Which names under aliyuncs.com the embedded cloud answers to, and which service answers. Pure.

Source: "Endpoints" of OSS, STS, RAM, Function Compute and ROS.
"""

from __future__ import annotations

from collections.abc import Mapping

DOMAIN = "aliyuncs.com"


def served_names(*, region: str, account_id: str) -> Mapping[str, str]:
    """Return the served names and the service behind each; `*.` stands for one label.

    Args:
        region: the region that the embedded cloud plays; the names of other regions are not served.
        account_id: the account; likewise.
    """
    patterns = {
        "oss": (f"oss-{region}", f"*.oss-{region}", f"oss-{region}-internal", f"*.oss-{region}-internal"),
        "sts": ("sts", f"sts.{region}", f"sts-vpc.{region}"),
        "ram": ("ram",),
        "fc": (f"fcv3.{region}", f"{account_id}.{region}.fc", f"{account_id}.{region}-internal.fc"),
        "ros": ("ros", f"ros.{region}", f"ros-vpc.{region}"),
    }
    return {f"{name}.{DOMAIN}": service for service, names in patterns.items() for name in names}


def find_service(host: str, names: Mapping[str, str]) -> str | None:
    """Return the service that answers to a host name; None when nobody does."""
    name = host.lower().rstrip(".")
    return names.get(name) or names.get("*." + name.partition(".")[2])
