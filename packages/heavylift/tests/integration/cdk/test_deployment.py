"""The stack and its deployment handler on the embedded cloud: official SDKs ask, real functions copy."""

from __future__ import annotations

import importlib
import json
import sys
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

import oss2
import pytest
from alibabacloud_fc20230330 import models as fc3_models
from alibabacloud_fc20230330.client import Client as Fc3Client
from alibabacloud_fc_open20210406 import models as fc2_models
from alibabacloud_fc_open20210406.client import Client as Fc2Client
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_ros20190910 import models as ros_models
from alibabacloud_ros20190910.client import Client as RosClient

from heavylift.contracts.failures import AccessDeniedError, DeadlineError, ObjectChangedError, ObjectNotFoundError
from heavylift.contracts.manifest import read_build, write_manifest
from heavylift.runtime.credentials import Credentials
from heavylift.runtime.retries import Deadline
from tests.support.paths import HANDLER
from tests.support.roles import assume_role
from tests.support.waiting import wait_for

Running = Any  # the running cloud of tests/support/cloud.py
Synth = Callable[..., Any]  # of conftest.py


class Stack:
    """One stack through the official SDK."""

    def __init__(self, cloud: Running, name: str) -> None:
        self.cloud = cloud
        self.name = name
        self.client = RosClient(cloud.config("ros"))
        self.id = ""

    def deploy(self, assembly: Any, *, without: str = "") -> Any:
        """Upload the assets (but those whose key contains `without`), create or update the stack, and wait."""
        for place, key, content in assembly.assets:
            bucket = self.cloud.bucket(place.replace("${ALIYUN::Region}", self.cloud.region))
            bucket.create_bucket()
            if not without or without not in key:
                bucket.put_object(key, content)
        body = json.dumps(assembly.template)
        if not self.id:
            self.id = self.client.create_stack(
                ros_models.CreateStackRequest(
                    region_id=self.cloud.region, stack_name=self.name, template_body=body, timeout_in_minutes=10
                )
            ).body.stack_id
        else:
            self.client.update_stack(
                ros_models.UpdateStackRequest(region_id=self.cloud.region, stack_id=self.id, template_body=body)
            )
        return self.wait()

    def wait(self) -> Any:
        request = ros_models.GetStackRequest(region_id=self.cloud.region, stack_id=self.id)
        wait_for(lambda: not self.client.get_stack(request).body.status.endswith("_IN_PROGRESS"), 120)
        return self.client.get_stack(request).body

    def delete(self) -> Any:
        self.client.delete_stack(ros_models.DeleteStackRequest(region_id=self.cloud.region, stack_id=self.id))
        return self.wait()

    def physical_ids(self) -> dict[str, str]:
        """The physical ids of the stack's resources, by their logical ones."""
        request = ros_models.ListStackResourcesRequest(region_id=self.cloud.region, stack_id=self.id)
        found = self.client.list_stack_resources(request).body.resources
        return {each.logical_resource_id: each.physical_resource_id for each in found}

    def reasons(self) -> str:
        """The reasons for which resources failed."""
        request = ros_models.ListStackEventsRequest(region_id=self.cloud.region, stack_id=self.id)
        return "\n".join(event.status_reason for event in self.client.list_stack_events(request).body.events)


@pytest.fixture
def stack(cloud: Running) -> Iterator[Stack]:
    """A stack of a new name; it is deleted in the end."""
    made = Stack(cloud, f"test-{uuid.uuid4().hex[:10]}")
    yield made
    if made.id:
        made.delete()


def outputs(described: Any) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in described.outputs}


def keys(bucket: oss2.Bucket) -> set[str]:
    return {each.key for each in oss2.ObjectIterator(bucket)}


def leftovers(cloud: Running, name: str) -> list[str]:
    """Whatever of the account still carries the stack's name."""
    service = oss2.Service(
        oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret), cloud.endpoints["oss"], region=cloud.region
    )
    ram = RamClient(cloud.config("ram"))
    found = [each.name for each in oss2.BucketIterator(service)]
    found += [each.role_name for each in ram.list_roles(ram_models.ListRolesRequest()).body.roles.role]
    policies = ram.list_policies(ram_models.ListPoliciesRequest(policy_type="Custom")).body.policies.policy
    found += [each.policy_name for each in policies]
    fc2 = Fc2Client(cloud.config("fc"))
    found += [each.service_name for each in fc2.list_services(fc2_models.ListServicesRequest()).body.services]
    return [each for each in found if name in each]


