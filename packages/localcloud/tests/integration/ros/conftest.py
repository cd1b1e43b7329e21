"""Stacks through the official SDK."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_ros20190910 import models
from alibabacloud_ros20190910.client import Client
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi.utils_models import Config

from tests.support.waiting import wait_for


@dataclass
class Ros:
    """A client of one region, and what tests do again and again with it."""

    client: Client
    region: str

    def create(self, name: str, template: Mapping[str, Any] | str, **options: Any) -> str:
        """Begin to create a stack; return its id."""
        request = models.CreateStackRequest(
            region_id=self.region,
            stack_name=name,
            template_body=template if isinstance(template, str) else json.dumps(template),
            timeout_in_minutes=10,
            **options,
        )
        return str(self.client.create_stack(request).body.stack_id)

    def update(self, stack_id: str, template: Mapping[str, Any], **options: Any) -> None:
        request = models.UpdateStackRequest(
            region_id=self.region, stack_id=stack_id, template_body=json.dumps(template), **options
        )
        self.client.update_stack(request)

    def delete(self, stack_id: str) -> Any:
        self.client.delete_stack(models.DeleteStackRequest(region_id=self.region, stack_id=stack_id))
        return self.settled(stack_id)

    def stack(self, stack_id: str) -> Any:
        return self.client.get_stack(models.GetStackRequest(region_id=self.region, stack_id=stack_id)).body

    def settled(self, stack_id: str, seconds: float = 60) -> Any:
        """Wait until nothing goes on with a stack."""
        wait_for(lambda: not self.stack(stack_id).status.endswith("_IN_PROGRESS"), seconds)
        return self.stack(stack_id)

    def deployed(self, template: Mapping[str, Any], **options: Any) -> Any:
        """Create a stack of a new name and wait."""
        return self.settled(self.create("test-" + uuid.uuid4().hex[:12], template, **options))

    def resources(self, stack_id: str) -> dict[str, Any]:
        request = models.ListStackResourcesRequest(region_id=self.region, stack_id=stack_id)
        return {each.logical_resource_id: each for each in self.client.list_stack_resources(request).body.resources}


def make_ros(cloud: Any, **credentials: str) -> Ros:
    keys = {"access_key_id": cloud.access_key_id, "access_key_secret": cloud.access_key_secret, **credentials}
    config = Config(endpoint=urlsplit(cloud.endpoints["ros"]).netloc, protocol="http", region_id=cloud.region, **keys)
    return Ros(client=Client(config), region=cloud.region)


@pytest.fixture
def connect() -> Callable[..., Ros]:
    """Make a client of any embedded cloud, with any key."""
    return make_ros


@pytest.fixture
def ros(cloud: Any) -> Ros:
    return make_ros(cloud)


def config(cloud: Any, service: str) -> Config:
    return Config(
        access_key_id=cloud.access_key_id,
        access_key_secret=cloud.access_key_secret,
        endpoint=urlsplit(cloud.endpoints[service]).netloc,
        region_id=cloud.region,
        protocol="http",
    )


@pytest.fixture
def ram(cloud: Any) -> RamClient:
    return RamClient(config(cloud, "ram"))


@pytest.fixture
def allowed(cloud: Any) -> Callable[..., Ros]:
    """Make a ROS client of a new role that may do some actions, on anything."""

    def make(*actions: str, cloud: Any = cloud) -> Ros:
        ram = RamClient(config(cloud, "ram"))
        policy = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]}
        name = "deployer-" + uuid.uuid4().hex[:8]
        trust = {
            "Version": "1",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "sts:AssumeRole",
                    "Principal": {"RAM": [f"acs:ram::{cloud.account_id}:root"]},
                }
            ],
        }
        ram.create_role(ram_models.CreateRoleRequest(role_name=name, assume_role_policy_document=json.dumps(trust)))
        ram.create_policy(ram_models.CreatePolicyRequest(policy_name=name, policy_document=json.dumps(policy)))
        ram.attach_policy_to_role(
            ram_models.AttachPolicyToRoleRequest(policy_type="Custom", policy_name=name, role_name=name)
        )
        request = sts_models.AssumeRoleRequest(
            role_arn=f"acs:ram::{cloud.account_id}:role/{name}", role_session_name="tests"
        )
        keys = StsClient(config(cloud, "sts")).assume_role(request).body.credentials
        return make_ros(
            cloud,
            access_key_id=keys.access_key_id,
            access_key_secret=keys.access_key_secret,
            security_token=keys.security_token,
        )

    return make
