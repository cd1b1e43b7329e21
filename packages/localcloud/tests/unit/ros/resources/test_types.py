"""All resource types on the real services, in process: create, delete, and refuse."""

from __future__ import annotations

import pytest

from localcloud.ros.model import CUSTOM_RESOURCE
from localcloud.ros.resources.provider import Detectable
from tests.support.resource_types import CONTEXT, SAMPLES, Cloud, reason


def test_every_type_but_those_that_run_functions_has_a_sample(cloud: Cloud) -> None:
    invokers = {"ALIYUN::FC::FunctionInvoker", "ALIYUN::FC3::FunctionInvoker"}
    assert {f"ALIYUN::{name}" for name in SAMPLES} == cloud.types.keys() - {CUSTOM_RESOURCE} - invokers


NUMBERED = {"FC::Version", "FC::Layer", "FC3::FunctionVersion", "FC3::LayerVersion"}  # a number is not given twice


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_created_can_be_deleted_and_created_again(based: Cloud, name: str) -> None:
    physical_id = based.create(name, **SAMPLES[name]).physical_id
    based.delete(name, **SAMPLES[name])
    assert not based.exists(name, physical_id)
    based.delete(name, **SAMPLES[name])
    again = based.create(name, **SAMPLES[name]).physical_id
    if name == "RAM::AccessKey":  # its id is drawn
        assert again != physical_id
        return
    assert again == (physical_id.replace("/1", "/2") if name in NUMBERED else physical_id)


@pytest.mark.parametrize("name", ["OSS::Bucket", "RAM::Role", "RAM::ManagedPolicy", "FC::Function", "FC3::Function"])
def test_what_was_just_made_has_not_drifted(based: Cloud, name: str) -> None:
    kind, given = based.type(name), based.check(name, SAMPLES[name])
    assert isinstance(kind, Detectable)
    physical_id = based.create(name, **SAMPLES[name]).physical_id
    actual = kind.present(CONTEXT, physical_id, given)
    assert actual is not None
    assert {each: actual[each] for each in given if each in actual} == {
        each: given[each] for each in given if each in actual
    }
    based.delete(name, **SAMPLES[name])
    assert kind.present(CONTEXT, physical_id, given) is None


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("OSS::Bucket", "BucketAlreadyExists: "),
        ("RAM::Role", "EntityAlreadyExists.Role: "),
        ("RAM::ManagedPolicy", "EntityAlreadyExists.Policy: "),
        ("RAM::AttachPolicyToRole", "EntityAlreadyExists.Role.Policy: "),
        ("RAM::AttachPolicyToUser", "EntityAlreadyExists.User.Policy: "),
        ("RAM::AttachPolicyToGroup", "EntityAlreadyExists.Group.Policy: "),
        ("RAM::User", "EntityAlreadyExists.User: "),
        ("RAM::Group", "EntityAlreadyExists.Group: "),
        ("RAM::UserToGroupAddition", "EntityAlreadyExists.User.Group: "),
        ("FC::Service", "ServiceAlreadyExists: "),
        ("FC::Function", "FunctionAlreadyExists: "),
        ("FC::Trigger", "TriggerAlreadyExists: "),
        ("FC3::Function", "FunctionAlreadyExists: "),
        ("FC3::Trigger", "TriggerAlreadyExists: "),
        ("FC::Version", "VersionPublishError: "),
        ("FC::Alias", "AliasAlreadyExists: "),
        ("FC::ProvisionConfig", "base/base/LATEST has its ProvisionConfig already"),
        ("FC3::FunctionVersion", "VersionPublishError: "),
        ("FC::CustomDomain", "DomainNameAlreadyExists: "),
        ("FC3::CustomDomain", "DomainNameAlreadyExists: "),
        ("FC3::ProvisionConfig", "base/LATEST has its ProvisionConfig already"),
        ("FC3::ConcurrencyConfig", "base has its ConcurrencyConfig already"),
        ("FC3::AsyncInvokeConfig", "base has its AsyncInvokeConfig already"),
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
        ("RAM::AttachPolicyToUser", {"UserName": "none"}, "EntityNotExist.User: "),
        ("RAM::User", {"Groups": ["none"]}, "EntityNotExist.Group: "),
        ("RAM::AccessKey", {"UserName": "none"}, "EntityNotExist.User: "),
        ("RAM::UserToGroupAddition", {"Users": ["base", "none"]}, "EntityNotExist.User: "),
        ("FC::Function", {"ServiceName": "none"}, "ServiceNotFound: "),
        ("FC::Trigger", {"FunctionName": "none"}, "FunctionNotFound: "),
        ("FC3::Trigger", {"FunctionName": "none"}, "FunctionNotFound: "),
        ("FC::Version", {"ServiceName": "none"}, "ServiceNotFound: "),
        ("FC::Alias", {"VersionId": "7"}, "VersionNotFound: "),
        ("FC::ProvisionConfig", {"FunctionName": "none"}, "FunctionNotFound: "),
        ("FC::ProvisionConfig", {"Qualifier": "none"}, "AliasNotFound: "),
        ("FC3::FunctionVersion", {"FunctionName": "none"}, "FunctionNotFound: "),
        ("FC3::ProvisionConfig", {"FunctionName": "none"}, "FunctionNotFound: "),
        ("FC3::ConcurrencyConfig", {"FunctionName": "none"}, "FunctionNotFound: "),
        ("FC3::AsyncInvokeConfig", {"FunctionName": "none"}, "FunctionNotFound: "),
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


FIXED = {  # nothing changes in place
    *("RAM::AttachPolicyToRole", "RAM::AttachPolicyToUser", "RAM::AttachPolicyToGroup"),
    *("RAM::AccessKey", "RAM::UserToGroupAddition", "FC::Version", "FC::Layer", "FC3::FunctionVersion"),
}
PUT = {"FC::ProvisionConfig", "FC3::ProvisionConfig"}  # none is the same as one of no instances


@pytest.mark.parametrize("name", sorted(SAMPLES.keys() - FIXED - PUT))
def test_an_update_of_what_is_gone_fails_with_a_reason(based: Cloud, name: str) -> None:
    assert reason(based.update, name, SAMPLES[name], SAMPLES[name])
