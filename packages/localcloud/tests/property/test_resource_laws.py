"""Laws of resource types: an update gives what a creation would have given, and a deletion leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.ros.resources.schema import check_properties, needs_replacement
from tests.support.resource_types import ACCOUNT, CONTEXT, Services

Some = Mapping[str, st.SearchStrategy[Any]]


def some_of(fixed: Mapping[str, Any], optional: Some) -> st.SearchStrategy[dict[str, Any]]:
    """Return properties: all that are fixed, some of the optional ones."""
    return st.fixed_dictionaries({name: st.just(value) for name, value in fixed.items()}, optional=dict(optional))


def document(action: str, **more: Any) -> dict[str, Any]:
    return {"Version": "1", "Statement": [{"Effect": "Allow", "Action": action, **more}]}


TEXT = st.text("ab<&>'\"é ", max_size=5)
DAYS = st.integers(1, 9)
NAMES = ["p", "q", "r"]
DOCUMENT = st.builds(document, st.sampled_from(["oss:GetObject", "oss:*"]), Resource=st.just("*"))
TRUST = st.builds(
    document, st.just("sts:AssumeRole"), Principal=st.sampled_from([{"Service": ["fc.aliyuncs.com"]}, {"RAM": ["*"]}])
)
POLICY = {"PolicyDocument": DOCUMENT}
POLICIES = st.permutations(NAMES).flatmap(
    lambda names: st.tuples(
        *(
            st.fixed_dictionaries({"PolicyName": st.just(name), **POLICY}, optional={"Description": st.just("d")})
            for name in names
        )
    ).flatmap(lambda policies: st.integers(0, len(names)).map(lambda count: list(policies[:count])))
)
SYSTEM = st.lists(st.sampled_from(["AliyunOSSFullAccess", "AliyunLogFullAccess", "AliyunFCFullAccess"]), unique=True)
ACTIONS: Some = {
    "Expiration": st.fixed_dictionaries({"Days": DAYS}),
    "AbortMultipartUpload": st.fixed_dictionaries({"Days": DAYS}),
}


def rules(prefix: str) -> st.SearchStrategy[dict[str, Any]]:
    """Rules of objects below a prefix, each with an action."""
    status = {"Status": st.sampled_from(["Enabled", "Disabled"])}
    return st.sampled_from(sorted(ACTIONS)).flatmap(
        lambda action: st.fixed_dictionaries(
            {"Prefix": st.just(prefix), action: ACTIONS[action]},
            optional={**status, **{other: ACTIONS[other] for other in ACTIONS if other != action}},
        )
    )


RULES = st.tuples(rules("a/"), rules("b/"), st.integers(1, 2)).map(lambda made: list(made[: made[2]]))
FUNCTION: Some = {
    "Timeout": st.integers(1, 99),
    "MemorySize": st.sampled_from([128, 512]),
    "DiskSize": st.sampled_from([512, 10240]),
    "EnvironmentVariables": st.dictionaries(st.sampled_from("AB"), TEXT, max_size=2),
    "Description": TEXT,
}
CODE = st.sampled_from(["a = 1", "a = 2"]).map(lambda text: {"SourceCode": text})
LOGS = st.fixed_dictionaries({"Project": st.sampled_from(["p", "q"]), "Logstore": st.just("l")})
SERVICE: Some = {"Description": TEXT, "Role": TEXT, "InternetAccess": st.booleans(), "LogConfig": LOGS}
EVENTS = st.lists(st.sampled_from(["oss:ObjectCreated:*", "oss:ObjectRemoved:*"]), min_size=1, unique=True)
PROPERTIES: dict[str, st.SearchStrategy[dict[str, Any]]] = {
    "OSS::Bucket": some_of(
        {"BucketName": "bucket"},
        {
            "AccessControl": st.sampled_from(["private", "public-read"]),
            "ServerSideEncryptionConfiguration": st.sampled_from([{"SSEAlgorithm": "AES256"}, {"SSEAlgorithm": "KMS"}]),
            "LifecycleConfiguration": st.fixed_dictionaries({"Rule": RULES}),
            "Tags": st.dictionaries(st.sampled_from(["k", "a b", "é"]), st.sampled_from(["", "v"]), max_size=2),
        },
    )
    | some_of({"BucketName": "bucket", "BlockPublicAccess": True}, {"DeletionForce": st.booleans()}),
    "RAM::Role": st.fixed_dictionaries(
        {"RoleName": st.just("role"), "AssumeRolePolicyDocument": TRUST},
        optional={
            "MaxSessionDuration": st.integers(3600, 43200),
            "Policies": POLICIES,
            "PolicyAttachments": st.fixed_dictionaries({}, optional={"System": SYSTEM}),
        },
    ),
    "RAM::ManagedPolicy": st.fixed_dictionaries(
        {"PolicyName": st.just("policy"), "PolicyDocument": DOCUMENT}, optional={"PolicyDocumentUnchecked": DOCUMENT}
    ),
    "FC::Service": some_of({"ServiceName": "service"}, SERVICE),
    "FC::Function": some_of(
        {"ServiceName": "base", "FunctionName": "function"},
        {**FUNCTION, "Initializer": st.just("a.b"), "InitializationTimeout": st.integers(1, 300)},
    ).flatmap(lambda given: CODE.map(lambda code: {**given, "Code": code, "Handler": "a.b", "Runtime": "python3.10"})),
    "FC3::Function": some_of(
        {"FunctionName": "function"},
        {
            **FUNCTION,
            **SERVICE,
            "InstanceLifecycleConfig": st.fixed_dictionaries(
                {}, optional={"Initializer": some_of({"Handler": "a.b"}, {"Timeout": st.integers(1, 300)})}
            ),
        },
    ).flatmap(lambda given: CODE.map(lambda code: {**given, "Code": code, "Handler": "a.b", "Runtime": "python3.12"})),
    "FC::Trigger": st.fixed_dictionaries(
        {
            "ServiceName": st.just("base"),
            "FunctionName": st.just("base"),
            "TriggerName": st.just("trigger"),
            "TriggerType": st.just("oss"),
            "SourceArn": st.just(f"acs:oss:cn-hangzhou:{ACCOUNT}:base-bucket"),
            "InvocationRole": st.sampled_from(["a", "b"]),
            "TriggerConfig": st.fixed_dictionaries({"events": EVENTS}),
        },
        optional={"Qualifier": st.just("LATEST")},
    ),
    "SLS::Project": some_of({"Name": "project"}, {"Description": TEXT}),
    "SLS::Logstore": some_of(
        # A logstore that splits its shards has to say how many there may be.
        {"ProjectName": "base", "LogstoreName": "logs", "MaxSplitShard": 8},
        {"TTL": DAYS, "AutoSplit": st.booleans()},
    ),
}


class Cloud(Services):
    """The services, with a service, a function and a log project to build on."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.types = self.resource_types(folder)
        self.create("FC::Service", {"ServiceName": "base"})
        code = {"Code": {"SourceCode": "a"}, "Handler": "a.b", "Runtime": "python3.10"}
        self.create("FC::Function", {"ServiceName": "base", "FunctionName": "base", **code})
        self.create("SLS::Project", {"Name": "base"})
        self.create("OSS::Bucket", {"BucketName": "base-bucket"})

    def check(self, name: str, properties: Mapping[str, Any]) -> dict[str, object]:
        return check_properties(self.types[f"ALIYUN::{name}"].properties, properties)

    def create(self, name: str, properties: Mapping[str, Any]) -> str:
        return str(run(self.types[f"ALIYUN::{name}"].create(CONTEXT, self.check(name, properties))).physical_id)

    def update(self, name: str, physical_id: str, properties: Mapping[str, Any], previous: Mapping[str, Any]) -> None:
        kind, new, old = self.types[f"ALIYUN::{name}"], self.check(name, properties), self.check(name, previous)
        assert not needs_replacement(kind.properties, old, new)
        assert run(kind.update(CONTEXT, physical_id, new, old)).physical_id == physical_id

    def delete(self, name: str, physical_id: str, properties: Mapping[str, Any]) -> None:
        run(self.types[f"ALIYUN::{name}"].delete(CONTEXT, physical_id, self.check(name, properties)))

    def state(self) -> list[object]:
        """Return all that there is, without ids that are drawn."""
        functions = [*self.fc.functions.all("base"), *self.fc.functions.all("")]
        return [
            self.oss.buckets.all(),
            [replace(role, role_id="") for role in self.ram.roles()],
            [
                (each.name, each.description, json.loads(each.default.document), len(each.versions))
                for each in self.ram.policies()
            ],
            [{(each.type, each.name) for each in self.ram.policies_of(role.name)} for role in self.ram.roles()],
            self.fc.services.all(),
            [replace(each, function_id="") for each in functions],
            [replace(trigger, trigger_id="") for each in functions for trigger in self.fc.triggers.all(each.path)],
            self.sls.projects(),
            [self.sls.logstores(project.name) for project in self.sls.projects()],
        ]


def run(call: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(call)


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path_factory.mktemp("cloud"))
    yield cloud
    cloud.close()


@pytest.mark.parametrize("name", PROPERTIES)
@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_an_update_gives_what_a_creation_gives_and_a_deletion_leaves_nothing(
    cloud: Cloud, name: str, data: st.DataObject
) -> None:
    before, after = data.draw(PROPERTIES[name]), data.draw(PROPERTIES[name])
    empty = cloud.state()
    physical_id = cloud.create(name, before)
    try:
        cloud.update(name, physical_id, after, before)
        updated = cloud.state()
    finally:
        cloud.delete(name, physical_id, after)
    assert cloud.state() == empty
    assert cloud.create(name, after) == physical_id
    created = cloud.state()
    cloud.delete(name, physical_id, after)
    assert updated == created != empty
    assert cloud.state() == empty
