"""Resource groups through the official Python SDK's core."""

from __future__ import annotations

import uuid
from functools import partial
from typing import Any

import pytest

from tests.support import core
from tests.support.cloud import Cloud
from tests.support.roles import assume_role

ask = partial(core.ask, product="ResourceManager")
refusal = partial(core.refusal, product="ResourceManager")


def test_there_is_a_default_group_and_those_that_are_made(cloud: Cloud) -> None:
    name = "g-" + uuid.uuid4().hex[:12]
    made = ask(cloud, "CreateResourceGroup", Name=name, DisplayName="A group")["ResourceGroup"]
    assert (made["Name"], made["DisplayName"], made["Status"], made["AccountId"]) == (
        *(name, "A group", "OK"),
        cloud.account_id,
    )
    listed = ask(cloud, "ListResourceGroups", PageSize=100)
    groups = {each["Id"]: each["Name"] for each in listed["ResourceGroups"]["ResourceGroup"]}
    assert (groups["rg-default"], groups[made["Id"]], listed["TotalCount"]) == ("default", name, len(groups))
    assert ask(cloud, "ListResourceGroups", Name=name)["TotalCount"] == 1
    changed = ask(cloud, "UpdateResourceGroup", ResourceGroupId=made["Id"], NewDisplayName="Another")["ResourceGroup"]
    assert ask(cloud, "GetResourceGroup", ResourceGroupId=made["Id"])["ResourceGroup"] == changed
    assert refusal(cloud, "CreateResourceGroup", Name=name, DisplayName="x") == (
        409,
        "EntityAlreadyExists.ResourceGroup",
    )
    ask(cloud, "DeleteResourceGroup", ResourceGroupId=made["Id"])
    gone = ask(cloud, "GetResourceGroup", ResourceGroupId=made["Id"])["ResourceGroup"]
    assert gone["Status"] == "PendingDelete"


@pytest.mark.parametrize(
    ("action", "parameters", "expected"),
    [
        ("GetResourceGroup", {"ResourceGroupId": "rg-none"}, (404, "EntityNotExist.ResourceGroup")),
        ("GetResourceGroup", {}, (400, "MissingParameter")),
        ("CreateResourceGroup", {"Name": "1a", "DisplayName": "x"}, (400, "InvalidParameter.Name")),
        ("CreateResourceGroup", {"Name": "abc", "DisplayName": "x" * 51}, (400, "InvalidParameter.DisplayName")),
        ("DeleteResourceGroup", {"ResourceGroupId": "rg-default"}, (409, "DeleteConflict.ResourceGroup")),
        ("ListResourceGroups", {"PageSize": 101}, (400, "InvalidParameter.PageSize")),
        ("MoveResources", {}, (404, "InvalidAction.NotFound")),
    ],
)
def test_what_is_wrong_is_refused(
    cloud: Cloud, action: str, parameters: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert refusal(cloud, action, **parameters) == expected


def test_a_role_needs_the_right(cloud: Cloud) -> None:
    key = assume_role(cloud, {"Effect": "Allow", "Action": "resourcemanager:GetResourceGroup", "Resource": "*"})
    assert ask(cloud, "GetResourceGroup", key, ResourceGroupId="rg-default")["ResourceGroup"]["Name"] == "default"
    assert refusal(cloud, "ListResourceGroups", key) == (403, "NoPermission")


def test_groups_are_each_account_s_own(cloud: Cloud) -> None:
    other, name = cloud.account("other"), "g-" + uuid.uuid4().hex[:12]
    made = [
        ask(each, "CreateResourceGroup", Name=name, DisplayName="A group")["ResourceGroup"] for each in (cloud, other)
    ]
    assert [each["AccountId"] for each in made] == [cloud.account_id, other.account_id]
    assert refusal(other, "GetResourceGroup", ResourceGroupId=made[0]["Id"])[0] == 404
