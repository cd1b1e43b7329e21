"""What RAM keeps: roles, policies, their attachments and sessions. Values only; times are seconds since the epoch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from localcloud.kernel.identity import Credential

PolicyType = Literal["System", "Custom"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Role:
    """A role of the account."""

    name: str
    role_id: str  # 18 digits; a role made anew under an old name has another one
    description: str
    trust_policy: str  # JSON document
    max_session: int  # seconds
    created: float
    updated: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyVersion:
    """One document of a policy."""

    version_id: str  # v1, v2, …
    document: str  # JSON
    created: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ManagedPolicy:
    """A policy that can be attached to roles."""

    name: str
    type: PolicyType
    description: str
    default_version: str
    versions: tuple[PolicyVersion, ...]  # oldest first
    created: float
    updated: float

    @property
    def default(self) -> PolicyVersion:
        """The version in force."""
        return next(version for version in self.versions if version.version_id == self.default_version)


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A policy attached to a role."""

    role: str
    policy: str
    policy_type: PolicyType
    attached: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A role assumed: its credential, and which role that was."""

    credential: Credential
    role_id: str
    expires_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Entities:
    """All roles and custom policies at one moment. A change makes a new value."""

    roles: Mapping[str, Role] = field(default_factory=dict)
    policies: Mapping[str, ManagedPolicy] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
