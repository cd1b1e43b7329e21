"""Users, groups and access keys, with the official SDKs as clients: a second identity of the account."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import oss2
import pytest
from alibabacloud_ram20150501 import models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from darabonba.exceptions import DaraException

from tests.support.identities import document
from tests.support.signers import Key

Running = Any  # the running cloud of tests/support/cloud.py


@pytest.fixture
def ram(cloud: Running) -> RamClient:
    return RamClient(cloud.config("ram"))


@pytest.fixture
def user(ram: RamClient) -> str:
    """The name of a new user, who may do nothing."""
    name = "user-" + uuid.uuid4().hex[:10]
    made = ram.create_user(models.CreateUserRequest(user_name=name, display_name="A user", email="user@example.com"))
    assert (made.body.user.user_name, made.body.user.display_name) == (name, "A user")
    return name


def make_key(ram: RamClient, user: str) -> Key:
    made = ram.create_access_key(models.CreateAccessKeyRequest(user_name=user)).body.access_key
    return Key(made.access_key_id, made.access_key_secret)


def attach(ram: RamClient, name: str, policy: str, *, group: bool = False) -> None:
    kinds = models.AttachPolicyToGroupRequest if group else models.AttachPolicyToUserRequest
    request = kinds(policy_name=policy, policy_type="System", **{"group_name" if group else "user_name": name})
    (ram.attach_policy_to_group if group else ram.attach_policy_to_user)(request)


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(DaraException) as caught:
        call()
    return str(caught.value.code)


def test_a_user_may_do_what_its_policies_and_its_groups_say_and_nothing_else(
    cloud: Running, ram: RamClient, user: str
) -> None:
    name, group = "users-" + uuid.uuid4().hex[:10], "group-" + uuid.uuid4().hex[:10]
    bucket, own = cloud.bucket(name), cloud.bucket(name, make_key(ram, user))
    bucket.create_bucket()
    bucket.put_object("key", b"content")
    with pytest.raises(oss2.exceptions.AccessDenied):
        own.get_object("key")
    ram.create_group(models.CreateGroupRequest(group_name=group))
    ram.add_user_to_group(models.AddUserToGroupRequest(user_name=user, group_name=group))
    attach(ram, group, "AliyunOSSReadOnlyAccess", group=True)
    assert own.get_object("key").read() == b"content"
    with pytest.raises(oss2.exceptions.AccessDenied):
        own.put_object("key", b"mine")
    attach(ram, user, "AliyunOSSFullAccess")
    own.put_object("key", b"mine")
    ram.remove_user_from_group(models.RemoveUserFromGroupRequest(user_name=user, group_name=group))
    ram.detach_policy_from_user(
        models.DetachPolicyFromUserRequest(user_name=user, policy_name="AliyunOSSFullAccess", policy_type="System")
    )
    with pytest.raises(oss2.exceptions.AccessDenied):
        own.get_object("key")


def test_a_user_without_policies_may_do_nothing_anywhere(cloud: Running, ram: RamClient, user: str) -> None:
    key = make_key(ram, user)
    own = RamClient(cloud.config("ram", key))
    assert refused(lambda: own.list_users(models.ListUsersRequest())) == "NoPermission"
    assert refused(lambda: attach(own, user, "AdministratorAccess")) == "NoPermission"
    assert refused(lambda: own.list_access_keys(models.ListAccessKeysRequest())) == "NoPermission"
    with pytest.raises(oss2.exceptions.AccessDenied):
        oss2.Service(oss2.AuthV4(key.id, key.secret), cloud.endpoints["oss"], region=cloud.region).list_buckets()


def test_sts_says_who_a_user_is_and_lets_it_assume_a_role_that_trusts_it(
    cloud: Running, ram: RamClient, user: str
) -> None:
    sts = StsClient(cloud.config("sts", make_key(ram, user)))
    said = sts.get_caller_identity().body
    arn = f"acs:ram::{cloud.account_id}:user/{user}"
    assert (said.identity_type, said.arn, said.account_id) == ("RAMUser", arn, cloud.account_id)
    role = "role-" + uuid.uuid4().hex[:10]
    trusts = document(Action="sts:AssumeRole", Principal={"RAM": [arn]})
    made = ram.create_role(models.CreateRoleRequest(role_name=role, assume_role_policy_document=trusts)).body.role
    assume = sts_models.AssumeRoleRequest(role_arn=made.arn, role_session_name="session")
    assert refused(lambda: sts.assume_role(assume)) == "NoPermission"
    attach(ram, user, "AliyunSTSAssumeRoleAccess")
    assert sts.assume_role(assume).body.credentials.security_token


def test_an_inactive_or_deleted_key_opens_nothing(cloud: Running, ram: RamClient, user: str) -> None:
    key = make_key(ram, user)
    sts = StsClient(cloud.config("sts", key))

    def switch(status: str) -> None:
        ram.update_access_key(models.UpdateAccessKeyRequest(user_name=user, user_access_key_id=key.id, status=status))

    switch("Inactive")
    assert refused(sts.get_caller_identity).startswith("InvalidAccessKeyId")
    switch("Active")
    assert sts.get_caller_identity().body.identity_type == "RAMUser"
    make_key(ram, user)
    assert refused(lambda: make_key(ram, user)) == "LimitExceeded.User.AccessKey"
    listed = ram.list_access_keys(models.ListAccessKeysRequest(user_name=user)).body.access_keys.access_key
    assert [one.status for one in listed] == ["Active", "Active"]
    ram.delete_access_key(models.DeleteAccessKeyRequest(user_name=user, user_access_key_id=key.id))
    assert refused(sts.get_caller_identity).startswith("InvalidAccessKeyId")


def test_what_is_in_use_is_not_deleted(ram: RamClient, user: str) -> None:
    group = "group-" + uuid.uuid4().hex[:10]
    ram.create_group(models.CreateGroupRequest(group_name=group))
    ram.add_user_to_group(models.AddUserToGroupRequest(user_name=user, group_name=group))
    key = make_key(ram, user)
    delete, delete_group = models.DeleteUserRequest(user_name=user), models.DeleteGroupRequest(group_name=group)
    assert refused(lambda: ram.delete_user(delete)) == "DeleteConflict.User.AccessKey"
    ram.delete_access_key(models.DeleteAccessKeyRequest(user_name=user, user_access_key_id=key.id))
    assert refused(lambda: ram.delete_user(delete)) == "DeleteConflict.User.Group"
    assert refused(lambda: ram.delete_group(delete_group)) == "DeleteConflict.Group.User"
    ram.remove_user_from_group(models.RemoveUserFromGroupRequest(user_name=user, group_name=group))
    ram.delete_user(delete)
    ram.delete_group(delete_group)
    assert refused(lambda: ram.get_user(models.GetUserRequest(user_name=user))) == "EntityNotExist.User"


def test_a_new_name_takes_keys_groups_and_policies_along(cloud: Running, ram: RamClient, user: str) -> None:
    group, new = "group-" + uuid.uuid4().hex[:10], user + "-new"
    ram.create_group(models.CreateGroupRequest(group_name=group))
    ram.add_user_to_group(models.AddUserToGroupRequest(user_name=user, group_name=group))
    attach(ram, group, "AliyunRAMReadOnlyAccess", group=True)
    own = RamClient(cloud.config("ram", make_key(ram, user)))
    ram.update_user(models.UpdateUserRequest(user_name=user, new_user_name=new, new_comments="renamed"))
    assert own.get_user(models.GetUserRequest(user_name=new)).body.user.comments == "renamed"
    groups = ram.list_groups_for_user(models.ListGroupsForUserRequest(user_name=new)).body.groups.group
    users = ram.list_users_for_group(models.ListUsersForGroupRequest(group_name=group)).body.users.user
    assert ([one.group_name for one in groups], [one.user_name for one in users]) == ([group], [new])
    listed = ram.list_entities_for_policy(
        models.ListEntitiesForPolicyRequest(policy_name="AliyunRAMReadOnlyAccess", policy_type="System")
    )
    assert group in [one.group_name for one in listed.body.groups.group]
