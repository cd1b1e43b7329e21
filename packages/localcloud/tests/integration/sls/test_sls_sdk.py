"""SLS through the official Python SDK: projects, logstores and indexes, by both versions of its signature."""

from __future__ import annotations

import json
import signal
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aliyun.log import IndexConfig, IndexKeyConfig, IndexLineConfig, ListTopicsRequest, LogClient
from aliyun.log.auth import AUTH_VERSION_1, AUTH_VERSION_4

from tests.support.roles import assume_role
from tests.support.signers import Key
from tests.support.sls import client_of, refusal

Running = Any  # the running cloud of tests/support/cloud.py


def test_a_project_is_made_told_changed_and_deleted(client: LogClient, cloud: Running) -> None:
    name = "made-" + uuid.uuid4().hex[:12]
    assert len(client.create_project(name, "first", data_redundancy_type="ZRS").get_request_id()) == 24
    made = client.get_project(name)
    assert (made.get_projectname(), made.get_description(), made.get_status()) == (name, "first", "Normal")
    assert (made.get_region(), made.get_owner()) == (cloud.region, cloud.account_id)
    assert made.get_data_redundancy_type() == "ZRS"
    client.update_project(name, "second: ü, a=1&b=2")
    assert client.get_project(name).get_description() == "second: ü, a=1&b=2"
    assert name in [each["projectName"] for each in client.list_project().get_projects()]
    assert refusal(client.create_project, name, "").get_error_code() == "ProjectAlreadyExist"
    client.update_project(name, "x" * 512)
    long = refusal(client.update_project, name, "x" * 513)
    assert (long.get_error_code(), long.get_error_message()[:30]) == (
        "ParameterInvalid",
        "Invalid project description: '",
    )
    assert refusal(client.create_project, "long-" + name, "x" * 513).get_error_code() == "ParameterInvalid"
    client.delete_project(name)
    assert refusal(client.get_project, name).get_error_message() == f"The Project does not exist: {name}"
    assert refusal(client.delete_project, name).resp_status == 404


@pytest.mark.parametrize("version", [AUTH_VERSION_1, AUTH_VERSION_4])
def test_the_listener_takes_projects_before_its_address(cloud: Running, version: str) -> None:
    client = client_of(cloud, version)
    client._session.proxies = {}
    client._setendpoint(cloud.endpoints["sls"])
    client._isRowIp = (
        True  # what the SDK finds for an address without a port: the project stands in the header Host alone
    )
    name = "direct-" + uuid.uuid4().hex[:12]
    client.create_project(name, "of tests")
    assert client.get_project(name).get_projectname() == name
    client.delete_project(name)


def test_a_project_goes_to_a_resource_group(client: LogClient, project: str) -> None:
    client.change_resource_group(project, "rg-one")
    assert client.get_project(project).get_resource_group_id() == "rg-one"
    assert [each["projectName"] for each in client.list_project(resource_group_id="rg-one").get_projects()] == [project]
    assert refusal(client.change_resource_group, project, "").get_error_code() == "ParameterInvalid"


def test_projects_come_in_pages_and_by_a_part_of_their_names(client: LogClient) -> None:
    part = uuid.uuid4().hex[:12]
    names = [f"p{number}-{part}" for number in range(5)]
    for name in names:
        client.create_project(name, f"page of {part}")
    page = client.list_project(offset=3, size=10, project_name_pattern=part)
    assert (page.get_count(), page.get_total()) == (2, 5)
    assert [each["projectName"] for each in page.get_projects()] == names[3:]
    assert client.list_project(description=part).get_total() == 5
    assert client.list_project(size=-1).get_total() >= 5
    for name in names:
        client.delete_project(name)


