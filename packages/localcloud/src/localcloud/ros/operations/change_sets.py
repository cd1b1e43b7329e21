"""Change sets: updates and creations that wait to be executed."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace

from localcloud.ros.errors import RosError
from localcloud.ros.model import ChangeSet, Stack, StackStatus
from localcloud.ros.operations.requests import Request, check_name
from localcloud.ros.operations.stacks import Stacks
from localcloud.ros.store import RosStore


class ChangeSets:
    """The change sets of one account in one region.

    Args:
        store: what is kept of them.
        stacks: what they change.
        clock: seconds since the epoch.
    """

    def __init__(self, *, store: RosStore, stacks: Stacks, clock: Callable[[], float]) -> None:
        self._store = store
        self._stacks = stacks
        self._clock = clock

    def get(self, change_set_id: str) -> ChangeSet:
        """Return a change set.

        Raises:
            RosError: there is none.
        """
        try:
            return self._store.change_sets[change_set_id]
        except KeyError:
            raise RosError("ChangeSetNotFound", f"The ChangeSet ({change_set_id}) could not be found.") from None

    def of(self, stack_id: str) -> list[ChangeSet]:
        """Return the change sets of a stack, the newest first."""
        found = [each for each in self._store.change_sets.values() if each.stack_id == stack_id]
        return sorted(found, key=lambda each: -each.created)

    async def create(
        self, name: str, kind: str, stack: Stack | None, stack_name: str, request: Request, description: str
    ) -> ChangeSet:
        """Keep what an update or a creation would do, to be executed later.

        Raises:
            RosError: the name is taken, something is going on, or the request is not valid.
        """
        check_name("ChangeSetName", name)
        self._check(name, kind, stack, stack_name)
        source, changes = await self._stacks.preview(request, stack, stack_name)
        if stack:
            self._stacks.check_unchanged(stack)
        self._check(name, kind, stack, stack_name)
        if stack is None:
            stack = replace(self._stacks.new(stack_name, request), reason="waits for its change set")
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
            source=source,
            changes=changes,
        )
        self._store.save_change_set(change_set)
        return change_set

    def _check(self, name: str, kind: str, stack: Stack | None, stack_name: str) -> None:
        if kind not in {"CREATE", "UPDATE"}:
            raise RosError("InvalidParameter", f"not implemented: ChangeSetType {kind}.")
        if kind == "CREATE":
            check_name("StackName", stack_name)
            if self._stacks.find(stack_name):
                raise RosError("StackExists", f"The Stack ({stack_name}) already exists.")
        elif stack is None:
            raise RosError("InvalidParameter", "StackId is required for a change set of type UPDATE.")
        else:
            self._stacks.check_idle(stack)
            if any(each.name == name for each in self.of(stack.id)):
                raise RosError("ChangeSetExists", f"The ChangeSet ({name}) already exists.")

    async def execute(self, change_set: ChangeSet, request: Request) -> None:
        """Begin what a change set describes; the other change sets of its stack are void then.

        Raises:
            RosError: it was executed already, or its stack cannot be updated now.
        """
        if change_set.executed:
            raise RosError("InvalidChangeSetStatus", f"The ChangeSet ({change_set.name}) was executed already.")
        stack = self._stacks.get(change_set.stack_id)
        if change_set.kind == "CREATE":
            await self._stacks.create_reviewed(stack, request)
        else:
            await self._stacks.update(stack.id, request)
        self._store.drop_change_sets_of(stack.id)
        self._store.save_change_set(replace(change_set, executed=True))

    def delete(self, change_set: ChangeSet) -> None:
        """Forget a change set; a stack that only waited for it goes, too."""
        self._store.drop_change_set(change_set.id)
        stack = self._store.stacks.get(change_set.stack_id)
        if stack and stack.status is StackStatus.REVIEW_IN_PROGRESS and not self.of(stack.id):
            self._store.drop(stack.id)
