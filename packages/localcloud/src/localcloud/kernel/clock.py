"""The embedded cloud's clock: this machine's, or ahead of it by as much as tests have moved it.

By it happens all that the cloud does in time. What clients date, their signatures, is judged by this machine's clock, by which
they sign; so is the life of the keys that sign, in as many seconds as the cloud's clock leaves it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path

from localcloud.kernel.documents import KeptDocument
from localcloud.kernel.errors import LocalCloudError
from localcloud.kernel.identity import Credential, CredentialStore

MAX_AHEAD = 100 * 365 * 24 * 3600  # seconds; the embedded cloud's own limit


class Clock:
    """A clock that may be moved ahead, and stays there: what is kept has its times.

    Args:
        path: the file that keeps how far it is ahead.

    Raises:
        LocalCloudError: the file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._kept = KeptDocument(path, parse=lambda record: float(record["ahead"]), record=_record, empty=0.0)
        self.ahead = self._kept.load()  # seconds

    def __call__(self) -> float:
        """Return the seconds since the epoch."""
        return time.time() + self.ahead

    def advance(self, seconds: float) -> None:
        """Move it ahead.

        Raises:
            LocalCloudError: it would go back, or further than a hundred years.
        """
        if not 0 <= seconds <= MAX_AHEAD - self.ahead:
            raise LocalCloudError(
                f"the clock cannot be moved by {seconds} seconds: it goes ahead only, by {MAX_AHEAD:,} seconds in all"
            )
        self._kept.save(self.ahead + seconds)
        self.ahead += seconds


@dataclass(frozen=True, slots=True)
class OnMachineTime:
    """Credentials whose expiry is told by this machine's clock, as the times of signatures are."""

    store: CredentialStore
    clock: Clock

    def find(self, access_key_id: str) -> Credential | None:
        """See `CredentialStore`."""
        credential = self.store.find(access_key_id)
        if credential is None or credential.expires_at is None or not self.clock.ahead:
            return credential
        return replace(credential, expires_at=credential.expires_at - self.clock.ahead)


def _record(ahead: float) -> dict[str, float]:
    return {"ahead": ahead}
