"""The account's settings, login profiles, tags and versions of policies, with the official SDK: terraform asks for them, too."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_ram20150501 import models
from alibabacloud_ram20150501.client import Client
from darabonba.exceptions import DaraException

from tests.support.identities import ROOT, document

Running = Any  # the running cloud of tests/support/cloud.py


@pytest.fixture
def ram(cloud: Running) -> Client:
    return Client(cloud.config("ram"))


def new_name() -> str:
    return "a-" + uuid.uuid4().hex[:12]


def refused(call: Callable[[], object]) -> str:
    with pytest.raises(DaraException) as caught:
        call()
    return str(caught.value.code)


def test_the_settings_of_the_account_are_kept_over_a_restart(
    start_cloud: Callable[..., Running], tmp_path: Path
) -> None:
    running = start_cloud(tmp_path)
    ram = Client(running.config("ram"))
    assert ram.get_account_alias().body.account_alias == ""
    rules = ram.get_password_policy().body.password_policy
    assert (rules.minimum_password_length, rules.require_symbols, rules.max_login_attemps) == (8, False, 5)
    for alias in ("a", "-ab", "a--b", "x" * 33, "Abc"):
        wrong = models.SetAccountAliasRequest(account_alias=alias)
        assert refused(lambda wrong=wrong: ram.set_account_alias(wrong)) == "InvalidParameter.AccountAlias.InvalidChars"  # type: ignore[misc]
    ram.set_account_alias(models.SetAccountAliasRequest(account_alias="my-company"))
    ram.set_password_policy(models.SetPasswordPolicyRequest(minimum_password_length=12, require_numbers=True))
    ram.set_security_preference(models.SetSecurityPreferenceRequest(allow_user_to_manage_access_keys=True))
    running.stop()
    ram = Client(start_cloud(tmp_path).config("ram"))
    assert ram.get_account_alias().body.account_alias == "my-company"
    rules = ram.get_password_policy().body.password_policy
    assert (rules.minimum_password_length, rules.require_numbers, rules.max_password_age) == (12, True, 0)
    preference = ram.get_security_preference().body.security_preference
    assert preference.access_key_preference.allow_user_to_manage_access_keys
    assert preference.login_profile_preference.allow_user_to_change_password
    ram.clear_account_alias()
    assert ram.get_account_alias().body.account_alias == ""


def test_a_user_logs_on_with_a_password_that_keeps_the_rules(ram: Client) -> None:
    name = new_name()
    ram.create_user(models.CreateUserRequest(user_name=name))
    asked = models.GetLoginProfileRequest(user_name=name)
    assert refused(lambda: ram.get_login_profile(asked)) == "EntityNotExist.User.LoginProfile"
    short = models.CreateLoginProfileRequest(user_name=name, password="short")
    assert refused(lambda: ram.create_login_profile(short)) == "InvalidParameter.Password"
    long = models.CreateLoginProfileRequest(user_name=name, password="long enough", password_reset_required=True)
    made = ram.create_login_profile(long).body.login_profile
    assert (made.user_name, made.password_reset_required, made.mfabind_required) == (name, True, False)
    assert refused(lambda: ram.create_login_profile(long)) == "EntityAlreadyExists.User.LoginProfile"
    ram.update_login_profile(models.UpdateLoginProfileRequest(user_name=name, mfabind_required=True))
    found = ram.get_login_profile(asked).body.login_profile
    assert (found.password_reset_required, found.mfabind_required, found.create_date) == (True, True, made.create_date)
    ram.delete_login_profile(models.DeleteLoginProfileRequest(user_name=name))
    assert (
        refused(lambda: ram.delete_login_profile(models.DeleteLoginProfileRequest(user_name=name)))
        == "EntityNotExist.User.LoginProfile"
    )


def test_there_are_no_devices_for_a_second_factor(ram: Client) -> None:
    name = new_name()
    ram.create_user(models.CreateUserRequest(user_name=name))
    assert ram.list_virtual_mfadevices().body.virtual_mfadevices.virtual_mfadevice == []
    for call in (
        lambda: ram.get_user_mfainfo(models.GetUserMFAInfoRequest(user_name=name)),
        lambda: ram.unbind_mfadevice(models.UnbindMFADeviceRequest(user_name=name)),
    ):
        assert refused(call) == "EntityNotExist.User.MFADevice"


def test_another_version_of_a_policy_comes_into_force(ram: Client) -> None:
    name = new_name()
    one, two = document(Action="oss:GetObject", Resource="*"), document(Action="oss:PutObject", Resource="*")
    ram.create_policy(models.CreatePolicyRequest(policy_name=name, policy_document=one))
    ram.create_policy_version(models.CreatePolicyVersionRequest(policy_name=name, policy_document=two))
    asked = models.GetPolicyRequest(policy_name=name, policy_type="Custom")
    assert ram.get_policy(asked).body.default_policy_version.policy_document == one
    ram.set_default_policy_version(models.SetDefaultPolicyVersionRequest(policy_name=name, version_id="v2"))
    ram.update_policy_description(models.UpdatePolicyDescriptionRequest(policy_name=name, new_description="puts"))
    found = ram.get_policy(asked).body
    assert (found.default_policy_version.policy_document, found.policy.description) == (two, "puts")
    missing = models.SetDefaultPolicyVersionRequest(policy_name=name, version_id="v9")
    assert refused(lambda: ram.set_default_policy_version(missing)) == "EntityNotExist.Policy.Version"


def test_roles_and_policies_have_tags(ram: Client) -> None:
    role, policy = new_name(), new_name()
    first = models.CreateRoleRequestTag(key="team", value="one")
    ram.create_role(models.CreateRoleRequest(role_name=role, assume_role_policy_document=ROOT, tag=[first]))
    ram.create_policy(
        models.CreatePolicyRequest(policy_name=policy, policy_document=document(Action="oss:Get*", Resource="*"))
    )

    def tags(kind: str, *names: str, **more: Any) -> list[tuple[str, str, str]]:
        request = models.ListTagResourcesRequest(resource_type=kind, resource_names=list(names), **more)
        found = ram.list_tag_resources(request).body.tag_resources
        return [(each.resource_name, each.tag_key, each.tag_value) for each in found]

    assert tags("role", role) == [(role, "team", "one")]
    two = [models.TagResourcesRequestTag(key="team", value="two"), models.TagResourcesRequestTag(key="x", value="")]
    ram.tag_resources(models.TagResourcesRequest(resource_type="role", resource_names=[role], tag=two))
    ram.tag_resources(models.TagResourcesRequest(resource_type="policy", resource_names=[policy], tag=two[:1]))
    assert tags("role", role) == [(role, "team", "two"), (role, "x", "")]
    assert tags("policy", policy) == [(policy, "team", "two")]
    assert tags("role", role, tag=[models.ListTagResourcesRequestTag(key="x", value="other")]) == []
    ram.untag_resources(models.UntagResourcesRequest(resource_type="role", resource_names=[role], tag_keys=["x"]))
    assert tags("role", role) == [(role, "team", "two")]
    for all_of_them in (None, False):
        nothing = models.UntagResourcesRequest(resource_type="role", resource_names=[role], all=all_of_them)
        assert refused(lambda: ram.untag_resources(nothing)) == "MissingParameter.TagKeys"  # noqa: B023 - called at once
    assert tags("role", role) == [(role, "team", "two")]
    ram.untag_resources(models.UntagResourcesRequest(resource_type="role", resource_names=[role], all=True))
    assert tags("role", role) == []
    absent = models.TagResourcesRequest(resource_type="role", resource_names=[role, "absent"], tag=two)
    assert refused(lambda: ram.tag_resources(absent)) == "EntityNotExist.Role"
    assert tags("role", role) == []
    many = [models.TagResourcesRequestTag(key=f"k{n}", value="") for n in range(20)]
    ram.tag_resources(models.TagResourcesRequest(resource_type="role", resource_names=[role], tag=many))
    more = models.TagResourcesRequest(resource_type="role", resource_names=[role], tag=two[:1])
    assert refused(lambda: ram.tag_resources(more)) == "LimitExceeded.Tag"
