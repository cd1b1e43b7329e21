"""Custom domains on the wire: FC 2.0 (2016-08-15 and 2021-04-06) and FC 3.0 (2023-03-30)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from aiohttp import web

from localcloud.fc.api.bodies import Body
from localcloud.fc.api.calls import Call, page
from localcloud.fc.api.properties import read_fields, read_member
from localcloud.fc.api.table import FC3_VERSION
from localcloud.fc.domains import KINDS, Certificate, CustomDomain, Rewrite, Route
from localcloud.fc.errors import FcError
from localcloud.fc.operations.service import FcService
from localcloud.kernel.times import to_seconds

_APART = {
    2: frozenset({"domainName", "routeConfig", "certConfig", "tlsConfig"}),
    3: frozenset({"domainName", "routeConfig", "certConfig", "tlsConfig", "authConfig"}),
}


async def create_custom_domain(fc: FcService, call: Call) -> web.Response:
    """Serve CreateCustomDomain."""
    name = call.target.names["custom-domains"]
    domain = CustomDomain(name=name, generation=call.target.generation)
    return _shown(fc, fc.domains.create(read_domain(call.body, domain)))


async def get_custom_domain(fc: FcService, call: Call) -> web.Response:
    """Serve GetCustomDomain."""
    return _shown(fc, _find(fc, call))


async def list_custom_domains(fc: FcService, call: Call) -> web.Response:
    """Serve ListCustomDomains."""
    return page(call, "customDomains", fc.domains.all(call.target.generation), lambda each: write_domain(fc, each))


async def update_custom_domain(fc: FcService, call: Call) -> web.Response:
    """Serve UpdateCustomDomain; what the body leaves out stays, but for a certificate that no protocol needs any more."""
    return _shown(fc, fc.domains.update(read_domain(call.body, _find(fc, call))))


async def delete_custom_domain(fc: FcService, call: Call) -> web.Response:
    """Serve DeleteCustomDomain."""
    fc.domains.delete(call.target.names["custom-domains"], call.target.generation)
    return web.Response(status=204)


def _find(fc: FcService, call: Call) -> CustomDomain:
    return fc.domains.get(call.target.names["custom-domains"], call.target.generation)


def read_domain(body: Body, before: CustomDomain) -> CustomDomain:
    """Read a domain, or what an update changes of it.

    Args:
        body: the request's body.
        before: the domain as it is, or a new one.
    """
    waf = read_member(body, "wafConfig", dict) or {}
    rest = {name: value for name, value in body.items() if name != "wafConfig" or waf.get("enableWAF")}
    fields = read_fields(rest, {"protocol": "protocol"}, _APART[before.generation])
    if (routes := read_member(body, "routeConfig", dict)) is not None:
        given = read_member(routes, "routes", list, "routeConfig.") or []
        fields["routes"] = tuple(_read_route(each, before.generation) for each in given)
    if (certificate := read_member(body, "certConfig", dict)) is not None:
        fields["certificate"] = _read_certificate(certificate)
    elif fields.get("protocol") == "HTTP":
        fields["certificate"] = None
    if auth := read_member(body, "authConfig", dict):
        fields["authentication"] = _read_authentication(auth)
    if (tls := read_member(body, "tlsConfig", dict)) is not None:
        if tls.get("cipherSuites"):
            raise FcError("NotImplemented", "not implemented: tlsConfig.cipherSuites")
        bounds = {name: read_member(tls, name, str, "tlsConfig.") for name in ("minVersion", "maxVersion")}
        fields["tls"] = {name: value for name, value in bounds.items() if value}
    return replace(before, **fields)


def _read_route(route: object, generation: int) -> Route:
    if not isinstance(route, dict):
        raise FcError("InvalidArgument", "routeConfig.routes: expected a list of objects")
    names = ["path", "functionName", *(["serviceName"] if generation == 2 else [])]
    texts = {name: read_member(route, name, str, "routeConfig.routes.") for name in (*names, "qualifier")}
    if missing := [name for name in names if not texts[name]]:
        raise FcError("InvalidArgument", f"routeConfig.routes: {missing[0]} is missing")
    methods = read_member(route, "methods", list, "routeConfig.routes.") or []
    if not all(isinstance(each, str) for each in methods):
        raise FcError("InvalidArgument", "routeConfig.routes.methods: expected a list of texts")
    service = f"services/{texts['serviceName']}/" if generation == 2 else ""
    return Route(
        path=str(texts["path"]),
        function=f"{service}functions/{texts['functionName']}",
        qualifier=texts["qualifier"] or "",
        methods=tuple(methods),
        rules=_read_rules(read_member(route, "rewriteConfig", dict, "routeConfig.routes.") or {}),
    )


def _read_rules(config: Body) -> tuple[Rewrite, ...]:
    path, rules = "routeConfig.routes.rewriteConfig.", []
    for kind, given in config.items():
        if not given:
            continue
        if kind not in KINDS:
            raise FcError("NotImplemented", f"not implemented: {path}{kind[:100]}")
        for rule in read_member(config, kind, list, path) or []:
            texts = [
                read_member(rule if isinstance(rule, dict) else {}, name, str, path)
                for name in ("match", "replacement")
            ]
            if not texts[0] or not (texts[1] or "").startswith("/"):
                raise FcError(
                    "InvalidArgument", f"{path}{kind}: expected a match, and a replacement that begins with /"
                )
            rules.append(Rewrite(kind=kind, match=texts[0], replacement=str(texts[1])))
    return tuple(rules)


def _read_certificate(config: Body) -> Certificate | None:
    names = ("certName", "certificate", "privateKey")
    texts = [read_member(config, name, str, "certConfig.") or "" for name in names]
    if not any(texts):
        return None
    if not all(texts):
        raise FcError("InvalidArgument", f"certConfig: give {', '.join(names)}")
    return Certificate(name=texts[0], chain=texts[1], key=texts[2])


def _read_authentication(config: Body) -> str:
    kind = read_member(config, "authType", str, "authConfig.") or "anonymous"
    if kind in {"jwt", "bearer"} or config.get("authInfo"):
        raise FcError("NotImplemented", f"not implemented: authConfig.authType {kind} of custom domains")
    return kind


def _shown(fc: FcService, domain: CustomDomain) -> web.Response:
    return web.json_response(write_domain(fc, domain))


def write_domain(fc: FcService, domain: CustomDomain) -> dict[str, Any]:
    """Return a domain as the API shows it, without the key of its certificate."""
    document = {
        "domainName": domain.name,
        "accountId": fc.settings.account_id,
        "apiVersion": FC3_VERSION if domain.generation == 3 else "2016-08-15",
        "protocol": domain.protocol,
        "routeConfig": {"routes": [_write_route(each, domain.generation) for each in domain.routes]},
        "certConfig": {},
        "tlsConfig": dict(domain.tls),
        "createdTime": to_seconds(domain.created),
        "lastModifiedTime": to_seconds(domain.modified),
    }
    if domain.certificate:
        document["certConfig"] = {
            "certName": domain.certificate.name,
            "certificate": domain.certificate.chain,
            "privateKey": None,
        }
    if domain.generation == 3:
        document["authConfig"] = {"authType": domain.authentication}
    return document


def _write_route(route: Route, generation: int) -> dict[str, Any]:
    *service, function = [each for each in route.function.split("/") if each not in {"services", "functions"}]
    document: dict[str, Any] = {"path": route.path, "functionName": function, "qualifier": route.qualifier or None}
    if generation == 2:
        document["serviceName"] = service[0]
    if route.methods:
        document["methods"] = list(route.methods)
    if route.rules:
        document["rewriteConfig"] = {
            kind: [{"match": each.match, "replacement": each.replacement} for each in route.rules if each.kind == kind]
            for kind in KINDS
        }
    return document
