"""Versions, aliases, layers and configurations of functions: what their resources make in Function Compute."""

from __future__ import annotations

import asyncio

from localcloud.fc.configs import AsyncConfig
from tests.support.resource_types import ACCOUNT, CONTEXT, SAMPLES, Cloud, reason


def test_an_alias_of_a_service_shares_invocations_in_percent_and_a_trigger_names_it(based: Cloud) -> None:
    assert based.create("FC::Version", ServiceName="base").attributes == {"ServiceName": "base", "VersionId": "1"}
    based.fc.services.update(based.fc.services.get("base"))
    asyncio.run(based.fc.functions.update(based.fc.functions.get("services/base/functions/base"), None))
    given = {"ServiceName": "base", "AliasName": "prod", "VersionId": "1"}
    assert based.create("FC::Alias", **given).attributes == given
    created = based.fc.aliases.get("services/base", "prod").created
    based.update("FC::Alias", given, {**given, "AdditionalVersion": "1", "AdditionalWeight": "25"})
    alias = based.fc.aliases.get("services/base", "prod")
    assert (alias.weights, alias.created) == ({"1": 0.25}, created)
    based.create("FC::Trigger", **SAMPLES["FC::Trigger"], Qualifier="prod")
    assert based.fc.triggers.get("services/base/functions/base", "incoming").qualifier == "prod"


def test_a_function_of_fc_3_has_layers_that_its_stack_makes(cloud: Cloud) -> None:
    layer = cloud.create("FC3::LayerVersion", **SAMPLES["FC3::LayerVersion"], Acl="1", License="MIT")
    arn = f"acs:fc:cn-hangzhou:{ACCOUNT}:layers/libs/versions/1"
    told = {name: layer.attributes[name] for name in ("LayerVersionArn", "Version", "Acl", "License")}
    assert told == {"LayerVersionArn": arn, "Version": 1, "Acl": "1", "License": "MIT"}
    cloud.create("FC3::Function", **SAMPLES["FC3::Function"], Layers=[arn])
    assert list(cloud.fc.functions.get("functions/new").layers) == [arn]
    cloud.update("FC3::LayerVersion", SAMPLES["FC3::LayerVersion"], {**SAMPLES["FC3::LayerVersion"], "Acl": "0"})
    assert not cloud.fc.layers.get("libs", 1).public
    missing = {**SAMPLES["FC3::Function"], "FunctionName": "other", "Layers": [arn[:-1] + "2"]}
    assert reason(cloud.create, "FC3::Function", **missing).startswith("LayerVersionNotFound: ")


def test_minimum_instances_are_put_changed_and_taken_away(based: Cloud) -> None:
    for kind, target, path in (
        ("FC::ProvisionConfig", "Target", "services/base/functions/base"),
        ("FC3::ProvisionConfig", "DefaultTarget", "functions/base"),
    ):
        given = SAMPLES[kind]
        outcome = based.create(kind, **given)
        based.update(kind, given, {**given, target: 3})
        assert based.fc.configs.minimum(path, "LATEST").target == 3
        based.delete(kind, **given)
        assert based.fc.configs.minimum(path).target == 0
        if kind == "FC::ProvisionConfig":
            assert outcome.attributes["Resource"] == f"{ACCOUNT}#base#LATEST#base"
    assert "the number of instances is 200; expected 0 to 20" in reason(
        based.create, "FC3::ProvisionConfig", FunctionName="base", DefaultTarget=200
    )


def test_minimum_instances_follow_the_schedule_of_a_stack(based: Cloud) -> None:
    action = {"Name": "up", "Target": 2, "ScheduleExpression": "cron(0 0 8 * * *)", "TimeZone": "Asia/Shanghai"}
    given = {"FunctionName": "base", "DefaultTarget": 0, "ScheduledActions": [action], "AlwaysAllocateCPU": False}
    based.create("FC3::ProvisionConfig", **given)
    minimum = based.fc.configs.minimum("functions/base")
    assert (minimum.awake, minimum.actions[0].zone, minimum.actions[0].start) == (False, "Asia/Shanghai", "")
    based.update("FC3::ProvisionConfig", given, {"FunctionName": "base", "DefaultTarget": 1})
    minimum = based.fc.configs.minimum("functions/base")
    assert (minimum.awake, minimum.actions) == (True, ())
    based.delete("FC3::ProvisionConfig", **given)
    wrong = {**given, "ScheduledActions": [{**action, "ScheduleExpression": "@daily"}]}
    assert "The ScheduleExpression should be" in reason(based.create, "FC3::ProvisionConfig", **wrong)


def test_asynchronous_invocations_are_configured_for_who_may_invoke_the_destination(based: Cloud) -> None:
    arn = f"acs:fc:cn-hangzhou:{ACCOUNT}:functions/base"
    given = {
        **SAMPLES["FC3::AsyncInvokeConfig"],
        "MaxAsyncRetryAttempts": 0,
        "MaxAsyncEventAgeInSeconds": 60,
        "DestinationConfig": {"OnFailure": {"Destination": arn}},
    }
    based.create("FC3::AsyncInvokeConfig", **given)
    now = based.fc.now()
    assert based.fc.configs.get_async("functions/base") == AsyncConfig(
        function="functions/base",
        qualifier="LATEST",
        retries=0,
        max_age=60,
        on_failure=arn,
        stateful=True,
        created=now,
        modified=now,
    )
    rights = based.type("FC3::AsyncInvokeConfig").rights(CONTEXT, None, given)
    assert ("fc:InvokeFunction", arn) in [(each.action, each.resource) for each in rights]


def test_a_limit_of_concurrency_is_put_and_changed(based: Cloud) -> None:
    given = SAMPLES["FC3::ConcurrencyConfig"]
    based.create("FC3::ConcurrencyConfig", **given)
    based.update("FC3::ConcurrencyConfig", given, {**given, "ReservedConcurrency": 7})
    assert based.fc.configs.limit("functions/base").most == 7
