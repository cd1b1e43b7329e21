"""The resource types on the real services, in process: what exists afterwards, and that a failure leaves everything as it was."""

from __future__ import annotations

import asyncio
import base64
import errno
import io
import itertools
import json
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from localcloud.fc.service import FcService, Settings
from localcloud.kernel.errors import LocalCloudError
from localcloud.kernel.identity import Credential, Identity
from localcloud.oss.model import Bucket as OssBucket
from localcloud.oss.service import OssService
from localcloud.ram import RamService
from localcloud.ros.callbacks import Callbacks
from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.calls import reasons
from localcloud.ros.resources.oss import Bucket
from localcloud.ros.resources.provider import CUSTOM_RESOURCE, Context, Outcome, ResourceType
from localcloud.ros.resources.registry import resource_types
from localcloud.ros.resources.schema import check_properties
from localcloud.ros.resources.sls import adopt_records
from localcloud.sls.operations.service import SlsService

ACCOUNT = "1111111111111111"
CONTEXT = Context(
    stack_id="stack-1",
    stack_name="photos",
    logical_id="It",
    type="Test",
    region="cn-hangzhou",
    account_id=ACCOUNT,
    timeout=60.0,
)
TRUST = {
    "Version": "1",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["fc.aliyuncs.com"]}}],
}
ROLE_ARN = f"acs:ram::{ACCOUNT}:role/runner"


def allow(action: str) -> dict[str, Any]:
    return {"Version": "1", "Statement": [{"Effect": "Allow", "Action": [action], "Resource": ["*"]}]}


def _oss(action: str, path: str) -> tuple[str, str]:
    return f"oss:{action}", f"acs:oss:oss-cn-hangzhou:{ACCOUNT}:{path}"


def _ram(action: str, path: str) -> tuple[str, str]:
    return f"ram:{action}", f"acs:ram::{ACCOUNT}:{path}"


def _fc(action: str, path: str) -> tuple[str, str]:
    return f"fc:{action}", f"acs:fc:cn-hangzhou:{ACCOUNT}:{path}"


def _log(action: str, project: str, logstore: str = "") -> tuple[str, str]:
    path = f"project/{project}" + (f"/logstore/{logstore}" if logstore else "")
    return f"log:{action}", f"acs:log:cn-hangzhou:{ACCOUNT}:{path}"


SETTING = {
    "lifecycle": "BucketLifecycle",
    "encryption": "BucketEncryption",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "tagging": "BucketTagging",
}
# What each call of a service that changes something is by the service's own API.
CHANGES: dict[str, Callable[..., tuple[str, str]]] = {
    "create_bucket": lambda name, **_: _oss("PutBucket", name),
    "set_bucket_acl": lambda name, _acl: _oss("PutBucketAcl", name),
    "set_bucket_setting": lambda name, setting, document: _oss(
        f"{'Put' if document else 'Delete'}{SETTING[setting]}", name
    ),
    "empty_bucket": lambda name: _oss("ListObjects", name),
    "delete_bucket": lambda name: _oss("DeleteBucket", name),
    "create_role": lambda name, **_: _ram("CreateRole", f"role/{name}"),
    "update_role": lambda name, **_: _ram("UpdateRole", f"role/{name}"),
    "delete_role": lambda name: _ram("DeleteRole", f"role/{name}"),
    "create_policy": lambda name, **_: _ram("CreatePolicy", f"policy/{name}"),
    "create_policy_version": lambda name, **_: _ram("CreatePolicyVersion", f"policy/{name}"),
    "delete_policy_version": lambda name, _version: _ram("DeletePolicyVersion", f"policy/{name}"),
    "delete_policy": lambda name: _ram("DeletePolicy", f"policy/{name}"),
    "attach_policy": lambda role, _policy, _kind: _ram("AttachPolicyToRole", f"role/{role}"),
    "detach_policy": lambda role, _policy, _kind: _ram("DetachPolicyFromRole", f"role/{role}"),
    "create_service": lambda service: _fc("CreateService", f"services/{service.name}"),
    "update_service": lambda service: _fc("UpdateService", f"services/{service.name}"),
    "delete_service": lambda name: _fc("DeleteService", f"services/{name}"),
    "create_function": lambda function, _code: _fc("CreateFunction", function.path),
    "update_function": lambda function, _code: _fc("UpdateFunction", function.path),
    "delete_function": lambda path: _fc("DeleteFunction", path),
    "create_trigger": lambda trigger: _fc("CreateTrigger", f"{trigger.function}/triggers/{trigger.name}"),
    "update_trigger": lambda trigger: _fc("UpdateTrigger", f"{trigger.function}/triggers/{trigger.name}"),
    "delete_trigger": lambda path, name: _fc("DeleteTrigger", f"{path}/triggers/{name}"),
    "create_project": lambda name, _settings: _log("CreateProject", name),
    "update_project": lambda name, _settings: _log("UpdateProject", name),
    "delete_project": lambda name: _log("DeleteProject", name),
    "create_logstore": lambda project, name, _settings: _log("CreateLogStore", project, name),
    "update_logstore": lambda project, name, _settings: _log("UpdateLogStore", project, name),
    "delete_logstore": lambda project, name: _log("DeleteLogStore", project, name),
    "create_index": lambda project, name, _document: _log("CreateIndex", project, name),
    "update_index": lambda project, name, _document: _log("UpdateIndex", project, name),
    "delete_index": lambda project, name: _log("DeleteIndex", project, name),
}
READS = frozenset(
    {"bucket", "list_objects", "uploads", "roles", "get_role", "role_arn", "policies", "get_policy", "policies_of"}
    | {"attachments_of", "services", "service", "function", "trigger"}
    | {"projects", "project", "logstores", "logstore", "index"}
)


