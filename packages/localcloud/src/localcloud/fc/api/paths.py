"""The target of a request to Function Compute: its method and path, looked up once in the table of routes. Pure.

Whatever decides about the request, the action and resource of policies as well as the handler, comes from the `Target` that is
found here. Names are held to the platform's grammar first, so that two ways to write one name cannot be told apart by a policy.

Sources: Function Compute API references 2016-08-15, 2021-04-06 and 2023-03-30; "Policies and sample policies" for resources.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import unquote

from localcloud.fc.api.table import FC3_VERSION, QUALIFIED, ROUTES
from localcloud.fc.errors import FcError
from localcloud.fc.operations.rules import check_name
from localcloud.fc.releases import LATEST

_QUALIFIER = re.compile(r"LATEST|[0-9]{1,18}|[A-Za-z_][A-Za-z0-9_-]{0,127}", re.ASCII)
_DOMAIN = re.compile(r"(\*\.)?[A-Za-z0-9-]{1,63}(\.[A-Za-z0-9-]{1,63}){0,8}", re.ASCII)
_OTHER = re.compile(r"[A-Za-z0-9_.:/#-]{1,255}", re.ASCII)
# The names that the platform's grammar for names holds, and the member of a request's body that names what is created.
_NAMED = {
    "services": "serviceName",
    "functions": "functionName",
    "triggers": "triggerName",
    "aliases": "aliasName",
    "layers": "layerName",
}
_CREATED = {
    "CreateService": "services",
    "CreateFunction": "functions",
    "CreateTrigger": "triggers",
    "CreateAlias": "aliases",
    "CreateCustomDomain": "custom-domains",
}
# What a list, or the creation of something, is about: all of its kind. A path that ends otherwise is about what stands before.
_COLLECTIONS = frozenset(_NAMED) | {
    *("custom-domains", "tags", "account-settings", "on-demand-configs", "provision-configs", "async-invoke-configs"),
    *("stateful-async-invocations", "async-tasks", "scaling-configs", "concurrency-configs", "event-sources"),
}
_ITSELF = frozenset({"versions", "tag", "code"})  # named so by policies, with nothing behind it
_DROPPED = frozenset({"instances", "sessions", "snapshots"})  # no resources of policies: their function is


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """An operation and the resource that it is about; a name is empty when the path does not give it."""

    operation: str  # DeleteFunction; a policy's action is fc:DeleteFunction
    generation: int  # 2 or 3
    shape: str = ""  # services/*/functions/*, as the table of routes has it
    names: Mapping[str, str] = field(default_factory=dict)  # by the word before them
    qualifier: str = ""  # as the path or the query gives it; empty: none

    @property
    def service(self) -> str:
        """The service's name."""
        return self.names.get("services", "")

    @property
    def function(self) -> str:
        """The function's name."""
        return self.names.get("functions", "")

    @property
    def trigger(self) -> str:
        """The trigger's name."""
        return self.names.get("triggers", "")

    @property
    def path(self) -> str:
        """The function's path, as the domain names it."""
        service = f"services/{self.service}/" if self.service else ""
        return f"{service}functions/{self.function}"

    @property
    def owner(self) -> str:
        """The path of what versions and aliases belong to: a service in FC 2.0, a function in FC 3.0."""
        return f"services/{self.service}" if self.generation == 2 else self.path

    @property
    def resource(self) -> str:
        """The end of the resource that policies name; a list is about all of its kind."""
        parts: list[str] = []
        for word in (word for word in self.shape.split("/") if word != "*"):
            name = self.names.get(word, "")
            if name and word not in _DROPPED:
                qualified = word == "services" and self.qualifier not in {"", LATEST}
                parts += [word, f"{name}.{self.qualifier}" if qualified else name]
            elif word in _COLLECTIONS or (word == "versions" and "layers" in self.names):
                parts += [word, "*"]
            elif word in _ITSELF:
                parts.append(word)
        return "/".join(parts) or "*"

    def created(self, body: Mapping[str, object]) -> Target:
        """Return the target with the name of what is created, if anything is, which the request's body gives.

        Raises:
            FcError: InvalidArgument: it cannot be a name.
        """
        word = _CREATED.get(self.operation)
        if word is None:
            return self
        given = body.get(_NAMED.get(word, "domainName"))
        return replace(self, names={**self.names, word: _check(word, given)})


def find_target(method: str, path: str, query: Mapping[str, str]) -> Target:
    """Return the target of a request.

    Args:
        method: the request's method.
        path: its path as sent, percent-encoded, without the query.
        query: its parameters, of which one may be the qualifier.

    Raises:
        FcError: InvalidArgument: a name in the path cannot be one; NotImplemented: no route leads there.
    """
    version, *segments = path.removeprefix("/").split("/")
    for shape, methods in ROUTES.get(version, {}).items():
        if method in methods and (names := _match(shape, segments)) is not None:
            break
    else:
        raise FcError("NotImplemented", f"not implemented: {method} {path[:200]}")
    qualifier = query.get("qualifier", "")
    if "services" in names:
        names["services"], _, named = names["services"].partition(".")
        if named and qualifier not in {"", named}:
            raise FcError("InvalidArgument", f"the path names the qualifier {named!r}, the query {qualifier!r}")
        qualifier = named or qualifier
    if qualifier and not _QUALIFIER.fullmatch(qualifier):
        raise FcError("InvalidArgument", f"the qualifier {qualifier[:200]!r} is not {LATEST}, a version or an alias")
    operation = methods[method]
    if qualifier not in {"", LATEST} and operation not in QUALIFIED:
        raise FcError("InvalidArgument", f"{operation} takes no qualifier; what is published cannot be changed")
    return Target(
        operation=operation,
        generation=3 if version == FC3_VERSION else 2,
        shape=shape,
        names={word: _check(word, name) for word, name in names.items()},
        qualifier=qualifier,
    )


def _match(shape: str, segments: list[str]) -> dict[str, str] | None:
    """Return the names that a path gives by the words before them; None when it has another shape."""
    words = shape.split("/")
    if len(words) != len(segments):
        return None
    names = {}
    for place, (word, segment) in enumerate(zip(words, segments, strict=True)):
        if word == "*":
            names[words[place - 1]] = unquote(segment)
        elif word != segment:
            return None
    return names


def _check(word: str, name: object) -> str:
    if word in _NAMED:
        return check_name(_NAMED[word], name)
    if not isinstance(name, str) or not (_DOMAIN if word == "custom-domains" else _OTHER).fullmatch(name):
        raise FcError("InvalidArgument", f"{str(name)[:200]!r} cannot be a name of {word}")
    return name
