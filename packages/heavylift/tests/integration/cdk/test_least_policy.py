"""The policy that docs/deploy.md gives to whoever deploys: with it, and nothing else, the stack is made, changed and removed."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import oss2
import pytest
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_ros20190910 import models as ros_models
from alibabacloud_ros20190910.client import Client as RosClient
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi.models import Config

from tests.support.paths import ROOT
from tests.support.waiting import wait_for

PAGE = ROOT / "docs" / "deploy.md"
LOGS = {"Effect": "Allow", "Action": "log:*", "Resource": "acs:log:*:*:project/heavylift-*"}


def documented_policy() -> dict[str, Any]:
    (block,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    policy: dict[str, Any] = json.loads(block)
    return policy


def config(cloud: Any, service: str, **keys: str) -> Config:
    given = {"access_key_id": cloud.access_key_id, "access_key_secret": cloud.access_key_secret, **keys}
    return Config(endpoint=urlsplit(cloud.endpoints[service]).netloc, region_id=cloud.region, protocol="http", **given)


@pytest.mark.node
@pytest.mark.parametrize(("generation", "logs"), [("2.0", False), ("3.0", True)])
def test_the_documented_policy_is_enough_to_deploy_change_and_remove_the_stack(
    cloud: Any, project: Path, synth: Callable[..., Any], rebuild: Callable[..., None], generation: str, logs: bool
) -> None:
    policy = documented_policy()
    if logs:
        assert f"`{LOGS['Action']}` on `{LOGS['Resource']}`" in PAGE.read_text()
        policy["Statement"].append(LOGS)
    name = f"heavylift-{uuid.uuid4().hex[:8]}"
    keys = keys_of_a_role(cloud, f"deployer-{uuid.uuid4().hex[:8]}", policy)
    client = RosClient(config(cloud, "ros", **keys))

    def upload(assembly: Any) -> str:
        auth = oss2.StsAuth(keys["access_key_id"], keys["access_key_secret"], keys["security_token"], auth_version="v4")
        for place, key, content in assembly.assets:
            bucket_name = place.replace("${ALIYUN::Region}", cloud.region)
            bucket = oss2.Bucket(auth, cloud.endpoints["oss"], bucket_name, region=cloud.region)
            bucket.create_bucket()
            bucket.put_object(key, content)
        return json.dumps(assembly.template)

    def settled(stack_id: str) -> Any:
        request = ros_models.GetStackRequest(region_id=cloud.region, stack_id=stack_id)
        wait_for(lambda: not client.get_stack(request).body.status.endswith("_IN_PROGRESS"), 120)
        return client.get_stack(request).body

    settings = {"stackName": name, "generation": generation, "logs": logs}
    create = ros_models.CreateStackRequest(
        region_id=cloud.region,
        stack_name=name,
        template_body=upload(synth(project, out="first", **settings)),
        timeout_in_minutes=10,
    )
    stack = settled(client.create_stack(create).body.stack_id)
    assert (stack.status, stack.status_reason) == ("CREATE_COMPLETE", "Stack CREATE completed successfully")

    rebuild(content=b"other archive", code="# changed\n")
    changed = upload(synth(project, out="second", memory=4096, **settings))
    update = ros_models.UpdateStackRequest(region_id=cloud.region, stack_id=stack.stack_id, template_body=changed)
    client.update_stack(update)
    stack = settled(stack.stack_id)
    assert (stack.status, stack.status_reason) == ("UPDATE_COMPLETE", "Stack UPDATE completed successfully")

    client.delete_stack(ros_models.DeleteStackRequest(region_id=cloud.region, stack_id=stack.stack_id))
    stack = settled(stack.stack_id)
    assert (stack.status, stack.status_reason) == ("DELETE_COMPLETE", "Stack DELETE completed successfully")


def keys_of_a_role(cloud: Any, role: str, policy: dict[str, Any]) -> dict[str, str]:
    """Make a role with one policy, and assume it."""
    ram = RamClient(config(cloud, "ram"))
    principal = {"RAM": [f"acs:ram::{cloud.account_id}:root"]}
    trust = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal}]}
    ram.create_role(ram_models.CreateRoleRequest(role_name=role, assume_role_policy_document=json.dumps(trust)))
    ram.create_policy(ram_models.CreatePolicyRequest(policy_name=role, policy_document=json.dumps(policy)))
    attached = ram_models.AttachPolicyToRoleRequest(policy_type="Custom", policy_name=role, role_name=role)
    ram.attach_policy_to_role(attached)
    asked = sts_models.AssumeRoleRequest(role_arn=f"acs:ram::{cloud.account_id}:role/{role}", role_session_name="tests")
    keys = StsClient(config(cloud, "sts")).assume_role(asked).body.credentials
    return {
        "access_key_id": keys.access_key_id,
        "access_key_secret": keys.access_key_secret,
        "security_token": keys.security_token,
    }
