"""The template of the stack that a measurement deploys: a role, and the function once for each way. Pure.

The archives lie in the measurement's own bucket, which stands for the function's as well. All names begin with `heavylift-`, as the
policy of whoever deploys has them (docs/deploy.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from heavylift.clouds.invocation import TYPES, FunctionName
from heavylift.measure.subject import Subject, names_others

# Of the function's own properties; the others name what its stack has beside it.
KEPT = ("Handler", "Runtime", "MemorySize", "Cpu", "DiskSize", "Timeout", "InternetAccess")
START = ("Initializer", "InitializationTimeout", "InstanceLifecycleConfig")  # the loader's
ARTICLE_TIMEOUT = 600  # seconds; its first request loads
LARGE_DISK = 10240  # MB


@dataclass(frozen=True, kw_only=True, slots=True)
class Way:
    """One way to bring the libraries.

    Attributes:
        name: of the way, part of the function's name.
        code: the key of its code package.
        archives: the keys of its archives, by the variables that name them.
        loads_first: whether the first request loads, not the initializer.
    """

    name: str
    code: str
    archives: Mapping[str, str]
    loads_first: bool = False


def function_name(subject: Subject, stack: str, way: Way) -> FunctionName:
    """Return the name of the function of a way."""
    return FunctionName(service=stack if subject.type == TYPES[0] else None, name=f"{stack}-{way.name}")


def left_out(subject: Subject) -> list[str]:
    """Return the names of the variables that name resources of the function's own stack."""
    return sorted(name for name, value in subject.environment.items() if name != "Bucket" and names_others(value))


def make_template(subject: Subject, *, stack: str, bucket: str, ways: tuple[Way, ...]) -> dict[str, Any]:
    """Return the template.

    Args:
        subject: the function.
        stack: the name of the stack, and of what is in it.
        bucket: holds code packages and archives.
        ways: how the function loads.
    """
    role = {"Fn::GetAtt": ["Role", "Arn"]}
    resources: dict[str, Any] = {"Role": _role(stack, bucket)}
    if subject.type == TYPES[0]:
        service = {"ServiceName": stack, "Role": role, "InternetAccess": True}
        resources["Service"] = {"Type": "ALIYUN::FC::Service", "Properties": service}
        owner: dict[str, Any] = {"ServiceName": {"Fn::GetAtt": ["Service", "ServiceName"]}}
    else:
        owner = {"Role": role}
    for way in ways:
        properties = {
            **function_properties(subject, way, bucket=bucket),
            **owner,
            "FunctionName": f"{stack}-{way.name}",
        }
        resources[f"{way.name.capitalize()}Function"] = {"Type": subject.type, "Properties": properties}
    return {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Description": "A measurement by `heavylift measure`, which removes it when it ends",
        "Resources": resources,
    }


def function_properties(subject: Subject, way: Way, *, bucket: str) -> dict[str, Any]:
    """Return the properties of the function of a way, but for its name and owner.

    Args:
        subject: the function.
        way: how it loads.
        bucket: holds its code package and archives.
    """
    given = subject.properties
    kept = KEPT if way.loads_first else (*KEPT, *START)
    properties = {name: given[name] for name in kept if name in given}
    if way.loads_first:
        properties["Timeout"] = max(int(given.get("Timeout", 0)), ARTICLE_TIMEOUT)
        properties["DiskSize"] = LARGE_DISK  # the zip and its files lie there together
    gone = left_out(subject)
    variables = {name: value for name, value in subject.environment.items() if name not in gone}
    properties["EnvironmentVariables"] = {**variables, **way.archives, "Bucket": bucket}
    properties["Code"] = {"OssBucketName": bucket, "OssObjectName": way.code}
    return properties


def _role(stack: str, bucket: str) -> dict[str, Any]:
    trust = {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": ["fc.aliyuncs.com"]}}
    allowed = {
        "Effect": "Allow",
        "Action": ["oss:GetObject", "oss:PutObject"],
        "Resource": [f"acs:oss:*:*:{bucket}/*"],
    }
    return {
        "Type": "ALIYUN::RAM::Role",
        "Properties": {
            "RoleName": stack,
            "AssumeRolePolicyDocument": {"Version": "1", "Statement": [trust]},
            "Policies": [{"PolicyName": stack, "PolicyDocument": {"Version": "1", "Statement": [allowed]}}],
            "DeletionForce": True,
        },
    }
