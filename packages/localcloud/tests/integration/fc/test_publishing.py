"""Versions, aliases, qualifiers, ETags: what is published stays as it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import fc2
import pytest
import requests
from alibabacloud_fc20230330 import models as models3
from alibabacloud_fc_open20210406 import models as models2
from alibabacloud_tea_util.models import RuntimeOptions

Running = Any  # the running cloud of tests/support/cloud.py
ZipOf = Callable[[Mapping[str, str]], bytes]
TELL = """
import json, os
def handler(event, context):
    service = context.service
    return json.dumps([{number}, service.qualifier, service.version_id, os.environ.get("FC_QUALIFIER", "")])
"""


def told(answer: Any) -> Any:
    return json.loads(answer)


@pytest.fixture
def package(zip_of: ZipOf) -> Callable[[int], bytes]:
    return lambda number: zip_of({"index.py": TELL.replace("{number}", str(number))})


def test_a_service_version_runs_what_was_published(
    cloud: Running, client_of: Callable[..., Any], package: Callable[[int], bytes]
) -> None:
    new = client_of(cloud, "fc2")
    client, service = new.client, new.service
    new.create("f", code=package(1))
    first = client.publish_version(service, "the first").data
    assert (first["versionId"], first["description"]) == ("1", "the first")
    with pytest.raises(fc2.FcError) as unchanged:
        client.publish_version(service, "again")
    assert unchanged.value.err_code == "VersionPublishError"
    new.bucket.put_object("f", package(2))
    client.update_function(service, "f", codeOSSBucket=new.bucket.bucket_name, codeOSSObject="f")
    assert client.publish_version(service).data["versionId"] == "2"
    alias = client.create_alias(service, "prod", "1", "live", {"2": 0.0}).data
    assert alias["additionalVersionWeight"] == {"2": 0.0}
    assert told(client.invoke_function(service, "f").data) == [2, "LATEST", "", "LATEST"]
    assert told(client.invoke_function(service, "f", qualifier="1").data) == [1, "1", "1", "1"]
    assert told(client.invoke_function(service, "f", qualifier="prod").data) == [1, "prod", "1", "prod"]
    provisioned = client.put_provision_config(service, "prod", "f", 1).data
    assert (provisioned["target"], provisioned["resource"]) == (1, f"{cloud.account_id}#{service}#prod#f")
    assert len(client.list_provision_configs(service, "prod").data["provisionConfigs"]) == 1
    assert client.list_provision_configs(service, "1").data["provisionConfigs"] == []
    client.put_provision_config(service, "prod", "f", 0)
    client.update_alias(service, "prod", "1", "live", {"2": 1.0})
    assert told(client.invoke_function(service, "f", qualifier="prod").data) == [2, "prod", "2", "prod"]
    shown = [client.get_function(service, "f", qualifier=each).data["codeChecksum"] for each in ("prod", "1")]
    assert shown[0] == shown[1]  # the alias's own version, whatever the shares

    assert client.get_service(service, qualifier="1").data["description"] == "the first"
    checksums = [client.get_function(service, "f", qualifier=each).data["codeChecksum"] for each in ("1", "2", None)]
    assert checksums[0] != checksums[1] == checksums[2]
    assert [each["versionId"] for each in client.list_versions(service).data["versions"]] == ["2", "1"]
    assert client.list_versions(service, limit=1).data["nextToken"] == "1"
    new.delete("f")
    with pytest.raises(fc2.FcError) as used:
        client.delete_service(service)
    assert used.value.err_code == "ServiceNotEmpty"
    for version in ("1", "2"):
        client.delete_version(service, version)
    for qualifier, code in (("1", "VersionNotFound"), ("old", "AliasNotFound"), ("prod", "VersionNotFound")):
        with pytest.raises(fc2.FcError) as missing:
            client.invoke_function(service, "f", qualifier=qualifier)
        assert (missing.value.status_code, missing.value.err_code) == (404, code)
    client.delete_alias(service, "prod")
    client.delete_service(service)


def test_a_function_version_and_its_alias_in_fc3(
    cloud: Running, client_of: Callable[..., Any], package: Callable[[int], bytes]
) -> None:
    new = client_of(cloud, "fc3")
    client, name = new.client, new.prefix + "f"
    new.create("f", code=package(1))
    publish = models3.PublishFunctionVersionRequest(body=models3.PublishVersionInput(description="one"))
    assert client.publish_function_version(name, publish).body.version_id == "1"
    body = models3.CreateAliasInput(alias_name="prod", version_id="1")
    client.create_alias(name, models3.CreateAliasRequest(body=body))
    new.update("f", description="other")
    got = client.get_function(name, models3.GetFunctionRequest(qualifier="prod")).body
    assert (got.description or "") == ""
    done = client.invoke_function(name, models3.InvokeFunctionRequest(qualifier="prod"))
    assert told(done.body.read()) == [1, "prod", "1", ""]
    listed = client.list_function_versions(name, models3.ListFunctionVersionsRequest()).body
    assert [each.version_id for each in listed.versions] == ["1"]
    aliases = client.list_aliases(name, models3.ListAliasesRequest()).body.aliases
    assert [(each.alias_name, each.version_id) for each in aliases] == [("prod", "1")]
    new.delete("f")
    new.create("f", code=package(1))
    assert client.list_aliases(name, models3.ListAliasesRequest()).body.aliases in (None, [])


def test_what_an_alias_or_a_service_does_not_have_is_shown_as_the_platform_shows_it(
    cloud: Running, client_of: Callable[..., Any], package: Callable[[int], bytes]
) -> None:
    new = client_of(cloud, "fc2")
    client, service = new.client, new.service
    new.create("f", code=package(1))
    client.publish_version(service)
    assert client.create_alias(service, "prod", "1").data["additionalVersionWeight"] is None
    assert client.update_alias(service, "prod", "1", "", {"1": 0.5}).data["additionalVersionWeight"] == {"1": 0.5}
    for shares in ({"1": 1.5}, {"1": -0.1}):
        with pytest.raises(fc2.FcError) as too_much:
            client.update_alias(service, "prod", "1", "", shares)
        assert too_much.value.err_code == "InvalidArgument"
    shown = client.get_service(service).data
    assert (shown["vpcConfig"]["vpcId"], shown["nasConfig"]["mountPoints"]) == ("", [])
    written = {name: shown[name] for name in ("vpcConfig", "nasConfig", "tracingConfig", "logConfig")}
    assert client.update_service(service, **written).data.items() >= written.items()
    none = {"project": "", "logstore": "", "enableRequestMetrics": False, "enableInstanceMetrics": False}
    assert client.get_service(service).data["logConfig"] == none
    logs = {"project": "p", "logstore": "s", "enableRequestMetrics": True, "logBeginRule": "None"}
    assert client.update_service(service, logConfig=logs).data["logConfig"] == {**none, **logs}
    for wrong, said in (({"project": 5}, "project is 5; expected text"), ({"other": "x"}, "not implemented: other")):
        with pytest.raises(fc2.FcError, match=said):
            client.update_service(service, logConfig=wrong)


def test_a_function_with_what_serverless_devs_sends_with_every_one_is_created_updated_and_published_again(
    cloud: Running, client_of: Callable[..., Any], package: Callable[[int], bytes]
) -> None:
    new = client_of(cloud, "fc3")
    nothing = {  # FC_RESOURCES_EMPTY_CONFIG of its component fc3
        "vpcConfig": {"securityGroupId": "", "vSwitchIds": [], "vpcId": ""},
        "tracingConfig": {},
        "ossMountConfig": {"mountPoints": []},
        "nasConfig": {"groupId": 0, "userId": 0, "mountPoints": []},
        "logConfig": {"enableInstanceMetrics": False, "logBeginRule": "None", "logstore": "", "project": ""},
        "environmentVariables": {},
        "layers": [],
        "instanceIsolationMode": "SHARE",
        "sessionAffinity": "NONE",
        "disableOndemand": False,
    }
    shown = new.create("f", code=package(1), **nothing)
    kept = ("instanceIsolationMode", "sessionAffinity", "disableOndemand")
    assert [shown[name] for name in kept] == ["SHARE", "NONE", False]
    publish = models3.PublishFunctionVersionRequest(body=models3.PublishVersionInput())
    assert new.client.publish_function_version(new.prefix + "f", publish).body.version_id == "1"
    new.update("f", **nothing)
    assert new.client.publish_function_version(new.prefix + "f", publish).body.version_id == "2"


def test_scheduled_actions_stay_until_a_list_replaces_them(
    cloud: Running, client_of: Callable[..., Any], package: Callable[[int], bytes]
) -> None:
    new = client_of(cloud, "open2021")
    new.create("f", code=package(1))
    action = models2.ScheduledActions(name="up", target=1, schedule_expression="at(2999-10-20T10:10:10Z)")
    request = models2.PutProvisionConfigRequest(qualifier="LATEST", target=0, scheduled_actions=[action])
    new.client.put_provision_config(new.service, "f", request)
    old = client_of(cloud, "fc2").client  # says nothing of actions
    kept = old.put_provision_config(new.service, "LATEST", "f", 0).data
    assert [each["name"] for each in kept["scheduledActions"]] == ["up"]
    assert len(old.list_provision_configs(new.service, "LATEST").data["provisionConfigs"]) == 1
    request.scheduled_actions = []
    assert new.client.put_provision_config(new.service, "f", request).body.scheduled_actions == []
    assert old.list_provision_configs(new.service, "LATEST").data["provisionConfigs"] == []


def test_a_limit_may_come_before_the_alias_that_it_is_of(cloud: Running, client_of: Callable[..., Any]) -> None:
    new = client_of(cloud, "fc2")
    client, service = new.client, new.service
    put = client.put_on_demand_config(service, "later", "f", 3).data
    assert (put["resource"], put["maximumInstanceCount"]) == (f"services/{service}.later/functions/f", 3)
    assert client.get_on_demand_config(service, "later", "f").data == put
    client.delete_on_demand_config(service, "later", "f")
    with pytest.raises(fc2.FcError) as missing:
        client.get_on_demand_config(service, "later", "f")
    assert missing.value.err_code == "OnDemandConfigNotFound"


def test_triggers_and_asynchronous_invocations_keep_their_qualifier(client: Any, code: bytes, refused: Any) -> None:
    client.create("f", code=code)
    fields = {"triggerName": "t", "triggerType": "timer", "triggerConfig": "{}", "qualifier": "prod"}
    with pytest.raises(refused) as missing:
        client._do(
            lambda: client.client.create_trigger(client.service, "f", models2.CreateTriggerRequest().from_map(fields))
        )
    assert missing.value.code == "AliasNotFound"
    headers = models2.InvokeFunctionHeaders(x_fc_invocation_type="Async")
    request = models2.InvokeFunctionRequest(qualifier="7")
    with pytest.raises(refused) as missing:
        client._do(
            lambda: client.client.invoke_function_with_options(client.service, "f", request, headers, RuntimeOptions())
        )
    assert missing.value.code == "VersionNotFound"


def test_changes_are_refused_when_the_etag_is_another(
    cloud: Running, client_of: Callable[..., Any], package: Callable[[int], bytes]
) -> None:
    new = client_of(cloud, "fc2")
    client, service = new.client, new.service
    new.create("f", code=package(1))
    etag = client.get_function(service, "f").headers["etag"]
    assert etag
    new.update("f", description="other")
    changes: list[Callable[[], Any]] = [
        lambda: client.update_function(service, "f", description="x", headers={"if-match": etag}),
        lambda: client.delete_function(service, "f", headers={"if-match": etag}),
        lambda: client.update_service(service, "x", headers={"if-match": etag}),
        lambda: client.delete_service(service, headers={"if-match": "invalid"}),
    ]
    for change in changes:
        with pytest.raises(fc2.FcError) as refused:
            change()
        assert (refused.value.status_code, refused.value.err_code) == (412, "PreconditionFailed")
        assert "the resource being modified has been changed" in refused.value.message
    client.delete_function(service, "f", headers={"if-match": client.get_function(service, "f").headers["etag"]})
    client.delete_service(service, headers={"if-match": client.get_service(service).headers["etag"]})


def test_headers_and_errors_are_spelled_as_clients_in_php_look_for_them(
    cloud: Running, client_of: Callable[..., Any], package: Callable[[int], bytes]
) -> None:
    new = client_of(cloud, "fc2")
    new.create("f", code=package(1))
    assert {"Etag", "X-Fc-Request-Id"} <= set(new.client.get_function(new.service, "f").headers)
    answer = new.client.invoke_function(new.service, "f", headers={"x-fc-log-type": "Tail"})
    assert {"X-Fc-Instance-Id", "X-Fc-Code-Checksum", "X-Fc-Log-Result"} <= set(answer.headers)
    refused = requests.get(f"{cloud.endpoints['fc']}/2016-08-15/services", timeout=10)
    assert refused.text.startswith('{"ErrorCode":"MissingRequiredHeader","ErrorMessage":"')
