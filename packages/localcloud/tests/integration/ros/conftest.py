"""Stacks through the official SDK."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_ros20190910 import models
from alibabacloud_ros20190910.client import Client

from tests.support.cloud import Cloud
from tests.support.roles import assume_role
from tests.support.signers import Key
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


def make_ros(cloud: Cloud, key: Key | None = None, **options: Any) -> Ros:
    return Ros(client=Client(cloud.config("ros", key, **options)), region=cloud.region)


@pytest.fixture
def connect() -> Callable[..., Ros]:
    """Make a client of any embedded cloud, with any key."""
    return make_ros


@pytest.fixture
def ros(cloud: Any) -> Ros:
    return make_ros(cloud)


@pytest.fixture
def ram(cloud: Any) -> RamClient:
    return RamClient(cloud.config("ram"))


@pytest.fixture
def allowed(cloud: Any) -> Callable[..., Ros]:
    """Make a ROS client of a new role that may do some actions, on anything."""

    def make(*actions: str, cloud: Any = cloud) -> Ros:
        return make_ros(cloud, assume_role(cloud, {"Effect": "Allow", "Action": list(actions), "Resource": "*"}))

    return make
