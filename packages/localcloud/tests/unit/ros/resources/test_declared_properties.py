"""The properties of resource types, held against the vendor's own declarations: those of the installed ros-cdk packages."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from localcloud.ros.resources.custom import CustomResource
from localcloud.ros.resources.datasources.registry import OF_FC, OF_OSS, OF_RAM, OF_SLS
from localcloud.ros.resources.datasources.source import DataSource
from localcloud.ros.resources.fc import FcFunction, FcServiceType, FcTrigger
from localcloud.ros.resources.fc3 import Fc3Function, Fc3Trigger
from localcloud.ros.resources.fc_configs import (
    Fc3AsyncInvokeConfig,
    Fc3ConcurrencyConfig,
    Fc3ProvisionConfig,
    FcProvisionConfig,
)
from localcloud.ros.resources.fc_domains import Fc3CustomDomain, FcCustomDomain
from localcloud.ros.resources.fc_invokers import Fc3FunctionInvoker, FcFunctionInvoker
from localcloud.ros.resources.fc_layers import Fc3LayerVersion, FcLayer
from localcloud.ros.resources.fc_releases import Fc3FunctionVersion, FcAlias, FcVersion
from localcloud.ros.resources.nested import NestedStack
from localcloud.ros.resources.oss import Bucket
from localcloud.ros.resources.provider import Property
from localcloud.ros.resources.ram_attachments import AttachPolicyToGroup, AttachPolicyToRole, AttachPolicyToUser
from localcloud.ros.resources.ram_policies import ManagedPolicy
from localcloud.ros.resources.ram_roles import Role
from localcloud.ros.resources.ram_users import AccessKey, Group, User, UserToGroupAddition
from localcloud.ros.resources.sls import Index, Logstore, Project
from localcloud.ros.resources.waiting import Sleep, WaitCondition, WaitConditionHandle
from tests.support.paths import ROOT

TYPES = (
    Bucket,
    Role,
    ManagedPolicy,
    AttachPolicyToRole,
    AttachPolicyToUser,
    AttachPolicyToGroup,
    User,
    AccessKey,
    Group,
    UserToGroupAddition,
    FcServiceType,
    FcFunction,
    FcTrigger,
    Fc3Function,
    Fc3Trigger,
    FcVersion,
    FcAlias,
    FcProvisionConfig,
    FcLayer,
    FcFunctionInvoker,
    Fc3FunctionInvoker,
    Fc3FunctionVersion,
    Fc3ProvisionConfig,
    Fc3ConcurrencyConfig,
    Fc3AsyncInvokeConfig,
    Fc3LayerVersion,
    FcCustomDomain,
    Fc3CustomDomain,
    Project,
    Logstore,
    Index,
    CustomResource,
    NestedStack,
    WaitConditionHandle,
    WaitCondition,
    Sleep,
)
SOURCES = (*OF_OSS, *OF_RAM, *OF_FC, *OF_SLS)
KINDS = {"string": {"string"}, "number": {"integer", "number"}, "boolean": {"boolean"}}
# Where the documentation is stricter or wider than the vendor's validators, or a check is RAM's own.
ELSEWHERE = {
    "ALIYUN::OSS::Bucket.BucketName": {"minimum", "maximum"},
    "ALIYUN::OSS::Bucket.Tags": {"maximum"},
    "ALIYUN::OSS::Bucket.LifecycleConfiguration.Rule.Expiration.Days": {"minimum"},
    "ALIYUN::OSS::Bucket.LifecycleConfiguration.Rule.AbortMultipartUpload.Days": {"minimum"},
    "ALIYUN::RAM::Role.RoleName": {"minimum", "maximum"},
    "ALIYUN::RAM::Role.Policies.PolicyName": {"minimum"},
    "ALIYUN::RAM::ManagedPolicy.PolicyName": {"minimum"},
    "ALIYUN::RAM::User.UserName": {"minimum", "maximum"},
    "ALIYUN::RAM::User.Policies.PolicyName": {"minimum"},
    "ALIYUN::RAM::Group.GroupName": {"minimum", "maximum"},
    "ALIYUN::RAM::Group.Policies.PolicyName": {"minimum"},
    "ALIYUN::RAM::UserToGroupAddition.GroupName": {"minimum", "maximum"},
    "ALIYUN::FC::Function.InitializationTimeout": {"minimum", "maximum"},
    "ALIYUN::FC3::CustomDomain.Protocol": {"choices"},  # one of which has a comma
    "ALIYUN::ROS::CustomResource.ServiceToken": {"maximum"},
    "ALIYUN::ROS::Stack.TimeoutMins": {"minimum", "maximum"},
    "ALIYUN::ROS::Stack.Tags": {"maximum"},
    "ALIYUN::ROS::CustomResource.Timeout": {"required"},  # 60 seconds, says its page
}


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A property as a ros-cdk package declares it."""

    kind: str  # string, number, boolean, or the function that writes a map
    listed: bool
    required: bool
    limits: Mapping[str, object] = field(default_factory=dict)  # choices, minimum, maximum


@cache
def source(file: str) -> str:
    product = file.rpartition("/")[2]
    spec = find_spec(f"ros_cdk_{product}")
    assert spec is not None
    assert spec.origin is not None
    (archive,) = (Path(spec.origin).parent / "_jsii").glob("*.tgz")
    with tarfile.open(archive) as package:
        member = package.extractfile(f"package/lib/{file}.generated.js")
        assert member is not None
        return member.read().decode()


