"""Sessions. Values only; times are seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass

from localcloud.kernel.identity import Credential


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A role assumed, or a part of what the account may do: its credential, and which role that was."""

    credential: Credential
    role_id: str  # empty: none, but the account
    expires_at: float
