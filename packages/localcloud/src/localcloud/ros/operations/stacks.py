"""Stacks: create, update, delete and preview them.

Sources: ROS API reference 2019-09-10 and the models of alibabacloud_ros20190910. The wording of messages is assumed where no public
answer shows it.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace

from localcloud.kernel.access import Caller
from localcloud.ros.errors import RosError, TemplateError
from localcloud.ros.model import STACK_MOVES, Change, Phase, Source, Stack, StackStatus
from localcloud.ros.operations.executor import Executor
from localcloud.ros.operations.policy import read_policy
from localcloud.ros.operations.preview import Preview
from localcloud.ros.operations.requests import Request, changed_meanwhile, check_name, find_repeated
from localcloud.ros.operations.templates import Templates
from localcloud.ros.store import RosStore

TIMEOUT = range(10, 1440 + 1)  # minutes
TIMEOUT_NESTED = range(1, 1440 + 1)  # minutes; assumed: the documentation's example has 5
MAX_LEVELS = 5  # of stacks in one that is in none; ROS, "Limits"
COMPLETE = frozenset({StackStatus.CREATE_COMPLETE, StackStatus.UPDATE_COMPLETE, StackStatus.ROLLBACK_COMPLETE})


class Stacks:
    """The stacks of one account in one region.

    Args:
        store: what is kept of them.
        templates: resolves their templates.
        executor: runs their operations.
        clock: seconds since the epoch.
    """

    def __init__(
        self, *, store: RosStore, templates: Templates, executor: Executor, clock: Callable[[], float]
    ) -> None:
        self._store = store
        self._templates = templates
        self._executor = executor
        self._clock = clock

    def __contains__(self, stack_id: str) -> bool:
        """Return whether there is, or was, a stack of this id."""
        return stack_id in self._store.stacks

    def get(self, stack_id: str) -> Stack:
        """Return a stack, also one that was deleted.

        Raises:
            RosError: there is none.
        """
        try:
            return self._store.stacks[stack_id]
        except KeyError:
            raise RosError("StackNotFound", f"The Stack ({stack_id}) could not be found.") from None

    def all(self) -> list[Stack]:
        """Return all stacks, the newest first, the deleted ones among them."""
        return sorted(self._store.stacks.values(), key=lambda stack: -stack.created)

    def find(self, name: str) -> Stack | None:
        """Return the stack of this name that is not deleted."""
        alive = (stack for stack in self._store.stacks.values() if stack.status is not StackStatus.DELETE_COMPLETE)
        return next((stack for stack in alive if stack.name == name), None)

    async def create(self, name: str, request: Request) -> Stack:
        """Begin to create a stack.

        Raises:
            RosError: the name is taken, or the template, a parameter or an option is not valid.
        """
        check_name("StackName", name)
        if known := find_repeated(self._store.stacks.values(), request):
            return known
        reviewed = self._find_reviewed(name)
        wanted = await self._with_request(reviewed or self.new(name, request), request)
        if known := find_repeated(self._store.stacks.values(), request):  # it came twice at once
            return known
        if self._find_reviewed(name) is not reviewed:
            raise changed_meanwhile(name)
        return self._executor.start(wanted, Phase.APPLY, StackStatus.CREATE_IN_PROGRESS)

    async def create_nested(self, stack_id: str, name: str, parent: str, request: Request) -> Stack:
        """Begin to create a stack that is a resource of another.

        Raises:
            RosError: the template or a parameter is not valid, or there are too many levels of stacks.
        """
        if sum(1 for _ in self._ancestors(parent)) > MAX_LEVELS:
            raise RosError("StackValidationFailed", f"Stacks nest at most {MAX_LEVELS} levels deep.")
        nested = replace(self.new(name, request), id=stack_id, parent=parent)
        return self._executor.start(
            await self._with_request(nested, request), Phase.APPLY, StackStatus.CREATE_IN_PROGRESS
        )

    def root(self, stack: Stack) -> str:
        """Return the id of the stack in which, over any number of levels, a stack is nested; its own if it is not."""
        return [stack.id, *self._ancestors(stack.parent)][-1]

    def _ancestors(self, stack_id: str) -> Iterator[str]:
        while stack_id:
            yield stack_id
            stack_id = self.get(stack_id).parent

    async def settled(self, stack_id: str) -> Stack:
        """Wait until nothing goes on with a stack, and return it as it is then.

        Raises:
            RosError: there is none.
        """
        await self._executor.wait(stack_id)
        return self.get(stack_id)

    async def create_reviewed(self, stack: Stack, request: Request) -> Stack:
        """Begin to create a stack that has waited for its change set.

        Raises:
            RosError: it waits no longer, or the template, a parameter or an option is not valid.
        """
        if stack.status is not StackStatus.REVIEW_IN_PROGRESS:
            raise RosError("NotSupported", f"Creating a stack in the state {stack.status} is not supported.")
        wanted = await self._with_request(stack, request)
        self.check_unchanged(stack)
        return self._executor.start(wanted, Phase.APPLY, StackStatus.CREATE_IN_PROGRESS)

    def _find_reviewed(self, name: str) -> Stack | None:
        """Return the stack of this name that waits for its change set.

        Raises:
            RosError: there is a stack of this name.
        """
        existing = self.find(name)
        if existing and existing.status is not StackStatus.REVIEW_IN_PROGRESS:
            raise RosError("StackExists", f"The Stack ({name}) already exists.")
        return existing

    def new(self, name: str, request: Request) -> Stack:
        """Return a stack of which nothing is made, nor kept, yet."""
        return Stack(id=str(uuid.uuid4()), name=name, created=self._clock(), source=request.source)

    async def update(self, stack_id: str, request: Request) -> Stack:
        """Begin to update a stack.

        Raises:
            RosError: nothing would change, something is going on, or the template, a parameter or an option is not valid.
        """
        if known := find_repeated(self._store.stacks.values(), request):
            return known
        stack = self.get(stack_id)
        self.check_idle(stack)
        if StackStatus.UPDATE_IN_PROGRESS not in STACK_MOVES[stack.status]:
            raise RosError("NotSupported", f"Updating a stack in the state {stack.status} is not supported.")
        changed = await self._with_request(stack, request)
        if known := find_repeated(self._store.stacks.values(), request):  # it came twice at once
            return known
        self.check_unchanged(stack)
        if stack.status in COMPLETE and _same(stack, changed):
            raise RosError("NotSupported", "Update the completely same stack is not supported.")
        previous = stack.previous or stack.source
        begun = replace(changed, previous=previous, before=stack.resources, retained=())
        return self._executor.start(begun, Phase.APPLY, StackStatus.UPDATE_IN_PROGRESS)

    def delete(self, stack_id: str, caller: Caller, *, retain: tuple[str, ...] = (), retain_all: bool = False) -> None:
        """Begin to delete a stack; what is going on is cut short. A deleted stack stays deleted.

        Raises:
            RosError: there is no such stack, it is protected, or it has not all resources that are to be retained.
        """
        stack = self.get(stack_id)
        if stack.status is StackStatus.DELETE_COMPLETE or stack.phase is Phase.DELETE:
            return
        if stack.protected:
            raise RosError(
                "StackDeletionProtected", f"The Stack ({stack.name}) is protected: disable DeletionProtection first."
            )
        retained = tuple(stack.resources) if retain_all else retain
        if unknown := sorted(set(retained) - set(stack.resources)):
            raise RosError("InvalidParameter", f"RetainResources: the stack has no resource {', '.join(unknown)}.")
        self._store.drop_change_sets_of(stack.id)
        begun = replace(stack, caller=caller, retained=retained)
        self._executor.start(begun, Phase.DELETE, StackStatus.DELETE_IN_PROGRESS)

    async def preview(self, request: Request, stack: Stack | None, name: str = "") -> tuple[Source, tuple[Change, ...]]:
        """Return what a request to create or update a stack would make it from, and the changes.

        Raises:
            RosError: the template, a parameter or an option is not valid.
        """
        based = await self._with_request(stack or self.new(name, request), replace(request, token=""))
        return based.source, await self._templates.preview(await self._templates.resolve(based), based)

    async def preview_whole(self, request: Request, stack: Stack | None, name: str, *, mask: str) -> Preview:
        """Return the whole that a request to create or update a stack would make; `mask` stands for what is never shown.

        Raises:
            RosError: the template, a parameter, an option or a property is not valid.
        """
        based = await self._with_request(stack or self.new(name, request), replace(request, token=""))
        resolved = await self._templates.resolve(based)
        return Preview(
            resolved=resolved,
            changes=await self._templates.preview(resolved, based),
            properties=await self._templates.preview_properties(resolved, based, mask),
        )

    def set_policy(self, stack: Stack, policy: str) -> None:
        """Give a stack another policy.

        Raises:
            RosError: it is not one.
        """
        read_policy(policy)
        self._store.save(replace(stack, policy=policy))

    def protect(self, stack: Stack, protected: bool) -> None:
        """Protect a stack against deletion, or let it be deleted; nested stacks are as the one that they are in.

        Raises:
            RosError: it is nested.
        """
        if stack.parent:
            raise RosError("NotSupported", "The deletion protection of a nested stack is that of its root stack.")
        self._store.save(replace(stack, protected=protected))

    async def continue_creation(self, stack: Stack, request: Request) -> Stack:
        """Go on with a creation that has failed: what is complete stays.

        Raises:
            RosError: the stack's creation has not failed, or the template or a parameter is not valid.
        """
        if stack.status is not StackStatus.CREATE_FAILED:
            raise RosError(
                "NotSupported", f"Continuing to create a stack in the state {stack.status} is not supported."
            )
        wanted = await self._with_request(stack, request)
        self.check_unchanged(stack)
        return self._executor.start(wanted, Phase.APPLY, StackStatus.CREATE_IN_PROGRESS)

    def cancel(self, stack: Stack, *kinds: str) -> None:
        """Cut an operation short: an update goes back, unless that is disabled.

        Args:
            stack: the stack.
            kinds: the operations that may be cut short: UPDATE, CREATE.

        Raises:
            RosError: none of them is going on.
        """
        if stack.phase is not Phase.APPLY or stack.status.kind not in kinds:
            raise RosError(
                "NotSupported", f"Cancelling an operation of a stack in the state {stack.status} is not supported."
            )
        self._executor.turn_back(stack, f"Stack {stack.status.kind} was cancelled")

    def check_idle(self, stack: Stack) -> None:
        """Refuse a stack that is deleted, or of which an operation is going on.

        Raises:
            RosError: naming the operation.
        """
        if stack.status is StackStatus.DELETE_COMPLETE:
            raise RosError("StackNotFound", f"The Stack ({stack.id}) could not be found.")
        if stack.busy:
            raise RosError(
                "ActionInProgress", f"Stack {stack.name} already has an action ({stack.status.kind}) in progress."
            )

    def check_unchanged(self, stack: Stack) -> None:
        """Refuse a stack that is not the present one any more.

        Raises:
            RosError: it changed.
        """
        if self._store.stacks.get(stack.id) is not stack:
            raise changed_meanwhile(stack.name)

    async def _with_request(self, stack: Stack, request: Request) -> Stack:
        """Return a stack with what a request asks for, checked. The stack may have changed when this returns."""
        for policy in filter(None, (request.policy, request.policy_once)):
            read_policy(policy)
        timeout, allowed = request.timeout or stack.timeout, TIMEOUT_NESTED if stack.parent else TIMEOUT
        if timeout not in allowed:
            raise RosError("InvalidParameter", f"TimeoutInMinutes: {timeout} is not within {allowed.start} and 1440.")
        parameters = request.source.parameters
        if request.use_previous:
            parameters = {**stack.source.parameters, **parameters}
        wanted = replace(
            stack,
            source=Source(
                template=request.source.template or stack.source.template,
                parameters=parameters,
                tags=stack.source.tags if request.tags is None else request.tags,
            ),
            caller=request.caller,
            timeout=timeout,
            replacement=request.replacement,
            disable_rollback=stack.disable_rollback if request.disable_rollback is None else request.disable_rollback,
            protected=stack.protected if request.protected is None else request.protected,
            tags=stack.tags if request.tags is None else request.tags,
            policy=stack.policy if request.policy is None else request.policy,
            policy_once=request.policy_once,
            resource_group=stack.resource_group if request.resource_group is None else request.resource_group,
            tokens={**stack.tokens, request.token: request.digest} if request.token else stack.tokens,
        )
        resolved = await self._templates.resolve(wanted)
        if stack.parent and resolved.template.locals:
            raise TemplateError("Locals: not allowed in the template of a nested stack", code="InvalidTemplateSection")
        read = replace(
            wanted.source,
            outline=resolved.outline,
            description=resolved.template.description,
            values=resolved.values,
        )
        return replace(wanted, source=read)


def _same(stack: Stack, changed: Stack) -> bool:
    one, other = ((each.source.template, each.source.values, each.source.tags, each.tags) for each in (stack, changed))
    return one == other
