"""The table of routes: the operation of each method and path of the three versions of Function Compute's API. Pure data.

It has every operation of the official clients, so that those which are not served are refused by name.
Sources: Function Compute API references 2016-08-15, 2021-04-06 and 2023-03-30; the clients aliyun-fc2,
alibabacloud-fc-open20210406 and alibabacloud-fc20230330.
"""

from __future__ import annotations

from collections.abc import Mapping

FC2_VERSIONS = frozenset({"2016-08-15", "2021-04-06"})
FC3_VERSION = "2023-03-30"
Methods = Mapping[str, str]  # operation by method


def _below(folder: str, routes: Mapping[str, Methods]) -> Mapping[str, Methods]:
    return {f"{folder}/{path}": methods for path, methods in routes.items()}


def _resource(name: str, plural: str = "") -> Mapping[str, Methods]:
    """Return the routes of what is created in a list and read, replaced and deleted by its name."""
    word = plural or f"{name}s"
    path = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in word).lstrip("-")
    return {
        path: {"POST": f"Create{name}", "GET": f"List{word}"},
        f"{path}/*": {"GET": f"Get{name}", "PUT": f"Update{name}", "DELETE": f"Delete{name}"},
    }


def _config(path: str, name: str) -> Mapping[str, Methods]:
    """Return the routes of a configuration of which a function has one."""
    return {path: {"PUT": f"Put{name}", "GET": f"Get{name}", "DELETE": f"Delete{name}"}}


