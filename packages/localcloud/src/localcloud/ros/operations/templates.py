"""Templates, resolved and evaluated for whoever asked, in processes of their own."""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.kernel.access import Caller
from localcloud.kernel.identity import Authorizer
from localcloud.ros.model import Change, Owner, Stack, StackStatus, canonical_type
from localcloud.ros.operations.completion import complete_properties
from localcloud.ros.operations.constraints import find_constraints
from localcloud.ros.operations.preview import preview, preview_properties
from localcloud.ros.resources.provider import ResourceType
from localcloud.ros.store import RosStore
from localcloud.ros.template.evaluation import Evaluate
from localcloud.ros.template.known import Known, Made
from localcloud.ros.template.resolved import ResolvedTemplate, pseudo_parameters, resolve_template
from localcloud.ros.template.summary import Record, Summary, summarize


class Templates:
    """Answers questions about templates; all raise `TemplateError` when a template cannot be evaluated.

    Args:
        types: the resource types by name.
        store: the stacks, whose outputs templates of others may use.
        owner: whose they are.
        authorizer: decides which outputs a caller may see.
        evaluate: runs functions of values.
    """

    def __init__(
        self,
        types: Mapping[str, ResourceType],
        *,
        store: RosStore,
        owner: Owner,
        authorizer: Authorizer,
        evaluate: Evaluate,
    ) -> None:
        self._declared = {name: kind.properties for name, kind in types.items()}
        self._store = store
        self._owner = owner
        self._authorizer = authorizer
        self._evaluate = evaluate

    async def check(self, text: str, caller: Caller) -> None:
        """Check a template alone, with stand-ins for parameters that have no default."""
        await self.summarize(text, caller)

    async def summarize(self, text: str, caller: Caller) -> Summary:
        """Check a template alone and return its summary."""
        pseudo = pseudo_parameters(self._owner, "", "")
        return await self._evaluate(caller.principal, summarize, text, pseudo, frozenset(self._declared))

    async def constraints(self, text: str, given: Mapping[str, str], caller: Caller) -> tuple[Record, ...]:
        """Return the values that a template's parameters may have."""
        await self.check(text, caller)
        return await self._evaluate(caller.principal, find_constraints, text, given, self._declared)

    async def resolve(self, stack: Stack) -> ResolvedTemplate:
        """Resolve the template of a stack."""
        pseudo = pseudo_parameters(self._owner, stack.id, stack.name, stack.resource_group)
        known_types = frozenset(self._declared)
        return await self._evaluate(stack.caller.principal, resolve_template, stack.source, pseudo, known_types)

    async def properties(self, resolved: ResolvedTemplate, name: str, stack: Stack) -> Mapping[str, object]:
        """Return the properties of a resource, of what the stack's other resources are now."""
        declared = self._declared[canonical_type(resolved.template.resources[name].type)]
        known = self._known(stack)
        return await self._evaluate(stack.caller.principal, complete_properties, resolved, name, known, declared)

    async def outputs(self, resolved: ResolvedTemplate, stack: Stack) -> Mapping[str, object]:
        """Return the outputs of a stack."""
        return await self._evaluate(stack.caller.principal, resolved.outputs, self._known(stack))

    async def preview(self, resolved: ResolvedTemplate, stack: Stack) -> tuple[Change, ...]:
        """Return the changes that a template would make to a stack."""
        known = self._known(stack)
        return await self._evaluate(stack.caller.principal, preview, resolved, stack.resources, self._declared, known)

    async def preview_properties(
        self, resolved: ResolvedTemplate, stack: Stack, mask: str
    ) -> Mapping[str, Mapping[str, object]]:
        """Return the properties that each resource of a stack would get; `mask` stands for what is never shown."""
        known = self._known(stack)
        return await self._evaluate(stack.caller.principal, preview_properties, resolved, self._declared, known, mask)

    def _known(self, stack: Stack) -> Known:
        """Return what functions can ask for: the stack's resources, and outputs of stacks that its caller may see."""
        outputs: dict[str, Mapping[str, object]] = {}
        for other in self._store.stacks.values():
            shows = other.outputs and other.status is not StackStatus.DELETE_COMPLETE
            if shows and self._may_see(stack.caller, other):
                outputs[other.id] = outputs[other.name] = other.outputs
        made = {
            name: Made(
                type=each.type, physical_id=each.physical_id, attributes=each.attributes, reference=each.reference
            )
            for name, each in stack.resources.items()
        }
        return Known(resources=made, outputs=outputs)

    def _may_see(self, caller: Caller, stack: Stack) -> bool:
        resource = f"acs:ros:{self._owner.region}:{self._owner.account_id}:stack/{stack.id}"
        return self._authorizer.is_allowed(
            caller.identity, action="ros:GetStack", resource=resource, conditions=caller.conditions
        )
