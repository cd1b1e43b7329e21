"""ROS through its official client: values instead of response models, and calls that are tried again when that helps.

What is tried again: throttling, answers of an overloaded or unreachable service, and answers that are no JSON (a proxy's error
page). Creating and updating carry a client token, so a repeated call never acts twice.

Source: "API overview" and "Error codes" of ROS 2019-09-10; "Ensure idempotence".
"""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from alibabacloud_ros20190910 import models
from alibabacloud_ros20190910.client import Client
from alibabacloud_tea_openapi.exceptions import AlibabaCloudException
from darabonba.exceptions import UnretryableException
from darabonba.runtime import RuntimeOptions
from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential

from heavylift.clouds.sdkerrors import asks_nobody, no_answer
from heavylift.errors import HeavyliftError

TRIES = 8  # of one call
FIRST_PAUSE = 0.5  # seconds before the second try; it doubles
LONGEST_PAUSE = 20.0  # seconds
BUSY = ("Throttling", "ServiceUnavailable", "InternalError", "LastTokenProcessing")  # beginnings of codes
PAGE = 50  # entries, the most that the list actions give
MAX_ENCODED = 524_273  # bytes of a template that is sent as base64, as ros-cdk does it; a larger one goes as it is
NO_CHANGES = "Update the completely same stack"
FOLLOWED = (
    "create_stack",
    "update_stack",
    "delete_stack",
    "get_stack",
    "list_stack_events",
)  # when something may go on


class RefusedError(HeavyliftError):
    """ROS does not accept a request; nothing has begun."""


class StackNotFoundError(HeavyliftError):
    """There is no such stack in this region."""


class NoChangesError(HeavyliftError):
    """The update changes nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Stack:
    """A stack as ROS sees it now."""

    id: str
    name: str
    status: str  # CREATE_COMPLETE, …
    reason: str
    created: str  # UTC, 2026-01-31T12:00:00
    updated: str  # likewise; empty before the first update
    outputs: Mapping[str, object] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_busy(self) -> bool:
        """True while an operation is going on."""
        return self.status.endswith("_IN_PROGRESS")


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One step of an operation."""

    id: str
    time: str  # UTC
    logical_id: str
    resource_type: str
    physical_id: str
    status: str
    reason: str

    @property
    def is_failure(self) -> bool:
        """True for the failure of an operation or a resource."""
        return self.status.endswith("_FAILED")


@dataclass(frozen=True, kw_only=True, slots=True)
class Resource:
    """A resource of a stack."""

    logical_id: str
    resource_type: str
    physical_id: str
    status: str
    reason: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StackDefinition:
    """The template of a stack, and how to create or update the stack from it."""

    template: str  # JSON
    parameters: Mapping[str, str]
    tags: Mapping[str, str]
    timeout: int  # minutes
    rollback: bool
    replace: bool  # an update may make resources anew whose change needs it


