"""Roles and policies: what exists afterwards, and that a failure leaves everything as it was."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from tests.support.resource_types import ROLE_ARN, TRUST, Cloud, allow, reason


def role(**given: Any) -> dict[str, Any]:
    return {"RoleName": "runner", "AssumeRolePolicyDocument": TRUST, **given}


def policy(name: str, action: str = "oss:GetObject", **more: Any) -> dict[str, Any]:
    return {"PolicyName": name, "PolicyDocument": allow(action), **more}


def attached(cloud: Cloud, name: str = "runner") -> set[tuple[str, str]]:
    return {(each.type, each.name) for each in cloud.ram.policies_of(name)}


def custom_policies(cloud: Cloud) -> set[str]:
    return {each.name for each in cloud.ram.policies() if each.type == "Custom"}


def test_a_role_comes_with_its_policies_and_goes_with_them(cloud: Cloud) -> None:
    given = role(
        Description="runs",
        MaxSessionDuration=7200,
        Policies=[policy("read", Description="reads")],
        PolicyAttachments={"System": ["AliyunLogFullAccess"]},
    )
    outcome = cloud.create("RAM::Role", **given)
    made = cloud.ram.get_role("runner")
    assert outcome.attributes == {"RoleName": "runner", "RoleId": made.role_id, "Arn": ROLE_ARN}
    assert (made.description, made.max_session, json.loads(made.trust_policy)) == ("runs", 7200, TRUST)
    assert attached(cloud) == {("Custom", "read"), ("System", "AliyunLogFullAccess")}
    assert cloud.ram.get_policy("read", "Custom").description == "reads"
    cloud.delete("RAM::Role", **given)
    assert (cloud.ram.roles(), custom_policies(cloud)) == ([], set())


def test_a_role_whose_last_policy_is_taken_is_not_there(cloud: Cloud) -> None:
    cloud.ram.create_policy("taken", document=json.dumps(allow("oss:*")))
    given = role(Policies=[policy("first"), policy("taken")], PolicyAttachments={"System": ["AliyunOSSFullAccess"]})
    assert reason(cloud.create, "RAM::Role", **given).startswith("EntityAlreadyExists.Policy: ")
    assert (cloud.ram.roles(), custom_policies(cloud)) == ([], {"taken"})


def test_a_policy_that_is_given_twice_is_refused(cloud: Cloud) -> None:
    assert "given twice" in reason(cloud.create, "RAM::Role", **role(Policies=[policy("one"), policy("one")]))
    assert cloud.ram.roles() == []


def test_an_update_of_a_role_changes_what_differs_alone(cloud: Cloud) -> None:
    before = role(Policies=[policy("a"), policy("b")], PolicyAttachments={"System": ["AliyunLogFullAccess"]})
    after = role(Policies=[policy("a"), policy("b", "oss:*"), policy("c")], MaxSessionDuration=7200)
    cloud.create("RAM::Role", **before)
    cloud.ram.attach_policy("runner", "AliyunOSSFullAccess", "System")
    cloud.update("RAM::Role", before, after)
    by_others = ("System", "AliyunOSSFullAccess")
    assert attached(cloud) == {("Custom", "a"), ("Custom", "b"), ("Custom", "c"), by_others}
    assert json.loads(cloud.ram.get_policy("b", "Custom").default.document) == allow("oss:*")
    assert cloud.ram.get_policy("a", "Custom").default.version_id == "v1"
    assert cloud.ram.get_role("runner").max_session == 7200


def test_a_role_has_the_tags_that_it_is_given_and_keeps_those_of_others(cloud: Cloud) -> None:
    before = role(Tags=[{"Key": "team", "Value": "blue"}, {"Key": "old"}])
    cloud.create("RAM::Role", **before)
    cloud.ram.tag("role", ["runner"], {"mine": "1"})
    after = role(Tags=[{"Key": "team", "Value": "red"}])
    cloud.update("RAM::Role", before, after)
    assert cloud.ram.get_role("runner").tags == {"mine": "1", "team": "red"}
    broken = role(Tags=[{"Key": "new"}], PolicyAttachments={"System": ["NoSuchPolicy"]})
    assert reason(cloud.update, "RAM::Role", after, broken).startswith("EntityNotExist.Policy: ")
    assert cloud.ram.get_role("runner").tags == {"mine": "1", "team": "red"}


def test_an_update_of_a_role_that_fails_half_way_is_taken_back(cloud: Cloud) -> None:
    before = role(Policies=[policy("a"), policy("b")], PolicyAttachments={"System": ["AliyunLogFullAccess"]})
    after = role(
        MaxSessionDuration=7200,
        Policies=[policy("b", "oss:*"), policy("c"), policy("a", Description="new")],
        PolicyAttachments={"System": ["NoSuchPolicy"]},
    )
    cloud.create("RAM::Role", **before)
    assert reason(cloud.update, "RAM::Role", before, after).startswith("EntityNotExist.Policy: ")
    assert attached(cloud) == {("Custom", "a"), ("Custom", "b"), ("System", "AliyunLogFullAccess")}
    assert custom_policies(cloud) == {"a", "b"}
    assert cloud.ram.get_role("runner").max_session == 3600
    assert json.loads(cloud.ram.get_policy("b", "Custom").default.document) == allow("oss:GetObject")


def test_a_role_that_others_gave_policies_is_deleted_by_force_alone(cloud: Cloud) -> None:
    given = role(Policies=[policy("own")])
    cloud.create("RAM::Role", **given)
    cloud.ram.attach_policy("runner", "AliyunOSSFullAccess", "System")
    assert reason(cloud.delete, "RAM::Role", **given).startswith("DeleteConflict.Role.Policy: ")
    assert attached(cloud) == {("Custom", "own"), ("System", "AliyunOSSFullAccess")}
    cloud.delete("RAM::Role", **given, DeletionForce=True)
    assert (cloud.ram.roles(), custom_policies(cloud)) == ([], set())


def test_a_role_is_deleted_though_its_policies_were_changed_by_hand(cloud: Cloud) -> None:
    given = role(Policies=[policy("gone"), policy("detached"), policy("changed")])
    cloud.create("RAM::Role", **given)
    cloud.ram.detach_policy("runner", "gone", "Custom")
    cloud.ram.delete_policy("gone")
    cloud.ram.detach_policy("runner", "detached", "Custom")
    cloud.ram.create_policy_version("changed", document=json.dumps(allow("oss:*")), set_as_default=True)
    cloud.delete("RAM::Role", **given)
    assert (cloud.ram.roles(), custom_policies(cloud)) == ([], {"detached"})  # it may be someone else's by now


def test_an_update_that_failed_can_be_taken_back_by_another_one(cloud: Cloud) -> None:
    """An executor that rolls back tells the failed update's properties as the previous ones."""
    cloud.ram.create_policy("taken", document=json.dumps(allow("oss:*")))
    before = role(Policies=[policy("a"), policy("b")], PolicyAttachments={"System": ["AliyunLogFullAccess"]})
    failing = role(Policies=[policy("b", "oss:*"), policy("c"), policy("taken")])
    cloud.create("RAM::Role", **before)
    assert reason(cloud.update, "RAM::Role", before, failing).startswith("EntityAlreadyExists.Policy: ")
    cloud.update("RAM::Role", failing, before)
    assert attached(cloud) == {("Custom", "a"), ("Custom", "b"), ("System", "AliyunLogFullAccess")}
    assert custom_policies(cloud) == {"a", "b", "taken"}
    assert json.loads(cloud.ram.get_policy("b", "Custom").default.document) == allow("oss:GetObject")