@pytest.mark.node
@pytest.mark.parametrize("generation", ["2.0", "3.0"])
def test_a_stack_from_nothing_to_nothing(
    cloud: Running, project: Path, synth: Synth, rebuild: Callable[..., None], stack: Stack, generation: str
) -> None:
    settings = {
        "stackName": stack.name,
        "generation": generation,
        "logs": True,
        "memory": 256,
        "cpu": 0.25,
        "disk": 512,
        "minimumInstances": 1,
    }
    first = synth(project, out="first", **settings)
    described = stack.deploy(first)
    assert described.status == "CREATE_COMPLETE", stack.reasons()
    bucket = cloud.bucket(outputs(described)["BucketName"])
    before = keys(bucket)
    assert {key.partition("/")[0] for key in before} == {"applib", "model"}
    assert {bucket.get_object(key).read() for key in before} == {b"archive"}
    wait_for(lambda: provisioned(cloud, stack.name, generation) == (1, 1))
    assert invoke(cloud, stack.name, generation) == b"hello"

    bucket.put_object("applib/users-own.zip", b"stays")
    rebuild(content=b"other archive")
    described = stack.deploy(synth(project, out="second", **settings))
    assert described.status == "UPDATE_COMPLETE", stack.reasons()
    after = keys(bucket) - {"applib/users-own.zip"}
    assert len(after) == 2
    assert not after & before
    assert {bucket.get_object(key).read() for key in after} == {b"other archive"}
    assert bucket.get_object("applib/users-own.zip").read() == b"stays"

    described = stack.deploy(first)  # the way back: the sources are still there
    assert keys(bucket) - {"applib/users-own.zip"} == before

    assert stack.delete().status == "DELETE_COMPLETE", stack.reasons()
    assert leftovers(cloud, stack.name) == []


@pytest.mark.node
def test_the_archive_of_a_model_that_is_gone_leaves_the_bucket(
    cloud: Running, project: Path, synth: Synth, stack: Stack
) -> None:
    described = stack.deploy(synth(project, out="1", stackName=stack.name))
    bucket = cloud.bucket(outputs(described)["BucketName"])
    assert {key.partition("/")[0] for key in keys(bucket)} == {"applib", "model"}
    write_manifest(replace(read_build(project / "dist"), model=None), project / "dist")
    assert stack.deploy(synth(project, out="2", stackName=stack.name)).status == "UPDATE_COMPLETE", stack.reasons()
    assert {key.partition("/")[0] for key in keys(bucket)} == {"applib"}


@dataclass(frozen=True)
class Deployable:
    """A template, and what must be uploaded for it."""

    template: dict[str, Any]
    assets: list[tuple[str, str, bytes]]


@pytest.mark.node
@pytest.mark.parametrize("generation", ["2.0", "3.0"])
def test_a_deployed_stack_of_the_first_layout_is_updated_without_replacing_anything(
    project: Path, synth: Synth, first_layout: Callable[[str], str], stack: Stack, generation: str
) -> None:
    before = json.loads(first_layout(generation).replace("heavylift", stack.name))
    code = before["Resources"]["Function"]["Properties"]["Code"]
    place = code["OssBucketName"]["Fn::Sub"]
    settings = {"stackName": stack.name, "generation": generation, "logs": True, "qualifier": place.split("-")[1]}
    after = synth(project, memory=2048, cpu=1, **settings)
    contents = {key: content for _, key, content in after.assets}
    handlers = [each["Resources"]["FCFunctionForArchives"]["Properties"]["Code"] for each in (before, after.template)]
    contents[handlers[0]["OssObjectName"]] = contents[
        handlers[1]["OssObjectName"]
    ]  # that version's, as good as this one's
    first = Deployable(before, [(place, key, content) for key, content in contents.items()])
    assert stack.deploy(first).status == "CREATE_COMPLETE", stack.reasons()
    made = stack.physical_ids()

    assert stack.deploy(after).status == "UPDATE_COMPLETE", stack.reasons()
    assert stack.physical_ids() == made


