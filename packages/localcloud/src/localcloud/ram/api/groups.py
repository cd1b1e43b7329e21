"""The actions on groups and the users in them."""

from __future__ import annotations

from localcloud.kernel.actions import Answer
from localcloud.kernel.rpc import Call
from localcloud.kernel.times import to_seconds
from localcloud.ram.api.calls import Calls, cut_page
from localcloud.ram.model import Group


class GroupCalls(Calls):
    """The actions on groups and the users in them."""

    def create(self, call: Call) -> Answer:
        """CreateGroup."""
        group = self._ram.create_group(self.name(call, "Group"), comments=call.parameters.get("Comments", ""))
        return {"Group": _write(group)}

    def get(self, call: Call) -> Answer:
        """GetGroup."""
        return {"Group": _write(self._ram.get_group(self.name(call, "Group")))}

    def list(self, call: Call) -> Answer:
        """ListGroups."""
        self.allow(call, "group/*")
        page, rest = cut_page(call, self._ram.groups(), lambda group: group.name)
        return {"Groups": {"Group": [_write(group) for group in page]}, **rest}

    def update(self, call: Call) -> Answer:
        """UpdateGroup."""
        name, new_name = self.name(call, "Group"), call.parameters.get("NewGroupName")
        if new_name is not None:
            self.allow(call, f"group/{new_name}")
        group = self._ram.update_group(name, new_name=new_name, comments=call.parameters.get("NewComments"))
        return {"Group": _write(group)}

    def delete(self, call: Call) -> Answer:
        """DeleteGroup."""
        self._ram.delete_group(self.name(call, "Group"))
        return {}

    def add_user(self, call: Call) -> Answer:
        """AddUserToGroup."""
        self._ram.add_user_to_group(self.name(call, "User"), self.name(call, "Group"))
        return {}

    def remove_user(self, call: Call) -> Answer:
        """RemoveUserFromGroup."""
        self._ram.remove_user_from_group(self.name(call, "User"), self.name(call, "Group"))
        return {}

    def list_for_user(self, call: Call) -> Answer:
        """ListGroupsForUser."""
        user = self.name(call, "User")
        groups = [
            {"GroupName": group.name, "Comments": group.comments, "JoinDate": to_seconds(member.joined)}
            for group in self._ram.groups_of(user)
            for member in group.members
            if member.user == user
        ]
        return {"Groups": {"Group": groups}}

    def list_users(self, call: Call) -> Answer:
        """ListUsersForGroup."""
        group = self._ram.get_group(self.name(call, "Group"))
        members = sorted(group.members, key=lambda member: member.user)
        page, rest = cut_page(call, members, lambda member: member.user)
        users = [
            {
                "UserName": member.user,
                "DisplayName": self._ram.get_user(member.user).display_name,
                "JoinDate": to_seconds(member.joined),
            }
            for member in page
        ]
        return {"Users": {"User": users}, **rest}


def _write(group: Group) -> Answer:
    return {
        "GroupName": group.name,
        "Comments": group.comments,
        "CreateDate": to_seconds(group.created),
        "UpdateDate": to_seconds(group.updated),
    }
