"""Policies and their versions. System policies are read-only."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from localcloud.ram.errors import RamError
from localcloud.ram.model import ManagedPolicy, PolicyType, PolicyVersion
from localcloud.ram.operations.entities import (
    MAX_DESCRIPTION,
    NO_TAGS,
    EntityKeeper,
    check_document,
    check_name,
    check_tags,
    check_text,
    known_policies,
    without,
)
from localcloud.ram.policy import parse_policy
from localcloud.ram.system_policies import SYSTEM_POLICIES

MAX_VERSIONS = 5  # of a policy (RAM, "Limits")
_POLICY_NAME = re.compile(r"[A-Za-z0-9-]{1,128}")


class Policies(EntityKeeper):
    """The policies of the account."""

    def create_policy(
        self, name: str, *, document: str, description: str = "", tags: Mapping[str, str] = NO_TAGS
    ) -> ManagedPolicy:
        """Make a custom policy with its first version, v1.

        Raises:
            RamError: EntityAlreadyExists.Policy, MalformedPolicyDocument or InvalidParameter.
        """
        check_name("PolicyName", name, _POLICY_NAME)
        check_document(document, parse_policy)
        check_text("Description", description, MAX_DESCRIPTION)
        check_tags(tags)
        with self._lock:
            if name in self._kept.policies or name in SYSTEM_POLICIES:
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
                tags=dict(tags),
            )
            self._save_policy(policy)
        return policy

    def get_policy(self, name: str, policy_type: PolicyType) -> ManagedPolicy:
        """Return a policy.

        Raises:
            RamError: EntityNotExist.Policy.
        """
        policy = known_policies(self._kept, policy_type).get(name)
        if policy is None:
            raise RamError("EntityNotExist.Policy", f"The {policy_type} policy not exists: {name}.")
        return policy

    def policies(self) -> list[ManagedPolicy]:
        """Return all policies, by name."""
        return [policy for _, policy in sorted({**SYSTEM_POLICIES, **self._kept.policies}.items())]

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
        check_document(document, parse_policy)
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

    def set_default_version(self, name: str, version_id: str) -> None:
        """Put another version of a custom policy in force.

        Raises:
            RamError: EntityNotExist.Policy or EntityNotExist.Policy.Version.
        """
        with self._lock:
            policy = self.get_policy(name, "Custom")
            find_version(policy, version_id)
            self._save_policy(replace(policy, default_version=version_id, updated=self._clock()))

    def describe_policy(self, name: str, description: str) -> ManagedPolicy:
        """Change the description of a custom policy.

        Raises:
            RamError: EntityNotExist.Policy or InvalidParameter.
        """
        check_text("NewDescription", description, MAX_DESCRIPTION)
        with self._lock:
            policy = replace(self.get_policy(name, "Custom"), description=description, updated=self._clock())
            self._save_policy(policy)
        return policy

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
            RamError: EntityNotExist.Policy or DeleteConflict.
        """
        with self._lock:
            policy = self.get_policy(name, "Custom")
            if attachments := self._kept.attachments_of(policy):
                kind, holder = attachments[0].kind, attachments[0].name
                raise RamError(
                    f"DeleteConflict.Policy.{kind}",
                    f"The policy {name} is attached to the {kind.lower()} {holder}; detach it first.",
                )
            if len(policy.versions) > 1:
                raise RamError(
                    "DeleteConflict.Policy.Version",
                    f"The policy {name} has versions other than its default one; delete them first.",
                )
            self._save(replace(self._kept, policies=without(self._kept.policies, name)))


def find_version(policy: ManagedPolicy, version_id: str) -> PolicyVersion:
    """Return a version of a policy.

    Raises:
        RamError: EntityNotExist.Policy.Version.
    """
    for version in policy.versions:
        if version.version_id == version_id:
            return version
    raise RamError("EntityNotExist.Policy.Version", f"The policy {policy.name} has no version {version_id}.")
