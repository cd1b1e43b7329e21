"""Service-linked roles through the official Python SDK's core."""

from __future__ import annotations

import json
from functools import partial

import pytest

from tests.support import core
from tests.support.cloud import Cloud
from tests.support.roles import assume_role

ask = partial(core.ask, product="ResourceManager")
refusal = partial(core.refusal, product="ResourceManager")
FC = "fc.aliyuncs.com"


def test_the_role_of_function_compute_is_made_once_in_each_account(cloud: Cloud) -> None:
    account = cloud.account("linked")
    assert ask(account, "CheckServiceLinkedRoleExistence", ServiceName=FC)["Exists"] is False
    role = ask(account, "CreateServiceLinkedRole", ServiceName=FC)["Role"]
    assert (role["RoleName"], role["IsServiceLinkedRole"]) == ("AliyunServiceRoleForFC", True)
    assert role["Arn"] == f"acs:ram::{account.account_id}:role/AliyunServiceRoleForFC"
    assert json.loads(role["AssumeRolePolicyDocument"])["Statement"][0]["Principal"] == {"Service": [FC]}
    assert ask(account, "CheckServiceLinkedRoleExistence", ServiceName=FC)["Exists"] is True
    assert refusal(account, "CreateServiceLinkedRole", ServiceName=FC) == (409, "EntityAlreadyExists.Role")
    assert ask(cloud, "CheckServiceLinkedRoleExistence", ServiceName=FC)["Exists"] is False


@pytest.mark.parametrize(
    ("action", "parameters", "expected"),
    [
        ("CheckServiceLinkedRoleExistence", {}, (400, "MissingParameter")),
        ("CreateServiceLinkedRole", {"ServiceName": "ecs.aliyuncs.com"}, (400, "InvalidParameter.ServiceName")),
        (
            *("CreateServiceLinkedRole", {"ServiceName": FC, "CustomSuffix": "x"}),
            (400, "InvalidParameter.CustomSuffix.NotAllowed"),
        ),
    ],
)
def test_what_is_wrong_is_refused(
    cloud: Cloud, action: str, parameters: dict[str, str], expected: tuple[int, str]
) -> None:
    assert refusal(cloud, action, **parameters) == expected


def test_a_role_needs_ram_s_right_to_the_service(cloud: Cloud) -> None:
    allowed = {"StringEquals": {"ram:ServiceName": FC}}
    statement = {"Effect": "Allow", "Action": "ram:Check*", "Resource": "*", "Condition": allowed}
    key = assume_role(cloud, statement)
    assert "Exists" in ask(cloud, "CheckServiceLinkedRoleExistence", key, ServiceName=FC)
    for action, service in (("CheckServiceLinkedRoleExistence", "x.aliyuncs.com"), ("CreateServiceLinkedRole", FC)):
        assert refusal(cloud, action, key, ServiceName=service) == (403, "NoPermission")
