"""Attachments of policies to roles, users and groups."""

from __future__ import annotations

from dataclasses import replace

from localcloud.ram.errors import RamError
from localcloud.ram.model import Attachment, Kind, ManagedPolicy, PolicyType
from localcloud.ram.operations.entities import attached_policy
from localcloud.ram.operations.groups import Groups
from localcloud.ram.operations.policies import Policies
from localcloud.ram.operations.roles import Roles


class Attachments(Roles, Groups, Policies):
    """The policies that are attached to roles, users and groups."""

    def attach_policy(self, name: str, policy: str, policy_type: PolicyType, *, kind: Kind = "Role") -> None:
        """Attach a policy to a role, user or group.

        Raises:
            RamError: EntityNotExist or EntityAlreadyExists.
        """
        with self._lock:
            self._require(kind, name)
            self.get_policy(policy, policy_type)
            if self._attachment(kind, name, policy, policy_type):
                raise RamError(
                    f"EntityAlreadyExists.{kind}.Policy",
                    f"The policy {policy} is already attached to the {kind.lower()} {name}.",
                )
            new = Attachment(kind=kind, name=name, policy=policy, policy_type=policy_type, attached=self._clock())
            self._save(replace(self._kept, attachments=(*self._kept.attachments, new)))

    def detach_policy(self, name: str, policy: str, policy_type: PolicyType, *, kind: Kind = "Role") -> None:
        """Detach a policy from a role, user or group.

        Raises:
            RamError: EntityNotExist.
        """
        with self._lock:
            self._require(kind, name)
            self.get_policy(policy, policy_type)
            old = self._attachment(kind, name, policy, policy_type)
            if old is None:
                raise RamError(
                    f"EntityNotExist.{kind}.Policy",
                    f"The policy {policy} is not attached to the {kind.lower()} {name}.",
                )
            kept = tuple(one for one in self._kept.attachments if one != old)
            self._save(replace(self._kept, attachments=kept))

    def policies_of(self, name: str, *, kind: Kind = "Role") -> list[ManagedPolicy]:
        """Return the policies attached to a role, user or group, in the order of attachment.

        Raises:
            RamError: EntityNotExist.
        """
        self._require(kind, name)
        entities = self._kept
        return [attached_policy(entities, one) for one in entities.attached_to(kind, name)]

    def attachments_of(self, policy: ManagedPolicy) -> list[Attachment]:
        """Return the attachments of a policy."""
        return self._kept.attachments_of(policy)

    def _require(self, kind: Kind, name: str) -> None:
        match kind:
            case "Role":
                self.get_role(name)
            case "User":
                self.get_user(name)
            case "Group":
                self.get_group(name)

    def _attachment(self, kind: Kind, name: str, policy: str, policy_type: PolicyType) -> Attachment | None:
        key = (policy, policy_type)
        attached = self._kept.attached_to(kind, name)
        return next((one for one in attached if (one.policy, one.policy_type) == key), None)
