"""Labels: the tags and the resource group of a stack, or of a template that ROS keeps.

Source: ROS API, "TagResources", "UntagResources", "MoveResourceGroup".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TypeAlias

from localcloud.ros.errors import RosError
from localcloud.ros.model import Stack, StackStatus, StoredTemplate
from localcloud.ros.store import RosStore

Labelled: TypeAlias = Stack | StoredTemplate
MAX_TAGS = 20  # of one of them


class Labels:
    """The labels of one account's stacks and templates.

    Args:
        store: what is kept of them.
    """

    def __init__(self, store: RosStore) -> None:
        self._store = store

    def all(self, kind: str) -> list[Labelled]:
        """Return what there is of a kind: stack or template.

        Raises:
            RosError: there is no such kind.
        """
        if kind == "template":
            return list(self._store.templates.values())
        if kind == "stack":
            stacks = self._store.stacks.values()
            return [each for each in stacks if each.status is not StackStatus.DELETE_COMPLETE]
        raise RosError("InvalidParameter", f"ResourceType: not implemented: {kind}; there are stack and template.")

    def find(self, kind: str, ids: Iterable[str]) -> list[Labelled]:
        """Return those of a kind that have these ids.

        Raises:
            RosError: one of them does not exist.
        """
        known = {each.id: each for each in self.all(kind)}
        if missing := [each for each in ids if each not in known]:
            code = "StackNotFound" if kind == "stack" else "TemplateNotFound"
            raise RosError(code, f"The {kind.capitalize()} ({missing[0]}) could not be found.")
        return [known[each] for each in ids]

    def tag(self, labelled: Iterable[Labelled], change: Callable[[Mapping[str, str]], Mapping[str, str]]) -> None:
        """Change the tags of stacks or templates: of all of them, or of none.

        Raises:
            RosError: one of them would have too many.
        """
        changed = [(each, change(each.tags)) for each in labelled]
        if any(len(tags) > MAX_TAGS for _, tags in changed):
            raise RosError("InvalidParameter", f"Tag: at most {MAX_TAGS} tags.")
        for each, tags in changed:
            self._save(replace(each, tags=tags))

    def move(self, labelled: Labelled, resource_group: str) -> None:
        """Move a stack or template to another resource group."""
        self._save(replace(labelled, resource_group=resource_group))

    def _save(self, labelled: Labelled) -> None:
        if isinstance(labelled, Stack):
            self._store.save(labelled)
        else:
            self._store.save_template(labelled)
