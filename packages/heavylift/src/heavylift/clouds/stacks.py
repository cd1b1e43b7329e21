"""Operations on a stack, deploy and destroy, from the first call to the last event.

ROS accepts an operation and works on its own; `follow` asks for the stack and its new events until the operation has ended. The
cause of a failure is the first event of a resource that failed: what comes after it is rollback and cancelled work.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from itertools import takewhile

from heavylift.clouds.assembly import REGION
from heavylift.clouds.ros import Event, NoChangesError, Ros, Stack, StackDefinition, StackNotFoundError
from heavylift.errors import HeavyliftError

BUCKETS_TAG = "heavylift:asset-buckets"  # on a stack: where its assets lie, so that any machine can remove them
_ASSET_BUCKET = re.compile(r"\bcdk-[a-z0-9-]+-assets-(?:\$\{ALIYUN::Region\}|[a-z0-9-]+)")  # default-synthesizer.js
STACK_TYPE = "ALIYUN::ROS::Stack"
ROLLED_BACK = "CREATE_ROLLBACK_COMPLETE"  # nothing is left of such a stack but its name
END = {"created": "CREATE_COMPLETE", "updated": "UPDATE_COMPLETE", "deleted": "DELETE_COMPLETE"}
SETTLE = 2  # looks at a failed stack before it counts as ended: rollback may be about to begin

OnEvent = Callable[[Event], None]


class StackFailedError(HeavyliftError):
    """A stack did not become what it should have; it is at rest."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Deployed:
    """The result of a deployment."""

    stack: Stack
    change: str  # "created", "updated" or "unchanged"


class Stacks:
    """Deploys and destroys stacks.

    Args:
        ros: the stacks of a region.
        on_event: called with each event of an operation, as it comes.
        interval: seconds between two looks at the stack.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self, ros: Ros, on_event: OnEvent, *, interval: float, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._ros = ros
        self._on_event = on_event
        self._interval = interval
        self._sleep = sleep

    def deploy(self, name: str, definition: StackDefinition) -> Deployed:
        """Create the stack, or update it when it exists, and wait for the end.

        Raises:
            HeavyliftError: it failed; the message is one sentence about the cause.
        """
        try:
            stack = self._ros.find(name)
        except StackNotFoundError:
            return self._create(name, definition)
        _refuse_busy(stack)
        if stack.status == ROLLED_BACK:
            self.destroy(stack)
            return self._create(name, definition)
        known = {event.id for event in self._first_page(stack.id)}
        try:
            self._ros.update(stack.id, definition)
        except NoChangesError:
            return Deployed(stack=stack, change="unchanged")
        return Deployed(stack=self._follow(stack, known, "updated"), change="updated")

    def destroy(self, stack: Stack) -> None:
        """Delete a stack and wait for the end.

        Raises:
            HeavyliftError: it failed; the message is one sentence about the cause.
        """
        _refuse_busy(stack)
        known = {event.id for event in self._first_page(stack.id)}
        self._ros.delete(stack.id)
        try:
            self._follow(stack, known, "deleted")
        except StackNotFoundError:
            return  # it is gone, and so are its events

    def _create(self, name: str, definition: StackDefinition) -> Deployed:
        stack_id = self._ros.create(name, definition)
        stack = Stack(id=stack_id, name=name, status="CREATE_IN_PROGRESS", reason="", created="", updated="")
        return Deployed(stack=self._follow(stack, set(), "created"), change="created")

    def _first_page(self, stack_id: str) -> list[Event]:
        return [event for event, _ in zip(self._ros.events(stack_id), range(50), strict=False)]

    def _new(self, stack_id: str, known: set[str]) -> list[Event]:
        """Return the events that are not known, in order; they are known from now on."""
        # By id, because a page that is read while events come in repeats what the page before it ended with.
        new = {event.id: event for event in takewhile(lambda event: event.id not in known, self._ros.events(stack_id))}
        known.update(new)
        return list(new.values())[::-1]

    def _follow(self, before: Stack, known: set[str], wanted: str) -> Stack:
        """Return the stack at the end of an operation.

        Raises:
            HeavyliftError: it failed.
            KeyboardInterrupt: the user does not wait for the end; says that the operation goes on.
        """
        try:
            return self._wait(before, known, wanted)
        except KeyboardInterrupt as interrupt:
            raise type(interrupt)(f"what ROS has begun goes on: see `heavylift status {before.name}`") from interrupt

    def _wait(self, before: Stack, known: set[str], wanted: str) -> Stack:
        happened: list[Event] = []
        failed = 0
        while True:
            # Events first: once there is a new one, the stack that is read after it is not the old one.
            new = self._new(before.id, known)
            happened += new
            for event in new:
                self._on_event(event)
            stack = self._ros.get(before.id)
            begun = happened or (stack.status, stack.updated) != (before.status, before.updated)
            if begun and not stack.is_busy and not new:
                if stack.status == END[wanted]:
                    return stack
                failed += 1
                if failed == SETTLE:
                    raise StackFailedError(explain(stack, happened, wanted))
            self._sleep(self._interval)


def _refuse_busy(stack: Stack) -> None:
    if stack.is_busy:
        raise HeavyliftError(
            f"stack {stack.name} is {stack.status}: another operation is going on; wait for its end "
            f"(`heavylift status {stack.name}`), then try again"
        )


def explain(stack: Stack, events: Iterable[Event], wanted: str) -> str:
    """Return one sentence with the reason why an operation failed.

    Args:
        stack: the stack at the end.
        events: those of the operation, in order.
        wanted: what it should have become: "created", "updated" or "deleted".
    """
    failures = [event for event in events if event.is_failure]
    resources = [event for event in failures if event.resource_type != STACK_TYPE]
    for event in resources or failures:
        what = f"{event.logical_id} ({event.resource_type})" if resources else "it"
        # The name of the option stands in ROS's message (assumed).
        hint = "; `heavylift deploy --replace` allows that" if "ReplacementOption" in event.reason else ""
        return f"stack {stack.name} was not {wanted} ({stack.status}), because {what} failed: {event.reason}{hint}"
    return f"stack {stack.name} was not {wanted}: {stack.status}: {stack.reason or 'ROS gives no reason'}"


def asset_buckets(stack: Stack) -> list[str]:
    """Return the names of the buckets that hold a stack's assets."""
    return [name for name in stack.tags.get(BUCKETS_TAG, "").split(" ") if name]


def named_buckets(template: str, region: str) -> list[str]:
    """Return the names of the asset buckets that a template speaks of, as ros-cdk's synthesizer names them.

    Args:
        template: its text.
        region: of the stack.
    """
    return sorted({name.replace(REGION, region) for name in _ASSET_BUCKET.findall(template)})


def with_buckets(tags: Mapping[str, str], buckets: Iterable[str]) -> dict[str, str]:
    """Return a stack's tags with the names of its asset buckets among them."""
    names = " ".join(buckets)
    return {**tags, BUCKETS_TAG: names} if names else dict(tags)
