"""ALIYUN::ROS::CustomResource: a function of the user makes the resource and reports to a URL.

The function is invoked for real. A failed creation is not followed by a request to delete: only a successful answer gives the
resource an id. Sources: ROS, "Custom resources": request objects, response objects, request types.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol
from urllib.parse import urlsplit

from localcloud.fc.model import Answer as FunctionAnswer
from localcloud.fc.model import FunctionCompute, Invocation
from localcloud.ros.errors import ResourceError
from localcloud.ros.model import CUSTOM_RESOURCE
from localcloud.ros.resources.calls import Given, reasons
from localcloud.ros.resources.provider import Context, Outcome, Properties, Property, Right
from localcloud.ros.resources.rights import on_function

DEFAULT_TIMEOUT = 60.0  # seconds
MAX_TIMEOUT = 43200  # seconds
MAX_ID = 255  # bytes
MAX_SHOWN = 500  # characters of what a function said that go into a reason
ECHOED = ("StackId", "RequestId", "LogicalResourceId")
_TOKEN = re.compile(
    r"acs:fc:(?P<region>[^:]+):(?P<account>[^:]+):(?P<path>(services/[^/:]+/)?functions/[^/:]+)", re.ASCII
)
_LOG = logging.getLogger(__name__)

Answer = Mapping[str, object]


class Callbacks(Protocol):
    """The URLs to which functions report."""

    def open(self) -> AbstractContextManager[tuple[str, asyncio.Future[Answer]]]:
        """Open a URL for one answer, until the block is left; yields the URL and the answer to wait for."""


class CustomResource:
    """A resource that a function makes; the function chooses its physical id."""

    name = CUSTOM_RESOURCE
    returns: Sequence[str] = ("Outputs",)
    properties: Mapping[str, Property] = {
        "ServiceToken": Property(kind="string", required=True, replaces=True, maximum=512),
        "Parameters": Property(kind="map"),
        "Timeout": Property(kind="number", minimum=1, maximum=MAX_TIMEOUT),
        "HttpConfig": Property(kind="map", supported=()),  # of functions that are reached by HTTP
    }

    def __init__(self, fc: FunctionCompute, callbacks: Callbacks) -> None:
        self._fc = fc
        self._callbacks = callbacks
        self._ending: set[asyncio.Task[Invocation]] = set()  # functions that have answered and still run

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`. The function is told this id to delete when its creation was interrupted."""
        return f"{context.stack_name}-{context.logical_id}"

    def rights(self, context: Context, before: Properties | None, after: Properties | None) -> Iterable[Right]:
        """See `ResourceType`. The function does the rest with the rights of its own role."""
        path = _function_path(context, str((after or before or {})["ServiceToken"]))
        yield on_function(context, "InvokeFunction", path)

    async def exists(self, context: Context, physical_id: str) -> bool:
        """See `ResourceType`. Functions cannot be asked."""
        return False

    async def create(self, context: Context, properties: Given) -> Outcome:
        """See `ResourceType`."""
        answer = await self._ask(context, "Create", properties, {})
        return _outcome(answer, _physical_id(answer))

    async def update(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `ResourceType`. That another physical id is refused is assumed: the documentation wants that of the request."""
        more = {"PhysicalResourceId": physical_id, "OldResourceProperties": previous.get("Parameters", {})}
        answer = await self._ask(context, "Update", properties, more)
        if (answered := _physical_id(answer)) != physical_id:
            raise ResourceError(
                f"the function answered the PhysicalResourceId {answered!r} to an update of {physical_id!r}; it must copy that of "
                "the request"
            )
        return _outcome(answer, physical_id)

    async def delete(self, context: Context, physical_id: str, properties: Given) -> None:
        """See `ResourceType`."""
        await self._ask(context, "Delete", properties, {"PhysicalResourceId": physical_id})

    async def _ask(self, context: Context, kind: str, properties: Given, more: Given) -> Answer:
        token = properties["ServiceToken"]
        path = _function_path(context, token)
        timeout = min(float(properties.get("Timeout", DEFAULT_TIMEOUT)), context.timeout)
        with self._callbacks.open() as (url, answer):
            request = {
                "RequestType": kind,
                "RequestId": str(uuid.uuid4()),
                "ResponseURL": url,
                "IntranetResponseURL": url,
                "StackId": context.stack_id,
                "StackName": context.stack_name,
                "ResourceOwnerId": context.account_id,
                "CallerId": context.account_id,
                "RegionId": context.region,
                "ResourceType": context.type,
                "LogicalResourceId": context.logical_id,
                "ResourceProperties": properties.get("Parameters", {}),
                **more,
            }
            invocation = asyncio.create_task(self._fc.invocations.invoke(path, json.dumps(request).encode()))
            try:
                with reasons():
                    record = await _await_answer(invocation, answer, timeout)
            except BaseException as error:
                invocation.cancel()  # it may not go on behind the executor's back
                await asyncio.wait([invocation])
                if isinstance(error, ResourceError):  # who reads what a function said must not learn where it reports
                    raise ResourceError(str(error).replace(urlsplit(url).path, "…")) from error
                raise
        self._let_end(invocation)
        _check(request, record)
        return record

    def _let_end(self, invocation: asyncio.Task[Invocation]) -> None:
        self._ending.add(invocation)
        invocation.add_done_callback(self._ended)

    def _ended(self, invocation: asyncio.Task[Invocation]) -> None:
        self._ending.discard(invocation)
        if not invocation.cancelled() and (error := invocation.exception()):
            _LOG.warning("a custom resource's function failed after its answer: %s", error)


async def _await_answer(invocation: asyncio.Task[Invocation], answer: asyncio.Future[Answer], timeout: float) -> Answer:
    """Wait for the answer, or for the function's failure.

    Raises:
        ResourceError: the function failed before it answered, or there is no answer in time.
        FcError: the function cannot be invoked.
    """
    said = "the function still runs"
    either: list[asyncio.Future[Any]] = [invocation, answer]
    try:
        async with asyncio.timeout(timeout):
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                result = invocation.result().answer
                if result.error_type is not None:
                    raise ResourceError(f"the function failed before it answered: {_message(result)}")
                said = f"the function returned {result.body.decode(errors='replace')[:MAX_SHOWN]!r}"
            return await answer
    except TimeoutError:
        raise ResourceError(f"no answer came to ResponseURL within {timeout:g} seconds; {said}") from None


def _message(failure: FunctionAnswer) -> str:
    """Return the message of a function's failure, without its stack trace: that is in the function's log."""
    described = json.loads(failure.body)
    kind = described.get("errorType", failure.error_type)
    return f"{kind}: {described['errorMessage']}"[:MAX_SHOWN]


def _function_path(context: Context, token: str) -> str:
    """Return the path of the function that a service token names.

    Raises:
        ResourceError: it names none, or one that is elsewhere.
    """
    match = _TOKEN.fullmatch(token)
    if match is None:
        raise ResourceError(
            f"Property ServiceToken: not implemented: {token}; give acs:fc:REGION:ACCOUNT:services/SERVICE/functions/FUNCTION or "
            "acs:fc:REGION:ACCOUNT:functions/FUNCTION"
        )
    if (match["region"], match["account"]) != (context.region, context.account_id):
        raise ResourceError(
            f"Property ServiceToken: not implemented: functions outside of {context.region} and the account {context.account_id}: "
            f"{token}"
        )
    return match["path"]


def _check(request: Answer, answer: Answer) -> None:
    """Hold an answer to what is documented.

    Raises:
        ResourceError: it is not well formed, or says that the function failed.
    """
    for name in ECHOED:
        if answer.get(name) != request[name]:
            raise ResourceError(f"the function answered the {name} {answer.get(name)!r}, not {request[name]!r}")
    if answer.get("Status") not in {"SUCCESS", "FAILED"}:
        raise ResourceError(f"the function answered the Status {answer.get('Status')!r}, neither SUCCESS nor FAILED")
    if answer["Status"] == "FAILED":
        raise ResourceError(str(answer.get("Reason") or "the function answered FAILED without a Reason"))
    if not isinstance(answer.get("Data") or {}, Mapping):
        raise ResourceError("the function answered Data that is no JSON object")


def _physical_id(answer: Answer) -> str:
    physical_id = answer.get("PhysicalResourceId")
    if not isinstance(physical_id, str) or not 1 <= len(physical_id.encode()) <= MAX_ID:
        raise ResourceError(
            f"the function answered the PhysicalResourceId {physical_id!r}; expected text of 1 to {MAX_ID} bytes"
        )
    return physical_id


def _outcome(answer: Answer, physical_id: str) -> Outcome:
    data = answer.get("Data") or {}
    assert isinstance(data, Mapping)
    return Outcome(physical_id=physical_id, attributes={**data, "Outputs": data})
