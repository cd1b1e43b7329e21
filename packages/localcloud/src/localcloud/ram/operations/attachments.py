"""Attachments of policies to roles."""

from __future__ import annotations

from dataclasses import replace

from localcloud.ram.errors import RamError
from localcloud.ram.model import Attachment, ManagedPolicy, PolicyType
from localcloud.ram.operations.entities import attached_policy
from localcloud.ram.operations.policies import Policies
from localcloud.ram.operations.roles import Roles


class Attachments(Roles, Policies):
    """The policies that are attached to roles."""

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
        return [attached_policy(entities, one) for one in entities.attachments if one.role == role]

    def attachments_of(self, policy: ManagedPolicy) -> list[Attachment]:
        """Return the attachments of a policy."""
        return self._entities.attachments_of(policy)

    def _attachment(self, role: str, policy: str, policy_type: PolicyType) -> Attachment | None:
        key = (role, policy, policy_type)
        return next((one for one in self._entities.attachments if (one.role, one.policy, one.policy_type) == key), None)
