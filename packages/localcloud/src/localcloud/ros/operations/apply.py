"""The phase `apply`: each resource of the template is created, updated or replaced, independent ones in parallel."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from localcloud.ros.errors import RefusedError, ResourceError, RosError, TemplateError
from localcloud.ros.model import Phase, Resource
from localcloud.ros.operations.operation import Operation, OperationError
from localcloud.ros.operations.plan import Step, plan_apply
from localcloud.ros.operations.policy import Action, is_allowed, read_policy
from localcloud.ros.operations.provisioner import Provisioner, record_failure
from localcloud.ros.operations.templates import Templates
from localcloud.ros.operations.walk import walk
from localcloud.ros.resources.provider import Properties
from localcloud.ros.resources.schema import check_properties
from localcloud.ros.template.bounds import MAX_TEXT
from localcloud.ros.template.resolved import ResolvedTemplate


async def apply(operation: Operation, templates: Templates, provisioner: Provisioner) -> None:
    """Make a stack's resources what its template says, each after those that it needs."""
    timeout = operation.stack.timeout  # minutes
    try:
        resolved = await templates.resolve(operation.stack)
        for name in operation.stack.resources.keys() - resolved.requires.keys():
            _check_policy(operation, Action.DELETE, operation.stack.resources[name])
        async with asyncio.timeout(timeout * 60):
            await walk(resolved.requires, _Application(operation, resolved, templates, provisioner).ensure)
        outputs = await templates.outputs(resolved, operation.stack)
    except RosError as error:
        operation.turn_back(error.message)
    except (OperationError, ResourceError) as error:
        operation.turn_back(str(error))
    except TimeoutError:
        operation.turn_back(f"Stack {operation.kind} timed out after {timeout} minutes")
    else:
        stack = operation.stack
        dropped = [each for name, each in stack.resources.items() if name not in resolved.requires]
        kept = {name: each for name, each in stack.resources.items() if name in resolved.requires}
        changed = replace(stack, outputs=outputs, resources=kept, retiring=(*stack.retiring, *dropped), before={})
        operation.save(changed.moved(Phase.CLEANUP))


@dataclass(frozen=True, slots=True)
class _Application:
    operation: Operation
    resolved: ResolvedTemplate
    templates: Templates
    provisioner: Provisioner
    sizes: dict[str, int] = field(default_factory=dict)  # of the properties evaluated so far, in bytes

    async def ensure(self, name: str) -> None:
        """Make one resource what the template says.

        Raises:
            OperationError: it cannot be.
        """
        declared = self._declared(name)
        try:
            properties = await self.templates.properties(self.resolved, name, self.operation.stack)
            wanted = check_properties(self.provisioner.type_of(declared.type).properties, properties)
            self.sizes[name] = len(json.dumps(wanted))
            _check_sizes(self.sizes)
            await self._do(declared, wanted)
        except (ResourceError, RosError) as error:
            raise record_failure(self.operation, declared, error) from error

    def _declared(self, name: str) -> Resource:
        declaration, now = self.resolved.template.resources[name], self.operation.now
        return Resource(
            logical_id=name,
            type=declaration.type,
            requires=tuple(sorted(self.resolved.requires[name])),
            retain=declaration.deletion_policy == "Retain",
            created=now,
            updated=now,
        )

    async def _do(self, declared: Resource, wanted: Properties) -> None:
        known = self.provisioner.type_of(declared.type).properties
        current = self.operation.stack.resources.get(declared.logical_id)
        step = plan_apply(known, declared.type, current, wanted)
        if current is None or step is Step.CREATE:
            await self.provisioner.create(self.operation, declared, wanted)
            return
        described = replace(current, requires=declared.requires, retain=declared.retain)
        if step is Step.CREATE_ANEW:
            await self.provisioner.delete(self.operation, current)
            await self.provisioner.create(self.operation, declared, wanted)
        elif step is Step.REPLACE:
            _check_policy(self.operation, Action.REPLACE, current)
            await self.provisioner.replace(self.operation, current, declared, wanted)
        elif step is Step.UPDATE:
            _check_policy(self.operation, Action.MODIFY, current)
            await self.provisioner.update(self.operation, described, wanted)
        elif described != current:
            self.operation.put(described)


def _check_policy(operation: Operation, action: Action, resource: Resource) -> None:
    """Refuse a change that the stack's policy does not allow.

    Raises:
        RefusedError: it does not; the resource is as it was.
    """
    policy = operation.stack.policy_once or operation.stack.policy
    if policy and not is_allowed(read_policy(policy), action, resource.logical_id, resource.type):
        raise RefusedError(
            f"Action denied by stack policy: {action} of {resource.logical_id} ({resource.type}) is denied, or not allowed"
        )


def _check_sizes(sizes: Mapping[str, int]) -> None:
    """Refuse properties that are too large together: the stack is written at each of its steps."""
    if (size := sum(sizes.values())) > MAX_TEXT:
        raise TemplateError(
            f"the properties of the stack's resources have {size:,} bytes once their functions are evaluated, at most {MAX_TEXT:,} "
            "are allowed"
        )
