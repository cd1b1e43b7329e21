"""Function Compute 3.0, where it differs from 2.0."""

from __future__ import annotations

from tests.support.resource_types import ACCOUNT, ROLE_ARN, SAMPLES, Cloud


def test_a_function_of_fc_3_has_its_own_role_logs_and_initializer(cloud: Cloud) -> None:
    outcome = cloud.create(
        "FC3::Function",
        **SAMPLES["FC3::Function"],
        Role=ROLE_ARN,
        InternetAccess=False,
        LogConfig={"Project": "logs", "Logstore": "functions", "EnableInstanceMetrics": False},
        InstanceLifecycleConfig={"Initializer": {"Handler": "loader.initializer", "Timeout": 300}},
    )
    made = cloud.fc.functions.get("functions/new")
    assert (made.initializer, made.initialization_timeout) == ("loader.initializer", 300)
    assert (made.role, made.internet_access, made.log_config["project"]) == (ROLE_ARN, False, "logs")
    assert outcome.attributes == {
        "FunctionName": "new",
        "FunctionId": made.function_id,
        "ARN": f"acs:fc:cn-hangzhou:{ACCOUNT}:functions/new",
    }


def test_a_custom_runtime_of_fc_3_has_its_program_its_checks_and_hooks(cloud: Cloud) -> None:
    check = {"HttpGetUrl": "/healthz", "FailureThreshold": 2, "TimeoutSeconds": 1}
    cloud.create(
        "FC3::Function",
        **{**SAMPLES["FC3::Function"], "Runtime": "custom.debian12"},
        CustomRuntimeConfig={"Command": ["./serve"], "Args": ["-v"], "Port": 8080, "HealthCheckConfig": check},
        InstanceConcurrency=100,
        InstanceLifecycleConfig={"PreStop": {"Handler": "none", "Timeout": 60}},
    )
    made = cloud.fc.functions.get("functions/new")
    assert (made.command, made.arguments, made.port, made.concurrency) == (("./serve",), ("-v",), 8080, 100)
    assert made.health_check == {"httpGetUrl": "/healthz", "failureThreshold": 2, "timeoutSeconds": 1}
    assert (made.pre_stop, made.pre_stop_timeout) == ("none", 60)


def test_defaults_are_those_of_the_generation(based: Cloud) -> None:
    based.create("FC::Function", **SAMPLES["FC::Function"])
    based.create("FC3::Function", **SAMPLES["FC3::Function"])
    two, three = based.fc.functions.get("services/base/functions/new"), based.fc.functions.get("functions/new")
    assert (two.timeout, two.initialization_timeout, two.memory, two.disk) == (3, 3, 128, 512)
    assert (three.timeout, three.initialization_timeout, three.memory, three.disk) == (3, 3, 512, 512)