class Noted:
    """A service that notes which of its changes are called; a call that is neither read nor change here is an error."""

    def __init__(self, service: object, calls: set[tuple[str, str]]) -> None:
        self._service = service
        self._calls = calls

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._service, name)
        if name in READS:
            return real

        def change(*args: Any, **given: Any) -> Any:
            self._calls.add(CHANGES[name](*args, **given))
            return real(*args, **given)

        return change


class Cloud:
    """The services, and the resource types on them. Each call runs in an event loop of its own."""

    def __init__(self, folder: Path) -> None:
        def clock() -> float:
            return 1_800_000_000.0

        key = Credential(access_key_id="k", access_key_secret="s", identity=Identity(account_id=ACCOUNT))
        self.oss = OssService(folder / "oss", account_id=ACCOUNT, clock=clock)
        self.ram = RamService(folder / "ram", account=key, clock=clock)
        settings = Settings(region="cn-hangzhou", account_id=ACCOUNT, gateway=("127.0.0.1", 1), authority="")
        self.fc = FcService(folder / "fc", settings=settings, roles=self.ram, objects=self.oss, clock=clock)
        self.calls: set[tuple[str, str]] = set()
        self.sls = SlsService(folder / "sls", clock=clock)
        oss, ram, fc, sls = (Noted(service, self.calls) for service in (self.oss, self.ram, self.fc, self.sls))
        self.types = resource_types(oss=oss, ram=ram, fc=fc, sls=sls, callbacks=Callbacks(), folder=folder)

    def type(self, name: str) -> ResourceType:
        return self.types[f"ALIYUN::{name}"]

    def check(self, name: str, given: Mapping[str, object]) -> dict[str, object]:
        return check_properties(self.type(name).properties, given)

    def create(self, name: str, **given: object) -> Outcome:
        kind, properties = self.type(name), self.check(name, given)
        planned = kind.plan_id(CONTEXT, properties)
        with self.within_rights(kind, None, properties):
            outcome = asyncio.run(kind.create(CONTEXT, properties))
        assert outcome.physical_id == planned
        assert self.exists(name, planned)
        return outcome

    def update(self, name: str, before: Mapping[str, object], after: Mapping[str, object]) -> Outcome:
        kind, old, new = self.type(name), self.check(name, before), self.check(name, after)
        planned = kind.plan_id(CONTEXT, new)
        with self.within_rights(kind, old, new):
            outcome = asyncio.run(kind.update(CONTEXT, planned, new, old))
        assert outcome.physical_id == planned
        return outcome

    def delete(self, name: str, **given: object) -> None:
        kind, properties = self.type(name), self.check(name, given)
        with self.within_rights(kind, properties, None):
            asyncio.run(kind.delete(CONTEXT, kind.plan_id(CONTEXT, properties), properties))

    @contextmanager
    def within_rights(
        self, kind: ResourceType, before: Mapping[str, object] | None, after: Mapping[str, object] | None
    ) -> Iterator[None]:
        """Hold what is done to the rights that the type says it needs for it."""
        with reasons():
            rights = {(right.action, right.resource) for right in kind.rights(CONTEXT, before, after)}
        assert rights
        self.calls.clear()
        yield
        assert self.calls <= rights

    def exists(self, name: str, physical_id: str) -> bool:
        return asyncio.run(self.type(name).exists(CONTEXT, physical_id))


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path)
    yield cloud
    cloud.oss.close()


def reason(call: Callable[..., object], *args: Any, **given: Any) -> str:
    with pytest.raises(ResourceError) as caught:
        call(*args, **given)
    assert caught.value.physical_id == ""
    return str(caught.value)


# All types


SAMPLES: dict[str, dict[str, Any]] = {
    "OSS::Bucket": {"BucketName": "photos"},
    "RAM::Role": {"RoleName": "runner", "AssumeRolePolicyDocument": TRUST},
    "RAM::ManagedPolicy": {"PolicyName": "reader", "PolicyDocument": allow("oss:GetObject")},
    "RAM::AttachPolicyToRole": {"RoleName": "base", "PolicyName": "AliyunOSSFullAccess", "PolicyType": "System"},
    "FC::Service": {"ServiceName": "base-too"},
    "FC::Function": {
        "ServiceName": "base",
        "FunctionName": "new",
        "Runtime": "python3.10",
        "Handler": "index.handler",
        "Code": {"SourceCode": "pass"},
    },
    "FC::Trigger": {
        "ServiceName": "base",
        "FunctionName": "base",
        "TriggerName": "incoming",
        "TriggerType": "oss",
        "SourceArn": f"acs:oss:cn-hangzhou:{ACCOUNT}:photos",
        "InvocationRole": ROLE_ARN,
        "TriggerConfig": {"events": ["oss:ObjectCreated:*"], "filter": {"key": {"prefix": "incoming/", "suffix": ""}}},
    },
    "FC3::Function": {
        "FunctionName": "new",
        "Runtime": "python3.12",
        "Handler": "index.handler",
        "Code": {"SourceCode": "pass"},
    },
    "FC3::Trigger": {
        "FunctionName": "base",
        "TriggerName": "clock",
        "TriggerType": "timer",
        "TriggerConfig": {"cronExpression": "@every 1h", "enable": True, "payload": ""},
    },
    "SLS::Project": {"Name": "logs"},
    "SLS::Logstore": {"ProjectName": "base", "LogstoreName": "function-log"},
    "SLS::Index": {"ProjectName": "base", "LogstoreName": "base", "FullTextIndex": {"Enable": True}},
}
BASE: list[tuple[str, dict[str, Any]]] = [
    ("RAM::Role", {**SAMPLES["RAM::Role"], "RoleName": "base"}),
    ("FC::Service", {"ServiceName": "base"}),
    ("FC::Function", {**SAMPLES["FC::Function"], "FunctionName": "base"}),
    ("FC3::Function", {**SAMPLES["FC3::Function"], "FunctionName": "base"}),
    ("SLS::Project", {"Name": "base"}),
    ("SLS::Logstore", {"ProjectName": "base", "LogstoreName": "base"}),
]


