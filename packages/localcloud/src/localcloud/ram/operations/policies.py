"""RAM and STS without HTTP: roles, policies and sessions of the one account, and the answer to "may they do this?".

Entities are an immutable value. A change is checked, written to disk, and only then takes effect, so a refused or
failed change loses nothing and readers on other threads always see a whole state. Names and ARNs follow RAM, "Terms"
and "API reference".
"""

from __future__ import annotations

import re
import secrets
import string
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from localcloud.kernel.identity import Credential, Identity
from localcloud.ram import policy as policies
from localcloud.ram.errors import RamError
from localcloud.ram.model import Attachment, Entities, ManagedPolicy, PolicyType, PolicyVersion, Role
from localcloud.ram.sessions import Sessions
from localcloud.ram.store import RamStore
from localcloud.ram.system_policies import SYSTEM_POLICIES

MAX_DOCUMENT = 6144  # characters (RAM, "Limits")
MAX_VERSIONS = 5  # of a policy (RAM, "Limits")
ROLE_SESSION = range(3600, 43200 + 1)  # seconds that a role's MaxSessionDuration may be (CreateRole)
MIN_SESSION = 900  # seconds (AssumeRole, DurationSeconds)
DEFAULT_SESSION = 3600  # seconds (AssumeRole, DurationSeconds)

_Value = TypeVar("_Value")

_ROLE_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_POLICY_NAME = re.compile(r"[A-Za-z0-9-]{1,128}")
_SESSION_NAME = re.compile(r"[A-Za-z0-9.@_-]{2,64}")


