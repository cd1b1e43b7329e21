"""The configurations of functions' releases: minimum instances, limits, and asynchronous invocations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from localcloud.fc.configs import AsyncConfig, Limit, Minimum, qualified
from localcloud.fc.errors import FcError
from localcloud.fc.model import Settings
from localcloud.fc.operations.aliases import AliasOperations
from localcloud.fc.operations.destinations import read_destination
from localcloud.fc.operations.scaling import ScheduledTargets, check_actions
from localcloud.fc.platform import ASYNC_AGE, ASYNC_RETRIES
from localcloud.fc.releases import LATEST
from localcloud.fc.store.resources import FcStore


class ConfigOperations:
    """The configurations, by their functions' paths and qualifiers.

    Args:
        store: keeps them.
        aliases: lead to the functions.
        settings: how many instances there may be.
        clock: seconds since the epoch.
    """

    def __init__(
        self, store: FcStore, *, aliases: AliasOperations, settings: Settings, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._aliases = aliases
        self._settings = settings
        self._clock = clock
        self._scheduled = ScheduledTargets(clock)

    def put_minimum(self, minimum: Minimum) -> Minimum:
        """Let instances be started ahead and kept; of none, no longer.

        Raises:
            FcError: FunctionNotFound, ServiceNotFound, VersionNotFound, AliasNotFound, InvalidArgument.
        """
        minimum = replace(minimum, qualifier=minimum.qualifier or LATEST)
        self._aliases.shares(minimum.function, minimum.qualifier)
        most = self._settings.max_instances
        for target in (minimum.target, *(each.target for each in minimum.actions)):
            if not 0 <= target <= most:
                raise FcError(
                    "InvalidArgument",
                    f"the number of instances is {target}; expected 0 to {most} (the embedded cloud's --fc-instances)",
                )
        check_actions(minimum.actions)
        before = self._store.minimums.pop(minimum.key, None)
        self._scheduled.forget(before.actions if before else ())
        if minimum.target or minimum.actions:
            self._store.minimums[minimum.key] = minimum
        self._store.save()
        return minimum

    def minimum(self, function: str, qualifier: str = "", *, scaling: bool = False) -> Minimum:
        """Return the minimum of a function's release; none was put: 0.

        Raises:
            FcError: as `put_minimum`.
        """
        qualifier = qualifier or LATEST
        self._aliases.shares(function, qualifier)
        none = Minimum(function=function, qualifier=qualifier, target=0, scaling=scaling)
        return self._store.minimums.get(none.key, none)

    def target(self, minimum: Minimum) -> int:
        """Return the number of instances that a minimum asks for now."""
        return self._scheduled.now(minimum)

    def minimums(self) -> list[Minimum]:
        """Return all minimums in order of their functions and qualifiers."""
        return sorted(self._store.minimums.values(), key=lambda each: each.key)

    def put_limit(self, limit: Limit) -> Limit:
        """Limit the requests that a function serves at a time.

        A limit with a qualifier may come before what it is about, as on the platform (a test of aliyun/fc-java-sdk).

        Raises:
            FcError: FunctionNotFound, InvalidArgument.
        """
        if not limit.qualifier:
            self._aliases.shares(limit.function)
        if limit.most < 0:
            raise FcError("InvalidArgument", f"the number is {limit.most}; expected none less than 0")
        self._store.limits[limit.function, limit.qualifier] = limit
        self._store.save()
        return limit

    def limit(self, function: str, qualifier: str = "") -> Limit:
        """Return a limit.

        Raises:
            FcError: OnDemandConfigNotFound.
        """
        if (function, qualifier) not in self._store.limits:
            raise FcError("OnDemandConfigNotFound", f"{qualified(function, qualifier)} has no limit of concurrency")
        return self._store.limits[function, qualifier]

    def limits(self) -> list[Limit]:
        """Return all limits in order of their names."""
        return sorted(self._store.limits.values(), key=lambda each: each.name)

    def limits_of(self, function: str, qualifier: str) -> list[Limit]:
        """Return the limits that an invocation has to keep."""
        found = (self._store.limits.get((function, each)) for each in {"", qualifier})
        return [each for each in found if each]

    def delete_limit(self, function: str, qualifier: str = "") -> None:
        """Delete a limit.

        Raises:
            FcError: OnDemandConfigNotFound.
        """
        self.limit(function, qualifier)
        del self._store.limits[function, qualifier]
        self._store.save()

    def put_async(self, config: AsyncConfig) -> AsyncConfig:
        """Put the configuration of a release's asynchronous invocations in place of the one that there is.

        Raises:
            FcError: FunctionNotFound, ServiceNotFound, VersionNotFound, AliasNotFound, InvalidArgument, NotImplemented.
        """
        config = replace(config, qualifier=config.qualifier or LATEST)
        self._aliases.shares(config.function, config.qualifier)
        for name, value, allowed in (
            ("maxAsyncRetryAttempts", config.retries, ASYNC_RETRIES),
            ("maxAsyncEventAgeInSeconds", config.max_age, ASYNC_AGE),
        ):
            if value is not None and value not in allowed:
                raise FcError("InvalidArgument", f"{name} is {value}; expected {allowed[0]} to {allowed[-1]}")
        for destination in filter(None, (config.on_success, config.on_failure)):
            read_destination(destination)
        before = self._store.async_configs.get((config.function, config.qualifier))
        now = self._clock()
        config = replace(config, created=before.created if before else now, modified=now)
        self._store.async_configs[config.function, config.qualifier] = config
        self._store.save()
        return config

    def find_async(self, function: str, qualifier: str = "") -> AsyncConfig | None:
        """Return the configuration of a release's asynchronous invocations; None: none was put."""
        return self._store.async_configs.get((function, qualifier or LATEST))

    def get_async(self, function: str, qualifier: str = "") -> AsyncConfig:
        """Return the configuration of a release's asynchronous invocations.

        Raises:
            FcError: AsyncConfigNotExists, and as `put_async`.
        """
        self._aliases.shares(function, qualifier)
        config = self.find_async(function, qualifier)
        if config is None:
            raise FcError(
                "AsyncConfigNotExists",
                f"{qualified(function, qualifier)} has no configuration of asynchronous invocations",
            )
        return config

    def asyncs(self, function: str = "") -> list[AsyncConfig]:
        """Return the configurations of a function's releases, or of all, in order of their names."""
        found = [each for each in self._store.async_configs.values() if function in {"", each.function}]
        return sorted(found, key=lambda each: each.name)

    def delete_async(self, function: str, qualifier: str = "") -> None:
        """Delete the configuration of a release's asynchronous invocations.

        Raises:
            FcError: AsyncConfigNotExists.
        """
        config = self.get_async(function, qualifier)
        del self._store.async_configs[config.function, config.qualifier]
        self._store.save()