@pytest.fixture
def based(cloud: Cloud) -> Cloud:
    """A cloud that holds what the samples need."""
    for name, properties in BASE:
        cloud.create(name, **properties)
    return cloud


def test_every_type_but_custom_resources_has_a_sample(cloud: Cloud) -> None:
    assert {f"ALIYUN::{name}" for name in SAMPLES} == cloud.types.keys() - {CUSTOM_RESOURCE}


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_created_can_be_deleted_and_created_again(based: Cloud, name: str) -> None:
    physical_id = based.create(name, **SAMPLES[name]).physical_id
    based.delete(name, **SAMPLES[name])
    assert not based.exists(name, physical_id)
    based.delete(name, **SAMPLES[name])
    assert based.create(name, **SAMPLES[name]).physical_id == physical_id


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("OSS::Bucket", "BucketAlreadyExists: "),
        ("RAM::Role", "EntityAlreadyExists.Role: "),
        ("RAM::ManagedPolicy", "EntityAlreadyExists.Policy: "),
        ("RAM::AttachPolicyToRole", "EntityAlreadyExists.Role.Policy: "),
        ("FC::Service", "ServiceAlreadyExists: "),
        ("FC::Function", "FunctionAlreadyExists: "),
        ("FC::Trigger", "TriggerAlreadyExists: "),
        ("FC3::Function", "FunctionAlreadyExists: "),
        ("FC3::Trigger", "TriggerAlreadyExists: "),
        ("SLS::Project", "ProjectAlreadyExist: "),
        ("SLS::Logstore", "LogStoreAlreadyExist: "),
        ("SLS::Index", "IndexAlreadyExist: "),
    ],
)
def test_a_name_that_is_taken_is_refused_with_the_services_code(based: Cloud, name: str, code: str) -> None:
    based.create(name, **SAMPLES[name])
    assert reason(based.create, name, **SAMPLES[name]).startswith(code)


@pytest.mark.parametrize(
    ("name", "changed", "code"),
    [
        ("RAM::AttachPolicyToRole", {"RoleName": "none"}, "EntityNotExist.Role: "),
        ("RAM::AttachPolicyToRole", {"PolicyName": "none"}, "EntityNotExist.Policy: "),
        ("FC::Function", {"ServiceName": "none"}, "ServiceNotFound: "),
        ("FC::Trigger", {"FunctionName": "none"}, "FunctionNotFound: "),
        ("FC3::Trigger", {"FunctionName": "none"}, "FunctionNotFound: "),
        ("SLS::Logstore", {"ProjectName": "none"}, "ProjectNotExist: "),
        ("SLS::Index", {"LogstoreName": "none"}, "LogStoreNotExist: "),
    ],
)
def test_what_needs_something_that_does_not_exist_is_refused(
    based: Cloud, name: str, changed: dict[str, object], code: str
) -> None:
    given = {**SAMPLES[name], **changed}
    assert reason(based.create, name, **given).startswith(code)
    based.delete(name, **given)


@pytest.mark.parametrize(
    "name", sorted(SAMPLES.keys() - {"RAM::AttachPolicyToRole"})
)  # of which nothing changes in place
def test_an_update_of_what_is_gone_fails_with_a_reason(based: Cloud, name: str) -> None:
    assert reason(based.update, name, SAMPLES[name], SAMPLES[name])


# Buckets


BUCKET = {
    "BucketName": "photos",
    "AccessControl": "private",
    "BlockPublicAccess": True,
    "ServerSideEncryptionConfiguration": {"SSEAlgorithm": "AES256"},
    "LifecycleConfiguration": {
        "Rule": [
            {"ID": "uploads", "Prefix": "", "AbortMultipartUpload": {"Days": 1}},
            {"Prefix": "applib/<&>", "Status": "Disabled", "Expiration": {"Days": "30"}},
        ]
    },
    "Tags": {"b": "2", "a": 1},
}


def xml(document: str) -> dict[str, list[str | None]]:
    """Return the texts of a document's leaves, by name."""
    found: dict[str, list[str | None]] = {}
    for element in ElementTree.fromstring(document).iter():
        if not len(element):
            found.setdefault(element.tag, []).append(element.text)
    return found


def test_a_bucket_gets_all_its_settings(cloud: Cloud) -> None:
    outcome = cloud.create("OSS::Bucket", **BUCKET, StorageClass="IA")
    bucket = cloud.oss.bucket("photos")
    assert (bucket.acl, bucket.storage_class) == ("private", "IA")
    assert xml(bucket.settings["encryption"]) == {"SSEAlgorithm": ["AES256"]}
    assert xml(bucket.settings["publicAccessBlock"]) == {"BlockPublicAccess": ["true"]}
    assert xml(bucket.settings["tagging"]) == {"Key": ["a", "b"], "Value": ["1", "2"]}
    assert xml(bucket.settings["lifecycle"]) == {
        "ID": ["uploads", "rule-2"],
        "Prefix": [None, "applib/<&>"],
        "Status": ["Enabled", "Disabled"],
        "Days": ["1", "30"],
    }
    assert outcome.attributes == {
        "Name": "photos",
        "DomainName": "photos.oss-cn-hangzhou.aliyuncs.com",
        "InternalDomainName": "photos.oss-cn-hangzhou-internal.aliyuncs.com",
        "Arn": f"acs:oss:cn-hangzhou:{ACCOUNT}:photos",
    }


