"""ROS of one account in one region: what its API can do, apart from the API's protocol.

Sources: ROS API reference 2019-09-10 and the models of alibabacloud_ros20190910. The wording of messages is assumed where no public
answer shows it.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from localcloud.kernel.identity import Authorizer
from localcloud.ros.errors import RosError
from localcloud.ros.model import Caller, Change, ChangeSet, Source, Stack
from localcloud.ros.operations.executor import Account, Engine
from localcloud.ros.operations.preview import preview
from localcloud.ros.resources.provider import ResourceType
from localcloud.ros.store import RosStore
from localcloud.ros.template.evaluation import Evaluate
from localcloud.ros.template.resolved import Blueprint, read_blueprint

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,254}")
TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
TIMEOUT = range(10, 1440 + 1)  # minutes
UPDATABLE = frozenset(
    {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_FAILED", "CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED"}
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What CreateStack, UpdateStack and change sets are asked for; None: as it is."""

    source: Source
    caller: Caller
    use_previous: bool = False  # parameters that are not given keep their last values
    timeout: int | None = None  # minutes
    disable_rollback: bool | None = None
    replacement: bool = False
    protected: bool | None = None
    tags: Mapping[str, str] | None = None
    token: str = ""
    raw: Mapping[str, str] = field(default_factory=dict)  # the parameters of the API's request


