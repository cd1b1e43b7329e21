"""The requests that functions serve now, kept to the limits of their concurrency configurations."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Iterator

from localcloud.fc.errors import FcError
from localcloud.fc.operations.configs import ConfigOperations
from localcloud.fc.releases import Release


class Throttle:
    """Counts requests, and refuses those beyond a limit.

    Args:
        configs: have the limits.
    """

    def __init__(self, configs: ConfigOperations) -> None:
        self._configs = configs
        self._running: Counter[tuple[str, str]] = Counter()  # by function's path and qualifier; empty: any

    @contextlib.contextmanager
    def admit(self, release: Release) -> Iterator[None]:
        """Count a request while it runs.

        Raises:
            FcError: ResourceExhausted: as many as are allowed run already.
        """
        function = release.function
        for limit in self._configs.limits_of(function.path, release.qualifier):
            if self._running[function.path, limit.qualifier] >= limit.most:
                raise FcError(
                    "ResourceExhausted", f"{limit.name} serves {limit.most} requests already; try again later"
                )
        keys = {(function.path, ""), (function.path, release.qualifier)}
        self._running.update(keys)
        try:
            yield
        finally:
            self._running.subtract(keys)
            for key in keys:
                if not self._running[key]:
                    del self._running[key]