def test_a_logstore_is_made_told_changed_and_deleted(client: LogClient, project: str) -> None:
    client.create_logstore(project, "functions", ttl=7, shard_count=3, auto_split=True, max_split_shard=8)
    made = client.get_logstore(project, "functions")
    assert (made.logstore_name, made.get_ttl(), made.get_shard_count()) == ("functions", 7, 3)
    assert (made.auto_split, made.max_split_shard, made.append_meta, made.mode) == (True, 8, False, "standard")
    client.update_logstore(project, "functions", ttl=30, enable_tracking=True)
    changed = client.get_logstore(project, "functions")
    assert (changed.get_ttl(), changed.get_enable_tracking(), changed.auto_split) == (30, True, True)
    client.create_logstore(project, "kept", preserve_storage=True, hot_ttl=30, mode="query")
    kept = client.get_logstore(project, "kept")
    assert (kept.preserve_storage, kept.get_hot_ttl(), kept.mode) == (True, 30, "query")
    listed = client.list_logstore(project, size=1)
    assert (listed.get_logstores(), listed.get_total()) == (["functions"], 2)
    assert client.list_logstore(project, "ept").get_logstores() == ["kept"]
    told, _ = client._send("GET", project, None, "/logstores", {"offset": "", "size": "", "logstoreName": ""}, {})
    assert (told["count"], told["total"]) == (2, 2)
    for mode, names in (("query", ["kept"]), ("standard", ["functions"]), ("lite", [])):
        parameters = {"offset": "0", "size": "9", "mode": mode, "telemetryType": "None"}
        told, _ = client._send("GET", project, None, "/logstores", parameters, {})
        assert told["logstores"] == names
    assert refusal(client.create_logstore, project, "kept").get_error_code() == "LogStoreAlreadyExist"
    client.delete_logstore(project, "kept")
    assert refusal(client.get_logstore, project, "kept").get_error_code() == "LogStoreNotExist"


def test_a_logstore_is_paid_for_by_function_or_by_data(client: LogClient, project: str) -> None:
    client.create_logstore(project, "functions")
    assert client.get_logstore_metering_mode(project, "functions").get_metering_mode() == "ChargeByFunction"
    client.update_logstore_metering_mode(project, "functions", "ChargeByDataIngest")
    client.update_logstore(project, "functions", ttl=3)
    assert client.get_logstore_metering_mode(project, "functions").get_metering_mode() == "ChargeByDataIngest"
    error = refusal(client.update_logstore_metering_mode, project, "functions", "ChargeByMood")
    assert (error.get_error_code(), error.resp_status) == ("ParameterInvalid", 400)


def test_projects_and_logstores_have_tags(client: LogClient, project: str) -> None:
    client.create_logstore(project, "functions")
    logstore = f"{project}#functions"

    def told(kind: str, resource: str) -> dict[str, str]:
        (page,) = client.list_tag_resources(kind, resource)
        return {tag.get_tag_key(): tag.get_tag_value() for tag in page.get_tags()}

    for kind, resource in (("project", project), ("logstore", logstore)):
        client.tag_resources(kind, resource, colour="blue", size="ü 1")
        client.tag_resources(kind, resource, colour="red")
        assert told(kind, resource) == {"colour": "red", "size": "ü 1"}
        client.untag_resources(kind, resource, "colour")
        assert told(kind, resource) == {"size": "ü 1"}
    client.update_project(project, "changed")
    client.update_logstore(project, "functions", ttl=3)
    assert told("project", project) == told("logstore", logstore) == {"size": "ü 1"}
    (page,) = client.get_project_tags(project, size="ü 1")
    assert page.get_tags() == {"size": "ü 1"}
    (every,) = client.list_tag_resources("logstore", None)
    assert logstore in {tag.get_resource_id() for tag in every.get_tags()}
    for call, code in (
        (lambda: client.tag_resources("projects", project, a="b"), "ParameterInvalid"),
        (lambda: client.tag_resources("logstore", project, a="b"), "ParameterInvalid"),
        (lambda: client.tag_resources("logstore", f"{project}#absent", a="b"), "LogStoreNotExist"),
        (lambda: client.tag_resources("project", project), "PostBodyInvalid"),
        (lambda: client.tag_resources("project", project, **{f"k{n}": "" for n in range(21)}), "PostBodyInvalid"),
        (lambda: client.tag_resources("project", project, **{f"k{n}": "" for n in range(20)}), "ParameterInvalid"),
        (lambda: client.tag_resources("project", project, **{"x" * 129: ""}), "ParameterInvalid"),
        (lambda: client.tag_resources("project", project, **{"acs:a": ""}), "ParameterInvalid"),
        (lambda: client.untag_resources("project", project, *map(str, range(21))), "PostBodyInvalid"),
    ):
        assert refusal(call).get_error_code() == code