def test_a_bucket_that_holds_objects_is_deleted_by_force_alone(cloud: Cloud) -> None:
    cloud.create("OSS::Bucket", **BUCKET)
    cloud.oss.put_object("photos", "a", b"a")
    cloud.oss.begin_upload("photos", "b", headers={})
    assert reason(cloud.delete, "OSS::Bucket", **BUCKET).startswith("BucketNotEmpty: ")
    assert cloud.oss.read("photos", "a") == b"a"
    cloud.delete("OSS::Bucket", **BUCKET, DeletionForce=True)
    assert cloud.oss.buckets() == []


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"BucketName": "-photos"}, "InvalidBucketName: "),
        ({"BlockPublicAccess": True, "AccessControl": "public-read"}, "AccessDenied: Put public bucket acl"),
        ({"VersioningConfiguration": {"Status": "Enabled"}}, "Property VersioningConfiguration: not implemented: "),
        ({"LifecycleConfiguration": {"Rule": [{}]}}, r"Property LifecycleConfiguration.Rule[0].Prefix: required"),
        (
            {"ServerSideEncryptionConfiguration": {"SSEAlgorithm": "ROT13"}},
            "Property ServerSideEncryptionConfiguration.",
        ),
    ],
)
def test_a_bucket_that_is_refused_is_not_there(cloud: Cloud, given: dict[str, object], expected: str) -> None:
    assert reason(cloud.create, "OSS::Bucket", **{"BucketName": "photos", **given}).startswith(expected)
    assert cloud.oss.buckets() == []


def test_a_bucket_that_stops_to_block_public_access_becomes_public_in_one_update(cloud: Cloud) -> None:
    cloud.create("OSS::Bucket", **BUCKET)
    cloud.update("OSS::Bucket", BUCKET, {**BUCKET, "BlockPublicAccess": False, "AccessControl": "public-read"})
    assert cloud.oss.bucket("photos").acl == "public-read"


def test_a_refused_update_leaves_the_bucket_as_it_was(cloud: Cloud) -> None:
    cloud.create("OSS::Bucket", **BUCKET)
    before = cloud.oss.bucket("photos")
    assert reason(cloud.update, "OSS::Bucket", BUCKET, {**BUCKET, "AccessControl": "public-read", "Tags": {}})
    assert cloud.oss.bucket("photos") == before