def test_a_policy_of_others_that_is_attached_is_not_taken_over(cloud: Cloud) -> None:
    cloud.ram.create_policy("theirs", document=json.dumps(allow("oss:*")))
    cloud.create("RAM::Role", **role())
    cloud.ram.attach_policy("runner", "theirs", "Custom")
    given = role(Policies=[policy("theirs")])
    assert reason(cloud.update, "RAM::Role", role(), given).startswith("EntityAlreadyExists.Policy: ")


def test_a_policy_does_not_run_out_of_versions(cloud: Cloud) -> None:
    given = [policy("read", f"oss:Get{number}") for number in range(8)]
    cloud.create("RAM::ManagedPolicy", **given[0])
    for before, after in itertools.pairwise(given):
        cloud.update("RAM::ManagedPolicy", before, after)
    kept = cloud.ram.get_policy("read", "Custom")
    assert [json.loads(version.document) for version in kept.versions] == [allow("oss:Get7")]


def test_a_policy_is_attached_to_its_roles_or_not_made(cloud: Cloud) -> None:
    cloud.create("RAM::Role", **role())
    given = {**policy("read"), "Roles": ["runner"]}
    assert reason(cloud.create, "RAM::ManagedPolicy", **{**given, "Roles": ["runner", "none"]})
    assert (attached(cloud), custom_policies(cloud)) == (set(), set())
    cloud.create("RAM::ManagedPolicy", **given)
    assert attached(cloud) == {("Custom", "read")}
    cloud.delete("RAM::ManagedPolicy", **given)
    assert (attached(cloud), custom_policies(cloud)) == (set(), set())


