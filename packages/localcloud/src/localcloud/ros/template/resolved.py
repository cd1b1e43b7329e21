"""Resolve a template: read it, give its parameters and conditions their values, put its resources into order. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from localcloud.ros.errors import TemplateError
from localcloud.ros.model import Outline, Owner, Source, canonical_type
from localcloud.ros.template.bounds import check_value
from localcloud.ros.template.conditions import check_rules, resolve_conditions
from localcloud.ros.template.counts import expand_counts
from localcloud.ros.template.document import Template, parse_template
from localcloud.ros.template.functions.evaluate import evaluate
from localcloud.ros.template.functions.scope import UNKNOWN, Resources, Scope, holds_unknown
from localcloud.ros.template.graph import check_acyclic, dependencies
from localcloud.ros.template.locals import substitute_locals
from localcloud.ros.template.parameters import resolve_parameters, stand_ins


@dataclass(frozen=True, kw_only=True, slots=True)
class ResolvedTemplate:
    """A template with everything resolved that does not depend on resources."""

    template: Template
    values: Mapping[str, object]  # of the parameters
    pseudo: Mapping[str, object]  # of the pseudo parameters
    conditions: Mapping[str, bool]  # whether they hold
    requires: Mapping[str, frozenset[str]]  # the resources whose conditions hold, and what each comes after
    tags: Mapping[str, str]  # of the stack, which resources inherit

    @property
    def hidden(self) -> frozenset[str]:
        """The parameters whose values are never shown (NoEcho)."""
        return frozenset(name for name, each in self.template.parameters.items() if each.no_echo)

    @property
    def outline(self) -> Outline:
        """The part of the template that is told with each description of its stack."""
        descriptions = {name: output.description for name, output in self.template.outputs.items()}
        return Outline(
            hidden=tuple(sorted(self.hidden)),
            outputs=descriptions,
            resources=len(self.requires),
            masked=tuple(name for name, output in self.template.outputs.items() if output.no_echo),
            remarks={name: each.remarks for name, each in self.template.resources.items() if each.remarks},
        )

    def properties(self, logical_id: str, lookup: Resources) -> dict[str, object]:
        """Return the properties of a resource; one that depends on what is not known yet is `UNKNOWN`.

        Raises:
            TemplateError: a function in them cannot be evaluated.
        """
        scope = self._scope(lookup)
        try:
            resolved = evaluate(self.template.resources[logical_id].properties, scope)
        except TemplateError as error:
            raise TemplateError(f"Resources.{logical_id}.Properties: {error.message}") from error
        return {name: UNKNOWN if holds_unknown(value) else value for name, value in resolved.items()}

    def outputs(self, lookup: Resources) -> dict[str, object]:
        """Return the outputs whose conditions hold.

        Raises:
            TemplateError: a function in one cannot be evaluated, or they are too large together.
        """
        scope, found = self._scope(lookup), {}
        for name, output in self.template.outputs.items():
            if not output.condition or self.conditions[output.condition]:
                try:
                    found[name] = evaluate(output.value, scope)
                except TemplateError as error:
                    raise TemplateError(f"Outputs.{name}: {error.message}") from error
        check_value(found, "Outputs")
        return found

    def _scope(self, lookup: Resources) -> Scope:
        values = {**self.pseudo, **self.values}
        return Scope(values=values, mappings=self.template.mappings, conditions=self.conditions, resources=lookup)


def pseudo_parameters(owner: Owner, stack_id: str, stack_name: str, resource_group: str = "") -> dict[str, object]:
    """Return the pseudo parameters of a stack ("Pseudo parameters")."""
    return {
        "ALIYUN::StackId": stack_id,
        "ALIYUN::StackName": stack_name,
        "ALIYUN::Region": owner.region,
        "ALIYUN::AccountId": owner.account_id,
        "ALIYUN::TenantId": owner.account_id,
        "ALIYUN::ResourceGroupId": resource_group,
    }


def resolve_template(
    source: Source, pseudo: Mapping[str, object], known_types: Collection[str], stand_in: bool = False
) -> ResolvedTemplate:
    """Resolve everything in a template that does not depend on resources.

    Args:
        source: the template and the parameters given for it.
        pseudo: the pseudo parameters.
        known_types: the resource types that there are.
        stand_in: parameters that are not given and have no default are unknown, and conditions that hang on these may hold: to
            check a template alone.

    Raises:
        TemplateError: the template or a parameter is not valid.
    """
    template = parse_template(source.template)
    values = stand_ins(template) if stand_in else resolve_parameters(template, source.parameters)
    known = {**pseudo, **values}
    scope = Scope(values=known, mappings=template.mappings, conditions={}, resources=_Nothing())
    template = substitute_locals(template, scope)
    found = resolve_conditions(template.conditions, scope)
    conditions = {name: each is not False for name, each in found.items()}  # what is unknown may hold
    scope = replace(scope, conditions=conditions)
    if not stand_in:
        check_rules(template.rules, scope)
    template = expand_counts(template, scope)
    requires = dependencies(template, conditions, known)
    check_acyclic(requires)
    for name in requires:
        declared = template.resources[name]
        if found.get(declared.condition, True) is True and canonical_type(declared.type) not in known_types:
            raise TemplateError(f"Resources.{name}: not implemented: {declared.type}")
    return ResolvedTemplate(
        template=template,
        values=values,
        pseudo=pseudo,
        conditions=conditions,
        requires=requires,
        tags=source.tags,
    )


class _Nothing:
    """Conditions and rules cannot ask for resources."""

    def reference(self, logical_id: str) -> object:
        raise TemplateError(f"there is no parameter {logical_id}")

    def attribute(self, logical_id: str, name: str) -> object:
        raise TemplateError(f"Fn::GetAtt of {logical_id} ({name}) is not possible")

    def stack_output(self, stack: str, key: str) -> object:
        raise TemplateError(f"Fn::GetStackOutput of {stack} ({key}) is not possible")
