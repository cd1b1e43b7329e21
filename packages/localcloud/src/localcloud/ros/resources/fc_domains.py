"""ALIYUN::FC::CustomDomain and ALIYUN::FC3::CustomDomain; the physical id is the domain's name (assumed).

Sources: ROS, the page of each type; ros-cdk-fc and ros-cdk-fc3 1.15.0.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from localcloud.fc.domains import KINDS, PROTOCOLS, Certificate, CustomDomain, Rewrite, Route
from localcloud.fc.errors import FcError
from localcloud.fc.interface import Releases
from localcloud.ros.resources.calls import Given, reasons
from localcloud.ros.resources.declarations import STRING
from localcloud.ros.resources.fc_functions import IDENTITY, REQUIRED
from localcloud.ros.resources.fc_runtime import api_names
from localcloud.ros.resources.provider import Context, Outcome, Property, Right
from localcloud.ros.resources.rights import on_function, verb

_CERTIFICATE = Property(kind="map", fields=dict.fromkeys(("CertName", "Certificate", "PrivateKey"), REQUIRED))
_ROUTE = {"Path": REQUIRED, "FunctionName": REQUIRED}
_RULES = Property(
    kind="list", maximum=100, items=Property(kind="map", fields={"Match": REQUIRED, "Replacement": REQUIRED})
)


def _routes(fields: Mapping[str, Property], maximum: float | None = None) -> Property:
    routes = Property(kind="list", required=True, maximum=maximum, items=Property(kind="map", fields=fields))
    return Property(kind="map", fields={"Routes": routes})


class DomainType(ABC):
    """A custom domain of either generation."""

    name: str
    generation: int
    properties: Mapping[str, Property]
    returns: Sequence[str]

    def __init__(self, fc: Releases) -> None:
        self._fc = fc

    @abstractmethod
    def attributes(self, domain: CustomDomain) -> dict[str, object]:
        """Return what Fn::GetAtt can ask for."""

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return str(properties["DomainName"])

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`."""
        path = f"custom-domains/{self.plan_id(context, after or before or {})}"
        yield on_function(context, f"{verb(before, after)}CustomDomain", path)

    def _find(self, physical_id: str) -> CustomDomain | None:
        try:
            return self._fc.domains.get(physical_id, self.generation)
        except FcError as error:
            if error.code == "DomainNameNotFound":
                return None
            raise

    def _describe(self, properties: Given) -> CustomDomain:
        certificate = properties.get("CertConfig")
        return CustomDomain(
            name=properties["DomainName"],
            generation=self.generation,
            protocol=properties["Protocol"],
            routes=tuple(_read_route(each) for each in properties.get("RouteConfig", {}).get("Routes", ())),
            certificate=Certificate(
                name=certificate["CertName"], chain=certificate["Certificate"], key=certificate["PrivateKey"]
            )
            if certificate
            else None,
            authentication=properties.get("AuthConfig", {}).get("AuthType", "anonymous"),
        )

    async def exists(self, context: Context, physical_id: str) -> bool:
        """See `ResourceType`."""
        return self._find(physical_id) is not None

    async def create(self, context: Context, properties: Given) -> Outcome:
        """See `ResourceType`."""
        with reasons():
            made = self._fc.domains.create(self._describe(properties))
        return Outcome(physical_id=made.name, attributes=self.attributes(made))

    async def update(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `ResourceType`."""
        with reasons():
            created = self._fc.domains.get(physical_id, self.generation).created
            made = self._fc.domains.update(replace(self._describe(properties), created=created))
        return Outcome(physical_id=physical_id, attributes=self.attributes(made))

    async def delete(self, context: Context, physical_id: str, properties: Given) -> None:
        """See `ResourceType`."""
        with reasons():
            if self._find(physical_id):
                self._fc.domains.delete(physical_id, self.generation)


def _read_route(given: Given) -> Route:
    service = f"services/{given['ServiceName']}/" if "ServiceName" in given else ""
    rewrites: Given = api_names(given.get("RewriteConfig", {}))
    return Route(
        path=given["Path"],
        function=f"{service}functions/{given['FunctionName']}",
        qualifier=given.get("Qualifier", ""),
        methods=tuple(given.get("Methods", ())),
        rules=tuple(
            Rewrite(kind=kind, match=rule["Match"], replacement=rule["Replacement"])
            for kind in KINDS
            for rule in rewrites.get(kind, ())
        ),
    )


class FcCustomDomain(DomainType):
    """A custom domain whose routes lead to functions of FC 2.0."""

    name = "ALIYUN::FC::CustomDomain"
    returns: Sequence[str] = ("DomainName", "Domain")
    generation = 2
    properties: Mapping[str, Property] = {
        "DomainName": IDENTITY,
        "Protocol": REQUIRED,
        "ApiVersion": STRING,
        "CertConfig": _CERTIFICATE,
        "RouteConfig": _routes({**_ROUTE, "ServiceName": REQUIRED, "Qualifier": STRING}),
    }

    def attributes(self, domain: CustomDomain) -> dict[str, object]:
        """See `DomainType`."""
        return {"DomainName": domain.name, "Domain": domain.name}


class Fc3CustomDomain(DomainType):
    """A custom domain whose routes lead to functions of FC 3.0."""

    name = "ALIYUN::FC3::CustomDomain"
    returns: Sequence[str] = ("DomainName",)
    generation = 3
    properties: Mapping[str, Property] = {
        "DomainName": IDENTITY,
        "Protocol": Property(kind="string", required=True, choices=PROTOCOLS),
        "AuthConfig": Property(
            kind="map",
            required=True,
            fields={
                "AuthType": Property(
                    kind="string",
                    required=True,
                    choices=("anonymous", "function", "jwt"),
                    supported=("anonymous", "function"),
                ),
                "AuthInfo": Property(kind="string", supported=()),
            },
        ),
        "CertConfig": _CERTIFICATE,
        "RouteConfig": _routes(
            {
                **_ROUTE,
                "Qualifier": REQUIRED,
                "Methods": Property(kind="list", maximum=10, items=STRING),
                "RewriteConfig": Property(
                    kind="map",
                    fields={
                        "EqualRules": _RULES,
                        "WildcardRules": _RULES,
                        "RegexRules": Property(kind="list", supported=()),
                    },
                ),
            },
            maximum=100,
        ),
        "TlsConfig": Property(kind="map", supported=()),
        "WafConfig": Property(kind="map", supported=()),
    }

    def attributes(self, domain: CustomDomain) -> dict[str, object]:
        """See `DomainType`."""
        return {"DomainName": domain.name}