class RosService:
    """Stacks and change sets.

    Args:
        folder: where its state lies.
        types: the resource types by name.
        account: whose they are.
        authorizer: decides what the callers of operations may do.
        evaluate: evaluates templates.
        clock: seconds since the epoch.

    Raises:
        LocalCloudError: its state cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        *,
        types: Mapping[str, ResourceType],
        account: Account,
        authorizer: Authorizer,
        evaluate: Evaluate,
        clock: Callable[[], float],
    ) -> None:
        self.account = account
        self._types = types
        self._clock = clock
        self._store = RosStore(folder)
        self._evaluate = evaluate
        self._engine = Engine(
            types=types,
            store=self._store,
            account=account,
            authorizer=authorizer,
            clock=clock,
            blueprint=self._read_blueprint,
            evaluate=evaluate,
        )

    def open(self) -> None:
        """Go on with what an earlier process was doing; call it in the event loop that serves requests."""
        self._engine.resume()

    async def close(self) -> None:
        """Stop working."""
        await self._engine.close()
        await self._evaluate.close()

    # Stacks

    def stack(self, stack_id: str) -> Stack:
        """Return a stack, also one that was deleted.

        Raises:
            RosError: there is none.
        """
        try:
            return self._store.stacks[stack_id]
        except KeyError:
            raise RosError("StackNotFound", f"The Stack ({stack_id}) could not be found.", 404) from None

    def stacks(self) -> list[Stack]:
        """Return all stacks, the newest first, the deleted ones among them."""
        return sorted(self._store.stacks.values(), key=lambda stack: -stack.created)

    async def create_stack(self, name: str, request: Request) -> Stack:
        """Begin to create a stack.

        Raises:
            RosError: the name is taken, or the template, a parameter or an option is not valid.
        """
        _check_name("StackName", name)
        if known := self._repeated(request):
            return known
        existing = self._find_reviewed(name)
        wanted = await self._with_request(existing or self._new_stack(name, request), request)
        if known := self._repeated(request):  # it came twice at once
            return known
        if self._find_reviewed(name) is not existing:
            raise _changed_meanwhile(name)
        return self._begin_create(wanted)

    def _find_reviewed(self, name: str) -> Stack | None:
        """Return the stack of this name that waits for its change set.

        Raises:
            RosError: there is a stack of this name.
        """
        existing = self._find(name)
        if existing and existing.status != "REVIEW_IN_PROGRESS":
            raise RosError("StackExists", f"The Stack ({name}) already exists.", 409)
        return existing

    def _new_stack(self, name: str, request: Request) -> Stack:
        return Stack(
            id=str(uuid.uuid4()), name=name, status="", reason="", created=self._clock(), source=request.source
        )

    def _begin_create(self, stack: Stack) -> Stack:
        self._engine.start(stack, "apply", "CREATE_IN_PROGRESS")
        return self._store.stacks[stack.id]

    async def update_stack(self, stack_id: str, request: Request) -> Stack:
        """Begin to update a stack.

        Raises:
            RosError: nothing would change, something is going on, or the template, a parameter or an option is not valid.
        """
        if known := self._repeated(request):
            return known
        stack = self.stack(stack_id)
        self._check_idle(stack)
        if stack.status not in UPDATABLE:
            raise RosError("NotSupported", f"Updating a stack in the state {stack.status} is not supported.")
        changed = await self._with_request(stack, request)
        if known := self._repeated(request):  # it came twice at once
            return known
        if self._store.stacks.get(stack.id) is not stack:
            raise _changed_meanwhile(stack.name)
        complete = stack.status in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "ROLLBACK_COMPLETE"}
        same = (changed.source.template, changed.values, changed.tags) == (
            stack.source.template,
            stack.values,
            stack.tags,
        )
        if complete and same:
            raise RosError("NotSupported", "Update the completely same stack is not supported.")
        previous = stack.previous or stack.source
        self._engine.start(
            replace(changed, previous=previous, before=stack.resources, retained=()), "apply", "UPDATE_IN_PROGRESS"
        )
        return self._store.stacks[stack.id]

    def delete_stack(self, stack_id: str, caller: Caller, *, retain: tuple[str, ...], retain_all: bool) -> None:
        """Begin to delete a stack; what is going on is cut short. A deleted stack stays deleted.

        Raises:
            RosError: there is no such stack, it is protected, or it has not all resources that are to be retained.
        """
        stack = self.stack(stack_id)
        if stack.status == "DELETE_COMPLETE" or stack.phase == "delete":
            return
        if stack.protected:
            raise RosError(
                "StackDeletionProtected", f"The Stack ({stack.name}) is protected: disable DeletionProtection first."
            )
        retained = tuple(stack.resources) if retain_all else retain
        if unknown := sorted(set(retained) - set(stack.resources)):
            raise RosError("InvalidParameter", f"RetainResources: the stack has no resource {', '.join(unknown)}.")
        self._drop_change_sets(stack.id)
        self._engine.start(replace(stack, caller=caller, retained=retained), "delete", "DELETE_IN_PROGRESS")

    async def preview(
        self, request: Request, stack: Stack | None, name: str = ""
    ) -> tuple[Blueprint, tuple[Change, ...]]:
        """Say what creating or updating a stack would do.

        Raises:
            RosError: the template, a parameter or an option is not valid.
        """
        based = await self._with_request(stack or self._new_stack(name, request), replace(request, token=""))
        blueprint = await self._read_blueprint(based)
        resources = stack.resources if stack else {}
        types = {name: kind.properties for name, kind in self._types.items()}
        known = self._engine.known(based.id, request.caller)
        return blueprint, await self._evaluate(preview, blueprint, resources, types, known)

    async def validate(self, template: str) -> Blueprint:
        """Check a template alone, with stand-ins for parameters that have no default.

        Raises:
            RosError: it is not valid.
        """
        nameless = Stack(id="", name="", status="", reason="", created=0.0, source=Source(template=template))
        return await self._evaluate(read_blueprint, nameless, self.account, frozenset(self._types), True)

    # Change sets

    async def create_change_set(
        self, name: str, kind: str, stack: Stack | None, stack_name: str, request: Request, description: str
    ) -> ChangeSet:
        """Keep what an update or a creation would do, to be executed later.

        Raises:
            RosError: the name is taken, something is going on, or the request is not valid.
        """
        _check_name("ChangeSetName", name)
        self._check_change_set(name, kind, stack, stack_name)
        _, changes = await self.preview(request, stack, stack_name)
        if stack and self._store.stacks.get(stack.id) is not stack:
            raise _changed_meanwhile(stack.name)
        self._check_change_set(name, kind, stack, stack_name)
        if stack is None:
            stack = replace(
                self._new_stack(stack_name, request), status="REVIEW_IN_PROGRESS", reason="waits for its change set"
            )
            self._store.save(stack)
        change_set = ChangeSet(
            id=str(uuid.uuid4()),
            name=name,
            kind=kind,
            stack_id=stack.id,
            stack_name=stack.name,
            description=description,
            created=self._clock(),
            request=request.raw,
            changes=changes,
        )
        self._store.save_change_set(change_set)
        return change_set

    def _check_change_set(self, name: str, kind: str, stack: Stack | None, stack_name: str) -> None:
        if kind not in {"CREATE", "UPDATE"}:
            raise RosError("InvalidParameter", f"not implemented: ChangeSetType {kind}.")
        if kind == "CREATE":
            _check_name("StackName", stack_name)
            if self._find(stack_name):
                raise RosError("StackExists", f"The Stack ({stack_name}) already exists.", 409)
        elif stack is None:
            raise RosError("InvalidParameter", "StackId is required for a change set of type UPDATE.")
        else:
            self._check_idle(stack)
            if any(each.stack_id == stack.id and each.name == name for each in self._store.change_sets.values()):
                raise RosError("ChangeSetExists", f"The ChangeSet ({name}) already exists.", 409)

    def change_set(self, change_set_id: str) -> ChangeSet:
        """Return a change set.

        Raises:
            RosError: there is none.
        """
        try:
            return self._store.change_sets[change_set_id]
        except KeyError:
            raise RosError("ChangeSetNotFound", f"The ChangeSet ({change_set_id}) could not be found.", 404) from None

    def change_sets(self, stack_id: str) -> list[ChangeSet]:
        """Return the change sets of a stack, the newest first."""
        found = [each for each in self._store.change_sets.values() if each.stack_id == stack_id]
        return sorted(found, key=lambda each: -each.created)

    async def execute_change_set(self, change_set: ChangeSet, request: Request) -> None:
        """Begin what a change set describes; the other change sets of its stack are void then.

        Raises:
            RosError: it was executed already, or its stack cannot be updated now.
        """
        if change_set.executed:
            raise RosError("InvalidChangeSetStatus", f"The ChangeSet ({change_set.name}) was executed already.", 409)
        stack = self.stack(change_set.stack_id)
        if change_set.kind == "CREATE":
            wanted = await self._with_request(stack, request)
            if self._store.stacks.get(stack.id) is not stack:
                raise _changed_meanwhile(stack.name)
            self._begin_create(wanted)
        else:
            await self.update_stack(stack.id, request)
        self._drop_change_sets(stack.id)
        self._store.save_change_set(replace(change_set, executed=True))

    def delete_change_set(self, change_set: ChangeSet) -> None:
        """Forget a change set; a stack that only waited for it goes, too."""
        self._store.drop_change_set(change_set.id)
        stack = self._store.stacks.get(change_set.stack_id)
        if stack and stack.status == "REVIEW_IN_PROGRESS" and not self.change_sets(stack.id):
            self._store.drop(stack.id)

    def _drop_change_sets(self, stack_id: str) -> None:
        for each in self.change_sets(stack_id):
            self._store.drop_change_set(each.id)

    # Checks

    def _find(self, name: str) -> Stack | None:
        alive = (stack for stack in self._store.stacks.values() if stack.status != "DELETE_COMPLETE")
        return next((stack for stack in alive if stack.name == name), None)

    def _check_idle(self, stack: Stack) -> None:
        if stack.status == "DELETE_COMPLETE":
            raise RosError("StackNotFound", f"The Stack ({stack.id}) could not be found.", 404)
        if stack.busy:
            raise RosError(
                "ActionInProgress", f"Stack {stack.name} already has an action ({stack.operation}) in progress.", 409
            )

    def _repeated(self, request: Request) -> Stack | None:
        """Return the stack of an earlier request with the same ClientToken: a repeated request is answered, not done again."""
        if not request.token:
            return None
        if not TOKEN.fullmatch(request.token):
            raise RosError("InvalidParameter", "ClientToken: up to 64 letters, digits, hyphens and underscores.")
        for stack in self._store.stacks.values():
            if request.token in stack.tokens:
                if stack.tokens[request.token] != _digest(request):
                    raise RosError(
                        "IdempotentParameterMismatch",
                        "The request uses the same ClientToken as an earlier one, but other parameters.",
                    )
                return stack
        return None

    async def _with_request(self, stack: Stack, request: Request) -> Stack:
        """Return a stack with what a request asks for, checked. The stack may have changed when this returns."""
        timeout = request.timeout or stack.timeout
        if timeout not in TIMEOUT:
            raise RosError("InvalidParameter", f"TimeoutInMinutes: {timeout} is not within 10 and 1440.")
        parameters = request.source.parameters
        if request.use_previous:
            parameters = {**stack.source.parameters, **parameters}
        wanted = replace(
            stack,
            source=Source(template=request.source.template or stack.source.template, parameters=parameters),
            caller=request.caller,
            timeout=timeout,
            replacement=request.replacement,
            disable_rollback=stack.disable_rollback if request.disable_rollback is None else request.disable_rollback,
            protected=stack.protected if request.protected is None else request.protected,
            tags=stack.tags if request.tags is None else request.tags,
            tokens={**stack.tokens, request.token: _digest(request)} if request.token else stack.tokens,
        )
        blueprint = await self._read_blueprint(wanted)
        return replace(
            wanted,
            source=replace(wanted.source, outline=blueprint.outline),
            values=blueprint.values,
            description=blueprint.template.description,
        )

    async def _read_blueprint(self, stack: Stack) -> Blueprint:
        alone = replace(stack, resources={}, before={}, retiring=(), events=())  # what its template can say nothing of
        return await self._evaluate(read_blueprint, alone, self.account, frozenset(self._types), False)


def _changed_meanwhile(name: str) -> RosError:
    return RosError("ActionInProgress", f"Stack {name} was changed while this request was checked: try again.", 409)


def _digest(request: Request) -> str:
    return hashlib.sha256(json.dumps(sorted(request.raw.items())).encode()).hexdigest()


def _check_name(parameter: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise RosError(
            "InvalidParameter",
            f"{parameter}: `{name}` is not valid: up to 255 letters, digits, hyphens and underscores, a letter or digit first.",
        )