def body(product: str, function: str) -> str:
    found = re.search(rf"^function {function}\(.*?^}}", source(product), re.DOTALL | re.MULTILINE)
    assert found, function
    return found[0]


def declared(product: str, writer: str) -> dict[str, Declared]:
    """Return the properties that one of a package's functions writes into templates."""
    written = body(product, writer)
    (validator,) = re.findall(r"(\w+Validator)\(properties\)", written)
    checks = body(product, validator)
    required = set(re.findall(r"propertyValidator\('(\w+)', ros\.requiredValidator\)", checks))
    properties = {}
    for name, how, own in re.findall(r"'(\w+)': (.+)\(properties\.(\w+)\)", written):
        mapper = re.sub(r"^ros\.(listMapper|hashMapper)\((.*)\)$", r"\2", how).removeprefix("ros.")
        properties[name] = Declared(
            kind="map" if "hashMapper" in how else mapper.removesuffix("ToRosTemplate"),
            listed="listMapper" in how,
            required=own in required,
            limits=limits(checks, own),
        )
    return properties


def limits(checks: str, own: str) -> dict[str, object]:
    found: dict[str, object] = {}
    choices = re.search(rf"data: properties\.{own},\s*allowedValues: \[(.*?)\]", checks)
    if choices:
        found["choices"] = {each.strip().strip('"') for each in choices[1].split(",")}
    span = re.search(rf"data: properties\.{own}(?:\.length)?,\s*min: (\S+),\s*max: (\S+),", checks)
    if span:
        bounds = zip(("minimum", "maximum"), span.groups(), strict=True)
        found |= {name: float(bound) for name, bound in bounds if bound != "undefined"}
    return found


def compare(path: str, product: str, writer: str, ours: Mapping[str, Property]) -> None:
    theirs = declared(product, writer)
    assert ours.keys() == theirs.keys(), path
    for name, their in theirs.items():
        here, our = f"{path}.{name}", ours[name]
        assert our.required == their.required or "required" in ELSEWHERE.get(here, ()), here
        assert (our.kind == "list") == their.listed, here
        if our.supported != ():
            compare_limits(here, our, their)
        item = our.items if their.listed and our.items else our
        if item.fields:
            compare(here, product, f"{their.kind}ToRosTemplate", item.fields)
        elif their.kind in KINDS and (item is not our or not their.listed):
            assert item.kind in KINDS[their.kind], here


def compare_limits(path: str, our: Property, their: Declared) -> None:
    elsewhere = ELSEWHERE.get(path, set())
    choices = {str(choice) for choice in our.choices} or None
    given = {"choices": choices, "minimum": our.minimum, "maximum": our.maximum}
    ours = {name: limit for name, limit in given.items() if limit is not None and name not in elsewhere}
    assert ours == {name: limit for name, limit in their.limits.items() if name not in elsewhere}, path


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: str(kind.name))
def test_properties_are_those_of_the_vendors_package(kind: type[Bucket]) -> None:
    _, product, name = kind.name.split("::")
    compare(kind.name, product.lower(), f"ros{name}PropsToRosTemplate", kind.properties)


@pytest.mark.parametrize("kind", SOURCES, ids=lambda kind: str(kind.name))
def test_properties_and_attributes_of_a_data_source_are_those_of_the_vendors_package(kind: type[DataSource]) -> None:
    _, product, name = kind.name.split("::")
    file = f"datasource/{product.lower()}"
    compare(kind.name, file, f"ros{name}PropsToRosTemplate", kind.properties)
    (constructor,) = re.findall(rf"^class Ros{name} extends .*?^}}", source(file), re.DOTALL | re.MULTILINE)
    assert {*re.findall(r"this\.attr\w+ = this\.getAtt\('(\w+)'\)", constructor)} == {*kind.returns}


def test_the_documentation_names_every_data_source() -> None:
    page = ROOT.joinpath("docs/reference/resource-types.md").read_text()
    named = {
        f"DATASOURCE::{product}::{name}"
        for product, names in re.findall(r"^\| `DATASOURCE::(\w+)` \| (.*?) \|", page, re.MULTILINE)
        for name in names.split(", ")
    }
    assert named == {kind.name for kind in SOURCES}


def test_the_documentation_tells_what_is_refused_and_what_replaces() -> None:
    page = ROOT.joinpath("docs/reference/resource-types.md").read_text()
    rows = {
        re.findall(r"`(.+?)`", row)[0]: [cell.strip() for cell in row.split("|")[2:5]]
        for row in page.partition("## ")[0].splitlines()
        if row.startswith("| `")
    }
    assert rows.keys() == {kind.name for kind in TYPES}
    for kind in TYPES:
        replacing, refused, _ = rows[kind.name]
        names = [name for name, each in kind.properties.items() if each.replaces]
        assert sorted(filter(None, replacing.split(", "))) == sorted(names) or (replacing, len(names)) == (
            "all",
            len(kind.properties),
        )
        if refused.startswith("as `"):
            refused = rows[refused.split("`")[1]][1]
        for name in (name for name, each in kind.properties.items() if each.supported is not None):
            assert re.search(rf"\b{name}\b", refused) or name == "InstanceType", f"{kind.name}.{name}"
