"""Services, functions, triggers and what belongs to them on disk: one JSON document.

Every change writes the whole document beside the old one and renames it, so a crash loses nothing that was acknowledged.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from localcloud.fc.attachments import Mount, Nas, Vpc
from localcloud.fc.configs import AsyncConfig, Limit, Minimum, ScheduledAction
from localcloud.fc.domains import Certificate, CustomDomain, Rewrite, Route
from localcloud.fc.layers import LayerVersion
from localcloud.fc.model import Function, Service, Trigger
from localcloud.fc.releases import Alias, Version
from localcloud.kernel.documents import read_document, write_document


class FcStore:
    """Services, functions and triggers, in memory and on disk. Not thread-safe: one event loop uses it.

    Args:
        folder: where the document lies.

    Raises:
        LocalCloudError: the state cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "functions.json"
        self.services: dict[str, Service] = {}
        self.functions: dict[str, Function] = {}  # by path
        self.triggers: dict[tuple[str, str], Trigger] = {}  # by function's path and name
        self.versions: dict[tuple[str, str], Version] = {}  # by owner's path and id
        self.aliases: dict[tuple[str, str], Alias] = {}  # by owner's path and name
        self.last_versions: dict[str, int] = {}  # the last version's id, by owner's path; deleted ones count
        self.layers: dict[str, LayerVersion] = {}  # by ARN
        self.minimums: dict[tuple[str, str, bool], Minimum] = {}  # by key
        self.limits: dict[tuple[str, str], Limit] = {}  # by function's path and qualifier
        self.async_configs: dict[tuple[str, str], AsyncConfig] = {}  # by function's path and qualifier
        self.tags: dict[str, Mapping[str, str]] = {}  # by the path of a service or function
        self.domains: dict[str, CustomDomain] = {}  # by name, in lower case
        if self._path.exists():
            read_document(self._path, self._load)

    def _load(self, record: Any) -> None:  # noqa: ANN401 - what the document holds
        self.services = {each["name"]: _read_service(each) for each in record["services"]}
        functions = [_read_function(each) for each in record["functions"]]
        self.functions = {each.path: each for each in functions}
        triggers = [Trigger(**each) for each in record["triggers"]]
        self.triggers = {(each.function, each.name): each for each in triggers}
        # A document of an earlier release has none of the following.
        versions = [_read_version(each) for each in record.get("versions", [])]
        self.versions = {(each.owner, each.id): each for each in versions}
        aliases = [Alias(**each) for each in record.get("aliases", [])]
        self.aliases = {(each.owner, each.name): each for each in aliases}
        self.last_versions = record.get("last_versions", {})
        layers = [LayerVersion(**{**each, "runtimes": tuple(each["runtimes"])}) for each in record.get("layers", [])]
        self.layers = {each.arn: each for each in layers}
        minimums = [_read_minimum(each) for each in record.get("minimums", [])]
        self.minimums = {each.key: each for each in minimums}
        limits = [Limit(**each) for each in record.get("limits", [])]
        self.limits = {(each.function, each.qualifier): each for each in limits}
        configs = [AsyncConfig(**each) for each in record.get("async_configs", [])]
        self.async_configs = {(each.function, each.qualifier): each for each in configs}
        self.tags = record.get("tags", {})
        domains = [_read_domain(each) for each in record.get("domains", [])]
        self.domains = {each.name.lower(): each for each in domains}

    def save(self) -> None:
        """Write the document."""
        record = {
            "services": list(self.services.values()),
            "functions": list(self.functions.values()),
            "triggers": list(self.triggers.values()),
            "versions": list(self.versions.values()),
            "aliases": list(self.aliases.values()),
            "last_versions": self.last_versions,
            "layers": list(self.layers.values()),
            "minimums": list(self.minimums.values()),
            "limits": list(self.limits.values()),
            "async_configs": list(self.async_configs.values()),
            "tags": self.tags,
            "domains": list(self.domains.values()),
        }
        write_document(self._path, record)

    def functions_of(self, service: str) -> list[Function]:
        """Return the functions of a service (empty: those of FC 3.0) in order of their names."""
        found = [each for each in self.functions.values() if each.service == service]
        return sorted(found, key=lambda each: each.name)

    def triggers_of(self, function: str) -> list[Trigger]:
        """Return the triggers of a function, by its path, in order of their names."""
        found = [each for each in self.triggers.values() if each.function == function]
        return sorted(found, key=lambda each: each.name)

    def versions_of(self, owner: str) -> list[Version]:
        """Return the versions of a service or function, by its path, from the first to the last."""
        found = [each for each in self.versions.values() if each.owner == owner]
        return sorted(found, key=lambda each: int(each.id))

    def aliases_of(self, owner: str) -> list[Alias]:
        """Return the aliases of a service or function, by its path, in order of their names."""
        found = [each for each in self.aliases.values() if each.owner == owner]
        return sorted(found, key=lambda each: each.name)

    def forget(self, path: str) -> None:
        """Forget the configurations and tags of a function that is deleted, or the tags of a service."""
        self.minimums = {key: each for key, each in self.minimums.items() if each.function != path}
        self.limits = {key: each for key, each in self.limits.items() if each.function != path}
        self.async_configs = {key: each for key, each in self.async_configs.items() if each.function != path}
        self.tags.pop(path, None)

    def all_functions(self) -> list[Function]:
        """Return the functions, those of versions among them."""
        published = [function for version in self.versions.values() for function in version.functions]
        return [*self.functions.values(), *published]


def _read_function(record: dict[str, Any]) -> Function:
    lists = {name: tuple(record.get(name, ())) for name in ("layers", "command", "arguments")}
    return Function(**{**record, **lists, **_read_attachments(record)})


def _read_service(record: dict[str, Any]) -> Service:
    return Service(**{**record, **_read_attachments(record)})


def _read_attachments(record: dict[str, Any]) -> dict[str, Any]:
    vpc, nas = record.get("vpc"), record.get("nas", {})
    return {
        "vpc": Vpc(**{**vpc, "switches": tuple(vpc["switches"])}) if vpc else None,
        "nas": Nas(**{**nas, "mounts": tuple(Mount(**each) for each in nas.get("mounts", ()))}),
    }


def _read_version(record: dict[str, Any]) -> Version:
    service = record["service"]
    functions = tuple(_read_function(each) for each in record["functions"])
    return Version(**{**record, "functions": functions, "service": _read_service(service) if service else None})


def _read_minimum(record: dict[str, Any]) -> Minimum:
    return Minimum(**{**record, "actions": tuple(ScheduledAction(**each) for each in record.get("actions", ()))})


def _read_domain(record: dict[str, Any]) -> CustomDomain:
    certificate = record["certificate"]
    routes = [
        Route(**{**each, "methods": tuple(each["methods"]), "rules": tuple(Rewrite(**rule) for rule in each["rules"])})
        for each in record["routes"]
    ]
    kept = Certificate(**certificate) if certificate else None
    return CustomDomain(**{**record, "routes": tuple(routes), "certificate": kept})