_EITHER = {  # the function's own, in both generations
    "functions/*/invocations": {"POST": "InvokeFunction"},
    "functions/*/code": {"GET": "GetFunctionCode"},
    "functions/*/instances": {"GET": "ListInstances"},
    "functions/*/instances/*/exec": {"GET": "InstanceExec"},
    **_resource("Function"),
    **_below("functions/*", _resource("Trigger")),
    **_below("functions/*", _config("provision-config", "ProvisionConfig")),
}
_ACCOUNT = {
    **_resource("CustomDomain"),
    "provision-configs": {"GET": "ListProvisionConfigs"},
    "layers": {"GET": "ListLayers"},
    "layers/*/versions": {"POST": "CreateLayerVersion", "GET": "ListLayerVersions"},
    "layers/*/versions/*": {"GET": "GetLayerVersion", "DELETE": "DeleteLayerVersion"},
    "layers/*/acl": {"PUT": "PutLayerACL"},
    "layerarn/*": {"GET": "GetLayerVersionByArn"},
}
_FC2 = {
    **_resource("Service"),
    **_below("services/*", _EITHER),
    **_below("services/*", _resource("Alias", "Aliases")),
    "services/*/versions": {"POST": "PublishServiceVersion", "GET": "ListServiceVersions"},
    "services/*/versions/*": {"DELETE": "DeleteServiceVersion"},
    "services/*/binding": {"POST": "CreateVpcBinding"},  # as the client for Java writes it
    "services/*/bindings": {"POST": "CreateVpcBinding", "GET": "ListVpcBindings"},
    "services/*/bindings/*": {"DELETE": "DeleteVpcBinding"},
    **_below("services/*/functions/*", _config("async-invoke-config", "FunctionAsyncInvokeConfig")),
    "services/*/functions/*/async-invoke-configs": {"GET": "ListFunctionAsyncInvokeConfigs"},
    **_below("services/*/functions/*", _config("on-demand-config", "FunctionOnDemandConfig")),
    "services/*/functions/*/stateful-async-invocations": {"GET": "ListStatefulAsyncInvocations"},
    "services/*/functions/*/stateful-async-invocations/*": {
        "GET": "GetStatefulAsyncInvocation",
        "PUT": "StopStatefulAsyncInvocation",
    },
    "services/*/functions/*/event-sources": {"POST": "RegisterEventSource", "GET": "ListEventSources"},
    "services/*/functions/*/event-sources/*": {"DELETE": "DeregisterEventSource"},
    "stateful-async-invocation-functions": {"GET": "ListStatefulAsyncInvocationFunctions"},
    "on-demand-configs": {"GET": "ListOnDemandConfigs"},
    "reserved-capacities": {"GET": "ListReservedCapacities"},
    "reservedCapacities": {"GET": "ListReservedCapacities"},  # as aliyun-fc2 writes it
    "account-settings": {"GET": "GetAccountSettings"},
    "accountConfigs": {"GET": "GetAccountConfigs"},
    "tempBucketToken": {"GET": "GetTempBucketToken"},
    "services/*/tempCodeBucketToken": {"GET": "GetTempCodeBucketToken"},
    "tag": {"POST": "TagResource", "GET": "GetResourceTags", "PUT": "UntagResource", "DELETE": "UntagResource"},
    "tags": {"GET": "ListTaggedResources"},
    "gpuInstances": {"POST": "ClaimGPUInstance"},
    "gpuInstances/*": {"DELETE": "ReleaseGPUInstance"},
    **_ACCOUNT,
}
_FC3 = {
    **_EITHER,
    **_below("functions/*", _resource("Alias", "Aliases")),
    "functions/*/versions": {"POST": "PublishFunctionVersion", "GET": "ListFunctionVersions"},
    "functions/*/versions/*": {"DELETE": "DeleteFunctionVersion"},
    **_below("functions/*", _config("async-invoke-config", "AsyncInvokeConfig")),
    **_below("functions/*", _config("concurrency", "ConcurrencyConfig")),
    **_below("functions/*", _config("scaling-config", "ScalingConfig")),
    "functions/*/async-tasks": {"GET": "ListAsyncTasks"},
    "functions/*/async-tasks/*": {"GET": "GetAsyncTask"},
    "functions/*/async-tasks/*/stop": {"PUT": "StopAsyncTask"},
    "functions/*/invoke/enable": {"POST": "EnableFunctionInvocation"},
    "functions/*/invoke/disable": {"POST": "DisableFunctionInvocation"},
    "functions/*/vpc-bindings": {"POST": "CreateVpcBinding", "GET": "ListVpcBindings"},
    "functions/*/vpc-bindings/*": {"DELETE": "DeleteVpcBinding"},
    **_below("functions/*", _resource("Session")),
    "functions/*/sessions/*/pause": {"PUT": "PauseSession"},
    "functions/*/sessions/*/resume": {"PUT": "ResumeSession"},
    "functions/*/snapshots": {"POST": "CreateSnapshot"},
    "functions/*/snapshots/*": {"GET": "GetSnapshot", "DELETE": "DeleteSnapshot"},
    "snapshots": {"GET": "ListSnapshots"},
    "async-invoke-configs": {"GET": "ListAsyncInvokeConfigs"},
    "concurrency-configs": {"GET": "ListConcurrencyConfigs"},
    "scaling-configs": {"GET": "ListScalingConfigs"},
    "regions": {"GET": "DescribeRegions"},
    "resource-groups": {"PUT": "ChangeResourceGroup"},
    "tags-v2": {"POST": "TagResources", "GET": "ListTagResources", "DELETE": "UntagResources"},
    **_ACCOUNT,
}
ROUTES: Mapping[str, Mapping[str, Methods]] = {FC3_VERSION: _FC3, **dict.fromkeys(FC2_VERSIONS, _FC2)}
# The operations that a qualifier leads to a version or an alias; all others are about what is not published.
QUALIFIED = frozenset(
    {"GetService", "ListFunctions", "GetFunction", "GetFunctionCode", "InvokeFunction", "ListInstances", "InstanceExec"}
    | {"ListProvisionConfigs", "ListScalingConfigs", "GetAsyncTask", "ListAsyncTasks", "StopAsyncTask"}
    | {"GetStatefulAsyncInvocation", "ListStatefulAsyncInvocations", "StopStatefulAsyncInvocation"}
    | {
        f"{verb}{name}"
        for verb in ("Put", "Get", "Delete")
        for name in (
            *("ProvisionConfig", "ScalingConfig", "AsyncInvokeConfig"),
            *("FunctionAsyncInvokeConfig", "FunctionOnDemandConfig"),
        )
    }
)
