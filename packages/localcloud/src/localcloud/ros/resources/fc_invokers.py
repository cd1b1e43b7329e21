"""ALIYUN::FC::FunctionInvoker and ALIYUN::FC3::FunctionInvoker: functions that a stack invokes.

Sources: ROS, the page of each type; ros-cdk-fc and ros-cdk-fc3 1.15.0. Where no invocation has been made, there is no result
(assumed), and an asynchronous invocation's task has the id of its request.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from localcloud.fc.model import Answer, FunctionCompute
from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.calls import Given, reasons
from localcloud.ros.resources.declarations import STRING
from localcloud.ros.resources.provider import Context, Outcome, Property, Right
from localcloud.ros.resources.rights import on_function
from localcloud.ros.template.bounds import MAX_TEXT

_BOOLEAN = Property(kind="boolean")
_INVOKER = {
    "FunctionName": Property(kind="string", required=True),
    "Async": _BOOLEAN,
    "CheckAsyncInvocation": Property(
        kind="map",
        fields={
            "Enabled": Property(kind="boolean", required=True, supported=(False,)),
            "CheckInterval": Property(kind="integer", required=True, minimum=10),
            "CheckTimes": Property(kind="integer", required=True, minimum=1, maximum=100),
        },
    ),
    "CheckError": _BOOLEAN,
    "Event": STRING,
    "ExecuteVersion": Property(kind="integer"),
    "Qualifier": STRING,
    "ServiceRegionId": STRING,
}
_NOTHING = {"ResultType": "NoResult", "Result": ""}


class FcFunctionInvoker:
    """Invocations of a function of a service: one whenever `ExecuteVersion` has another value."""

    name = "ALIYUN::FC::FunctionInvoker"
    returns: Sequence[str] = ("Result", "ResultType")
    properties: Mapping[str, Property] = {
        **_INVOKER,
        "ServiceName": Property(kind="string", required=True, minimum=1, maximum=128),
    }

    def __init__(self, fc: FunctionCompute) -> None:
        self._fc = fc

    def shown(self, result: Mapping[str, str], request_id: str) -> Mapping[str, object]:
        """Return the attributes that tell a result, and of an asynchronous invocation the request's id."""
        return result

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return f"{context.stack_name}-{context.logical_id}"

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`. A deletion invokes nothing."""
        if after:
            yield on_function(context, "InvokeFunction", _path(after))

    async def exists(self, context: Context, physical_id: str) -> bool:
        """See `ResourceType`. An invocation is nothing that is there."""
        return False

    async def create(self, context: Context, properties: Given) -> Outcome:
        """See `ResourceType`."""
        physical_id = self.plan_id(context, properties)
        if "ExecuteVersion" not in properties:
            return Outcome(physical_id=physical_id, attributes=self.shown(_NOTHING, ""))
        return Outcome(physical_id=physical_id, attributes=await self._invoke(context, properties))

    async def update(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `ResourceType`."""
        version = properties.get("ExecuteVersion")
        if version is None or version == previous.get("ExecuteVersion"):
            return Outcome(physical_id=physical_id, attributes={})
        return Outcome(physical_id=physical_id, attributes=await self._invoke(context, properties))

    async def delete(self, context: Context, physical_id: str, properties: Given) -> None:
        """See `ResourceType`. What was invoked is done."""

    async def _invoke(self, context: Context, properties: Given) -> Mapping[str, object]:
        if (region := properties.get("ServiceRegionId") or context.region) != context.region:
            raise ResourceError(
                f"Property ServiceRegionId: not implemented: functions outside of {context.region}: {region}"
            )
        path, qualifier = _path(properties), properties.get("Qualifier", "")
        event = properties.get("Event", "").encode()
        with reasons():
            if properties.get("Async"):
                return self.shown(_NOTHING, self._fc.invocations.invoke_async(path, event, qualifier=qualifier))
            done = await self._fc.invocations.invoke(path, event, qualifier=qualifier)
        result = _result(done.answer)
        if result["ResultType"] == "Failure" and properties.get("CheckError"):
            raise ResourceError(f"the function failed: {result['Result']}")
        return self.shown(result, "")


class Fc3FunctionInvoker(FcFunctionInvoker):
    """Invocations of a function of FC 3.0."""

    name = "ALIYUN::FC3::FunctionInvoker"
    returns: Sequence[str] = (*FcFunctionInvoker.returns, "TaskId", "Events")
    properties: Mapping[str, Property] = _INVOKER

    def shown(self, result: Mapping[str, str], request_id: str) -> Mapping[str, object]:
        """See `FcFunctionInvoker`."""
        return {**result, "TaskId": request_id, "Events": []}


def _path(properties: Given) -> str:
    """Return the path of the function that is invoked."""
    service, function = properties.get("ServiceName"), properties["FunctionName"]
    return f"services/{service}/functions/{function}" if service else f"functions/{function}"


def _result(answer: Answer) -> Mapping[str, str]:
    """Return what an answer is to a stack; what is no UTF-8, or too long to keep, is a failure."""
    failed, text = answer.error_type is not None, answer.body.decode(errors="replace")
    if len(answer.body) > MAX_TEXT:
        failed, text = True, f"the function returned {len(answer.body):,} bytes; a stack keeps at most {MAX_TEXT:,}"
    elif not failed and text.encode() != answer.body:
        failed, text = True, "the function returned what is no UTF-8; return it in base64"
    return {"ResultType": "Failure" if failed else "Success", "Result": text}