class Hesitant(OssService):
    """An OSS that is slow to create a bucket: in the meantime someone else may have looked whether it exists."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder, account_id=ACCOUNT, clock=lambda: 0.0)
        self.looks = threading.Semaphore(0)

    def bucket(self, name: str) -> OssBucket:
        self.looks.release()
        return super().bucket(name)

    def create_bucket(self, name: str, *, acl: str = "private", storage_class: str = "Standard") -> OssBucket:
        self.looks.acquire()  # one's own
        self.looks.acquire(timeout=0.5)  # another's
        return super().create_bucket(name, acl=acl, storage_class=storage_class)


def test_of_two_that_make_the_same_bucket_at_once_one_succeeds(tmp_path: Path) -> None:
    oss = Hesitant(tmp_path)
    kind = Bucket(oss)

    async def race() -> list[Outcome | BaseException]:
        both = (kind.create(CONTEXT, {"BucketName": "photos"}) for _ in range(2))
        return await asyncio.gather(*both, return_exceptions=True)

    assert sorted(type(outcome).__name__ for outcome in asyncio.run(race())) == ["Outcome", "ResourceError"]
    oss.close()


class FullDisk(OssService):
    """An OSS that cannot write settings."""

    def set_bucket_setting(self, name: str, setting: str, document: str | None) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_bucket_whose_settings_cannot_be_written_is_not_there(tmp_path: Path) -> None:
    oss = FullDisk(tmp_path, account_id=ACCOUNT, clock=lambda: 0.0)
    kind = Bucket(oss)
    with pytest.raises(OSError, match="No space left"):
        asyncio.run(kind.create(CONTEXT, check_properties(kind.properties, BUCKET)))
    assert oss.buckets() == []
    oss.close()


# Roles and policies


def role(**given: Any) -> dict[str, Any]:
    return {"RoleName": "runner", "AssumeRolePolicyDocument": TRUST, **given}


def policy(name: str, action: str = "oss:GetObject", **more: Any) -> dict[str, Any]:
    return {"PolicyName": name, "PolicyDocument": allow(action), **more}


def attached(cloud: Cloud, name: str = "runner") -> set[tuple[str, str]]:
    return {(each.type, each.name) for each in cloud.ram.policies_of(name)}


def custom_policies(cloud: Cloud) -> set[str]:
    return {each.name for each in cloud.ram.policies() if each.type == "Custom"}


def test_a_role_comes_with_its_policies_and_goes_with_them(cloud: Cloud) -> None:
    given = role(
        Description="runs",
        MaxSessionDuration=7200,
        Policies=[policy("read", Description="reads")],
        PolicyAttachments={"System": ["AliyunLogFullAccess"]},
    )
    outcome = cloud.create("RAM::Role", **given)
    made = cloud.ram.get_role("runner")
    assert outcome.attributes == {"RoleName": "runner", "RoleId": made.role_id, "Arn": ROLE_ARN}
    assert (made.description, made.max_session, json.loads(made.trust_policy)) == ("runs", 7200, TRUST)
    assert attached(cloud) == {("Custom", "read"), ("System", "AliyunLogFullAccess")}
    assert cloud.ram.get_policy("read", "Custom").description == "reads"
    cloud.delete("RAM::Role", **given)
    assert (cloud.ram.roles(), custom_policies(cloud)) == ([], set())


def test_a_role_whose_last_policy_is_taken_is_not_there(cloud: Cloud) -> None:
    cloud.ram.create_policy("taken", document=json.dumps(allow("oss:*")))
    given = role(Policies=[policy("first"), policy("taken")], PolicyAttachments={"System": ["AliyunOSSFullAccess"]})
    assert reason(cloud.create, "RAM::Role", **given).startswith("EntityAlreadyExists.Policy: ")
    assert (cloud.ram.roles(), custom_policies(cloud)) == ([], {"taken"})


def test_a_policy_that_is_given_twice_is_refused(cloud: Cloud) -> None:
    assert "given twice" in reason(cloud.create, "RAM::Role", **role(Policies=[policy("one"), policy("one")]))
    assert cloud.ram.roles() == []


def test_an_update_of_a_role_changes_what_differs_alone(cloud: Cloud) -> None:
    before = role(Policies=[policy("a"), policy("b")], PolicyAttachments={"System": ["AliyunLogFullAccess"]})
    after = role(Policies=[policy("a"), policy("b", "oss:*"), policy("c")], MaxSessionDuration=7200)
    cloud.create("RAM::Role", **before)
    cloud.ram.attach_policy("runner", "AliyunOSSFullAccess", "System")
    cloud.update("RAM::Role", before, after)
    by_others = ("System", "AliyunOSSFullAccess")
    assert attached(cloud) == {("Custom", "a"), ("Custom", "b"), ("Custom", "c"), by_others}
    assert json.loads(cloud.ram.get_policy("b", "Custom").default.document) == allow("oss:*")
    assert cloud.ram.get_policy("a", "Custom").default.version_id == "v1"
    assert cloud.ram.get_role("runner").max_session == 7200


def test_an_update_of_a_role_that_fails_half_way_is_taken_back(cloud: Cloud) -> None:
    before = role(Policies=[policy("a"), policy("b")], PolicyAttachments={"System": ["AliyunLogFullAccess"]})
    after = role(
        MaxSessionDuration=7200,
        Policies=[policy("b", "oss:*"), policy("c"), policy("a", Description="new")],
        PolicyAttachments={"System": ["NoSuchPolicy"]},
    )
    cloud.create("RAM::Role", **before)
    assert reason(cloud.update, "RAM::Role", before, after).startswith("EntityNotExist.Policy: ")
    assert attached(cloud) == {("Custom", "a"), ("Custom", "b"), ("System", "AliyunLogFullAccess")}
    assert custom_policies(cloud) == {"a", "b"}
    assert cloud.ram.get_role("runner").max_session == 3600
    assert json.loads(cloud.ram.get_policy("b", "Custom").default.document) == allow("oss:GetObject")


def test_a_role_that_others_gave_policies_is_deleted_by_force_alone(cloud: Cloud) -> None:
    given = role(Policies=[policy("own")])
    cloud.create("RAM::Role", **given)
    cloud.ram.attach_policy("runner", "AliyunOSSFullAccess", "System")
    assert reason(cloud.delete, "RAM::Role", **given).startswith("DeleteConflict.Role.Policy: ")
    assert attached(cloud) == {("Custom", "own"), ("System", "AliyunOSSFullAccess")}
    cloud.delete("RAM::Role", **given, DeletionForce=True)
    assert (cloud.ram.roles(), custom_policies(cloud)) == ([], set())


def test_a_role_is_deleted_though_its_policies_were_changed_by_hand(cloud: Cloud) -> None:
    given = role(Policies=[policy("gone"), policy("detached"), policy("changed")])
    cloud.create("RAM::Role", **given)
    cloud.ram.detach_policy("runner", "gone", "Custom")
    cloud.ram.delete_policy("gone")
    cloud.ram.detach_policy("runner", "detached", "Custom")
    cloud.ram.create_policy_version("changed", document=json.dumps(allow("oss:*")), set_as_default=True)
    cloud.delete("RAM::Role", **given)
    assert (cloud.ram.roles(), custom_policies(cloud)) == ([], {"detached"})  # it may be someone else's by now


def test_an_update_that_failed_can_be_taken_back_by_another_one(cloud: Cloud) -> None:
    """An engine that rolls back tells the failed update's properties as the previous ones."""
    cloud.ram.create_policy("taken", document=json.dumps(allow("oss:*")))
    before = role(Policies=[policy("a"), policy("b")], PolicyAttachments={"System": ["AliyunLogFullAccess"]})
    failing = role(Policies=[policy("b", "oss:*"), policy("c"), policy("taken")])
    cloud.create("RAM::Role", **before)
    assert reason(cloud.update, "RAM::Role", before, failing).startswith("EntityAlreadyExists.Policy: ")
    cloud.update("RAM::Role", failing, before)
    assert attached(cloud) == {("Custom", "a"), ("Custom", "b"), ("System", "AliyunLogFullAccess")}
    assert custom_policies(cloud) == {"a", "b", "taken"}
    assert json.loads(cloud.ram.get_policy("b", "Custom").default.document) == allow("oss:GetObject")


def test_a_policy_of_others_that_is_attached_is_not_taken_over(cloud: Cloud) -> None:
    cloud.ram.create_policy("theirs", document=json.dumps(allow("oss:*")))
    cloud.create("RAM::Role", **role())
    cloud.ram.attach_policy("runner", "theirs", "Custom")
    given = role(Policies=[policy("theirs")])
    assert reason(cloud.update, "RAM::Role", role(), given).startswith("EntityAlreadyExists.Policy: ")


