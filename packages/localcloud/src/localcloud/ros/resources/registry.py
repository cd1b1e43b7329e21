"""The resource types that the embedded ROS has. A type that is not here is not implemented."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from localcloud.fc.interface import Releases
from localcloud.oss.model import Buckets
from localcloud.ram import RamService
from localcloud.ros.resources.custom import Callbacks, CustomResource
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
from localcloud.ros.resources.oss import Bucket
from localcloud.ros.resources.provider import ResourceType
from localcloud.ros.resources.ram_attachments import AttachPolicyToGroup, AttachPolicyToRole, AttachPolicyToUser
from localcloud.ros.resources.ram_policies import ManagedPolicy
from localcloud.ros.resources.ram_roles import Role
from localcloud.ros.resources.ram_users import AccessKey, Group, User, UserToGroupAddition
from localcloud.ros.resources.sls import Index, Logstore, Project, adopt_records
from localcloud.sls.operations.service import SlsService


def resource_types(
    *, buckets: Buckets, ram: RamService, fc: Releases, sls: SlsService, callbacks: Callbacks, folder: Path
) -> Mapping[str, ResourceType]:
    """Return the resource types by name.

    Args:
        buckets: where buckets are made.
        ram: where roles, users, groups and policies are made.
        fc: where functions are made, and custom resources' functions run.
        sls: where projects and logstores are made.
        callbacks: where custom resources' functions report.
        folder: where ROS itself recorded projects and logstores once.

    Raises:
        LocalCloudError: these records cannot be read.
    """
    adopt_records(folder / "sls.json", sls)
    types: tuple[ResourceType, ...] = (
        Bucket(buckets),
        Role(ram),
        ManagedPolicy(ram),
        AttachPolicyToRole(ram),
        AttachPolicyToUser(ram),
        AttachPolicyToGroup(ram),
        User(ram),
        AccessKey(ram),
        Group(ram),
        UserToGroupAddition(ram),
        FcServiceType(fc),
        FcFunction(fc),
        FcTrigger(fc),
        Fc3Function(fc),
        Fc3Trigger(fc),
        FcVersion(fc),
        FcAlias(fc),
        FcProvisionConfig(fc),
        FcLayer(fc),
        FcCustomDomain(fc),
        FcFunctionInvoker(fc),
        Fc3FunctionVersion(fc),
        Fc3ProvisionConfig(fc),
        Fc3ConcurrencyConfig(fc),
        Fc3AsyncInvokeConfig(fc),
        Fc3LayerVersion(fc),
        Fc3CustomDomain(fc),
        Fc3FunctionInvoker(fc),
        Project(sls),
        Logstore(sls),
        Index(sls),
        CustomResource(fc, callbacks),
    )
    return {each.name: each for each in types}
