"""Roles, users, groups, access keys, policies and their attachments. Values only; times are seconds since the epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from localcloud.kernel.identity import Identity

# Seconds that a session lasts (AssumeRole, DurationSeconds), and may last (CreateRole, MaxSessionDuration).
DEFAULT_SESSION = 3600

PolicyType = Literal["System", "Custom"]
Kind = Literal["Role", "User", "Group"]  # of the entities that policies are attached to
KeyStatus = Literal["Active", "Inactive"]


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
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class User:
    """A RAM user of the account."""

    name: str
    user_id: str  # 18 digits; a user made anew under an old name has another one
    display_name: str
    comments: str
    email: str
    mobile_phone: str
    created: float
    updated: float
    login: Login | None = None  # None: the user cannot log on to the console


@dataclass(frozen=True, kw_only=True, slots=True)
class Login:
    """The way in which a user logs on to the console, which is not here; the password is not kept."""

    created: float
    reset_required: bool  # of the password, when the user logs on
    mfa_required: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """A group of users, who have its policies beside their own."""

    name: str
    comments: str
    created: float
    updated: float
    members: tuple[Membership, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Membership:
    """A user in a group."""

    user: str
    joined: float


@dataclass(frozen=True, kw_only=True, slots=True)
class AccessKey:
    """A long-lived access key of a user."""

    access_key_id: str
    access_key_secret: str = field(repr=False)
    user: str
    status: KeyStatus
    created: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PolicyVersion:
    """One document of a policy."""

    version_id: str  # v1, v2, …
    document: str  # JSON
    created: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ManagedPolicy:
    """A policy that can be attached to roles, users and groups."""

    name: str
    type: PolicyType
    description: str
    default_version: str
    versions: tuple[PolicyVersion, ...]  # oldest first
    created: float
    updated: float
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def default(self) -> PolicyVersion:
        """The version in force."""
        return next(version for version in self.versions if version.version_id == self.default_version)


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A policy attached to a role, user or group."""

    kind: Kind
    name: str  # of that role, user or group
    policy: str
    policy_type: PolicyType
    attached: float


@dataclass(frozen=True, kw_only=True, slots=True)
class PasswordRules:
    """The rules for the passwords of users. Defaults: RAM API, "SetPasswordPolicy"."""

    least: int = 8  # characters
    lower: bool = False  # one of these is required
    upper: bool = False
    digits: bool = False
    symbols: bool = False
    hard_expiry: bool = False
    max_age: int = 0  # days; 0: for ever
    history: int = 0  # passwords that do not come again
    attempts: int = 5  # to log on, in an hour


@dataclass(frozen=True, kw_only=True, slots=True)
class SecurityPreference:
    """What users may do in the console, which is not here. Defaults: RAM API, "SetSecurityPreference"."""

    save_mfa_ticket: bool = False
    change_password: bool = True
    manage_keys: bool = False
    manage_mfa: bool = True
    session_hours: int = 6
    networks: str = ""  # masks, with semicolons between them; empty: all


@dataclass(frozen=True, kw_only=True, slots=True)
class AccountSettings:
    """The settings of the account."""

    alias: str = ""  # empty: none
    passwords: PasswordRules = PasswordRules()
    preference: SecurityPreference = SecurityPreference()


@dataclass(frozen=True, kw_only=True, slots=True)
class Entities:
    """All entities at one moment. A change makes a new value."""

    roles: Mapping[str, Role] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)
    groups: Mapping[str, Group] = field(default_factory=dict)
    keys: Mapping[str, AccessKey] = field(default_factory=dict)  # by their ids
    policies: Mapping[str, ManagedPolicy] = field(default_factory=dict)
    attachments: tuple[Attachment, ...] = ()
    account: AccountSettings = AccountSettings()

    def attached_to(self, kind: Kind, name: str) -> list[Attachment]:
        """Return the attachments of a role, user or group, in the order in which they were made."""
        return [one for one in self.attachments if (one.kind, one.name) == (kind, name)]

    def groups_of(self, user: str) -> list[Group]:
        """Return the groups that a user is in, by name."""
        return [group for _, group in sorted(self.groups.items()) if any(one.user == user for one in group.members)]

    def keys_of(self, user: str) -> list[AccessKey]:
        """Return a user's access keys, the oldest first."""
        return sorted((key for key in self.keys.values() if key.user == user), key=lambda key: key.created)

    def attachments_of(self, policy: ManagedPolicy) -> list[Attachment]:
        """Return the attachments of a policy."""
        key = (policy.name, policy.type)
        return [one for one in self.attachments if (one.policy, one.policy_type) == key]


class AssumableRoles(Protocol):
    """The roles as STS sees them."""

    def roles(self) -> Sequence[Role]:
        """Return all roles."""

    def find_role(self, arn: str) -> Role | None:
        """Return the role of an ARN; None: there is none."""

    def is_trusted(self, role: Role, principals: Iterable[tuple[str, str]], conditions: Mapping[str, str]) -> bool:
        """Return True if a role's trust policy lets one of the principals assume the role.

        Args:
            role: the role.
            principals: the names that the caller answers to, `("RAM", "acs:ram::ACCOUNT:root")`.
            conditions: condition keys and their values.
        """

    def is_granted(self, identity: Identity, *, action: str, resource: str, conditions: Mapping[str, str]) -> bool:
        """Return True if the identity's policies allow the action; another account's role has to trust it, too."""

    def subscribe(self, tell: Callable[[Role], None]) -> None:
        """Have a function called with each role that was deleted."""