class RamService:
    """The account's identities. Implements `identity.CredentialStore` and `identity.Authorizer`; safe for threads."""

    def __init__(self, folder: Path, *, account: Credential, clock: Callable[[], float]) -> None:
        """Open or make RAM's state.

        Args:
            folder: RAM's own folder in the data folder.
            account: the account's long-lived key, which may do everything.
            clock: seconds since the epoch.

        Raises:
            LocalCloudError: the state on disk cannot be read.
        """
        self._account = account
        self._account_id = account.identity.account_id
        self._clock = clock
        self._lock = threading.Lock()  # held while something changes
        self._store = RamStore(folder)
        self._entities = self._store.load_entities()
        self._sessions = Sessions(self._store, clock=clock, roles=list(self._entities.roles.values()))

    # identities

    def find(self, access_key_id: str) -> Credential | None:
        """Return the credential of that id (also an expired one), or None when nobody owns it."""
        return self._account if access_key_id == self._account.access_key_id else self._sessions.find(access_key_id)

    def is_allowed(self, identity: Identity, *, action: str, resource: str, conditions: Mapping[str, str]) -> bool:
        """Say whether the identity's policies allow the action (see `identity.Authorizer`).

        A role may do what its policies allow; a session policy limits that further. `acs:CurrentTime` is added.
        """
        if identity.account_id != self._account_id:
            return False
        if identity.role_arn is None:
            return True
        entities = self._entities  # one moment's, whatever other threads do
        name = identity.role_arn.removeprefix(self.role_arn(""))
        documents = [_find_policy(entities, one).default.document for one in entities.attachments if one.role == name]
        statements = [statement for document in documents for statement in policies.parse_policy(document)]
        request = policies.Request(action=action, resource=resource, conditions=self._with_time(conditions))
        return policies.is_allowed(statements, request) and (
            identity.session_policy is None
            or policies.is_allowed(policies.parse_policy(identity.session_policy), request)
        )

    def _with_time(self, conditions: Mapping[str, str]) -> dict[str, str]:
        now = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return {"acs:CurrentTime": now, **conditions}

    def role_arn(self, name: str) -> str:
        """Return the ARN of a role of this name."""
        return f"acs:ram::{self._account_id}:role/{name}"

    # roles

    def create_role(
        self, name: str, *, trust_policy: str, description: str = "", max_session: int = DEFAULT_SESSION
    ) -> Role:
        """Make a role.

        Args:
            name: letters, digits, `.`, `_` and `-`, at most 64.
            trust_policy: JSON document that says who may assume it.
            description: free text.
            max_session: longest session, in seconds, 3600 to 43200.

        Raises:
            RamError: EntityAlreadyExists.Role, MalformedPolicyDocument or InvalidParameter.
        """
        _check_name("RoleName", name, _ROLE_NAME)
        _check_document(trust_policy, policies.parse_trust_policy)
        _check_max_session(max_session)
        with self._lock:
            if name in self._entities.roles:
                raise RamError("EntityAlreadyExists.Role", f"The role already exists: {name}.")
            now = self._clock()
            role = Role(
                name=name,
                role_id=f"3{''.join(secrets.choice(string.digits) for _ in range(17))}",
                description=description,
                trust_policy=trust_policy,
                max_session=max_session,
                created=now,
                updated=now,
            )
            self._save(replace(self._entities, roles={**self._entities.roles, name: role}))
        return role

    def get_role(self, name: str) -> Role:
        """Return a role.

        Raises:
            RamError: EntityNotExist.Role.
        """
        role = self._entities.roles.get(name)
        if role is None:
            raise RamError("EntityNotExist.Role", f"The role not exists: {name}.")
        return role

    def roles(self) -> list[Role]:
        """Return all roles, by name."""
        return [role for _, role in sorted(self._entities.roles.items())]

    def update_role(
        self,
        name: str,
        *,
        trust_policy: str | None = None,
        description: str | None = None,
        max_session: int | None = None,
    ) -> Role:
        """Change what is given of a role; None leaves it.

        Raises:
            RamError: EntityNotExist.Role, MalformedPolicyDocument or InvalidParameter.
        """
        if trust_policy is not None:
            _check_document(trust_policy, policies.parse_trust_policy)
        if max_session is not None:
            _check_max_session(max_session)
        with self._lock:
            old = self.get_role(name)
            role = replace(
                old,
                trust_policy=old.trust_policy if trust_policy is None else trust_policy,
                description=old.description if description is None else description,
                max_session=old.max_session if max_session is None else max_session,
                updated=self._clock(),
            )
            self._save(replace(self._entities, roles={**self._entities.roles, name: role}))
        return role

    def delete_role(self, name: str) -> None:
        """Remove a role that has no policies; its sessions end.

        Raises:
            RamError: EntityNotExist.Role or DeleteConflict.Role.Policy.
        """
        with self._lock:
            role = self.get_role(name)
            if self.policies_of(name):
                raise RamError(
                    "DeleteConflict.Role.Policy", f"The role {name} has policies attached to it; detach them first."
                )
            self._save(replace(self._entities, roles=_without(self._entities.roles, name)))
            self._sessions.end(role)

    # policies

    def create_policy(self, name: str, *, document: str, description: str = "") -> ManagedPolicy:
        """Make a custom policy with its first version, v1.

        Raises:
            RamError: EntityAlreadyExists.Policy, MalformedPolicyDocument or InvalidParameter.
        """
        _check_name("PolicyName", name, _POLICY_NAME)
        _check_document(document, policies.parse_policy)
        with self._lock:
            if name in self._entities.policies or name in SYSTEM_POLICIES:
                raise RamError("EntityAlreadyExists.Policy", f"The policy already exists: {name}.")
            now = self._clock()
            policy = ManagedPolicy(
                name=name,
                type="Custom",
                description=description,
                default_version="v1",
                versions=(PolicyVersion(version_id="v1", document=document, created=now),),
                created=now,
                updated=now,
            )
            self._save_policy(policy)
        return policy

    def get_policy(self, name: str, policy_type: PolicyType) -> ManagedPolicy:
        """Return a policy.

        Raises:
            RamError: EntityNotExist.Policy.
        """
        policy = _known(self._entities, policy_type).get(name)
        if policy is None:
            raise RamError("EntityNotExist.Policy", f"The {policy_type} policy not exists: {name}.")
        return policy

    def policies(self) -> list[ManagedPolicy]:
        """Return all policies, by name."""
        return [policy for _, policy in sorted({**SYSTEM_POLICIES, **self._entities.policies}.items())]

    def create_policy_version(
        self, name: str, *, document: str, set_as_default: bool, drop_oldest: bool = False
    ) -> PolicyVersion:
        """Add a version to a custom policy.

        Args:
            name: the policy.
            document: the new version's JSON document.
            set_as_default: whether it comes into force.
            drop_oldest: when the policy is full, drop its oldest version that is not in force.

        Raises:
            RamError: EntityNotExist.Policy, MalformedPolicyDocument, InvalidParameter or LimitExceeded.Policy.Version.
        """
        _check_document(document, policies.parse_policy)
        with self._lock:
            old = self.get_policy(name, "Custom")
            versions = old.versions
            if len(versions) >= MAX_VERSIONS:
                if not drop_oldest:
                    raise RamError(
                        "LimitExceeded.Policy.Version",
                        f"The policy {name} has {MAX_VERSIONS} versions, the most there may be; delete one first.",
                    )
                oldest = next(version for version in versions if version.version_id != old.default_version)
                versions = tuple(version for version in versions if version != oldest)
            now = self._clock()
            number = max(int(version.version_id.removeprefix("v")) for version in old.versions) + 1
            version = PolicyVersion(version_id=f"v{number}", document=document, created=now)
            default = version.version_id if set_as_default else old.default_version
            self._save_policy(replace(old, versions=(*versions, version), default_version=default, updated=now))
        return version

    def delete_policy_version(self, name: str, version_id: str) -> None:
        """Remove a version that is not in force.

        Raises:
            RamError: EntityNotExist.Policy, EntityNotExist.Policy.Version or DeleteConflict.Policy.Version.Default.
        """
        with self._lock:
            policy = self.get_policy(name, "Custom")
            version = find_version(policy, version_id)
            if version_id == policy.default_version:
                raise RamError(
                    "DeleteConflict.Policy.Version.Default",
                    f"{version_id} is the default version of the policy {name}; make another one the default first.",
                )
            kept = tuple(one for one in policy.versions if one != version)
            self._save_policy(replace(policy, versions=kept, updated=self._clock()))

    def delete_policy(self, name: str) -> None:
        """Remove a custom policy that is attached to nothing and has one version.

        Raises:
            RamError: EntityNotExist.Policy, DeleteConflict.Policy.Role or DeleteConflict.Policy.Version.
        """
        with self._lock:
            policy = self.get_policy(name, "Custom")
            if attachments := self.attachments_of(policy):
                raise RamError(
                    "DeleteConflict.Policy.Role",
                    f"The policy {name} is attached to the role {attachments[0].role}; detach it first.",
                )
            if len(policy.versions) > 1:
                raise RamError(
                    "DeleteConflict.Policy.Version",
                    f"The policy {name} has versions other than its default one; delete them first.",
                )
            self._save(replace(self._entities, policies=_without(self._entities.policies, name)))

    def attach_policy(self, role: str, policy: str, policy_type: PolicyType) -> None:
        """Attach a policy to a role.

        Raises:
            RamError: EntityNotExist.Role, EntityNotExist.Policy or EntityAlreadyExists.Role.Policy.
        """
        with self._lock:
            self.get_role(role)
            self.get_policy(policy, policy_type)
            if self._attachment(role, policy, policy_type):
                raise RamError(
                    "EntityAlreadyExists.Role.Policy", f"The policy {policy} is already attached to the role {role}."
                )
            new = Attachment(role=role, policy=policy, policy_type=policy_type, attached=self._clock())
            self._save(replace(self._entities, attachments=(*self._entities.attachments, new)))

    def detach_policy(self, role: str, policy: str, policy_type: PolicyType) -> None:
        """Detach a policy from a role.

        Raises:
            RamError: EntityNotExist.Role, EntityNotExist.Policy or EntityNotExist.Role.Policy.
        """
        with self._lock:
            self.get_role(role)
            self.get_policy(policy, policy_type)
            old = self._attachment(role, policy, policy_type)
            if old is None:
                raise RamError("EntityNotExist.Role.Policy", f"The policy {policy} is not attached to the role {role}.")
            kept = tuple(one for one in self._entities.attachments if one != old)
            self._save(replace(self._entities, attachments=kept))

    def policies_of(self, role: str) -> list[ManagedPolicy]:
        """Return the policies attached to a role, in the order of attachment.

        Raises:
            RamError: EntityNotExist.Role.
        """
        self.get_role(role)
        entities = self._entities
        return [_find_policy(entities, one) for one in entities.attachments if one.role == role]

    def attachments_of(self, policy: ManagedPolicy) -> list[Attachment]:
        """Return where a policy is attached."""
        key = (policy.name, policy.type)
        return [one for one in self._entities.attachments if (one.policy, one.policy_type) == key]

    def _attachment(self, role: str, policy: str, policy_type: PolicyType) -> Attachment | None:
        key = (role, policy, policy_type)
        return next((one for one in self._entities.attachments if (one.role, one.policy, one.policy_type) == key), None)

    # sessions

    def assume_role(
        self,
        caller: Identity,
        role_arn: str,
        *,
        session_name: str,
        duration: int = DEFAULT_SESSION,
        session_policy: str | None = None,
        conditions: Mapping[str, str] | None = None,
    ) -> Credential:
        """Let an identity of the account assume a role.

        The real STS refuses the account's own key and wants a RAM user's; the embedded cloud has no users, so that here the
        account's key stands for an administrator.

        Args:
            caller: who asks.
            role_arn: the role.
            session_name: 2 to 64 of letters, digits, `.`, `@`, `_` and `-`.
            duration: seconds, from 900 to the role's longest session.
            session_policy: JSON document that limits the session further.
            conditions: condition keys of the request, for the trust policy.

        Raises:
            RamError: EntityNotExist.Role, NoPermission, or an InvalidParameter.
        """
        if session_policy is not None:
            _check_session_policy(session_policy)
        asked = conditions or {}
        with self._lock:
            role = self._assumable(role_arn, self._principals(caller), asked)
            if not self.is_allowed(caller, action="sts:AssumeRole", resource=role_arn, conditions=asked):
                raise _not_assumable(role_arn, "the caller's policies do not allow sts:AssumeRole")
            if not MIN_SESSION <= duration <= role.max_session:
                raise RamError(
                    "InvalidParameter.DurationSeconds",
                    f"DurationSeconds is {duration}; it must be {MIN_SESSION} to {role.max_session} for {role.name}.",
                )
            return self._issue(role, session_name, duration, session_policy)

    def assume_role_for_service(self, role_arn: str, *, service: str, session_name: str, duration: int) -> Credential:
        """Let a service of the cloud assume a role on its user's behalf.

        Args:
            role_arn: the role.
            service: the service's principal, `fc.aliyuncs.com`.
            session_name: 2 to 64 of letters, digits, `.`, `@`, `_` and `-`.
            duration: seconds; the role's longest session does not bind services.

        Raises:
            RamError: EntityNotExist.Role; NoPermission when the trust policy does not name the service;
                InvalidParameter.RoleSessionName.
        """
        with self._lock:
            role = self._assumable(role_arn, [("Service", service)], {})
            return self._issue(role, session_name, duration, None)

    def _principals(self, caller: Identity) -> list[tuple[str, str]]:
        names = [f"acs:ram::{caller.account_id}:root", *([caller.role_arn] if caller.role_arn else [])]
        return [("RAM", name) for name in names]

    def _assumable(self, role_arn: str, principals: Iterable[tuple[str, str]], conditions: Mapping[str, str]) -> Role:
        role = self._entities.roles.get(role_arn.removeprefix(self.role_arn("")))
        if role is None or role_arn != self.role_arn(role.name):
            raise RamError("EntityNotExist.Role", f"The role not exists: {role_arn}.")
        names = list(principals)
        trust = policies.parse_trust_policy(role.trust_policy)
        if not policies.is_trusted(trust, names, self._with_time(conditions)):
            trusted = " or ".join(f"{kind} {name}" for kind, name in names)
            raise _not_assumable(role_arn, f"the role's trust policy does not name {trusted}")
        return role

    def _issue(self, role: Role, session_name: str, duration: int, session_policy: str | None) -> Credential:
        if not _SESSION_NAME.fullmatch(session_name):
            raise RamError(
                "InvalidParameter.RoleSessionName",
                "The parameter RoleSessionName is wrongly formed: use 2 to 64 of letters, digits, . @ _ and -.",
            )
        identity = Identity(
            account_id=self._account_id,
            role_arn=self.role_arn(role.name),
            session_name=session_name,
            session_policy=session_policy,
        )
        return self._sessions.issue(role, identity, duration)

    # changes

    def _save_policy(self, policy: ManagedPolicy) -> None:
        self._save(replace(self._entities, policies={**self._entities.policies, policy.name: policy}))

    def _save(self, entities: Entities) -> None:
        self._store.save_entities(entities)
        self._entities = entities


