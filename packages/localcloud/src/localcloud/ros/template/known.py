"""The resources that exist, and the outputs of other stacks, as functions in a template ask for them. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from localcloud.ros.errors import TemplateError


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """A resource, as far as functions see it."""

    type: str
    physical_id: str
    attributes: Mapping[str, object]
    reference: str = ""  # what Ref is; empty: the physical id


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """Resources and outputs at one moment; implements `functions.scope.Resources`."""

    resources: Mapping[str, Made] = field(default_factory=dict)  # by logical id
    outputs: Mapping[str, Mapping[str, object]] = field(default_factory=dict)  # of other stacks, by id and by name

    def reference(self, logical_id: str) -> object:
        """Return what Ref is of a resource: its physical id, mostly."""
        resource = self.resources[logical_id]
        return resource.reference or resource.physical_id

    def attribute(self, logical_id: str, name: str) -> object:
        """Return an attribute of a resource.

        Raises:
            TemplateError: it has none of that name.
        """
        resource = self.resources[logical_id]
        if name not in resource.attributes:
            known = ", ".join(sorted(resource.attributes)) or "none"
            raise TemplateError(f"{logical_id} ({resource.type}) has no attribute {name}; it has: {known}")
        return resource.attributes[name]

    def stack_output(self, stack: str, key: str) -> object:
        """Return an output of another stack, named by id or name.

        Raises:
            TemplateError: there is no such stack or output.
        """
        try:
            return self.outputs[stack][key]
        except KeyError:
            raise TemplateError(f"Fn::GetStackOutput: there is no output {key} of a stack {stack}") from None
