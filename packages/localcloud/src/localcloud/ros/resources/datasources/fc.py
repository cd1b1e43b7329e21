"""DATASOURCE::FC::Services, ::Functions, ::Triggers, ::Aliases and ::CustomDomains: of Function Compute 2.0. Source: see `source`.

Details have the names of the API, each with a capital at its beginning (assumed where the page does not list them).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from localcloud.fc.domains import CustomDomain, Route
from localcloud.fc.interface import Releases
from localcloud.fc.model import Function, Service, Trigger
from localcloud.fc.releases import Alias
from localcloud.kernel.times import to_seconds
from localcloud.ros.resources.calls import Given
from localcloud.ros.resources.datasources.source import NEEDED, REFRESH, STRING, ListSource, begins
from localcloud.ros.resources.provider import Context, Property, Right
from localcloud.ros.resources.rights import on_function


class _OfFc(ListSource):
    def __init__(self, fc: Releases) -> None:
        self._fc = fc


class ServicesSource(_OfFc):
    """The services."""

    name = "DATASOURCE::FC::Services"
    properties: Mapping[str, Property] = {"Prefix": STRING, **REFRESH}
    returns: Sequence[str] = ("ServiceNames", "Services")

    def rights_to_read(self, context: Context, properties: Given) -> Iterable[Right]:
        """See `DataSource`."""
        yield on_function(context, "ListServices", "services/*")

    def read(self, context: Context, properties: Given) -> Given:
        """See `DataSource`."""
        found = [each for each in self._fc.services.all() if begins(properties, each.name)]
        return self.tell(found, _write_service)


class FunctionsSource(_OfFc):
    """The functions of a service, as they are now."""

    name = "DATASOURCE::FC::Functions"
    properties: Mapping[str, Property] = {
        "ServiceName": NEEDED,
        "Prefix": STRING,
        "Qualifier": Property(kind="string", supported=("LATEST",)),
        **REFRESH,
    }
    returns: Sequence[str] = ("FunctionNames", "Functions")

    def rights_to_read(self, context: Context, properties: Given) -> Iterable[Right]:
        """See `DataSource`."""
        yield on_function(context, "ListFunctions", f"services/{properties['ServiceName']}/functions/*")

    def read(self, context: Context, properties: Given) -> Given:
        """See `DataSource`."""
        service = self._fc.services.get(properties["ServiceName"])
        found = [each for each in self._fc.functions.all(service.name) if begins(properties, each.name)]
        return self.tell(found, _write_function)


class TriggersSource(_OfFc):
    """The triggers of a function."""

    name = "DATASOURCE::FC::Triggers"
    properties: Mapping[str, Property] = {"ServiceName": NEEDED, "FunctionName": NEEDED, "Prefix": STRING, **REFRESH}
    returns: Sequence[str] = ("TriggerNames", "Triggers")

    def rights_to_read(self, context: Context, properties: Given) -> Iterable[Right]:
        """See `DataSource`."""
        yield on_function(context, "ListTriggers", f"{_path(properties)}/triggers/*")

    def read(self, context: Context, properties: Given) -> Given:
        """See `DataSource`."""
        function = self._fc.functions.get(_path(properties))
        found = [each for each in self._fc.triggers.all(function.path) if begins(properties, each.name)]
        return self.tell(found, _write_trigger)


class AliasesSource(_OfFc):
    """The aliases of a service."""

    name = "DATASOURCE::FC::Aliases"
    properties: Mapping[str, Property] = {"ServiceName": NEEDED, "Prefix": STRING, **REFRESH}
    returns: Sequence[str] = ("AliasNames", "Aliases")

    def rights_to_read(self, context: Context, properties: Given) -> Iterable[Right]:
        """See `DataSource`."""
        yield on_function(context, "ListAliases", f"services/{properties['ServiceName']}/aliases/*")

    def read(self, context: Context, properties: Given) -> Given:
        """See `DataSource`."""
        service = self._fc.services.get(properties["ServiceName"])
        found = [each for each in self._fc.aliases.all(f"services/{service.name}") if begins(properties, each.name)]
        return self.tell(found, _write_alias)


class CustomDomainsSource(_OfFc):
    """The custom domains."""

    name = "DATASOURCE::FC::CustomDomains"
    properties: Mapping[str, Property] = {"Prefix": STRING, **REFRESH}
    returns: Sequence[str] = ("DomainNames", "CustomDomains")

    def rights_to_read(self, context: Context, properties: Given) -> Iterable[Right]:
        """See `DataSource`."""
        yield on_function(context, "ListCustomDomains", "custom-domains/*")

    def read(self, context: Context, properties: Given) -> Given:
        """See `DataSource`."""
        found = [each for each in self._fc.domains.all(2) if begins(properties, each.name)]
        return self.tell(found, partial(_write_domain, context))


def _path(properties: Given) -> str:
    return f"services/{properties['ServiceName']}/functions/{properties['FunctionName']}"


def _times(of: Service | Function | Trigger | Alias | CustomDomain) -> dict[str, object]:
    return {"CreatedTime": to_seconds(of.created), "LastModifiedTime": to_seconds(of.modified)}


def _write_service(service: Service) -> Given:
    return {
        "ServiceName": service.name,
        "ServiceId": service.name,
        "Description": service.description,
        "Role": service.role,
        "InternetAccess": service.internet_access,
        "LogConfig": {name[:1].upper() + name[1:]: value for name, value in service.log_config.items()},
        **_times(service),
    }


def _write_function(function: Function) -> Given:
    return {
        "FunctionName": function.name,
        "FunctionId": function.function_id,
        "Description": function.description,
        "Runtime": function.runtime,
        "Handler": function.handler,
        "Timeout": function.timeout,
        "Initializer": function.initializer,
        "InitializationTimeout": function.initialization_timeout,
        "CodeSize": function.code_size,
        "CodeChecksum": function.code_checksum,
        "MemorySize": function.memory,
        "EnvironmentVariables": dict(function.environment),
        **_times(function),
    }


def _write_trigger(trigger: Trigger) -> Given:
    return {
        "TriggerName": trigger.name,
        "TriggerId": trigger.trigger_id,
        "TriggerType": trigger.kind,
        "TriggerConfig": dict(trigger.config),
        "SourceArn": trigger.source_arn,
        "InvocationRole": trigger.invocation_role,
        "Qualifier": trigger.qualifier,
        "Description": trigger.description,
        **_times(trigger),
    }


def _write_alias(alias: Alias) -> Given:
    return {
        "AliasName": alias.name,
        "VersionId": alias.version,
        "Description": alias.description,
        "AdditionalVersionWeight": dict(alias.weights),
        **_times(alias),
    }


def _write_domain(context: Context, domain: CustomDomain) -> Given:
    return {
        "DomainName": domain.name,
        "AccountId": context.account_id,
        "Protocol": domain.protocol,
        "RouteConfig": {"Routes": [_write_route(each) for each in domain.routes]},
        **_times(domain),
    }


def _write_route(route: Route) -> Given:
    _, service, _, function = route.function.split("/")
    return {
        "Path": route.path,
        "ServiceName": service,
        "FunctionName": function,
        "Qualifier": route.qualifier,
        "Methods": list(route.methods),
    }
