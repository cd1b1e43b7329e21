"""Data sources on the real services, in process: what they tell, to whom, and when."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from localcloud.kernel.access import Caller
from localcloud.kernel.identity import Identity
from localcloud.ros.model import Resource, ResourceStatus
from localcloud.ros.operations.plan import Step, plan_apply
from localcloud.ros.resources.datasources.registry import data_sources
from localcloud.ros.resources.datasources.source import DataSource
from localcloud.ros.resources.provider import Context
from localcloud.ros.resources.schema import check_properties
from tests.support.resource_types import ACCOUNT, BASE, CONTEXT, SAMPLES, Cloud, reason

MADE = (
    "OSS::Bucket",
    "RAM::ManagedPolicy",
    "RAM::User",
    "FC::Trigger",
    "FC::Alias",
    "FC::CustomDomain",
    "SLS::Project",
)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """A cloud that holds some of each, which no test changes."""
    cloud = Cloud(tmp_path_factory.mktemp("filled"))
    for name, properties in [*BASE, *((name, SAMPLES[name]) for name in MADE)]:
        cloud.create(name, **properties)
    cloud.create("RAM::AttachPolicyToRole", RoleName="base", PolicyName="reader", PolicyType="Custom")
    yield cloud
    cloud.close()


def sources(cloud: Cloud) -> Mapping[str, DataSource]:
    return data_sources(buckets=cloud.oss.buckets, ram=cloud.ram, fc=cloud.fc, sls=cloud.sls)


def read(cloud: Cloud, name: str, context: Context = CONTEXT, **given: object) -> Any:
    source = sources(cloud)[f"DATASOURCE::{name}"]
    properties = check_properties(source.properties, given)
    made = asyncio.run(source.create(context, properties))
    assert made.attributes.keys() == {*source.returns}
    assert asyncio.run(source.update(context, made.physical_id, properties, properties)) == made
    asyncio.run(source.delete(context, made.physical_id, properties))
    return made.attributes


@pytest.mark.parametrize(
    ("name", "given", "names"),
    [
        ("OSS::Buckets", {}, ["base-pictures", "photos"]),
        ("RAM::Roles", {"RoleName": "b*"}, ["base"]),
        ("RAM::Roles", {"RoleName": "c*"}, []),
        ("RAM::Users", {"GroupName": "base"}, ["anna"]),
        ("RAM::Users", {"UserName": "?ase"}, ["base"]),
        ("RAM::Groups", {"UserName": "anna"}, ["base"]),
        ("RAM::Policies", {"PolicyType": "Custom"}, ["reader"]),
        ("RAM::Policies", {"RoleName": "base"}, ["reader"]),
        ("FC::Services", {"Prefix": "ali"}, ["aliased"]),
        ("FC::Functions", {"ServiceName": "base", "Qualifier": "LATEST"}, ["base"]),
        ("FC::Functions", {"ServiceName": "base", "Prefix": "x"}, []),
        ("FC::Triggers", {"ServiceName": "base", "FunctionName": "base"}, ["incoming"]),
        ("FC::Aliases", {"ServiceName": "aliased"}, ["prod"]),
        ("FC::CustomDomains", {}, ["www.example.com"]),
        ("SLS::Projects", {}, ["base", "logs"]),
    ],
)
def test_a_list_tells_the_names_and_what_each_is(
    filled: Cloud, name: str, given: dict[str, Any], names: list[str]
) -> None:
    of_names, details = read(filled, name, **given).values()
    assert of_names == names
    assert [
        next(value for key, value in each.items() if key.endswith("Name") or key == "Name") for each in details
    ] == names


def test_what_is_named_is_described(filled: Cloud) -> None:
    assert (
        read(filled, "OSS::Bucket", BucketName="photos")["IntranetEndpoint"] == "oss-cn-hangzhou-internal.aliyuncs.com"
    )
    assert read(filled, "RAM::Role", RoleName="base")["Arn"] == f"acs:ram::{ACCOUNT}:role/base"
    anna = read(filled, "RAM::User", UserName="anna")
    assert read(filled, "RAM::User", UserId=anna["UserId"]) == anna
    asks = replace(CONTEXT, caller=Caller(identity=Identity(account_id=ACCOUNT, user_id=anna["UserId"])))
    assert read(filled, "RAM::User", asks) == anna
    assert read(filled, "SLS::Project", ProjectName="logs")["Status"] == "Normal"
    assert read(filled, "SLS::Logstores", Project="base", LogstoreName="ase") == {"Logstores": ["base"]}


def test_what_is_not_there_fails_with_the_services_own_code(filled: Cloud) -> None:
    assert reason(read, filled, "OSS::Bucket", BucketName="absent").startswith("NoSuchBucket: ")
    assert reason(read, filled, "RAM::Role", RoleName="absent").startswith("EntityNotExist.Role: ")
    assert reason(read, filled, "FC::Functions", ServiceName="absent").startswith("ServiceNotFound: ")
    assert "whoever asks is no RAM user" in reason(read, filled, "RAM::User")


OSS_ARN, RAM_ARN = f"acs:oss:oss-cn-hangzhou:{ACCOUNT}", f"acs:ram::{ACCOUNT}"
FC_ARN, LOG_ARN = f"acs:fc:cn-hangzhou:{ACCOUNT}", f"acs:log:cn-hangzhou:{ACCOUNT}"


@pytest.mark.parametrize(
    ("name", "given", "rights"),
    [
        ("OSS::Bucket", {"BucketName": "b"}, [("oss:GetBucketInfo", f"{OSS_ARN}:b")]),
        ("OSS::Buckets", {}, [("oss:ListBuckets", f"{OSS_ARN}:*")]),
        ("RAM::Role", {"RoleName": "r"}, [("ram:GetRole", f"{RAM_ARN}:role/r")]),
        ("RAM::Roles", {}, [("ram:ListRoles", f"{RAM_ARN}:role/*")]),
        ("RAM::User", {"UserName": "anna"}, [("ram:GetUser", f"{RAM_ARN}:user/anna")]),
        ("RAM::Users", {}, [("ram:ListUsers", f"{RAM_ARN}:user/*")]),
        (
            "RAM::Users",
            {"GroupName": "g"},
            [("ram:ListUsers", f"{RAM_ARN}:user/*"), ("ram:ListUsersForGroup", f"{RAM_ARN}:group/g")],
        ),
        (
            "RAM::Groups",
            {"UserName": "u"},
            [("ram:ListGroups", f"{RAM_ARN}:group/*"), ("ram:ListGroupsForUser", f"{RAM_ARN}:user/u")],
        ),
        (
            "RAM::Policies",
            {"RoleName": "r"},
            [("ram:ListPolicies", f"{RAM_ARN}:policy/*"), ("ram:ListPoliciesForRole", f"{RAM_ARN}:role/r")],
        ),
        ("FC::Services", {}, [("fc:ListServices", f"{FC_ARN}:services/*")]),
        ("FC::Functions", {"ServiceName": "s"}, [("fc:ListFunctions", f"{FC_ARN}:services/s/functions/*")]),
        (
            "FC::Triggers",
            {"ServiceName": "s", "FunctionName": "f"},
            [("fc:ListTriggers", f"{FC_ARN}:services/s/functions/f/triggers/*")],
        ),
        ("FC::Aliases", {"ServiceName": "s"}, [("fc:ListAliases", f"{FC_ARN}:services/s/aliases/*")]),
        ("FC::CustomDomains", {}, [("fc:ListCustomDomains", f"{FC_ARN}:custom-domains/*")]),
        ("SLS::Project", {"ProjectName": "p"}, [("log:GetProject", f"{LOG_ARN}:project/p")]),
        ("SLS::Projects", {}, [("log:ListProject", f"{LOG_ARN}:project/*")]),
        ("SLS::Logstores", {"Project": "p"}, [("log:ListLogStores", f"{LOG_ARN}:project/p/logstore/*")]),
    ],
)
def test_whoever_deploys_needs_the_rights_to_look_and_none_to_let_go(
    filled: Cloud, name: str, given: dict[str, Any], rights: list[tuple[str, str]]
) -> None:
    source = sources(filled)[f"DATASOURCE::{name}"]
    assert [(each.action, each.resource) for each in source.rights(CONTEXT, None, given)] == rights
    assert not [*source.rights(CONTEXT, given, None)]


@pytest.mark.parametrize(("given", "step"), [({}, Step.KEEP), ({"RefreshOptions": "Always"}, Step.UPDATE)])
def test_an_update_of_the_stack_refreshes_what_asks_for_it(filled: Cloud, given: dict[str, object], step: Step) -> None:
    source = sources(filled)["DATASOURCE::OSS::Buckets"]
    current = Resource(
        logical_id="All",
        type=source.name,
        physical_id="id",
        properties=given,
        status=ResourceStatus.CREATE_COMPLETE,
        created=0.0,
        updated=0.0,
    )
    assert plan_apply(source.properties, source.name, current, given) is step
