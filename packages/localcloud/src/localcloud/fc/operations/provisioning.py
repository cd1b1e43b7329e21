"""Minimum instances: started ahead of the first request, and kept, for as long as a configuration asks for them."""

from __future__ import annotations

import time
from collections.abc import Callable

from localcloud.fc.errors import FcError
from localcloud.fc.instances.fleet import Fleet
from localcloud.fc.instances.logs import Logs
from localcloud.fc.operations.aliases import AliasOperations
from localcloud.fc.operations.configs import ConfigOperations
from localcloud.fc.operations.tasks import Tasks
from localcloud.fc.releases import Release

PAUSE = 10.0  # seconds until instances that failed to start are started anew; assumed


class Provisioning:
    """Keeps as many instances of a release as its configurations ask for.

    Args:
        configs: say how many.
        aliases: lead to the releases.
        fleet: runs the instances.
        logs: get what they print.
        now: seconds of a clock that only goes forward.
    """

    def __init__(
        self,
        *,
        configs: ConfigOperations,
        aliases: AliasOperations,
        fleet: Fleet,
        logs: Logs,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._configs = configs
        self._aliases = aliases
        self._fleet = fleet
        self._logs = logs
        self._now = now
        self._tasks = Tasks()
        self._starting: set[tuple[str, str, str]] = set()
        self._failed: dict[tuple[str, str, str], tuple[float, str]] = {}  # when, and why

    def sweep(self) -> None:
        """Begin to start what is missing."""
        wanted = self._wanted()
        self._fleet.keep({key: (number, awake) for key, (_, number, awake) in wanted.items()})
        for key in [key for key in self._failed if key not in wanted]:
            del self._failed[key]
        for key, (release, number, _) in wanted.items():
            failed = self._failed.get(key, (-PAUSE, ""))[0]
            if key not in self._starting and self._now() - failed >= PAUSE and self._fleet.count(release) < number:
                self._starting.add(key)
                self._tasks.begin(self._start(release, number))

    def _wanted(self) -> dict[tuple[str, str, str], tuple[Release, int, int]]:
        """Return the instances that each release is to have, and those of them that stay awake.

        The largest number of its configurations counts.
        """
        wanted: dict[tuple[str, str, str], tuple[Release, int, int]] = {}
        for minimum in self._configs.minimums():
            try:
                shares = self._aliases.shares(minimum.function, minimum.qualifier)
            except FcError:
                continue  # what it is about has been deleted
            target = left = self._configs.target(minimum)
            for release, share in reversed(shares):  # the alias's own version, the first one, gets the rest
                number = left if release is shares[0][0] else min(round(target * share), left)
                left -= number
                _, most, awake = wanted.get(release.key, (release, 0, 0))
                wanted[release.key] = (release, max(number, most), max(number * minimum.awake, awake))
        return wanted

    async def _start(self, release: Release, number: int) -> None:
        log = self._logs.begin(release)
        try:
            while self._fleet.count(release) < number:
                failure = await self._fleet.start_ahead(release, log=log)
                if failure is not None:
                    self._fail(release, failure)
                    return
            self._failed.pop(release.key, None)
        except FcError as error:
            self._fail(release, str(error))
        finally:
            self._starting.discard(release.key)

    def _fail(self, release: Release, why: str) -> None:
        self._failed[release.key] = (self._now(), why)
        self._logs.note(release.function.path, f"FC Error: an instance could not be started ahead: {why}")

    def status(self, function: str, qualifier: str) -> tuple[int, str]:
        """Return how many instances of a function's release have started, and why there are not more; empty: no reason."""
        releases = [release for release, _ in self._aliases.shares(function, qualifier)]
        why = next((self._failed[each.key][1] for each in releases if each.key in self._failed), "")
        return sum(self._fleet.count_ready(each) for each in releases), why

    async def close(self) -> None:
        """Start nothing any more."""
        await self._tasks.cancel()
