"""Groups and the users in them. Names and limits follow RAM, "Terms" and "Limits"."""

from __future__ import annotations

import re
from dataclasses import replace

from localcloud.ram.errors import RamError
from localcloud.ram.model import Group, Membership
from localcloud.ram.operations.entities import (
    MAX_COMMENT,
    by_name,
    check_free,
    check_name,
    check_text,
    find_entity,
    rename_attached,
    without,
)
from localcloud.ram.operations.users import Users

MAX_GROUPS = 50  # that a user may be in (RAM, "Limits")
_GROUP_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Groups(Users):
    """The groups of the account."""

    def create_group(self, name: str, *, comments: str = "") -> Group:
        """Make a group with nobody in it.

        Raises:
            RamError: EntityAlreadyExists.Group or InvalidParameter.
        """
        check_name("GroupName", name, _GROUP_NAME)
        check_text("Comments", comments, MAX_COMMENT)
        with self._lock:
            check_free(self._kept.groups, "Group", name)
            now = self._clock()
            group = Group(name=name, comments=comments, created=now, updated=now)
            self._save_group(group)
        return group

    def get_group(self, name: str) -> Group:
        """Return a group.

        Raises:
            RamError: EntityNotExist.Group.
        """
        return find_entity(self._kept.groups, "Group", name)

    def groups(self) -> list[Group]:
        """Return all groups, by name."""
        return by_name(self._kept.groups)

    def groups_of(self, user: str) -> list[Group]:
        """Return the groups that a user is in, by name.

        Raises:
            RamError: EntityNotExist.User.
        """
        self.get_user(user)
        return self._kept.groups_of(user)

    def update_group(self, name: str, *, new_name: str | None = None, comments: str | None = None) -> Group:
        """Change what is given of a group; a new name takes members and policies along, None leaves what it is.

        Raises:
            RamError: EntityNotExist.Group, EntityAlreadyExists.Group or InvalidParameter.
        """
        new_name = name if new_name is None else new_name
        check_name("NewGroupName", new_name, _GROUP_NAME)
        check_text("NewComments", comments, MAX_COMMENT)
        with self._lock:
            old = self.get_group(name)
            check_free(without(self._kept.groups, name), "Group", new_name)
            group = Group(
                name=new_name,
                comments=old.comments if comments is None else comments,
                created=old.created,
                updated=self._clock(),
                members=old.members,
            )
            attachments = rename_attached(self._kept.attachments, "Group", name, new_name)
            groups = {**without(self._kept.groups, name), new_name: group}
            self._save(replace(self._kept, groups=groups, attachments=attachments))
        return group

    def delete_group(self, name: str) -> None:
        """Remove a group that has no policy and nobody in it.

        Raises:
            RamError: EntityNotExist.Group or DeleteConflict.
        """
        with self._lock:
            group = self.get_group(name)
            if group.members:
                raise RamError("DeleteConflict.Group.User", f"There are users in the group {name}; remove them first.")
            if self._kept.attached_to("Group", name):
                raise RamError("DeleteConflict.Group.Policy", f"The group {name} has policies; detach them first.")
            self._save(replace(self._kept, groups=without(self._kept.groups, name)))

    def add_user_to_group(self, user: str, name: str) -> None:
        """Put a user into a group.

        Raises:
            RamError: EntityNotExist, EntityAlreadyExists.User.Group or LimitExceeded.User.Group.
        """
        with self._lock:
            self.get_user(user)
            group = self.get_group(name)
            if any(one.user == user for one in group.members):
                raise RamError("EntityAlreadyExists.User.Group", f"The user {user} is in the group {name} already.")
            if len(self._kept.groups_of(user)) >= MAX_GROUPS:
                raise RamError("LimitExceeded.User.Group", f"The user {user} is in {MAX_GROUPS} groups, the most.")
            self._save_group(replace(group, members=(*group.members, Membership(user=user, joined=self._clock()))))

    def remove_user_from_group(self, user: str, name: str) -> None:
        """Take a user out of a group.

        Raises:
            RamError: EntityNotExist.
        """
        with self._lock:
            self.get_user(user)
            group = self.get_group(name)
            kept = tuple(one for one in group.members if one.user != user)
            if kept == group.members:
                raise RamError("EntityNotExist.User.Group", f"The user {user} is not in the group {name}.")
            self._save_group(replace(group, members=kept))

    def _save_group(self, group: Group) -> None:
        self._save(replace(self._kept, groups={**self._kept.groups, group.name: group}))
