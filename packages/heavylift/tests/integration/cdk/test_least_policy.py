"""The policy that docs/deploy.md gives to whoever deploys: with it, and nothing else, the stack is made, changed and removed."""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_ros20190910 import models as ros_models
from alibabacloud_ros20190910.client import Client as RosClient
from darabonba.exceptions import DaraException

from tests.support.paths import ROOT
from tests.support.roles import make_user
from tests.support.signers import Key
from tests.support.waiting import wait_for

PAGE = ROOT / "docs" / "deploy.md"
LOGS = {"Effect": "Allow", "Action": "log:*", "Resource": "acs:log:*:*:project/heavylift-*"}


def documented_policy() -> dict[str, Any]:
    (block,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    policy: dict[str, Any] = json.loads(block)
    return policy


def upload(cloud: Any, key: Key, assembly: Any) -> str:
    """Upload the assets of a synthesized app, and return its template."""
    for place, name, content in assembly.assets:
        bucket = cloud.bucket(place.replace("${ALIYUN::Region}", cloud.region), key)
        bucket.create_bucket()
        bucket.put_object(name, content)
    return json.dumps(assembly.template)


def settled(cloud: Any, client: RosClient, stack_id: str) -> Any:
    """Return a stack when nothing is in progress any more."""
    request = ros_models.GetStackRequest(region_id=cloud.region, stack_id=stack_id)
    wait_for(lambda: not client.get_stack(request).body.status.endswith("_IN_PROGRESS"), 120)
    return client.get_stack(request).body


@pytest.mark.node
def test_no_statement_of_the_documented_policy_can_be_left_out(
    cloud: Any, project: Path, synth: Callable[..., Any]
) -> None:
    statements = documented_policy()["Statement"]
    name = f"heavylift-{uuid.uuid4().hex[:8]}"
    template = upload(cloud, cloud.key, synth(project, out="cdk", stackName=name, generation="2.0", logs=False))
    for missing in statements:
        key = make_user(cloud, *(one for one in statements if one is not missing))
        client = RosClient(cloud.config("ros", key))
        create = ros_models.CreateStackRequest(
            region_id=cloud.region, stack_name=name, template_body=template, timeout_in_minutes=10
        )
        service = missing["Action"][0] if isinstance(missing["Action"], list) else missing["Action"]
        service = service.partition(":")[0]
        if service == "ros":
            with pytest.raises(DaraException) as caught:
                client.create_stack(create)
            assert "ros:CreateStack" in str(caught.value)
            continue
        stack = settled(cloud, client, client.create_stack(create).body.stack_id)
        assert stack.status == "CREATE_ROLLBACK_COMPLETE"
        assert f"{service}:" in stack.status_reason
        delete = ros_models.DeleteStackRequest(region_id=cloud.region, stack_id=stack.stack_id)
        client.delete_stack(delete)
        settled(cloud, client, stack.stack_id)


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
    key = make_user(cloud, *policy["Statement"])
    client = RosClient(cloud.config("ros", key))

    settings = {"stackName": name, "generation": generation, "logs": logs}
    create = ros_models.CreateStackRequest(
        region_id=cloud.region,
        stack_name=name,
        template_body=upload(cloud, key, synth(project, out="first", **settings)),
        timeout_in_minutes=10,
    )
    stack = settled(cloud, client, client.create_stack(create).body.stack_id)
    assert (stack.status, stack.status_reason) == ("CREATE_COMPLETE", "Stack CREATE completed successfully")

    rebuild(content=b"other archive", code="# changed\n")
    changed = upload(cloud, key, synth(project, out="second", memory=4096, **settings))
    update = ros_models.UpdateStackRequest(region_id=cloud.region, stack_id=stack.stack_id, template_body=changed)
    client.update_stack(update)
    stack = settled(cloud, client, stack.stack_id)
    assert (stack.status, stack.status_reason) == ("UPDATE_COMPLETE", "Stack UPDATE completed successfully")

    client.delete_stack(ros_models.DeleteStackRequest(region_id=cloud.region, stack_id=stack.stack_id))
    stack = settled(cloud, client, stack.stack_id)
    assert (stack.status, stack.status_reason) == ("DELETE_COMPLETE", "Stack DELETE completed successfully")