def test_an_index_is_made_told_changed_and_deleted(client: LogClient, project: str) -> None:
    client.create_logstore(project, "functions")
    assert refusal(client.get_index_config, project, "functions").get_error_code() == "IndexConfigNotExist"
    line = IndexLineConfig(token_list=[",", " "], case_sensitive=True)
    client.create_index(project, "functions", IndexConfig(line_config=line))
    index = client.get_index_config(project, "functions").get_index_config()
    assert (index.line_config.token_list, index.line_config.case_sensitive) == ([",", " "], True)
    assert refusal(client.create_index, project, "functions", index).get_error_code() == "IndexAlreadyExist"
    level = IndexKeyConfig(token_list=[","], index_type="text")
    client.update_index(project, "functions", IndexConfig(key_config_list={"level": level}))
    assert list(client.get_index_config(project, "functions").get_index_config().key_config_list) == ["level"]
    client.delete_index(project, "functions")
    assert refusal(client.delete_index, project, "functions").resp_status == 404


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"ttl": 0}, "ttl is 0"),
        ({"ttl": 9999}, "ttl is 9999"),
        ({"shard_count": 101}, "shardCount"),
        ({"mode": "best"}, "mode is 'best'"),
        ({"auto_split": True, "max_split_shard": 257}, "maxSplitShard must be within range [1, 256]"),
        ({"encrypt_conf": {"enable": True, "encrypt_type": "typex"}}, "The encrypt_conf is invalid, [encrypt_type]"),
        ({"enable_modify": True}, "not implemented: the element enableModify"),
    ],
)
def test_a_logstore_of_bad_settings_is_refused(
    client: LogClient, project: str, given: dict[str, Any], words: str
) -> None:
    error = refusal(client.create_logstore, project, "functions", **given)
    assert error.get_error_code() == "LogStoreInfoInvalid"
    assert words in error.get_error_message()
    assert client.list_logstore(project).get_total() == 0


@pytest.mark.parametrize("name", ["ab", "Ab-c", "a" * 64, "-abc"])
def test_a_bad_name_of_a_logstore_is_refused(client: LogClient, project: str, name: str) -> None:
    assert refusal(client.create_logstore, project, name).get_error_code() == "LogStoreInfoInvalid"


def test_what_is_not_there_says_so(client: LogClient, project: str) -> None:
    client.create_logstore(project, "functions")
    calls: list[Callable[[], object]] = [
        lambda: client.delete_shard(project, "functions", 0),
        lambda: client.list_topics(ListTopicsRequest(project, "functions")),
        lambda: client.list_alert(project),
    ]
    for call in calls:
        error = refusal(call)
        assert error.get_error_code() == "NotImplemented"
        assert error.get_error_message().startswith("not implemented: ")


def test_a_logstore_has_no_substores(client: LogClient, project: str) -> None:
    client.create_logstore(project, "functions")
    assert client.list_substore(project, "functions").get_substores() == []
    assert refusal(client.list_substore, project, "absent").get_error_code() == "LogStoreNotExist"


def test_there_are_no_machine_groups_and_no_configurations_of_logtail(client: LogClient, project: str) -> None:
    assert client.list_machine_group(project).get_machine_group_total() == 0
    assert client.list_logtail_config(project).get_configs() == []
    for call, code in (
        (lambda: client.get_machine_group(project, "absent"), "MachineGroupNotExist"),
        (lambda: client.get_logtail_config(project, "absent"), "ConfigNotExist"),
        (lambda: client.list_machine_group("absent-project"), "ProjectNotExist"),
    ):
        error = refusal(call)
        assert (error.get_error_code(), error.resp_status) == (code, 404)