def provisioned(cloud: Running, name: str, generation: str) -> tuple[int, int]:
    """Return how many instances are to be kept, and how many are."""
    if generation == "2.0":
        request = fc2_models.GetProvisionConfigRequest(qualifier="LATEST")
        told = Fc2Client(cloud.config("fc")).get_provision_config(name, name, request).body
    else:
        told = Fc3Client(cloud.config("fc")).get_provision_config(name, fc3_models.GetProvisionConfigRequest()).body
    return told.target, told.current


def invoke(cloud: Running, name: str, generation: str) -> bytes:
    if generation == "2.0":
        return bytes(Fc2Client(cloud.config("fc")).invoke_function(name, name, fc2_models.InvokeFunctionRequest()).body)
    response = Fc3Client(cloud.config("fc")).invoke_function(name, fc3_models.InvokeFunctionRequest())
    return bytes(response.body.read())


@pytest.mark.node
def test_an_update_that_fails_keeps_the_function_and_its_archives(
    cloud: Running, project: Path, synth: Synth, rebuild: Callable[..., None], stack: Stack
) -> None:
    described = stack.deploy(synth(project, out="1", stackName=stack.name))
    bucket = cloud.bucket(outputs(described)["BucketName"])
    before = keys(bucket)
    rebuild(content=b"second", code="# second")
    second = synth(project, out="2", stackName=stack.name)
    code = second.resources("FC::Function")["Function"]["Code"]["OssObjectName"]
    assert stack.deploy(second, without=code).status == "ROLLBACK_COMPLETE", stack.reasons()
    assert before <= keys(bucket)
    assert invoke(cloud, stack.name, "2.0") == b"hello"
    rebuild(content=b"third")
    assert stack.deploy(synth(project, out="3", stackName=stack.name)).status == "UPDATE_COMPLETE", stack.reasons()
    assert {bucket.get_object(key).read() for key in keys(bucket)} == {b"third"}


@pytest.mark.node
def test_a_retained_bucket_keeps_what_users_stored(cloud: Running, project: Path, synth: Synth, stack: Stack) -> None:
    name = f"{stack.name}-kept"
    described = stack.deploy(synth(project, stackName=stack.name, bucketName=name, retainBucket=True))
    assert described.status == "CREATE_COMPLETE", stack.reasons()
    bucket = cloud.bucket(name)
    bucket.put_object("rotated/picture.jpg", b"mine")
    assert stack.delete().status == "DELETE_COMPLETE", stack.reasons()
    assert keys(bucket) == {"rotated/picture.jpg"}


@pytest.mark.node
def test_archives_come_from_an_artifacts_bucket(
    cloud: Running, project: Path, synth: Synth, stack: Stack, bucket: oss2.Bucket
) -> None:
    manifest = json.loads((project / "dist" / "manifest.json").read_text())
    names = {manifest[name]["key"] for name in ("applib", "model")}
    for key in names:
        bucket.put_object(key, (project / "dist" / key).read_bytes())
    described = stack.deploy(synth(project, stackName=stack.name, artifactsBucket=bucket.bucket_name))
    assert described.status == "CREATE_COMPLETE", stack.reasons()
    assert keys(cloud.bucket(outputs(described)["BucketName"])) == names
    assert stack.delete().status == "DELETE_COMPLETE"
    assert keys(bucket) == names


@pytest.mark.node
def test_a_missing_source_fails_with_its_name_and_leaves_nothing(
    cloud: Running, project: Path, synth: Synth, stack: Stack
) -> None:
    assembly = synth(project, stackName=stack.name)
    source = assembly.resources("ROS::CustomResource")["Archives"]["Parameters"]["sources"][1]["objectKey"]
    assert stack.deploy(assembly, without=source).status == "CREATE_ROLLBACK_COMPLETE"
    assert source in stack.reasons()
    assert leftovers(cloud, stack.name) == []


# The handler's copies, from outside an instance, so that their limits can be small


@pytest.fixture
def handler(cloud: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Import the handler's modules; their requests go through the gateway."""
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, cloud.endpoints["gateway"])
    monkeypatch.setenv("SSL_CERT_FILE", cloud.endpoints["authority"])
    monkeypatch.setattr(urllib.request, "_opener", None)  # it remembers the proxies of its first use
    monkeypatch.syspath_prepend(HANDLER)
    yield importlib.import_module
    for name in ("archives", "objectstore"):
        sys.modules.pop(name, None)


