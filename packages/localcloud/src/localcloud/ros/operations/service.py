"""The embedded ROS of one account in one region: its operations, put together."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from localcloud.kernel.identity import Authorizer
from localcloud.ros.model import Owner
from localcloud.ros.operations.change_sets import ChangeSets
from localcloud.ros.operations.children import ChildStacks
from localcloud.ros.operations.drift import Drifts
from localcloud.ros.operations.executor import Executor
from localcloud.ros.operations.labels import Labels
from localcloud.ros.operations.library import Library
from localcloud.ros.operations.provisioner import Provisioner
from localcloud.ros.operations.signals import Signals
from localcloud.ros.operations.sources import ReadObject, Sources
from localcloud.ros.operations.stacks import Stacks
from localcloud.ros.operations.templates import Templates
from localcloud.ros.resources.own import own_types
from localcloud.ros.resources.provider import ResourceType
from localcloud.ros.store import RosStore
from localcloud.ros.template.evaluation import Evaluate


class RosService:
    """Stacks, change sets and templates.

    Args:
        folder: where its state lies.
        types: the resource types by name, beside those that are ROS's own.
        owner: whose they are.
        authorizer: decides what the callers of operations may do.
        evaluate: evaluates templates.
        read_object: reads what lies in OSS.
        clock: seconds since the epoch.

    Raises:
        LocalCloudError: its state cannot be read.
    """

    def __init__(
        self,
        folder: Path,
        *,
        types: Mapping[str, ResourceType],
        owner: Owner,
        authorizer: Authorizer,
        evaluate: Evaluate,
        read_object: ReadObject,
        clock: Callable[[], float],
    ) -> None:
        self.owner = owner
        self._evaluate = evaluate
        store, children = RosStore(folder), ChildStacks()
        self.signals = Signals(store)
        types = {**types, **own_types(children, self.signals)}
        self.types: Mapping[str, ResourceType] = types
        provisioner = Provisioner(types, owner, authorizer)
        self.templates = Templates(types, store=store, owner=owner, authorizer=authorizer, evaluate=evaluate)
        self._executor = Executor(store=store, templates=self.templates, provisioner=provisioner, clock=clock)
        self.stacks = Stacks(store=store, templates=self.templates, executor=self._executor, clock=clock)
        self.change_sets = ChangeSets(store=store, stacks=self.stacks, clock=clock)
        self.library = Library(store=store, templates=self.templates, clock=clock)
        self.sources = Sources(owner, authorizer, library=self.library, read_object=read_object)
        self.drifts = Drifts(types, store=store, stacks=self.stacks, owner=owner, authorizer=authorizer, clock=clock)
        self.labels = Labels(store)
        children.bind(self.stacks, self.sources)

    def open(self) -> None:
        """Go on with what an earlier process was doing; call it in the event loop that serves requests."""
        self._executor.resume()

    async def close(self) -> None:
        """Stop working."""
        await self._executor.close()
        await self._evaluate.close()