def test_a_policy_that_another_role_uses_stays_as_it_was(cloud: Cloud) -> None:
    cloud.create("RAM::Role", **role())
    cloud.create("RAM::ManagedPolicy", **policy("read"))
    cloud.ram.create_policy_version("read", document=json.dumps(allow("oss:*")), set_as_default=False)
    cloud.ram.attach_policy("runner", "read", "Custom")
    assert reason(cloud.delete, "RAM::ManagedPolicy", **policy("read")).startswith("DeleteConflict.Policy.Role: ")
    assert len(cloud.ram.get_policy("read", "Custom").versions) == 2


def test_the_unchecked_document_goes_first(cloud: Cloud) -> None:
    cloud.create("RAM::ManagedPolicy", **policy("read"), PolicyDocumentUnchecked=allow("oss:*"))
    assert json.loads(cloud.ram.get_policy("read", "Custom").default.document) == allow("oss:*")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"AssumeRolePolicyDocument": {"Version": "1"}}, "Property AssumeRolePolicyDocument.Statement: required"),
        ({"AssumeRolePolicyDocument": {"Version": "2", "Statement": TRUST["Statement"]}}, "MalformedPolicyDocument: "),
        ({"RoleName": "a b"}, "InvalidParameter.RoleName.InvalidChars: "),
        ({"IgnoreExisting": True}, "Property IgnoreExisting: not implemented: IgnoreExisting"),
        ({"PolicyAttachments": {"Custom": ["none"]}}, "EntityNotExist.Policy: "),
    ],
)
def test_a_role_that_is_refused_is_not_there(cloud: Cloud, given: dict[str, object], expected: str) -> None:
    assert reason(cloud.create, "RAM::Role", **role(**given)).startswith(expected)
    assert cloud.ram.roles() == []


def test_a_user_may_log_on_as_its_properties_say(cloud: Cloud) -> None:
    login = {"Password": "correct-Horse-9", "PasswordResetRequired": "true"}
    given = {"UserName": "anna", "LoginProfile": login}
    cloud.create("RAM::User", **given)
    profile = cloud.ram.login_of("anna")
    assert (profile.reset_required, profile.mfa_required) == (True, False)
    cloud.delete("RAM::User", **given)
    assert "less than 8" in reason(cloud.create, "RAM::User", **{**given, "LoginProfile": {"Password": "short"}})
    assert cloud.ram.users() == []


def test_a_version_that_is_written_as_a_number_is_that_of_a_policy(cloud: Cloud) -> None:
    document = {**allow("oss:GetObject"), "Version": 1}  # as YAML reads it without quotes
    cloud.create("RAM::Role", **role(AssumeRolePolicyDocument={**TRUST, "Version": 1}, Policies=[policy("a")]))
    cloud.create("RAM::ManagedPolicy", PolicyName="reader", PolicyDocument=document)
    assert json.loads(cloud.ram.get_policy("reader", "Custom").default.document)["Version"] == "1"
    assert json.loads(cloud.ram.get_role("runner").trust_policy)["Version"] == "1"
