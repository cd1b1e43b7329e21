"""The services with the resource types on them, in process; each change is held to the rights that its type says it needs."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from localcloud.fc.configs import Minimum
from localcloud.fc.model import Settings
from localcloud.fc.operations.service import FcService
from localcloud.kernel.identity import Credential, Identity
from localcloud.oss.operations.service import OssService
from localcloud.ram import RamService
from localcloud.ros.api.callbacks import Callbacks
from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.calls import reasons
from localcloud.ros.resources.provider import Context, Outcome, ResourceType
from localcloud.ros.resources.registry import resource_types
from localcloud.ros.resources.schema import check_properties
from localcloud.sls.operations.service import SlsService
from localcloud.sts.operations.sessions import StsService

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


def _put_minimum(minimum: Minimum) -> tuple[str, str]:
    asks_for_none = minimum.target == 0 and not minimum.actions
    taken_away = asks_for_none and minimum.function.startswith("functions/")  # FC 2.0 puts none
    return _fc(f"{'Delete' if taken_away else 'Put'}ProvisionConfig", minimum.function)


class Services:
    """The services on which resource types stand, in process."""

    def __init__(self, folder: Path) -> None:
        def clock() -> float:
            return 1_800_000_000.0

        key = Credential(access_key_id="k", access_key_secret="s", identity=Identity(account_id=ACCOUNT))
        self.oss = OssService(folder / "oss", account_id=ACCOUNT, region="cn-hangzhou", clock=clock)
        self.ram = RamService(folder / "ram", account=key, clock=clock)
        settings = Settings(region="cn-hangzhou", account_id=ACCOUNT, gateway=("127.0.0.1", 1), authority="")
        sts = StsService(folder / "ram", account_id=ACCOUNT, roles=self.ram, clock=clock)
        self.sls = SlsService(folder / "sls", clock=clock)
        self.fc = FcService(
            folder / "fc",
            settings=settings,
            roles=sts,
            objects=self.oss.objects,
            buckets=self.oss.buckets,
            logstores=self.sls,
            deliver=lambda *_: None,
            clock=clock,
        )

    def resource_types(self, folder: Path) -> Mapping[str, ResourceType]:
        """Return the resource types, by name."""
        return resource_types(
            buckets=self.oss.buckets, ram=self.ram, fc=self.fc, sls=self.sls, callbacks=Callbacks(), folder=folder
        )

    def close(self) -> None:
        self.oss.close()


def _log(action: str, project: str, logstore: str = "") -> tuple[str, str]:
    path = f"project/{project}" + (f"/logstore/{logstore}" if logstore else "")
    return f"log:{action}", f"acs:log:cn-hangzhou:{ACCOUNT}:{path}"


SETTING = {
    "lifecycle": "BucketLifecycle",
    "encryption": "BucketEncryption",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "cors": "BucketCors",
    "logging": "BucketLogging",
    "referer": "BucketReferer",
    "policy": "BucketPolicy",
    "website": "BucketWebsite",
    "resourceGroup": "BucketResourceGroup",
}
TAGGED = {"services": "", "functions": "s"}
VERSION = {"services": "ServiceVersion", "functions": "FunctionVersion"}
# What each call of a service that changes something is by the service's own API.
CHANGES: dict[str, Callable[..., tuple[str, str]]] = {
    "create": lambda name, **_: _oss("PutBucket", name),
    "set_acl": lambda name, _acl: _oss("PutBucketAcl", name),
    "set_setting": lambda name, setting, document: _oss(f"{'Put' if document else 'Delete'}{SETTING[setting]}", name),
    "empty": lambda name: _oss("ListObjects", name),
    "delete": lambda name: _oss("DeleteBucket", name),
    "create_role": lambda name, **_: _ram("CreateRole", f"role/{name}"),
    "update_role": lambda name, **_: _ram("UpdateRole", f"role/{name}"),
    "tag": lambda _kind, names, _tags: _ram("TagResources", f"role/{names[0]}"),
    "untag": lambda _kind, names, _keys: _ram("UntagResources", f"role/{names[0]}"),
    "delete_role": lambda name: _ram("DeleteRole", f"role/{name}"),
    "create_policy": lambda name, **_: _ram("CreatePolicy", f"policy/{name}"),
    "create_policy_version": lambda name, **_: _ram("CreatePolicyVersion", f"policy/{name}"),
    "delete_policy_version": lambda name, _version: _ram("DeletePolicyVersion", f"policy/{name}"),
    "delete_policy": lambda name: _ram("DeletePolicy", f"policy/{name}"),
    "attach_policy": lambda name, _policy, _type, kind: _ram(f"AttachPolicyTo{kind}", f"{kind.lower()}/{name}"),
    "detach_policy": lambda name, _policy, _type, kind: _ram(f"DetachPolicyFrom{kind}", f"{kind.lower()}/{name}"),
    "create_user": lambda name, **_: _ram("CreateUser", f"user/{name}"),
    "put_login": lambda name, _password, **_: _ram("CreateLoginProfile", f"user/{name}"),
    "delete_user": lambda name: _ram("DeleteUser", f"user/{name}"),
    "create_group": lambda name, **_: _ram("CreateGroup", f"group/{name}"),
    "delete_group": lambda name: _ram("DeleteGroup", f"group/{name}"),
    "add_user_to_group": lambda _user, group: _ram("AddUserToGroup", f"group/{group}"),
    "remove_user_from_group": lambda _user, group: _ram("RemoveUserFromGroup", f"group/{group}"),
    "create_access_key": lambda user: _ram("CreateAccessKey", f"user/{user}"),
    "delete_access_key": lambda user, _key: _ram("DeleteAccessKey", f"user/{user}"),
    "tags.add": lambda path, _tags: _fc(f"TagResource{TAGGED[path.partition('/')[0]]}", path),
    "tags.remove": lambda path, _keys: _fc(f"UntagResource{TAGGED[path.partition('/')[0]]}", path),
    "services.create": lambda service: _fc("CreateService", f"services/{service.name}"),
    "services.update": lambda service: _fc("UpdateService", f"services/{service.name}"),
    "services.delete": lambda name: _fc("DeleteService", f"services/{name}"),
    "functions.create": lambda function, _code: _fc("CreateFunction", function.path),
    "functions.update": lambda function, _code: _fc("UpdateFunction", function.path),
    "functions.delete": lambda path: _fc("DeleteFunction", path),
    "triggers.create": lambda trigger: _fc("CreateTrigger", f"{trigger.function}/triggers/{trigger.name}"),
    "triggers.update": lambda trigger: _fc("UpdateTrigger", f"{trigger.function}/triggers/{trigger.name}"),
    "triggers.delete": lambda path, name: _fc("DeleteTrigger", f"{path}/triggers/{name}"),
    "versions.publish": lambda owner, **_: _fc(f"Publish{VERSION[owner.partition('/')[0]]}", f"{owner}/versions"),
    "versions.delete": lambda owner, _id: _fc(f"Delete{VERSION[owner.partition('/')[0]]}", f"{owner}/versions/*"),
    "aliases.create": lambda alias: _fc("CreateAlias", f"{alias.owner}/aliases/{alias.name}"),
    "aliases.update": lambda alias: _fc("UpdateAlias", f"{alias.owner}/aliases/{alias.name}"),
    "aliases.delete": lambda owner, name: _fc("DeleteAlias", f"{owner}/aliases/{name}"),
    "configs.put_minimum": _put_minimum,
    "configs.put_limit": lambda limit: _fc("PutConcurrencyConfig", limit.function),
    "configs.delete_limit": lambda path: _fc("DeleteConcurrencyConfig", path),
    "configs.put_async": lambda config: _fc("PutAsyncInvokeConfig", config.function),
    "configs.delete_async": lambda path, _qualifier: _fc("DeleteAsyncInvokeConfig", path),
    "layers.create": lambda layer, _code: _fc("CreateLayerVersion", f"layers/{layer.layer}/versions/*"),
    "layers.publish": lambda name, **_: _fc("PutLayerACL", f"layers/{name}"),
    "layers.delete": lambda name, _version: _fc("DeleteLayerVersion", f"layers/{name}/versions/*"),
    "domains.create": lambda domain: _fc("CreateCustomDomain", f"custom-domains/{domain.name}"),
    "domains.update": lambda domain: _fc("UpdateCustomDomain", f"custom-domains/{domain.name}"),
    "domains.delete": lambda name, _generation: _fc("DeleteCustomDomain", f"custom-domains/{name}"),
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
    {"get", "contents", "roles", "get_role", "role_arn", "policies", "get_policy", "policies_of"}
    | {"users", "get_user", "groups", "get_group", "groups_of", "access_keys"}
    | {"attachments_of", "services.all", "services.get", "functions.get", "triggers.get"}
    | {"versions.get", "aliases.get", "layers.get", "configs.minimum", "configs.limit", "configs.get_async"}
    | {"domains.get"}
    | {"projects", "project", "logstores", "logstore", "index"}
)


RESOURCES = frozenset(
    {"services", "functions", "triggers", "versions", "aliases", "configs", "layers", "domains", "tags"}
)  # of Function Compute, whose operations are apart


class Noted:
    """A service that notes which of its changes are called; a call that is neither read nor change here is an error."""

    def __init__(self, service: object, calls: set[tuple[str, str]], resource: str = "") -> None:
        self._service = service
        self._calls = calls
        self._resource = resource

    def __getattr__(self, name: str) -> Any:
        real = getattr(self._service, name)
        if name in RESOURCES:
            return Noted(real, self._calls, f"{name}.")
        if self._resource + name in READS:
            return real

        def change(*args: Any, **given: Any) -> Any:
            self._calls.add(CHANGES[self._resource + name](*args, **given))
            return real(*args, **given)

        return change


class Cloud(Services):
    """The services, and the resource types on them. Each call runs in an event loop of its own."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.calls: set[tuple[str, str]] = set()
        self._ids: dict[tuple[str, str], str] = {}  # physical ids, by type and what was planned
        services = (self.oss.buckets, self.ram, self.fc, self.sls)
        noted: list[Any] = [Noted(each, self.calls) for each in services]  # which answers to all of their names
        buckets, ram, fc, sls = noted
        self.types = resource_types(buckets=buckets, ram=ram, fc=fc, sls=sls, callbacks=Callbacks(), folder=folder)

    def type(self, name: str) -> ResourceType:
        return self.types[f"ALIYUN::{name}"]

    def check(self, name: str, given: Mapping[str, object]) -> dict[str, object]:
        return check_properties(self.type(name).properties, given)

    def create(self, name: str, **given: object) -> Outcome:
        kind, properties = self.type(name), self.check(name, given)
        planned = kind.plan_id(CONTEXT, properties)
        with self.within_rights(kind, None, properties):
            outcome = asyncio.run(kind.create(CONTEXT, properties))
        assert outcome.physical_id == planned or (planned.endswith("/") and outcome.physical_id.startswith(planned))
        assert self.exists(name, outcome.physical_id)
        assert sorted(outcome.attributes) == sorted(kind.returns)
        self._ids[name, planned] = outcome.physical_id
        return outcome

    def update(self, name: str, before: Mapping[str, object], after: Mapping[str, object]) -> Outcome:
        kind, old, new = self.type(name), self.check(name, before), self.check(name, after)
        physical_id = self._id(name, new)
        with self.within_rights(kind, old, new):
            outcome = asyncio.run(kind.update(CONTEXT, physical_id, new, old))
        assert outcome.physical_id == physical_id
        return outcome

    def delete(self, name: str, **given: object) -> None:
        kind, properties = self.type(name), self.check(name, given)
        with self.within_rights(kind, properties, None):
            asyncio.run(kind.delete(CONTEXT, self._id(name, properties), properties))

    def _id(self, name: str, properties: Mapping[str, object]) -> str:
        """Return a resource's id: as it was made, or as it would be."""
        planned = self.type(name).plan_id(CONTEXT, properties)
        return self._ids.get((name, planned), planned)

    @contextmanager
    def within_rights(
        self, kind: ResourceType, before: Mapping[str, object] | None, after: Mapping[str, object] | None
    ) -> Iterator[None]:
        """Check that each change is covered by the rights that its type declares."""
        with reasons():
            rights = {(right.action, right.resource) for right in kind.rights(CONTEXT, before, after)}
        assert rights
        self.calls.clear()
        yield
        assert self.calls <= rights

    def exists(self, name: str, physical_id: str) -> bool:
        return asyncio.run(self.type(name).exists(CONTEXT, physical_id))