def _known(entities: Entities, policy_type: PolicyType) -> Mapping[str, ManagedPolicy]:
    return SYSTEM_POLICIES if policy_type == "System" else entities.policies


def _find_policy(entities: Entities, attachment: Attachment) -> ManagedPolicy:
    return _known(entities, attachment.policy_type)[attachment.policy]


def find_version(policy: ManagedPolicy, version_id: str) -> PolicyVersion:
    """Return a version of a policy.

    Raises:
        RamError: EntityNotExist.Policy.Version.
    """
    for version in policy.versions:
        if version.version_id == version_id:
            return version
    raise RamError("EntityNotExist.Policy.Version", f"The policy {policy.name} has no version {version_id}.")


def _not_assumable(role_arn: str, reason: str) -> RamError:
    return RamError(
        "NoPermission", f"You are not authorized to do this action: sts:AssumeRole on {role_arn}: {reason}."
    )


def _without(values: Mapping[str, _Value], name: str) -> dict[str, _Value]:
    return {key: value for key, value in values.items() if key != name}


def _check_name(parameter: str, name: str, pattern: re.Pattern[str]) -> None:
    if not pattern.fullmatch(name):
        raise RamError(
            f"InvalidParameter.{parameter}.InvalidChars",
            f'The parameter - "{parameter}" contains invalid chars or is too long: {name!r} must match {pattern.pattern}.',
        )


def _check_document(document: str, parse: Callable[[str], object]) -> None:
    if len(document) > MAX_DOCUMENT:
        raise RamError(
            "InvalidParameter.PolicyDocument.Length",
            f"The policy document has {len(document)} characters; the limit is {MAX_DOCUMENT}.",
        )
    try:
        parse(document)
    except policies.MalformedPolicyError as error:
        raise RamError("MalformedPolicyDocument", f"The policy document is malformed: {error}.") from error


def _check_session_policy(document: str) -> None:
    try:
        _check_document(document, policies.parse_policy)
    except RamError as error:
        raise RamError(
            "InvalidParameter.PolicyGrammar", f"The parameter Policy has not passed grammar check: {error.message}"
        ) from error


def _check_max_session(seconds: int) -> None:
    if seconds not in ROLE_SESSION:
        raise RamError(
            "InvalidParameter.MaxSessionDuration",
            f"MaxSessionDuration is {seconds}; it must be {ROLE_SESSION.start} to {ROLE_SESSION.stop - 1} seconds.",
        )
