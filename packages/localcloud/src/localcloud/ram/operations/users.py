"""Users and their access keys. Names, ARNs and limits follow RAM, "Terms" and "Limits"."""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import replace

from localcloud.ram.errors import RamError
from localcloud.ram.model import AccessKey, KeyStatus, Login, User
from localcloud.ram.operations.account import check_password
from localcloud.ram.operations.entities import (
    MAX_COMMENT,
    EntityKeeper,
    by_name,
    check_free,
    check_name,
    check_text,
    find_entity,
    new_id,
    rename_attached,
    without,
)

MAX_KEYS = 2  # of a user (RAM, "Limits")
USER_NAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ALPHABET = string.ascii_letters + string.digits


class Users(EntityKeeper):
    """The users of the account, and their access keys."""

    def user_arn(self, name: str) -> str:
        """Return the ARN of a user of this name."""
        return f"acs:ram::{self._account_id}:user/{name}"

    def create_user(
        self, name: str, *, display_name: str = "", comments: str = "", email: str = "", mobile_phone: str = ""
    ) -> User:
        """Make a user, who may do nothing yet.

        Raises:
            RamError: EntityAlreadyExists.User or InvalidParameter.
        """
        check_name("UserName", name, USER_NAME)
        check_text("DisplayName", display_name, MAX_COMMENT)
        check_text("Comments", comments, MAX_COMMENT)
        with self._lock:
            check_free(self._kept.users, "User", name)
            now = self._clock()
            user = User(
                name=name,
                user_id=new_id("2"),
                display_name=display_name or name,
                comments=comments,
                email=email,
                mobile_phone=mobile_phone,
                created=now,
                updated=now,
            )
            self._save_user(user)
        return user

    def get_user(self, name: str) -> User:
        """Return a user.

        Raises:
            RamError: EntityNotExist.User.
        """
        return find_entity(self._kept.users, "User", name)

    def users(self) -> list[User]:
        """Return all users, by name."""
        return by_name(self._kept.users)

    def update_user(
        self,
        name: str,
        *,
        new_name: str | None = None,
        display_name: str | None = None,
        comments: str | None = None,
        email: str | None = None,
        mobile_phone: str | None = None,
    ) -> User:
        """Change what is given of a user; a new name takes keys, groups and policies along, None leaves what it is.

        Raises:
            RamError: EntityNotExist.User, EntityAlreadyExists.User or InvalidParameter.
        """
        new_name = name if new_name is None else new_name
        check_name("NewUserName", new_name, USER_NAME)
        check_text("NewDisplayName", display_name, MAX_COMMENT)
        check_text("NewComments", comments, MAX_COMMENT)
        with self._lock:
            old = self.get_user(name)
            check_free(without(self._kept.users, name), "User", new_name)
            user = replace(
                old,
                name=new_name,
                display_name=old.display_name if display_name is None else display_name,
                comments=old.comments if comments is None else comments,
                email=old.email if email is None else email,
                mobile_phone=old.mobile_phone if mobile_phone is None else mobile_phone,
                updated=self._clock(),
            )
            entities = self._kept
            groups = {
                group.name: replace(
                    group,
                    members=tuple(replace(one, user=new_name) if one.user == name else one for one in group.members),
                )
                for group in entities.groups.values()
            }
            keys = {
                key.access_key_id: replace(key, user=new_name) if key.user == name else key
                for key in entities.keys.values()
            }
            attachments = rename_attached(entities.attachments, "User", name, new_name)
            users = {**without(entities.users, name), new_name: user}
            self._save(replace(entities, users=users, groups=groups, keys=keys, attachments=attachments))
        return user

    def delete_user(self, name: str) -> None:
        """Remove a user that has no access key, no policy, and is in no group.

        Raises:
            RamError: EntityNotExist.User or DeleteConflict.
        """
        with self._lock:
            self.get_user(name)
            entities = self._kept
            for kind, count in {
                "AccessKey": len(entities.keys_of(name)),
                "Policy": len(entities.attached_to("User", name)),
                "Group": len(entities.groups_of(name)),
            }.items():
                if count:
                    raise RamError(
                        f"DeleteConflict.User.{kind}", f"The user {name} has {count} of {kind}; remove them first."
                    )
            self._save(replace(entities, users=without(entities.users, name)))

    def put_login(
        self, name: str, password: str | None, *, reset_required: bool | None, mfa_required: bool | None, new: bool
    ) -> Login:
        """Let a user log on to the console, or change how; None leaves what it is, which is False at first.

        Args:
            name: the user's.
            password: is checked, and not kept; None: the one that there is.
            reset_required: whether the user has to change it.
            mfa_required: whether the user has to bind a device.
            new: whether there must be none yet, or one already.

        Raises:
            RamError: EntityNotExist.User, EntityNotExist.User.LoginProfile, EntityAlreadyExists.User.LoginProfile or
                InvalidParameter.
        """
        with self._lock:
            user = self.get_user(name)
            if new and user.login:
                raise RamError("EntityAlreadyExists.User.LoginProfile", f"The user {name} has a login profile already.")
            if password is not None:
                check_password(password, self._kept.account.passwords)
            old = Login(created=self._clock(), reset_required=False, mfa_required=False) if new else self.login_of(name)
            login = replace(
                old,
                reset_required=old.reset_required if reset_required is None else reset_required,
                mfa_required=old.mfa_required if mfa_required is None else mfa_required,
            )
            self._save_user(replace(user, login=login))
        return login

    def login_of(self, name: str) -> Login:
        """Return how a user logs on to the console.

        Raises:
            RamError: EntityNotExist.User, EntityNotExist.User.LoginProfile.
        """
        login = self.get_user(name).login
        if login is None:
            raise RamError("EntityNotExist.User.LoginProfile", f"The user login profile does not exist: {name}.")
        return login

    def delete_login(self, name: str) -> None:
        """Let a user log on no longer.

        Raises:
            RamError: EntityNotExist.User, EntityNotExist.User.LoginProfile.
        """
        with self._lock:
            self.login_of(name)
            self._save_user(replace(self.get_user(name), login=None))

    def create_access_key(self, user: str) -> AccessKey:
        """Make an access key for a user.

        Raises:
            RamError: EntityNotExist.User or LimitExceeded.User.AccessKey.
        """
        with self._lock:
            self.get_user(user)
            if len(self._kept.keys_of(user)) >= MAX_KEYS:
                raise RamError("LimitExceeded.User.AccessKey", f"The user {user} has {MAX_KEYS} access keys, the most.")
            key = AccessKey(
                access_key_id="LTAI5t" + _random(18),
                access_key_secret=_random(30),
                user=user,
                status="Active",
                created=self._clock(),
            )
            self._save(replace(self._kept, keys={**self._kept.keys, key.access_key_id: key}))
        return key

    def access_keys(self, user: str) -> list[AccessKey]:
        """Return a user's access keys, the oldest first.

        Raises:
            RamError: EntityNotExist.User.
        """
        self.get_user(user)
        return self._kept.keys_of(user)

    def set_access_key_status(self, user: str, access_key_id: str, status: KeyStatus) -> None:
        """Switch a user's access key on or off.

        Raises:
            RamError: EntityNotExist.User or EntityNotExist.User.AccessKey.
        """
        with self._lock:
            key = self._access_key(user, access_key_id)
            keys = {**self._kept.keys, access_key_id: replace(key, status=status)}
            self._save(replace(self._kept, keys=keys))

    def delete_access_key(self, user: str, access_key_id: str) -> None:
        """Remove a user's access key.

        Raises:
            RamError: EntityNotExist.User or EntityNotExist.User.AccessKey.
        """
        with self._lock:
            self._access_key(user, access_key_id)
            self._save(replace(self._kept, keys=without(self._kept.keys, access_key_id)))

    def _access_key(self, user: str, access_key_id: str) -> AccessKey:
        self.get_user(user)
        key = self._kept.keys.get(access_key_id)
        if key is None or key.user != user:
            raise RamError(
                "EntityNotExist.User.AccessKey", f"The access key not exists: {access_key_id} of the user {user}."
            )
        return key

    def _save_user(self, user: User) -> None:
        self._save(replace(self._kept, users={**self._kept.users, user.name: user}))


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))
