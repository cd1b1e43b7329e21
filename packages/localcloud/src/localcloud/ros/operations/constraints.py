"""The values that the parameters of a template may have, as the properties say to which they are given. Pure.

Source: ROS API, "GetTemplateParameterConstraints".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from localcloud.ros.model import canonical_type
from localcloud.ros.resources.provider import Declared, Property
from localcloud.ros.template.document import Parameter, Template, parse_template
from localcloud.ros.template.parameters import objection
from localcloud.ros.template.summary import Record


@dataclass(frozen=True, kw_only=True, slots=True)
class Use:
    """A property that is a parameter's value."""

    parameter: str
    resource: str
    type: str
    path: str
    property: Property


def find_constraints(text: str, given: Mapping[str, str], types: Mapping[str, Declared]) -> tuple[Record, ...]:
    """Return the constraints of each parameter.

    Args:
        text: the template, which was checked.
        given: values of parameters: one that has a value is still told what it may be.
        types: the properties of each resource type.

    Raises:
        TemplateError: the template is not valid.
    """
    template = parse_template(text)
    uses = list(_uses(template, types))
    return tuple(
        _constrain(name, parameter, [each for each in uses if each.parameter == name])
        for name, parameter in template.parameters.items()
    )


def _constrain(name: str, parameter: Parameter, uses: list[Use]) -> Record:
    told = {"ParameterKey": name, "Type": parameter.type}
    limited = [each for each in uses if each.property.choices]
    if not limited and not parameter.allowed_values:
        reason = "No property that it is given to has a list of values."
        return told | {"Behavior": "NoLimit", "BehaviorReason": reason}
    lists = [each.property.choices for each in limited] or [parameter.allowed_values]
    common = [value for value in lists[0] if all(value in other for other in lists)]
    illegal = [value for value in common if objection(parameter, value)]
    return told | {
        "AllowedValues": [value for value in common if value not in illegal],
        "IllegalValueByParameterConstraints": illegal,
        "IllegalValueByRules": [],
        "AssociationParameterNames": [],
        "OriginalConstraints": [
            {
                "ResourceName": each.resource,
                "ResourceType": each.type,
                "PropertyName": each.path,
                "AllowedValues": list(each.property.choices),
            }
            for each in limited
        ],
    }


def _uses(template: Template, types: Mapping[str, Declared]) -> Iterator[Use]:
    for name, declaration in template.resources.items():
        declared = types.get(canonical_type(declaration.type), {})  # what is not made may have a type that is not here
        for parameter, path, found in _references(declaration.properties, declared, ""):
            yield Use(parameter=parameter, resource=name, type=declaration.type, path=path, property=found)


def _references(values: Mapping[str, object], declared: Declared, prefix: str) -> Iterator[tuple[str, str, Property]]:
    for name, value in values.items():
        if not isinstance(value, Mapping) or name not in declared:
            continue
        if value.keys() == {"Ref"}:
            yield str(value["Ref"]), f"{prefix}{name}", declared[name]
        else:
            yield from _references(value, declared[name].fields, f"{prefix}{name}.")
