"""Custom domains: which route a path finds, and what cannot be one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from localcloud.fc.domains import Certificate, CustomDomain, Rewrite, Route
from localcloud.fc.errors import FcError
from localcloud.fc.operations.domains import DomainOperations, check_domain, find_route
from localcloud.fc.store.resources import FcStore

DOMAIN = CustomDomain(
    name="www.example.com",
    generation=3,
    routes=tuple(Route(path=path, function=f"functions/{path}") for path in ("/*", "/a", "/api/*", "/api/v1/*")),
)


@pytest.mark.parametrize(
    ("path", "route"),
    [("/a", "/a"), ("/a/b", "/*"), ("/", "/*"), ("/api/x", "/api/*"), ("/api/v1/x", "/api/v1/*"), ("/api", "/*")],
)
def test_a_path_finds_its_own_route_or_the_longest_one_above(path: str, route: str) -> None:
    assert find_route(DOMAIN, path).path == route


def test_a_path_without_a_route_is_told() -> None:
    with pytest.raises(FcError) as error:
        find_route(replace(DOMAIN, routes=DOMAIN.routes[1:2]), "/b")
    assert (error.value.status, error.value.code) == (404, "DomainRouteNotFound")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        *(
            ({"name": name}, "is not the name of a domain of one's own")
            for name in (
                "localhost",
                "127.0.0.1",
                "a.localhost",
                "fcv3.cn-hangzhou.aliyuncs.com",
                "*.fcapp.run",
                "*.com.",
            )
        ),
        ({"protocol": "FTP"}, "protocol is 'FTP'"),
        ({"protocol": "HTTPS"}, "certConfig is missing"),
        ({"routes": (Route(path="a", function="f"),)}, "'a' is no path"),
        ({"routes": (Route(path="/a*b", function="f"),)}, "'/a.b' is no path"),
        ({"routes": (Route(path="/a", function="f", methods=("GRAB",)),)}, "'GRAB' is not one of GET"),
        ({"routes": (Route(path="/a", function="f"),) * 2}, "names the path /a twice"),
        ({"tls": {"minVersion": "SSLv3"}}, "tlsConfig.minVersion must be one of TLSv1.0"),
        ({"certificate": Certificate(name="c", chain="no", key="no")}, "certConfig: no certificate with its key"),
    ],
)
def test_what_cannot_be_is_refused(changed: dict[str, object], said: str) -> None:
    with pytest.raises(FcError, match=said):
        check_domain(replace(DOMAIN, **changed))  # type: ignore[arg-type]


def test_domains_survive_a_restart_and_are_found_by_host(tmp_path: Path) -> None:
    domains = DomainOperations(FcStore(tmp_path), clock=lambda: 1.0)
    rule = Rewrite(kind="equalRules", match="/a", replacement="/b")
    one = domains.create(
        replace(DOMAIN, name="WWW.example.com", routes=(Route(path="/a", function="f", rules=(rule,)),))
    )
    several = domains.create(replace(DOMAIN, name="*.example.com"))
    with pytest.raises(FcError, match="already exists"):
        domains.create(DOMAIN)
    again = DomainOperations(FcStore(tmp_path), clock=lambda: 2.0)
    assert again.find("www.example.com") == one
    assert again.find("other.example.com") == several
    assert again.find("a.b.example.com") is None
    assert [each.name for each in again.all(3)] == ["*.example.com", "WWW.example.com"]
    with pytest.raises(FcError, match="does not exist"):
        again.get("www.example.com", 2)
    again.delete("www.example.com", 3)
    assert again.find("www.example.com") == several