def test_a_policy_does_not_run_out_of_versions(cloud: Cloud) -> None:
    given = [policy("read", f"oss:Get{number}") for number in range(8)]
    cloud.create("RAM::ManagedPolicy", **given[0])
    for before, after in itertools.pairwise(given):
        cloud.update("RAM::ManagedPolicy", before, after)
    kept = cloud.ram.get_policy("read", "Custom")
    assert [json.loads(version.document) for version in kept.versions] == [allow("oss:Get7")]


def test_a_policy_is_attached_to_its_roles_or_not_made(cloud: Cloud) -> None:
    cloud.create("RAM::Role", **role())
    given = {**policy("read"), "Roles": ["runner"]}
    assert reason(cloud.create, "RAM::ManagedPolicy", **{**given, "Roles": ["runner", "none"]})
    assert (attached(cloud), custom_policies(cloud)) == (set(), set())
    cloud.create("RAM::ManagedPolicy", **given)
    assert attached(cloud) == {("Custom", "read")}
    cloud.delete("RAM::ManagedPolicy", **given)
    assert (attached(cloud), custom_policies(cloud)) == (set(), set())


def test_a_policy_that_another_role_uses_stays_as_it_was(cloud: Cloud) -> None:
    cloud.create("RAM::Role", **role())
    cloud.create("RAM::ManagedPolicy", **policy("read"))
    cloud.ram.create_policy_version("read", document=json.dumps(allow("oss:*")), set_as_default=False)
    cloud.ram.attach_policy("runner", "read", "Custom")
    assert reason(cloud.delete, "RAM::ManagedPolicy", **policy("read")).startswith("DeleteConflict.Policy.Role: ")
    assert len(cloud.ram.get_policy("read", "Custom").versions) == 2


def test_the_unchecked_document_goes_first(cloud: Cloud) -> None:
    cloud.create("RAM::ManagedPolicy", **policy("read"), PolicyDocumentUnchecked=allow("oss:*"))
    assert json.loads(cloud.ram.get_policy("read", "Custom").default.document) == allow("oss:*")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"AssumeRolePolicyDocument": {"Version": "1"}}, "MalformedPolicyDocument: "),
        ({"RoleName": "a b"}, "InvalidParameter.RoleName.InvalidChars: "),
        ({"IgnoreExisting": True}, "Property IgnoreExisting: not implemented: IgnoreExisting"),
        ({"PolicyAttachments": {"Custom": ["none"]}}, "EntityNotExist.Policy: "),
    ],
)
def test_a_role_that_is_refused_is_not_there(cloud: Cloud, given: dict[str, object], expected: str) -> None:
    assert reason(cloud.create, "RAM::Role", **role(**given)).startswith(expected)
    assert cloud.ram.roles() == []


# Functions


def function(**given: Any) -> dict[str, Any]:
    return {**SAMPLES["FC::Function"], **given}