def test_a_role_may_do_what_its_policies_allow(cloud: Running, project: str, client: LogClient) -> None:
    allow = {
        "Effect": "Allow",
        "Action": ["log:Get*", "log:CreateLogStore"],
        "Resource": [f"acs:log:*:*:project/{project}", f"acs:log:*:*:project/{project}/logstore/app-*"],
    }
    key = assume_role(cloud, allow)
    forged_key = replace(key, token=f"{key.token}x")
    for version in (AUTH_VERSION_1, AUTH_VERSION_4):
        session = client_of(cloud, version, key=key)
        assert session.get_project(project).get_projectname() == project
        session.create_logstore(project, f"app-{version}")
        for call in (
            lambda session=session: session.create_logstore(project, "other"),
            lambda session=session: session.delete_logstore(project, "app-v1"),
            lambda session=session: session.delete_project(project),
            lambda session=session: session.list_project(),
            lambda session=session: session.get_project("other"),
        ):
            error = refusal(call)
            assert (error.get_error_code(), error.resp_status) == ("Unauthorized", 401)
            assert "denied by sts or ram, action: log:" in error.get_error_message()
        forged = client_of(cloud, version, key=forged_key)
        assert "security token" in refusal(forged.get_project, project).get_error_message()
    assert client.list_logstore(project).get_logstores() == ["app-v1", "app-v4"]


@pytest.mark.parametrize("version", [AUTH_VERSION_1, AUTH_VERSION_4])
def test_a_wrong_secret_and_an_unknown_key_are_refused(cloud: Running, version: str) -> None:
    wrong = client_of(cloud, version, key=Key(cloud.access_key_id, "wrong"))
    assert refusal(wrong.list_project).get_error_code() == "SignatureNotMatch"
    unknown = client_of(cloud, version, key=Key("nobody", "wrong"))
    assert refusal(unknown.list_project).get_error_message() == "AccessKeyId not found: nobody"


def test_projects_and_logstores_survive_kill_9(start_cloud: Callable[..., Running], tmp_path: Path) -> None:
    first = start_cloud(tmp_path)
    client = client_of(first)
    client.create_project("kept", "of tests")
    client.create_logstore("kept", "functions", ttl=7)
    client.create_index("kept", "functions", IndexConfig(line_config=IndexLineConfig(token_list=[","])))
    first.stop(signal.SIGKILL)
    client = client_of(start_cloud(tmp_path), AUTH_VERSION_4)
    assert client.get_project("kept").get_description() == "of tests"
    assert client.get_logstore("kept", "functions").get_ttl() == 7
    assert client.get_index_config("kept", "functions").get_index_config().line_config.token_list == [","]


def test_a_project_is_its_account_s_alone(client: LogClient, project: str, cloud: Running) -> None:
    other = client_of(cloud.account("other"))
    taken = refusal(other.create_project, project, "theirs")
    assert (taken.get_resp_status(), taken.get_error_code()) == (400, "ProjectAlreadyExist")
    client.create_logstore(project, "logs")
    for call in (other.get_project, other.list_logstore, other.delete_project):
        assert refusal(call, project).get_error_code() == "Unauthorized"
    theirs = "theirs-" + uuid.uuid4().hex[:12]
    other.create_project(theirs, "theirs")
    assert other.get_project(theirs).get_owner() == cloud.account("other").account_id
    assert theirs not in {each["projectName"] for each in client.list_project(size=500).get_projects()}
    assert [each["projectName"] for each in other.list_project().get_projects()] == [theirs]
    other.delete_project(theirs)


def test_a_logstore_as_it_was_told_is_taken_back_as_a_change(client: LogClient, project: str) -> None:
    """As clients for Go do it: what is told is changed and sent whole."""
    client.create_logstore(project, "functions", ttl=7)
    told, _ = client._send("GET", project, None, "/logstores/functions", {}, {})
    body = json.dumps({**told, "ttl": 15}).encode()
    headers = {"Content-Type": "application/json", "x-log-bodyrawsize": str(len(body))}
    client._send("PUT", project, body, "/logstores/functions", {}, headers)
    changed, _ = client._send("GET", project, None, "/logstores/functions", {}, {})
    assert {**changed, "ttl": 7, "lastModifyTime": 0} == {**told, "lastModifyTime": 0}
