"""Drift: the difference between what a template says and what its resources are, as somebody else has made them.

Only properties that a template gives are compared, and only those that a resource type can tell. Nothing is changed.
Sources: ROS, "Drift detection status codes"; ROS API, "DetectStackDrift", "DetectStackResourceDrift".
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from localcloud.kernel.access import Caller, Gate
from localcloud.kernel.identity import Authorizer
from localcloud.ros.errors import RosError, forbidden
from localcloud.ros.model import (
    Detection,
    Difference,
    Drift,
    DriftStatus,
    Owner,
    Resource,
    Stack,
    canonical_type,
)
from localcloud.ros.operations.stacks import Stacks
from localcloud.ros.resources.provider import Context, Detectable, ResourceType
from localcloud.ros.store import RosStore

DRIFTED = frozenset({DriftStatus.MODIFIED, DriftStatus.DELETED})


class Drifts:
    """Looks for drift, with the rights of whoever asks.

    Args:
        types: the resource types by name.
        store: what is kept of it.
        stacks: the stacks.
        owner: whose they are.
        authorizer: decides who may look.
        clock: seconds since the epoch.
    """

    def __init__(
        self,
        types: Mapping[str, ResourceType],
        *,
        store: RosStore,
        stacks: Stacks,
        owner: Owner,
        authorizer: Authorizer,
        clock: Callable[[], float],
    ) -> None:
        self._types = types
        self._store = store
        self._stacks = stacks
        self._owner = owner
        self._gate = Gate(authorizer, forbidden)
        self._clock = clock

    async def detect(self, stack_id: str, caller: Caller, names: list[str]) -> Detection:
        """Look at a stack's resources; at those that are named, or all of them.

        Raises:
            RosError: there is no such stack or resource, something is going on, or the caller may not look.
        """
        begun, stack = self._clock(), self._stacks.get(stack_id)
        self._stacks.check_idle(stack)
        found = {name: await self._look(stack, _resource(stack, name), caller) for name in names or stack.resources}
        stack = self._stacks.get(stack_id)
        drifts = {**stack.drifts, **found}
        count = sum(each.status in DRIFTED for name, each in drifts.items() if name in stack.resources)
        status = DriftStatus.DRIFTED if count else DriftStatus.IN_SYNC
        detection = Detection(id=str(uuid.uuid4()), begun=begun, status=status, drifted=count)
        self._store.save(replace(stack, drifts=drifts, detection=detection))
        return detection

    async def detect_resource(self, stack_id: str, name: str, caller: Caller) -> Drift:
        """Look at one resource.

        Raises:
            RosError: as `detect`, or the drift of its type cannot be detected.
        """
        stack = self._stacks.get(stack_id)
        self._stacks.check_idle(stack)
        resource = _resource(stack, name)
        if not isinstance(self._types[canonical_type(resource.type)], Detectable):
            raise RosError("NotSupported", f"not implemented: the drift of {resource.type}.")
        drift = await self._look(stack, resource, caller)
        stack = self._stacks.get(stack_id)
        self._store.save(replace(stack, drifts={**stack.drifts, name: drift}))
        return drift

    def find(self, detection_id: str) -> tuple[Stack, Detection]:
        """Return a detection and its stack; of each stack the last one is known.

        Raises:
            RosError: there is none.
        """
        for stack in self._store.stacks.values():
            if stack.detection and stack.detection.id == detection_id:
                return stack, stack.detection
        raise RosError("DriftDetectionNotFound", f"The drift detection ({detection_id}) could not be found.")

    async def _look(self, stack: Stack, resource: Resource, caller: Caller) -> Drift:
        kind, now = self._types[canonical_type(resource.type)], self._clock()
        if not isinstance(kind, Detectable) or not resource.physical_id:
            return Drift(status=DriftStatus.NOT_CHECKED, checked=now)
        context = Context.of(resource, stack, self._owner, timeout=60.0, caller=caller)
        for right in kind.rights_to_read(context, resource.physical_id):
            self._gate.require(caller, right.action, right.resource, right.conditions)
        actual = await asyncio.to_thread(kind.present, context, resource.physical_id, resource.properties)
        if actual is None:
            return Drift(status=DriftStatus.DELETED, checked=now, expected=resource.properties)
        expected = {name: resource.properties[name] for name in resource.properties if name in actual}
        actual = {name: actual[name] for name in expected}
        differences = tuple(compare(expected, actual))
        status = DriftStatus.MODIFIED if differences else DriftStatus.IN_SYNC
        return Drift(status=status, checked=now, expected=expected, actual=actual, differences=differences)


def compare(expected: object, actual: object, path: str = "") -> Iterator[Difference]:
    """Yield the differences between two values: in maps for each key, in lists for each item that one of them has alone."""
    if isinstance(expected, Mapping) and isinstance(actual, Mapping):
        for key in expected:
            yield from compare(expected[key], actual.get(key), f"{path}/{key}")
        return
    if isinstance(expected, list) and isinstance(actual, list):
        for number, each in enumerate(actual):
            if each not in expected:
                yield _difference(f"{path}/{number}", "ADD", None, each)
        for number, each in enumerate(expected):
            if each not in actual:
                yield _difference(f"{path}/{number}", "REMOVE", each, None)
        return
    if expected != actual:
        yield _difference(path, "REMOVE" if actual is None else "NOT_EQUAL", expected, actual)


def _difference(path: str, kind: str, expected: object, actual: object) -> Difference:
    return Difference(path=path, kind=kind, expected=_text(expected), actual=_text(actual))


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _resource(stack: Stack, name: str) -> Resource:
    if name not in stack.resources:
        raise RosError("ResourceNotFound", f"The Resource ({name}) could not be found in Stack {stack.name}.")
    return stack.resources[name]
