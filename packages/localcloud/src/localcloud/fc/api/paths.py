"""The target of a request to Function Compute: its method and path, looked up once in a table of routes. Pure.

Whatever decides about the request, the action and resource of policies as well as the handler, comes from the `Target` that is
found here. Names are held to the platform's grammar first, so that two ways to write one name cannot be told apart by a policy.

Sources: Function Compute API references 2016-08-15, 2021-04-06 and 2023-03-30; "Policies and sample policies" for resources.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import unquote

from localcloud.fc.errors import FcError
from localcloud.fc.operations.rules import check_name

FC2_VERSIONS = frozenset({"2016-08-15", "2021-04-06"})
FC3_VERSION = "2023-03-30"
LATEST = "LATEST"  # the qualifier of what is not published

# Below a service in FC 2.0, below the version in FC 3.0; `*` stands for a name.
_FUNCTIONS = {
    "functions": {"POST": "CreateFunction", "GET": "ListFunctions"},
    "functions/*": {"GET": "GetFunction", "PUT": "UpdateFunction", "DELETE": "DeleteFunction"},
    "functions/*/invocations": {"POST": "InvokeFunction"},
    "functions/*/triggers": {"POST": "CreateTrigger", "GET": "ListTriggers"},
    "functions/*/triggers/*": {"GET": "GetTrigger", "PUT": "UpdateTrigger", "DELETE": "DeleteTrigger"},
}
_SERVICES = {
    "services": {"POST": "CreateService", "GET": "ListServices"},
    "services/*": {"GET": "GetService", "PUT": "UpdateService", "DELETE": "DeleteService"},
    **{f"services/*/{path}": methods for path, methods in _FUNCTIONS.items()},
}
ROUTES: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    FC3_VERSION: _FUNCTIONS,
    **dict.fromkeys(FC2_VERSIONS, _SERVICES),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """An operation and the resource that it is about; a name is empty when the path does not give it."""

    operation: str  # DeleteFunction; a policy's action is fc:DeleteFunction
    generation: int  # 2 or 3
    service: str = ""
    function: str = ""
    trigger: str = ""

    @property
    def path(self) -> str:
        """The function's path, as the domain names it."""
        service = f"services/{self.service}/" if self.service else ""
        return f"{service}functions/{self.function}"

    @property
    def resource(self) -> str:
        """The end of the resource that policies name; a list is about all of its kind."""
        parts = [("services", self.service)] if self.generation == 2 else []
        if not self.operation.endswith(("Service", "Services")):
            parts.append(("functions", self.function))
        if self.operation.endswith(("Trigger", "Triggers")):
            parts.append(("triggers", self.trigger))
        return "/".join(f"{kind}/{name or '*'}" for kind, name in parts)

    def created(self, body: Mapping[str, object]) -> Target:
        """Return the target with the name of what is created, if anything is, which the request's body gives.

        Raises:
            FcError: InvalidArgument: it cannot be a name.
        """
        match self.operation:
            case "CreateService":
                return replace(self, service=check_name("serviceName", body.get("serviceName")))
            case "CreateFunction":
                return replace(self, function=check_name("functionName", body.get("functionName")))
            case "CreateTrigger":
                return replace(self, trigger=check_name("triggerName", body.get("triggerName")))
            case _:
                return self


def find_target(method: str, path: str) -> Target | None:
    """Return the target of a request; None when no route leads there.

    Args:
        method: the request's method.
        path: its path as sent, percent-encoded, without the query.

    Raises:
        FcError: InvalidArgument: a name in the path cannot be one; NotImplemented: a qualifier other than LATEST.
    """
    version, *segments = path.removeprefix("/").split("/")
    words, names = segments[0::2], [unquote(name) for name in segments[1::2]]
    shape = "/".join(word if place % 2 == 0 else "*" for place, word in enumerate(segments))
    operation = ROUTES.get(version, {}).get(shape, {}).get(method)
    if operation is None:
        return None
    given = dict(zip(words, names, strict=False))
    if "services" in given:
        given["services"] = _without_qualifier(given["services"])
    for word, name in given.items():
        check_name(f"{word.removesuffix('s')}Name", name)
    return Target(
        operation=operation,
        generation=3 if version == FC3_VERSION else 2,
        service=given.get("services", ""),
        function=given.get("functions", ""),
        trigger=given.get("triggers", ""),
    )


def _without_qualifier(service: str) -> str:
    name, _, qualifier = service.partition(".")
    if qualifier and qualifier != LATEST:
        raise FcError("NotImplemented", f"not implemented: the qualifier {qualifier!r}; only {LATEST} is known")
    return name if qualifier else service
