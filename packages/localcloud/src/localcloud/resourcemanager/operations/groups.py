"""The resource groups of an account: made, told, renamed and deleted. The default one is always there.

Names and limits follow Resource Manager, "CreateResourceGroup", "DeleteResourceGroup". What is in a group, the services know.
"""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import replace

from localcloud.kernel.keeper import Keeper
from localcloud.resourcemanager.errors import ResourceManagerError
from localcloud.resourcemanager.model import WAIT, Groups, ResourceGroup

DEFAULT = ResourceGroup(id="rg-default", name="default", display_name="Default Resource Group", created=0.0)
MOST = 30  # groups of an account, by default
MAX_DISPLAY_NAME = 50  # characters
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9-]{2,49}")
_ALPHABET = string.ascii_lowercase + string.digits


class ResourceGroups(Keeper[Groups]):
    """The resource groups of one account."""

    def groups(self) -> list[ResourceGroup]:
        """Return all groups, the default one first and then the oldest."""
        now = self._clock()
        return [
            DEFAULT,
            *(each for each in self._kept.groups.values() if each.deleted is None or each.deleted + WAIT > now),
        ]

    def get(self, group_id: str) -> ResourceGroup:
        """Return a group.

        Raises:
            ResourceManagerError: EntityNotExist.ResourceGroup.
        """
        for group in self.groups():
            if group.id == group_id:
                return group
        raise ResourceManagerError(
            "EntityNotExist.ResourceGroup", f"The resource group does not exist: {group_id[:100]}."
        )

    def create(self, name: str, display_name: str) -> ResourceGroup:
        """Make a group.

        Raises:
            ResourceManagerError: InvalidParameter, EntityAlreadyExists.ResourceGroup, LimitExceeded.ResourceGroup.
        """
        if not _NAME.fullmatch(name):
            raise ResourceManagerError(
                "InvalidParameter.Name",
                f"Name must be 3 to 50 letters, digits and hyphens, beginning with a letter, not {name[:100]!r}.",
            )
        _check_display_name(display_name)
        with self._lock:
            found = self.groups()
            if any(group.name == name for group in found):
                raise ResourceManagerError(
                    "EntityAlreadyExists.ResourceGroup", f"The resource group already exists: {name}."
                )
            if len(found) > MOST:
                raise ResourceManagerError(
                    "LimitExceeded.ResourceGroup", f"The account has {MOST} resource groups, the most."
                )
            group = ResourceGroup(
                id="rg-" + "".join(secrets.choice(_ALPHABET) for _ in range(15)),
                name=name,
                display_name=display_name,
                created=self._clock(),
            )
            self._keep(group)
        return group

    def rename(self, group_id: str, display_name: str) -> ResourceGroup:
        """Give a group another display name.

        Raises:
            ResourceManagerError: EntityNotExist.ResourceGroup, InvalidParameter.
        """
        _check_display_name(display_name)
        with self._lock:
            group = replace(self._own(group_id), display_name=display_name)
            self._keep(group)
        return group

    def delete(self, group_id: str) -> ResourceGroup:
        """Let a group be gone in seven days.

        Raises:
            ResourceManagerError: EntityNotExist.ResourceGroup, DeleteConflict.ResourceGroup.
        """
        with self._lock:
            group = self._own(group_id)
            if group.deleted is None:
                group = replace(group, deleted=self._clock())
                self._keep(group)
        return group

    def _own(self, group_id: str) -> ResourceGroup:
        """Return a group that can be changed.

        Raises:
            ResourceManagerError: EntityNotExist.ResourceGroup; DeleteConflict.ResourceGroup: it is the default one (assumed).
        """
        group = self.get(group_id)
        if group is DEFAULT:
            raise ResourceManagerError(
                "DeleteConflict.ResourceGroup", "The default resource group is neither changed nor deleted."
            )
        return group

    def _keep(self, group: ResourceGroup) -> None:
        self._save(Groups(groups={each.id: each for each in self.groups()[1:]} | {group.id: group}))


def _check_display_name(display_name: str) -> None:
    if not 1 <= len(display_name) <= MAX_DISPLAY_NAME:
        raise ResourceManagerError(
            "InvalidParameter.DisplayName", f"A display name has 1 to {MAX_DISPLAY_NAME} characters."
        )
