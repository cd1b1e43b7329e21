"""A ROS whose resources are simulated in memory: what the executor does with any resource type, without one that is real."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from localcloud.kernel.access import Caller
from localcloud.kernel.identity import Identity
from localcloud.ros.errors import ResourceError
from localcloud.ros.model import Owner, Source, Stack
from localcloud.ros.operations.requests import Request
from localcloud.ros.operations.service import RosService
from localcloud.ros.resources.declarations import STACK_TAGS
from localcloud.ros.resources.provider import Context, Outcome, Properties, Property, Right

TYPE = "Test::Thing"
OWNER = Caller(identity=Identity(account_id="1234567890123456"))
_Result = TypeVar("_Result")


class Here:
    """Evaluates templates in this process: what other processes are good for is tested where they run."""

    async def __call__(self, caller: str, function: Callable[..., _Result], *args: object) -> _Result:
        return function(*args)

    async def close(self) -> None:
        pass


class Rights:
    """Everybody may do everything but what is refused here: (role, action) pairs. Notes what is asked."""

    def __init__(self) -> None:
        self.refused: set[tuple[str | None, str]] = set()
        self.asked: list[tuple[str | None, str, str]] = []

    def is_allowed(self, identity: Identity, *, action: str, resource: str, conditions: Mapping[str, str]) -> bool:
        self.asked.append((identity.role_arn, action, resource))
        return (identity.role_arn, action) not in self.refused

    def is_denied(self, identity: Identity, *, action: str, resource: str, conditions: Mapping[str, str]) -> bool:
        return (identity.role_arn, action) in self.refused


class Things:
    """A resource type in memory; `Fail` names the action that fails, `Hang` the one that never ends."""

    name = TYPE
    returns: Sequence[str] = ("Size", "Upper")
    properties: Mapping[str, Property] = {
        "Name": Property(kind="string", required=True, replaces=True),
        "Size": Property(kind="integer"),
        "After": Property(kind="any"),
        "Fail": Property(kind="string"),
        "Hang": Property(kind="string"),
        "Leave": Property(kind="boolean"),
        "Tags": STACK_TAGS,
    }

    def __init__(self) -> None:
        self.existing: dict[str, dict[str, object]] = {}
        self.log: list[str] = []
        self.hanging = asyncio.Event()

    def plan_id(self, context: Context, properties: Properties) -> str:
        return str(properties["Name"])

    def rights(self, context: Context, before: Properties | None, after: Properties | None) -> Iterable[Right]:
        action = "Create" if before is None else "Delete" if after is None else "Update"
        yield Right(f"test:{action}", f"thing/{(after or before or {})['Name']}")

    async def exists(self, context: Context, physical_id: str) -> bool:
        return physical_id in self.existing

    async def create(self, context: Context, properties: Properties) -> Outcome:
        name = str(properties["Name"])
        self.log.append(f"create {name}")
        if name in self.existing:
            raise ResourceError(f"{name} exists already")
        if properties.get("Leave"):
            self.existing[name] = {}
        await self._act("create", name, properties)
        self.existing[name] = dict(properties)
        return Outcome(physical_id=name, attributes={"Size": properties.get("Size", 0), "Upper": name.upper()})

    async def update(self, context: Context, physical_id: str, properties: Properties, previous: Properties) -> Outcome:
        self.log.append(f"update {physical_id}")
        await self._act("update", physical_id, properties)
        self.existing[physical_id] = dict(properties)
        return Outcome(physical_id=physical_id, attributes={"Size": properties.get("Size", 0)})

    async def delete(self, context: Context, physical_id: str, properties: Properties) -> None:
        self.log.append(f"delete {physical_id}")
        await self._act("delete", physical_id, properties)
        self.existing.pop(physical_id, None)

    async def _act(self, action: str, name: str, properties: Properties) -> None:
        if properties.get("Fail") == action:
            raise ResourceError(f"cannot {action}", physical_id=name if properties.get("Leave") else "")
        if properties.get("Hang") == action:
            if action == "create":
                self.existing[name] = dict(properties)  # begun, but not ended: what a kill leaves
            self.hanging.set()
            await asyncio.Event().wait()


class Cloud:
    """A ROS with simulated resources, which can be stopped and started again on the same folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.things = Things()
        self.rights = Rights()
        self.caller = OWNER
        self.objects: dict[tuple[str, str], bytes] = {}
        self.now = 1_800_000_000.0
        self.ros = self.start()

    def start(self) -> RosService:
        self.ros = RosService(
            self.folder,
            types={TYPE: self.things},
            owner=Owner(region="cn-hangzhou", account_id="1234567890123456"),
            authorizer=self.rights,
            evaluate=Here(),
            read_object=self.read_object,
            clock=self.tick,
        )
        return self.ros

    def read_object(self, bucket: str, key: str, region: str, size: int, permit: Callable[[str], None]) -> bytes:
        permit(key)
        return self.objects[bucket, key][:size]

    def tick(self) -> float:
        self.now += 0.01
        return self.now

    async def settled(self, stack: Stack) -> Stack:
        while (current := self.ros.stacks.get(stack.id)).busy:
            await asyncio.sleep(0)
        return current


def template(**resources: Mapping[str, Any]) -> str:
    """Return a template of things: each argument is a thing's properties, with `DependsOn` and such beside them."""
    declared = {}
    for name, given in resources.items():
        aside = {key: value for key, value in given.items() if key in {"DependsOn", "DeletionPolicy", "Condition"}}
        properties = {"Name": name.lower(), **{key: value for key, value in given.items() if key not in aside}}
        declared[name] = {"Type": TYPE, "Properties": properties, **aside}
    return json.dumps({"ROSTemplateFormatVersion": "2015-09-01", "Resources": declared})


def request(text: str, **options: Any) -> Request:
    caller = options.pop("caller", OWNER)
    return Request(source=Source(template=text, parameters=options.pop("parameters", {})), caller=caller, **options)


@pytest.fixture
def cloud(tmp_path: Path) -> Cloud:
    return Cloud(tmp_path / "ros")


@pytest.fixture
def make_template() -> Callable[..., str]:
    return template


@pytest.fixture
def make_request() -> Callable[..., Request]:
    return request


@pytest.fixture
def run() -> Callable[[Awaitable[None]], None]:
    return asyncio.run  # type: ignore[return-value]