@pytest.fixture
def store(cloud: Running, handler: Callable[[str], ModuleType]) -> Any:
    """OSS as the handler sees it, with temporary credentials of a role."""
    module = handler("objectstore")
    key = assume_role(cloud, {"Effect": "Allow", "Action": "oss:*", "Resource": "*"})
    return module.ObjectStore(
        endpoint=f"https://oss-{cloud.region}-internal.aliyuncs.com",
        region=cloud.region,
        credentials=Credentials(key.id, key.secret, str(key.token)),
        deadline=Deadline(60.0),
    )


def policy(**statement: Any) -> str:
    return json.dumps({"Version": "1", "Statement": [{"Effect": "Allow", **statement}]})


@pytest.mark.parametrize("size", [0, 1, 300_000, 300_001, 900_000, 1_000_001])
def test_copies_by_parts_are_the_same_objects(
    cloud: Running, bucket: oss2.Bucket, handler: Callable[[str], ModuleType], store: Any, size: int
) -> None:
    archives = handler("archives")
    content = bytes(range(251)) * (size // 251 + 1)
    bucket.put_object("s/ü +.zip", content[:size])
    source = archives.Source(bucket.bucket_name, "s/ü +.zip", "applib/copy.zip")
    assert archives.copy(store, source, bucket.bucket_name, "me", max_copy=300_000, part=300_000)
    assert bucket.get_object("applib/copy.zip").read() == content[:size]
    head = bucket.head_object("applib/copy.zip")
    assert head.headers["x-oss-meta-heavylift-stack"] == "me"
    assert ("-" in head.etag) == (size > 300_000)  # a multipart object's
    assert not archives.copy(store, source, bucket.bucket_name, "me", max_copy=300_000, part=300_000)


def test_a_source_that_changes_meanwhile_leaves_no_copy(
    bucket: oss2.Bucket, handler: Callable[[str], ModuleType], store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    archives = handler("archives")
    bucket.put_object("source", bytes(700_000))
    begin = type(store).begin

    def change(self: Any, *arguments: Any) -> str:
        bucket.put_object("source", b"x" * 700_000)
        return str(begin(self, *arguments))

    monkeypatch.setattr(type(store), "begin", change)
    source = archives.Source(bucket.bucket_name, "source", "applib/copy.zip")
    with pytest.raises(ObjectChangedError, match=r"oss:PutObject was refused \(PreconditionFailed, status 412"):
        archives.copy(store, source, bucket.bucket_name, "me", max_copy=300_000, part=300_000)
    assert keys(bucket) == {"source"}
    assert list(oss2.MultipartUploadIterator(bucket)) == []


def test_listing_finds_all_pages(bucket: oss2.Bucket, store: Any) -> None:
    names = [f"applib/{number:04}.zip" for number in range(1005)]
    for name in names:
        bucket.put_object(name, b"")
    assert store.list(bucket.bucket_name, "applib/") == names


def test_time_that_is_over_is_said(store: Any, handler: Callable[[str], ModuleType]) -> None:
    over = handler("archives").time_limit(-1)
    with pytest.raises(DeadlineError, match="were used up while HEAD bucket/key; deploy again to go on"):
        store.extended(over).head("bucket", "key")


def test_what_a_role_may_not_do_is_named(
    cloud: Running, store: Any, bucket: oss2.Bucket, handler: Callable[[str], ModuleType]
) -> None:
    module = handler("objectstore")
    with pytest.raises(ObjectNotFoundError, match=r"oss:ListObjects was refused \(NoSuchBucket"):
        store.list("no-such-bucket", "x/")
    stranger: Mapping[str, Any] = {"credentials": Credentials("unknown", "secret", "token")}
    refused = module.ObjectStore(endpoint=store.endpoint, region=store.region, deadline=store.deadline, **stranger)
    said = rf"oss://{bucket.bucket_name}/: oss:ListObjects was refused \(InvalidAccessKeyId"
    with pytest.raises(AccessDeniedError, match=said):
        refused.list(bucket.bucket_name, "x/")
