"""Descriptions of resource types, made of the tables that their properties are checked against. Pure.

Sources: ROS API, "GetResourceType" and "GetResourceTypeTemplate"; the keys of nested schemas are assumed.
"""

from __future__ import annotations

from collections.abc import Mapping

from localcloud.ros.resources.provider import Property, ResourceType

Description = dict[str, object]
_PARAMETER_TYPES = {"string": "String", "integer": "Number", "number": "Number", "boolean": "Boolean"}  # others: Json


def describe_properties(properties: Mapping[str, Property]) -> Description:
    """Return the properties of a resource type as GetResourceType tells them."""
    return {name: _describe(each) for name, each in properties.items()}


def describe_attributes(kind: ResourceType) -> Description:
    """Return the attributes of a resource type as GetResourceType tells them."""
    return {name: {"Description": ""} for name in kind.returns}


def example_template(kind: ResourceType) -> Description:
    """Return a template with one resource: a parameter for each property that works here, an output for each attribute."""
    logical_id = kind.name.rpartition("::")[2]
    working = {name: each for name, each in kind.properties.items() if each.supported != ()}
    return {
        "ROSTemplateFormatVersion": "2015-09-01",
        "Parameters": {name: _parameter(each) for name, each in working.items()},
        "Resources": {logical_id: {"Type": kind.name, "Properties": {name: {"Ref": name} for name in working}}},
        "Outputs": {name: {"Value": {"Fn::GetAtt": [logical_id, name]}} for name in kind.returns},
    }


def _describe(each: Property) -> Description:
    described: Description = {
        "Type": each.kind,
        "Required": each.required,
        "UpdateAllowed": not each.replaces,
        "Immutable": False,
        "Description": _limits(each),
    }
    if constraints := _constraints(each):
        described["Constraints"] = constraints
    if each.fields:
        described["Schema"] = describe_properties(each.fields)
    elif each.items:
        described["Schema"] = {"*": _describe(each.items)}
    return described


def _limits(each: Property) -> str:
    """Return what the embedded cloud does not do with a property."""
    if each.supported is None:
        return ""
    only = ", ".join(str(value) for value in each.supported)
    return f"not implemented, except for {only}" if only else "not implemented"


def _constraints(each: Property) -> list[Description]:
    found: list[Description] = []
    if each.choices:
        found.append({"AllowedValues": list(each.choices)})
    bounds = {name: bound for name, bound in (("Min", each.minimum), ("Max", each.maximum)) if bound is not None}
    if bounds:
        found.append({"Range" if each.kind in {"integer", "number"} else "Length": bounds})
    return found


def _parameter(each: Property) -> Description:
    kind = _PARAMETER_TYPES.get(each.kind, "Json")
    parameter: Description = {"Type": kind, "Description": ""}
    if each.choices:
        parameter["AllowedValues"] = list(each.choices)
    of = "Value" if kind == "Number" else "Length"
    bounds = {f"Min{of}": each.minimum, f"Max{of}": each.maximum}
    return parameter | {name: bound for name, bound in bounds.items() if bound is not None}