def reason(call: Callable[..., object], *args: Any, **given: Any) -> str:
    with pytest.raises(ResourceError) as caught:
        call(*args, **given)
    assert caught.value.physical_id == ""
    return str(caught.value)


EMPTY_ZIP = base64.b64encode(b"PK\x05\x06" + bytes(18)).decode()
SAMPLES: dict[str, dict[str, Any]] = {
    "OSS::Bucket": {"BucketName": "photos"},
    "RAM::Role": {"RoleName": "runner", "AssumeRolePolicyDocument": TRUST},
    "RAM::ManagedPolicy": {"PolicyName": "reader", "PolicyDocument": allow("oss:GetObject")},
    "RAM::AttachPolicyToRole": {"RoleName": "base", "PolicyName": "AliyunOSSFullAccess", "PolicyType": "System"},
    "RAM::AttachPolicyToUser": {"UserName": "base", "PolicyName": "AliyunOSSFullAccess", "PolicyType": "System"},
    "RAM::AttachPolicyToGroup": {"GroupName": "base", "PolicyName": "AliyunOSSFullAccess", "PolicyType": "System"},
    "RAM::User": {"UserName": "anna", "Groups": ["base"]},
    "RAM::AccessKey": {"UserName": "base"},
    "RAM::Group": {"GroupName": "editors"},
    "RAM::UserToGroupAddition": {"GroupName": "base", "Users": ["base"]},
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
        "SourceArn": f"acs:oss:cn-hangzhou:{ACCOUNT}:base-pictures",
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
    "FC::Version": {"ServiceName": "base"},
    "FC::Alias": {"ServiceName": "aliased", "AliasName": "prod", "VersionId": "1"},
    "FC::ProvisionConfig": {"ServiceName": "base", "FunctionName": "base", "Qualifier": "LATEST", "Target": 1},
    "FC::Layer": {"LayerName": "libs", "Code": {"ZipFile": EMPTY_ZIP}, "CompatibleRuntime": ["python3.10"]},
    "FC::CustomDomain": {
        "DomainName": "www.example.com",
        "Protocol": "HTTP",
        "RouteConfig": {"Routes": [{"Path": "/*", "ServiceName": "base", "FunctionName": "base"}]},
    },
    "FC3::CustomDomain": {
        "DomainName": "www3.example.com",
        "Protocol": "HTTP",
        "AuthConfig": {"AuthType": "anonymous"},
        "RouteConfig": {"Routes": [{"Path": "/*", "FunctionName": "base", "Qualifier": "LATEST"}]},
    },
    "FC3::FunctionVersion": {"FunctionName": "base"},
    "FC3::ProvisionConfig": {"FunctionName": "base", "DefaultTarget": 1},
    "FC3::ConcurrencyConfig": {"FunctionName": "base", "ReservedConcurrency": 5},
    "FC3::AsyncInvokeConfig": {"FunctionName": "base", "AsyncTask": True},
    "FC3::LayerVersion": {"LayerName": "libs", "Code": {"ZipFile": EMPTY_ZIP}},
    "SLS::Project": {"Name": "logs"},
    "SLS::Logstore": {"ProjectName": "base", "LogstoreName": "function-log"},
    "SLS::Index": {"ProjectName": "base", "LogstoreName": "base", "FullTextIndex": {"Enable": True}},
}
BASE: list[tuple[str, dict[str, Any]]] = [
    ("RAM::Role", {**SAMPLES["RAM::Role"], "RoleName": "base"}),
    ("RAM::Group", {"GroupName": "base"}),
    ("RAM::User", {"UserName": "base"}),
    ("FC::Service", {"ServiceName": "base"}),
    ("FC::Function", {**SAMPLES["FC::Function"], "FunctionName": "base"}),
    ("FC::Service", {"ServiceName": "aliased"}),
    ("FC::Version", {"ServiceName": "aliased"}),
    ("FC3::Function", {**SAMPLES["FC3::Function"], "FunctionName": "base"}),
    ("OSS::Bucket", {"BucketName": "base-pictures"}),
    ("SLS::Project", {"Name": "base"}),
    ("SLS::Logstore", {"ProjectName": "base", "LogstoreName": "base"}),
]
