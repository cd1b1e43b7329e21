"""Callers and their credentials: the one model that every service of the embedded cloud shares.

Services verify signatures with what a `CredentialStore` returns and hand the `Identity` on to an `Authorizer`. The
module holds values and protocols, no storage and no clock: RAM and STS implement the protocols.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The owner of an access key.

    Attributes:
        account_id: the account's 16-digit number.
        role_arn: `acs:ram::ACCOUNT:role/NAME` when the key came from AssumeRole, else None (the account itself).
        session_name: the AssumeRole session's name, else None.
        session_policy: the policy document given to AssumeRole, which limits the session further, else None.
    """

    account_id: str
    role_arn: str | None = None
    session_name: str | None = None
    session_policy: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True, slots=True)
class Credential:
    """An access key and what a signature check needs to know of it."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    security_token: str | None = field(default=None, repr=False)  # None: a long-lived key
    expires_at: float | None = None  # seconds since the epoch; None: never
    identity: Identity


class CredentialStore(Protocol):
    """Looks access keys up. Expiry is judged by the service that asks, with its own error code."""

    def find(self, access_key_id: str) -> Credential | None:
        """Return the credential of that id (also an expired one), or None when nobody owns it."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Several stores of credentials as one: no id is in more than one of them."""

    stores: Sequence[CredentialStore]

    def find(self, access_key_id: str) -> Credential | None:
        """See `CredentialStore`."""
        found = (store.find(access_key_id) for store in self.stores)
        return next((credential for credential in found if credential is not None), None)


class Authorizer(Protocol):
    """Decides whether an identity may do something. The account itself may do everything."""

    def is_allowed(self, identity: Identity, *, action: str, resource: str, conditions: Mapping[str, str]) -> bool:
        """Return True if the identity's policies allow the action.

        Args:
            identity: who asks.
            action: the RAM action, `oss:GetObject`.
            resource: the RAM resource, `acs:oss:REGION:ACCOUNT:BUCKET/KEY`.
            conditions: condition keys and their values in this request, `{"acs:SecureTransport": "false"}`.
        """
