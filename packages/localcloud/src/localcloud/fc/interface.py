"""The interface of Function Compute for other services, beside services, functions and triggers."""

from __future__ import annotations

from typing import Protocol

from localcloud.fc.configs import AsyncConfig, Limit, Minimum
from localcloud.fc.domains import CustomDomain
from localcloud.fc.layers import LayerVersion
from localcloud.fc.model import Code, FunctionCompute, Permit, anybody
from localcloud.fc.releases import Alias, Version


class Versions(Protocol):
    """The versions of services and functions, by their paths. A method raises `ApiError` with Function Compute's code."""

    def publish(self, owner: str, *, description: str = "") -> Version:
        """Publish a service or a function as it is now."""

    def get(self, owner: str, version: str) -> Version:
        """Return a version."""

    def delete(self, owner: str, version: str) -> None:
        """Delete a version."""


class Aliases(Protocol):
    """The aliases of versions. A method raises `ApiError` with Function Compute's code."""

    def create(self, alias: Alias) -> Alias:
        """Create an alias."""

    def get(self, owner: str, name: str) -> Alias:
        """Return an alias."""

    def all(self, owner: str) -> list[Alias]:
        """Return the aliases of a service or function in order of their names."""

    def update(self, alias: Alias) -> Alias:
        """Replace what an alias leads to."""

    def delete(self, owner: str, name: str) -> None:
        """Delete an alias."""


class Configs(Protocol):
    """The configurations of functions' releases. A method raises `ApiError` with Function Compute's code."""

    def put_minimum(self, minimum: Minimum) -> Minimum:
        """Let instances be started ahead and kept; of none, no longer."""

    def minimum(self, function: str, qualifier: str = "") -> Minimum:
        """Return the minimum of a function's release; none was put: 0."""

    def put_limit(self, limit: Limit) -> Limit:
        """Limit the requests that a function serves at a time."""

    def limit(self, function: str, qualifier: str = "") -> Limit:
        """Return a limit."""

    def delete_limit(self, function: str, qualifier: str = "") -> None:
        """Delete a limit."""

    def put_async(self, config: AsyncConfig) -> AsyncConfig:
        """Put the configuration of a release's asynchronous invocations."""

    def get_async(self, function: str, qualifier: str = "") -> AsyncConfig:
        """Return the configuration of a release's asynchronous invocations."""

    def delete_async(self, function: str, qualifier: str = "") -> None:
        """Delete the configuration of a release's asynchronous invocations."""


class Layers(Protocol):
    """The layers of an account. A method raises `ApiError` with Function Compute's code."""

    async def create(self, layer: LayerVersion, code: Code, *, permit: Permit = anybody) -> LayerVersion:
        """Create the next version of a layer."""

    def get(self, layer: str, version: int) -> LayerVersion:
        """Return a version of a layer."""

    def delete(self, layer: str, version: int) -> None:
        """Delete a version of a layer."""

    def publish(self, layer: str, *, public: bool) -> None:
        """Let other accounts use a layer's versions, or no longer."""


class Domains(Protocol):
    """The custom domains of an account, by name and generation. A method raises `ApiError` with Function Compute's code."""

    def create(self, domain: CustomDomain) -> CustomDomain:
        """Create a domain."""

    def get(self, name: str, generation: int) -> CustomDomain:
        """Return a domain."""

    def all(self, generation: int) -> list[CustomDomain]:
        """Return the domains of a generation in order of their names."""

    def update(self, domain: CustomDomain) -> CustomDomain:
        """Replace what a domain has."""

    def delete(self, name: str, generation: int) -> None:
        """Delete a domain."""


class Releases(FunctionCompute, Protocol):
    """Function Compute with its versions, aliases, configurations, layers and custom domains."""

    @property
    def versions(self) -> Versions:
        """Its versions."""

    @property
    def aliases(self) -> Aliases:
        """Its aliases."""

    @property
    def configs(self) -> Configs:
        """Its configurations."""

    @property
    def layers(self) -> Layers:
        """Its layers."""

    @property
    def domains(self) -> Domains:
        """Its custom domains."""