class Ros:
    """The stacks of one region.

    Args:
        client: the official client.
        region: its id.
        tries: of one call.
        sleep: waits for a number of seconds.
    """

    def __init__(
        self, client: Client, region: str, *, tries: int = TRIES, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._region = region
        self._tries = tries
        self._sleep = sleep
        self._runtime = RuntimeOptions(autoretry=False, max_attempts=1)

    def find(self, name: str) -> Stack:
        """Return the stack of that name that exists.

        Raises:
            StackNotFoundError: there is none.
        """
        for stack in self.stacks(name):
            return self.get(stack.id)
        raise StackNotFoundError(
            f"there is no stack {name!r} in {self._region}; `heavylift deploy` makes one, `heavylift status` lists all"
        )

    def stacks(self, name: str | None = None) -> Iterator[Stack]:
        """Yield the stacks that exist, without their outputs.

        Args:
            name: only the one of that name.
        """
        names = [name] if name else None

        def page(number: int) -> tuple[list[Any], int]:
            request = models.ListStacksRequest(
                region_id=self._region, stack_name=names, page_size=PAGE, page_number=number
            )
            body = self._call("list_stacks", request)
            return body.stacks or [], body.total_count or 0

        for stack in _pages(page):
            if stack.status != "DELETE_COMPLETE":
                yield _stack(stack)

    def get(self, stack_id: str) -> Stack:
        """Return a stack, also one that was deleted a short while ago.

        Raises:
            StackNotFoundError: there is none.
        """
        return _stack(self._call("get_stack", models.GetStackRequest(region_id=self._region, stack_id=stack_id)))

    def template(self, stack_id: str) -> str:
        """Return a stack's template as it was sent."""
        request = models.GetTemplateRequest(region_id=self._region, stack_id=stack_id)
        return str(self._call("get_template", request).template_body)

    def create(self, name: str, definition: StackDefinition) -> str:
        """Begin to create a stack; return its id.

        Raises:
            RefusedError: ROS does not accept it.
        """
        request = models.CreateStackRequest(
            stack_name=name,
            **self._properties(definition, models.CreateStackRequestParameters, models.CreateStackRequestTags),
        )
        return str(self._call("create_stack", request).stack_id)

    def update(self, stack_id: str, definition: StackDefinition) -> None:
        """Begin to update a stack.

        Raises:
            NoChangesError: the stack is like that already.
            RefusedError: ROS does not accept it.
        """
        request = models.UpdateStackRequest(
            stack_id=stack_id,
            replacement_option="Enabled" if definition.replace else "Disabled",
            **self._properties(definition, models.UpdateStackRequestParameters, models.UpdateStackRequestTags),
        )
        self._call("update_stack", request)

    def delete(self, stack_id: str) -> None:
        """Begin to delete a stack.

        Raises:
            RefusedError: ROS does not accept it.
        """
        self._call("delete_stack", models.DeleteStackRequest(region_id=self._region, stack_id=stack_id))

    def events(self, stack_id: str) -> Iterator[Event]:
        """Yield a stack's events, page by page as they are asked for; ROS gives the newest first (assumed)."""

        def page(number: int) -> tuple[list[Any], int]:
            request = models.ListStackEventsRequest(
                region_id=self._region, stack_id=stack_id, page_size=PAGE, page_number=number
            )
            body = self._call("list_stack_events", request)
            return body.events or [], body.total_count or 0

        for event in _pages(page):
            yield Event(
                id=event.event_id,
                time=event.create_time or "",
                logical_id=event.logical_resource_id or "",
                resource_type=event.resource_type or "",
                physical_id=event.physical_resource_id or "",
                status=event.status or "",
                reason=event.status_reason or "",
            )

    def resources(self, stack_id: str) -> list[Resource]:
        """Return a stack's resources."""
        request = models.ListStackResourcesRequest(region_id=self._region, stack_id=stack_id)
        return [
            Resource(
                logical_id=each.logical_resource_id,
                resource_type=each.resource_type,
                physical_id=each.physical_resource_id or "",
                status=each.status or "",
                reason=each.status_reason or "",
            )
            for each in self._call("list_stack_resources", request).resources or []
        ]

    def attributes(self, stack_id: str, logical_id: str) -> dict[str, object]:
        """Return the attributes of a resource that `Fn::GetAtt` can ask for."""
        request = models.GetStackResourceRequest(
            region_id=self._region,
            stack_id=stack_id,
            logical_resource_id=logical_id,
            show_resource_attributes=True,
        )
        listed = self._call("get_stack_resource", request).resource_attributes or []
        return {each["ResourceAttributeKey"]: each["ResourceAttributeValue"] for each in listed}

    def _properties(self, definition: StackDefinition, parameter: type[Any], tag: type[Any]) -> dict[str, object]:
        return {
            "region_id": self._region,
            "template_body": encode_template(definition.template),
            "parameters": [
                parameter(parameter_key=key, parameter_value=value) for key, value in definition.parameters.items()
            ],
            "tags": [tag(key=key, value=value) for key, value in definition.tags.items()],
            "timeout_in_minutes": definition.timeout,
            "disable_rollback": not definition.rollback,
            "client_token": str(uuid.uuid4()),
        }

    def _call(self, action: str, request: object) -> Any:  # noqa: ANN401 - the vendor's models are untyped
        run = getattr(self._client, f"{action}_with_options")
        retrying = Retrying(
            stop=stop_after_attempt(self._tries),
            wait=wait_exponential(multiplier=FIRST_PAUSE, max=LONGEST_PAUSE),
            retry=retry_if_exception(is_transient),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            return retrying(run, request, self._runtime).body
        except (AlibabaCloudException, UnretryableException) as error:
            raise _translate(action, error) from error


def encode_template(template: str) -> str:
    """Return a template as ros-cdk sends it: in base64, unless that would be too long for ROS."""
    content = template.encode()
    if len(content) >= MAX_ENCODED:
        return template
    return "@Base64Encoded: " + base64.b64encode(content).decode()


def is_transient(error: BaseException) -> bool:
    """Return whether the same call may succeed a little later."""
    if isinstance(error, AlibabaCloudException):
        return str(error.code).startswith(BUSY) or (error.status_code or 0) >= 500
    # No answer at all, or one that is not ROS's. A host that does not exist will not a little later, either.
    return isinstance(error, UnretryableException) and not asks_nobody(error)


def _translate(action: str, error: Exception) -> HeavyliftError:
    name = action.title().replace("_", "")
    if not isinstance(error, AlibabaCloudException):
        begun = ": what it has begun goes on, as `heavylift status` shows then" if action in FOLLOWED else ""
        return HeavyliftError(
            f"ROS does not answer {name} ({no_answer(error)}); check the network, and try again{begun}"
        )
    # The client prefixes "code: 404, " and appends the request's id.
    said = str((error.data or {}).get("Message") or error.message)
    if error.code == "StackNotFound":
        return StackNotFoundError(f"{said.rstrip('.')} (StackNotFound); `heavylift status` lists the stacks there are")
    if error.code == "NotSupported" and said.startswith(NO_CHANGES):
        return NoChangesError(said)
    return RefusedError(f"ROS refused {name}: {error.code}: {said} (request {error.request_id})")


def _pages(page: Callable[[int], tuple[list[Any], int]]) -> Iterator[Any]:
    number, seen = 1, 0
    while True:
        entries, total = page(number)
        yield from entries
        seen += len(entries)
        if not entries or seen >= total:
            return
        number += 1


def _stack(body: Any) -> Stack:  # noqa: ANN401 - GetStack's and ListStacks' models have these in common
    outputs: Iterable[Mapping[str, object]] = getattr(body, "outputs", None) or ()
    return Stack(
        id=body.stack_id,
        name=body.stack_name,
        status=body.status,
        reason=body.status_reason or "",
        created=body.create_time or "",
        updated=body.update_time or "",
        outputs={str(each["OutputKey"]): each.get("OutputValue") for each in outputs},
        tags={tag.key: tag.value for tag in body.tags or ()},
    )