def package(**files: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.py", text)
    return content.getvalue()


def code_of(cloud: Cloud, tmp_path: Path, path: str) -> dict[str, str]:
    folder = tmp_path / "fc" / "code" / cloud.fc.function(path).code
    return {each.name: each.read_text() for each in folder.iterdir()}


def test_a_service_is_what_its_properties_say(cloud: Cloud) -> None:
    outcome = cloud.create(
        "FC::Service",
        ServiceName="photos",
        Role=ROLE_ARN,
        Description="rotates",
        InternetAccess="false",
        LogConfig={"Project": "logs", "Logstore": "functions", "EnableRequestMetrics": True},
        Tags=[{"Key": "a", "Value": "b"}],
    )
    service = cloud.fc.service("photos")
    assert (service.role, service.description, service.internet_access) == (ROLE_ARN, "rotates", False)
    assert service.log_config == {"project": "logs", "logstore": "functions", "enableRequestMetrics": True}
    assert outcome.attributes == {
        "ServiceName": "photos",
        "ServiceId": "photos",
        "Role": ROLE_ARN,
        "InternetAccess": False,
        "LogProject": "logs",
        "Logstore": "functions",
        "Tags": [{"Key": "a", "Value": "b"}],
        "VpcId": "",
    }


def test_a_service_with_functions_is_not_deleted(based: Cloud) -> None:
    assert reason(based.delete, "FC::Service", ServiceName="base").startswith("ServiceNotEmpty: ")


def test_a_function_is_what_its_properties_say(based: Cloud) -> None:
    outcome = based.create(
        "FC::Function",
        **function(
            Initializer="loader.initializer",
            InitializationTimeout=300,
            Timeout="60",
            MemorySize=2048,
            Cpu=1.5,
            DiskSize=10240,
            EnvironmentVariables={"Bucket": "photos", "Number": 1},
            InstanceConcurrency=1,
            VpcConfig=None,
        ),
    )
    made = based.fc.function("services/base/functions/new")
    assert (made.initializer, made.initialization_timeout, made.timeout) == ("loader.initializer", 300, 60)
    assert (made.memory, made.cpu, made.disk) == (2048, 1.5, 10240)
    assert made.environment == {"Bucket": "photos", "Number": "1"}
    assert outcome.attributes == {
        "FunctionName": "new",
        "FunctionId": made.function_id,
        "ARN": f"acs:fc:cn-hangzhou:{ACCOUNT}:services/base/functions/new",
        "ServiceName": "base",
        "ServiceId": "base",
    }


def test_defaults_are_those_of_the_generation(based: Cloud) -> None:
    based.create("FC::Function", **function())
    based.create("FC3::Function", **SAMPLES["FC3::Function"])
    two, three = based.fc.function("services/base/functions/new"), based.fc.function("functions/new")
    assert (two.timeout, two.initialization_timeout, two.memory, two.disk) == (3, 3, 128, 512)
    assert (three.timeout, three.initialization_timeout, three.memory, three.disk) == (3, 3, 512, 512)


def test_a_function_of_fc_3_has_its_own_role_logs_and_initializer(cloud: Cloud) -> None:
    outcome = cloud.create(
        "FC3::Function",
        **SAMPLES["FC3::Function"],
        Role=ROLE_ARN,
        InternetAccess=False,
        LogConfig={"Project": "logs", "Logstore": "functions", "EnableInstanceMetrics": False},
        InstanceLifecycleConfig={"Initializer": {"Handler": "loader.initializer", "Timeout": 300}},
    )
    made = cloud.fc.function("functions/new")
    assert (made.initializer, made.initialization_timeout) == ("loader.initializer", 300)
    assert (made.role, made.internet_access, made.log_config["project"]) == (ROLE_ARN, False, "logs")
    assert outcome.attributes == {
        "FunctionName": "new",
        "FunctionId": made.function_id,
        "ARN": f"acs:fc:cn-hangzhou:{ACCOUNT}:functions/new",
    }


def test_code_comes_from_the_first_source_that_is_given(based: Cloud, tmp_path: Path) -> None:
    based.create("OSS::Bucket", BucketName="assets")
    based.oss.put_object("assets", "code.zip", package(stored="1"))
    zipped = base64.b64encode(package(zipped="1")).decode()
    stored = {"OssBucketName": "assets", "OssObjectName": "code.zip"}
    for code, expected in [
        ({**stored, "SourceCode": "x = 1", "ZipFile": zipped}, {"zipped.py": "1"}),
        ({**stored, "SourceCode": "x = 1"}, {"index.py": "x = 1"}),
        (stored, {"stored.py": "1"}),
    ]:
        based.create("FC::Function", **function(Code=code))
        assert code_of(based, tmp_path, "services/base/functions/new") == expected
        based.delete("FC::Function", **function())


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ({}, "Property Code: give ZipFile, SourceCode, or OssBucketName and OssObjectName"),
        ({"OssBucketName": "assets"}, "Property Code: give "),
        ({"ZipFile": "?"}, "Property Code.ZipFile: not base64: "),
        ({"ZipFile": "aGVsbG8="}, "InvalidArgument: code: "),
        (
            {"OssBucketName": "none", "OssObjectName": "a"},
            "InvalidArgument: code: oss://none/a cannot be read: NoSuchBucket",
        ),
    ],
)
def test_a_function_without_code_is_not_there(based: Cloud, code: dict[str, str], expected: str) -> None:
    assert reason(based.create, "FC::Function", **function(Code=code)).startswith(expected)
    assert [each.name for each in based.fc.functions("base")] == ["base"]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"FunctionName": "1a"}, "InvalidArgument: functionName "),
        ({"Runtime": "cobol"}, "InvalidArgument: runtime "),
        ({"MemorySize": 100}, "Property MemorySize: 100 is less than 128"),
        ({"MemorySize": 130}, "InvalidArgument: memorySize "),
        ({"DiskSize": 1024}, "Property DiskSize: 1024 is not one of 512, 10240"),
        ({"EnvironmentVariables": {"FC_A": "b"}}, "InvalidArgument: environmentVariables: 'FC_A'"),
        ({"GpuMemorySize": 2048}, "Property GpuMemorySize: not implemented: GpuMemorySize"),
        (
            {"InstanceConcurrency": 10},
            "Property InstanceConcurrency: not implemented: InstanceConcurrency other than 1",
        ),
    ],
)
def test_a_function_that_is_refused_is_not_there(based: Cloud, given: dict[str, object], expected: str) -> None:
    assert reason(based.create, "FC::Function", **function(**given)).startswith(expected)
    assert [each.name for each in based.fc.functions("base")] == ["base"]


def test_an_update_reads_the_code_again_only_when_it_changes(based: Cloud, tmp_path: Path) -> None:
    based.create("OSS::Bucket", BucketName="assets")
    based.oss.put_object("assets", "code.zip", package(old="1"))
    before = function(Code={"OssBucketName": "assets", "OssObjectName": "code.zip"})
    made = based.create("FC::Function", **before)
    based.oss.delete_object("assets", "code.zip")
    assert based.update("FC::Function", before, {**before, "Timeout": 9}).attributes == made.attributes
    assert based.fc.function("services/base/functions/new").timeout == 9
    assert code_of(based, tmp_path, "services/base/functions/new") == {"old.py": "1"}
    gone = {**before, "Code": {"OssBucketName": "assets", "OssObjectName": "other.zip"}, "Timeout": 10}
    assert "NoSuchKey" in reason(based.update, "FC::Function", before, gone)
    assert based.fc.function("services/base/functions/new").timeout == 9
    based.update("FC::Function", gone, before)  # as an engine does that rolls back
    based.update("FC::Function", before, {**before, "Code": {"SourceCode": "x = 2"}})
    assert code_of(based, tmp_path, "services/base/functions/new") == {"index.py": "x = 2"}


# Triggers


def test_an_oss_trigger_is_what_its_properties_say(based: Cloud) -> None:
    given = SAMPLES["FC::Trigger"]
    outcome = based.create("FC::Trigger", **given, Qualifier="LATEST")
    made = based.fc.trigger("services/base/functions/base", "incoming")
    assert (made.kind, made.source_arn, made.invocation_role) == ("oss", given["SourceArn"], ROLE_ARN)
    assert made.config == given["TriggerConfig"]
    assert outcome.attributes == {
        "ServiceName": "base",
        "FunctionName": "base",
        "TriggerName": "incoming",
        "TriggerId": made.trigger_id,
        "UrlInternet": "",
        "UrlIntranet": "",
    }
    changed = {**given, "TriggerConfig": {"events": ["oss:ObjectRemoved:*"]}}
    assert based.update("FC::Trigger", given, changed).attributes == outcome.attributes
    assert based.fc.trigger("services/base/functions/base", "incoming").config == changed["TriggerConfig"]


