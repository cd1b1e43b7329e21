"""Callers and their credentials: the one model that every service of the embedded cloud shares.

Services verify signatures with what a `CredentialStore` returns and hand the `Identity` on to an `Authorizer`. The
module holds values and protocols, no storage and no clock: RAM and STS implement the protocols.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from localcloud.kernel.errors import ApiError


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """The owner of an access key.

    Attributes:
        account_id: the account's 16-digit number.
        role_arn: `acs:ram::ACCOUNT:role/NAME` when the key came from AssumeRole, else None.
        user_arn: `acs:ram::ACCOUNT:user/NAME` when the key is a RAM user's, else None.
        user_id: that user's number, else None.
        session_name: the session's name, when the key is one's, else None.
        session_policy: the policy document that limits the session further, else None.
    """

    account_id: str
    role_arn: str | None = None
    user_arn: str | None = None
    user_id: str | None = None
    session_name: str | None = None
    session_policy: str | None = field(default=None, repr=False)

    @property
    def is_account(self) -> bool:
        """Return True for the account itself, which may do everything; a session of it may be limited."""
        return self.acts_for_account and self.session_policy is None

    @property
    def acts_for_account(self) -> bool:
        """Return True for the account and its sessions, whom no policy but a session's limits."""
        return self.role_arn is None and self.user_arn is None

    @property
    def principal(self) -> str:
        """The ARN of the role, of the user, or of the account itself, whose policies apply."""
        return self.role_arn or self.user_arn or f"acs:ram::{self.account_id}:root"


def account_of(arn: str) -> str:
    """Return the account that an ARN names, `acs:SERVICE:REGION:ACCOUNT:RESOURCE`; empty: it is no ARN."""
    fields = arn.split(":", 4)
    return fields[3] if len(fields) == 5 else ""


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
        for store in self.stores:
            if (credential := store.find(access_key_id)) is not None:
                return credential
        return None


@dataclass(frozen=True, slots=True)
class OneAccount:
    """The credentials of one account, for a service that keeps nothing of any other."""

    store: CredentialStore
    account_id: str

    def find(self, access_key_id: str) -> Credential | None:
        """See `CredentialStore`.

        Raises:
            ApiError: NotImplemented: the key is another account's.
        """
        credential = self.store.find(access_key_id)
        if credential is not None and credential.identity.account_id != self.account_id:
            raise ApiError(
                "NotImplemented",
                f"not implemented: this service for the account {credential.identity.account_id}: it serves "
                f"{self.account_id} alone, so use a key of that account.",
                501,
            )
        return credential


class Authorizer(Protocol):
    """Decides whether an identity may do something. An account itself may do everything with what is its own."""

    def is_allowed(self, identity: Identity, *, action: str, resource: str, conditions: Mapping[str, str]) -> bool:
        """Return True if the identity's policies allow the action on a resource, which is of its own account.

        Args:
            identity: who asks.
            action: the RAM action, `oss:GetObject`.
            resource: the RAM resource, `acs:oss:REGION:ACCOUNT:BUCKET/KEY`.
            conditions: condition keys and their values in this request, `{"acs:SecureTransport": "false"}`.
        """

    def is_denied(self, identity: Identity, *, action: str, resource: str, conditions: Mapping[str, str]) -> bool:
        """Return True if the identity may not do the action, whoever else allows it; see `is_allowed`.

        Such is what one of its policies denies, and what its session's policy does not allow.
        """
