"""ALIYUN::ROS::WaitConditionHandle, ::WaitCondition and ::Sleep: resources that are time, and what others have to say.

Sources: ROS, the page of each type; ros-cdk-ros 1.15.0. The wording of the commands and reasons is assumed.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol
from urllib.parse import urlencode

from localcloud.ros.errors import ResourceError
from localcloud.ros.model import Handle, Signal
from localcloud.ros.resources.calls import Given, reasons
from localcloud.ros.resources.provider import Context, Outcome, Property, Right

MAX_WAIT = 43200  # seconds
MAX_SLEEP = 1800  # seconds
PATH = "/waitcondition"
HEADERS = {"Content-Type": "application/json", "Accept": "application/json"}


class Signals(Protocol):
    """The handles, and the signals that they got."""

    base: str  # the URL of the listener

    def find(self, handle_id: str) -> Handle | None:
        """Return a handle; None: there is none."""

    def create(self, handle_id: str) -> Handle:
        """Make a handle, or return the one there is."""

    def forget(self, handle_id: str, *, above: int) -> None:
        """Forget the signals whose ids are numbers above one; all of them if it is negative."""

    def drop(self, handle_id: str) -> None:
        """Forget a handle."""

    async def next(self, handle_id: str) -> None:
        """Wait until a handle has got a signal, or is gone."""


class WaitConditionHandle:
    """A URL for signals; who knows it may signal."""

    name = "ALIYUN::ROS::WaitConditionHandle"
    returns: Sequence[str] = ("CurlCli", "Headers", "PowerShellCurlCli", "URL", "WindowsCurlCli")
    properties: Mapping[str, Property] = {
        "Count": Property(kind="integer"),
        "Mode": Property(kind="string", choices=("Increment", "Full")),
    }

    def __init__(self, signals: Signals) -> None:
        self._signals = signals

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{context.stack_id}/{context.logical_id}"))

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`. A handle is the stack's own."""
        return ()

    async def exists(self, context: Context, physical_id: str) -> bool:
        """See `ResourceType`."""
        return self._signals.find(physical_id) is not None

    async def create(self, context: Context, properties: Given) -> Outcome:
        """See `ResourceType`."""
        return self._outcome(context, self._signals.create(self.plan_id(context, properties)))

    async def update(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `ResourceType`. Older signals go: in the mode Increment all of them, otherwise those above Count."""
        count = properties.get("Count", -1)
        with reasons():
            if properties.get("Mode") == "Increment":
                self._signals.forget(physical_id, above=-1)
            elif count >= 0:
                self._signals.forget(physical_id, above=count)
        return self._outcome(context, self._signals.create(physical_id))

    def _outcome(self, context: Context, handle: Handle) -> Outcome:
        query = {"stackname": context.stack_name, "stackid": context.stack_id, "resource": context.logical_id}
        url = f"{self._signals.base}{PATH}?{urlencode({**query, 'signature': handle.secret})}"
        shown = [f"{name}:{value}" for name, value in HEADERS.items()]
        headers = "; ".join(f'"{name}" = "{value}"' for name, value in HEADERS.items())
        attributes = {
            "URL": url,
            "Headers": HEADERS,
            "CurlCli": " ".join(["curl -i -X POST", *(f"-H '{each}'" for each in shown), f"'{url}'"]),
            "WindowsCurlCli": " ".join(["curl -i -X POST", *(f'-H "{each}"' for each in shown), f'"{url}"']),
            "PowerShellCurlCli": f'Invoke-WebRequest -UseBasicParsing -Uri "{url}" -Headers @{{{headers}}} -Method Post',
        }
        return Outcome(physical_id=handle.id, attributes=attributes)

    async def delete(self, context: Context, physical_id: str, properties: Given) -> None:
        """See `ResourceType`."""
        self._signals.drop(physical_id)


class WaitCondition:
    """Signals that a stack waits for."""

    name = "ALIYUN::ROS::WaitCondition"
    returns: Sequence[str] = ("Data", "ErrorData", "JoinedErrorData")
    properties: Mapping[str, Property] = {
        "Handle": Property(kind="string", required=True, replaces=True),
        "Timeout": Property(kind="number", required=True, replaces=True, minimum=1, maximum=MAX_WAIT),
        "Count": Property(kind="integer"),
        "ShowProgressEvent": Property(
            kind="string", choices=("EnabledIfCreateStack", "Disabled", "Enabled"), supported=("Disabled",)
        ),
    }

    def __init__(self, signals: Signals) -> None:
        self._signals = signals

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return f"{properties['Handle']}/{context.logical_id}"

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`. There is nothing but the wait."""
        return ()

    async def exists(self, context: Context, physical_id: str) -> bool:
        """See `ResourceType`."""
        return False

    async def create(self, context: Context, properties: Given) -> Outcome:
        """See `ResourceType`."""
        return await self._wait(self.plan_id(context, properties), properties)

    async def update(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `ResourceType`. It waits for as many signals as there are to be."""
        return await self._wait(physical_id, properties)

    async def _wait(self, physical_id: str, properties: Given) -> Outcome:
        handle_id, timeout, count = properties["Handle"], properties["Timeout"], properties.get("Count", 1)
        good: dict[str, Signal] = {}
        try:
            async with asyncio.timeout(timeout):
                while True:
                    handle = self._signals.find(handle_id)
                    if handle is None:
                        raise ResourceError(f"Property Handle: there is no WaitConditionHandle {handle_id}")
                    good = {name: each for name, each in handle.signals.items() if each.succeeded}
                    bad = [each for each in handle.signals.values() if not each.succeeded]
                    if bad:
                        raise ResourceError(f"WaitConditionFailure: {'; '.join(each.reason for each in bad)}")
                    if len(good) >= count:
                        return _outcome(physical_id, good)
                    await self._signals.next(handle_id)
        except TimeoutError:
            raise ResourceError(f"WaitConditionTimeout: {len(good)} of {count} received") from None

    async def delete(self, context: Context, physical_id: str, properties: Given) -> None:
        """See `ResourceType`."""


def _outcome(physical_id: str, good: Mapping[str, Signal]) -> Outcome:
    data = json.dumps({name: each.data for name, each in good.items()})
    return Outcome(physical_id=physical_id, attributes={"Data": data, "ErrorData": "{}", "JoinedErrorData": ""})


_SECONDS = Property(kind="number", minimum=0, maximum=MAX_SLEEP)


class Sleep:
    """A while that a stack waits."""

    name = "ALIYUN::ROS::Sleep"
    returns: Sequence[str] = ()
    properties: Mapping[str, Property] = {
        "CreateDuration": _SECONDS,
        "DeleteDuration": _SECONDS,
        "Triggers": Property(kind="map"),
        "UpdateDuration": _SECONDS,
        "UpdateRollbackDuration": _SECONDS,
    }

    def plan_id(self, context: Context, properties: Given) -> str:
        """See `ResourceType`."""
        return f"{context.stack_name}-{context.logical_id}"

    def rights(self, context: Context, before: Given | None, after: Given | None) -> Iterable[Right]:
        """See `ResourceType`. There is nothing but the wait."""
        return ()

    async def exists(self, context: Context, physical_id: str) -> bool:
        """See `ResourceType`."""
        return False

    async def create(self, context: Context, properties: Given) -> Outcome:
        """See `ResourceType`."""
        await asyncio.sleep(properties.get("CreateDuration", 0))
        return Outcome(physical_id=self.plan_id(context, properties), attributes={})

    async def update(self, context: Context, physical_id: str, properties: Given, previous: Given) -> Outcome:
        """See `ResourceType`. It waits when Triggers change."""
        given = "UpdateRollbackDuration" if context.going_back else "UpdateDuration"
        if properties.get("Triggers") != previous.get("Triggers"):
            await asyncio.sleep(properties.get(given, 0))
        return Outcome(physical_id=physical_id, attributes={})

    async def delete(self, context: Context, physical_id: str, properties: Given) -> None:
        """See `ResourceType`."""
        await asyncio.sleep(properties.get("DeleteDuration", 0))