def test_an_http_trigger_of_fc_2_has_the_clouds_urls(based: Cloud) -> None:
    outcome = based.create(
        "FC::Trigger",
        ServiceName="base",
        FunctionName="base",
        TriggerName="web",
        TriggerType="http",
        TriggerConfig={"authType": "anonymous", "methods": ["GET"]},
    )
    path = "2016-08-15/proxy/base.LATEST/base/"
    assert outcome.attributes["UrlInternet"] == f"https://{ACCOUNT}.cn-hangzhou.fc.aliyuncs.com/{path}"
    assert outcome.attributes["UrlIntranet"] == f"https://{ACCOUNT}.cn-hangzhou-internal.fc.aliyuncs.com/{path}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"SourceArn": None}, "Property SourceArn: required for triggers of the type oss, but missing"),
        ({"InvocationRole": ""}, "Property InvocationRole: required for triggers of the type oss, but missing"),
        ({"SourceArn": "photos"}, "InvalidArgument: sourceArn must be "),
        ({"TriggerConfig": {}}, "InvalidArgument: triggerConfig.events "),
        ({"TriggerType": "log"}, "Property TriggerType: not implemented: TriggerType other than oss, http, timer"),
        ({"Qualifier": "1"}, "Property Qualifier: not implemented: Qualifier other than LATEST"),
    ],
)
def test_a_trigger_that_is_refused_is_not_there(based: Cloud, given: dict[str, object], expected: str) -> None:
    assert reason(based.create, "FC::Trigger", **{**SAMPLES["FC::Trigger"], **given}).startswith(expected)
    assert based.fc.triggers("services/base/functions/base") == []


# Logs


def test_log_projects_are_kept_over_restarts_and_take_their_contents_along(cloud: Cloud, tmp_path: Path) -> None:
    assert cloud.create("SLS::Project", Name="logs", Description="of functions").attributes == {"Name": "logs"}
    cloud.create("SLS::Project", Name="logs-too")
    store = {"ProjectName": "logs", "LogstoreName": "functions"}
    assert cloud.create("SLS::Logstore", **store, TTL=7).attributes == store
    cloud.create("SLS::Index", **store, FullTextIndex={"Enable": True})
    again = Cloud(tmp_path / "again")
    sls = SlsService(tmp_path / "sls", clock=lambda: 0.0)
    again.types = resource_types(
        oss=again.oss, ram=again.ram, fc=again.fc, sls=sls, callbacks=Callbacks(), folder=tmp_path
    )
    again.delete("SLS::Project", Name="logs")
    assert [again.exists("SLS::Logstore", "logs/functions"), again.exists("SLS::Index", "logs/functions/index")] == [
        False
    ] * 2
    assert again.exists("SLS::Project", "logs-too")


def test_a_log_store_with_a_bad_name_is_refused_before_anything_is_made(cloud: Cloud) -> None:
    assert reason(cloud.create, "SLS::Project", Name="Logs").startswith("Property Name: 'Logs' is not valid")
    assert reason(cloud.create, "SLS::Logstore", ProjectName="logs", LogstoreName="a/b").startswith(
        "Property LogstoreName"
    )


RECORDS = {  # as ROS kept them before SLS was a service
    "logs": {"Name": "logs", "Description": "of functions"},
    "logs/functions": {"ProjectName": "logs", "LogstoreName": "functions", "TTL": 7, "EnableTracking": True},
    "logs/functions/index": {
        "ProjectName": "logs",
        "LogstoreName": "functions",
        "FullTextIndex": {"Enable": True, "Delimiter": " ,"},
        "KeyIndices": [{"Name": "level", "Type": "text"}],
    },
}


def test_what_ros_recorded_of_sls_goes_over_to_sls(tmp_path: Path) -> None:
    (tmp_path / "sls.json").write_text(json.dumps(RECORDS))
    cloud = Cloud(tmp_path)
    assert not (tmp_path / "sls.json").exists()
    assert cloud.sls.project("logs").settings.description == "of functions"
    settings = cloud.sls.logstore("logs", "functions").settings
    assert (settings.ttl, settings.shard_count, settings.enable_tracking) == (7, 2, True)
    document = cloud.sls.index("logs", "functions").document
    assert document["line"] == {"token": [" ", ","], "caseSensitive": False, "chn": False}
    assert list(document["keys"]) == ["level"]


@pytest.mark.parametrize("done", [1, 2, 3])
def test_a_kill_while_records_go_over_to_sls_loses_nothing(tmp_path: Path, done: int) -> None:
    path, sls = tmp_path / "records.json", SlsService(tmp_path / "sls", clock=lambda: 0.0)
    for count in (done, len(RECORDS)):  # the first time, a kill came after `done` of them
        path.write_text(json.dumps(dict(list(RECORDS.items())[:count])))
        adopt_records(path, sls)
    assert sls.project("logs").settings.description == "of functions"
    assert [store.name for store in sls.logstores("logs")] == ["functions"]
    assert sls.index("logs", "functions").document["line"]


def test_records_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    (tmp_path / "sls.json").write_text("{")  # those of ROS, before SLS was a service
    with pytest.raises(LocalCloudError, match="cannot be read"):
        Cloud(tmp_path)
