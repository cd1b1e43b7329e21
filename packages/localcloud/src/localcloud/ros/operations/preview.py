"""Preview a creation or an update, as far as it can be known before it is done. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from localcloud.ros.errors import ResourceError, TemplateError
from localcloud.ros.model import Change, Resource, canonical_type
from localcloud.ros.operations.completion import complete_properties
from localcloud.ros.resources.provider import Declared
from localcloud.ros.resources.schema import check_properties
from localcloud.ros.template.functions.scope import UNKNOWN
from localcloud.ros.template.known import Known
from localcloud.ros.template.resolved import ResolvedTemplate


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """The whole that a creation or an update would make."""

    resolved: ResolvedTemplate
    changes: tuple[Change, ...]
    properties: Mapping[str, Mapping[str, object]]  # of each resource that is wanted, by logical id


def preview(
    resolved: ResolvedTemplate, resources: Mapping[str, Resource], types: Mapping[str, Declared], known: Known
) -> tuple[Change, ...]:
    """Return what would be added, modified and removed, in the template's order and then the stack's.

    Args:
        resolved: the template as it is wanted.
        resources: what there is.
        types: what the resource types declare, by name.
        known: what functions can ask of resources and other stacks.
    """
    lookup = _Lookup(known)
    changes = []
    for name in resolved.requires:
        type_name = resolved.template.resources[name].type
        declared = types[canonical_type(type_name)]
        current = resources.get(name)
        if current is None or not current.physical_id:
            changes.append(_change("Add", name, type_name, "", ()))
        elif current.type != type_name:
            changes.append(_change("Modify", name, type_name, current.physical_id, ("Type",), replacement="True"))
        elif changed := _changed(declared, current, complete_properties(resolved, name, lookup, declared)):
            replacement = _replacement(declared, changed)
            names = tuple(changed)
            changes.append(_change("Modify", name, type_name, current.physical_id, names, replacement=replacement))
    for name, resource in resources.items():
        if name not in resolved.requires:
            changes.append(_change("Remove", name, resource.type, resource.physical_id, ()))
    return tuple(changes)


def preview_properties(
    resolved: ResolvedTemplate, types: Mapping[str, Declared], known: Known, mask: str
) -> dict[str, Mapping[str, object]]:
    """Return the properties that each resource would get; one that depends on what is not made yet is as the template has it.

    Args:
        resolved: the template as it is wanted.
        types: what the resource types declare, by name.
        known: what functions can ask of resources and other stacks.
        mask: what stands for the values of parameters that are never shown.

    Raises:
        TemplateError: a resource whose properties are all known would be refused, or a function cannot be evaluated.
    """
    lookup = _Lookup(known)
    masked = replace(resolved, values={**resolved.values, **dict.fromkeys(resolved.hidden, mask)})
    shown: dict[str, Mapping[str, object]] = {}
    for name in resolved.requires:
        declaration = resolved.template.resources[name]
        declared = types[canonical_type(declaration.type)]
        properties = complete_properties(resolved, name, lookup, declared)
        if UNKNOWN not in properties.values():
            try:
                check_properties(declared, properties)
            except ResourceError as error:
                raise TemplateError(f"Resources.{name}: {error}") from error
        if resolved.hidden:
            try:
                properties = complete_properties(masked, name, lookup, declared)
            except TemplateError:  # a function cannot be evaluated of the mask
                properties |= dict.fromkeys(declaration.properties.keys() & properties.keys(), UNKNOWN)
        shown[name] = {
            each: declaration.properties[each] if value is UNKNOWN else value for each, value in properties.items()
        }
    return shown


@dataclass(frozen=True, slots=True)
class _Lookup:
    """Resources as they are; what is only known once they are made is unknown."""

    known: Known

    def reference(self, logical_id: str) -> object:
        resource = self.known.resources.get(logical_id)
        return (resource.reference or resource.physical_id or UNKNOWN) if resource else UNKNOWN

    def attribute(self, logical_id: str, name: str) -> object:
        resource = self.known.resources.get(logical_id)
        return resource.attributes.get(name, UNKNOWN) if resource else UNKNOWN

    def stack_output(self, stack: str, key: str) -> object:
        return self.known.stack_output(stack, key)


def _changed(declared: Declared, current: Resource, properties: Mapping[str, object]) -> dict[str, bool]:
    """Return the properties that change; for each, whether that is certain."""
    certain = {name: value for name, value in properties.items() if value is not UNKNOWN}
    try:
        wanted: Mapping[str, object] = check_properties(declared, certain)
    except ResourceError:  # doing it will say what is wrong; a preview shows the change as it is written
        wanted = certain
    changed = {name: False for name, value in properties.items() if value is UNKNOWN}
    for name in sorted({*wanted, *current.properties} - changed.keys()):
        if wanted.get(name) != current.properties.get(name):
            changed[name] = True
    return changed


def _replacement(declared: Declared, changed: Mapping[str, bool]) -> str:
    replacing = [sure for name, sure in changed.items() if name in declared and declared[name].replaces]
    if not replacing:
        return "False"
    return "True" if any(replacing) else "Conditional"


def _change(
    action: str, name: str, kind: str, physical_id: str, properties: tuple[str, ...], *, replacement: str = ""
) -> Change:
    return Change(
        action=action,
        logical_id=name,
        type=kind,
        physical_id=physical_id,
        replacement=replacement,
        properties=properties,
    )
