"""Templates: JSON or YAML text becomes a `Template`, and every mistake in it a message that says where.

Source: ROS, "Template syntax" (ROSTemplateFormatVersion 2015-09-01). Pure.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from localcloud.ros.errors import TemplateError
from localcloud.ros.model import STACK_TYPE
from localcloud.ros.template.bounds import MAX_SIZE
from localcloud.ros.template.notation import parse_text

Value: TypeAlias = Any  # JSON or YAML, not checked yet
_Item = TypeVar("_Item")
VERSION = "2015-09-01"
MAX_RESOURCES = 300  # ROS, "Limits"
SECTIONS = frozenset(
    {"ROSTemplateFormatVersion", "Description", "Metadata", "Parameters", "Mappings", "Conditions", "Rules"}
    | {"Locals", "Resources", "Outputs"}
)
NOT_IMPLEMENTED = ("Transform", "Workspace")
RESOURCE_KEYS = frozenset(
    {"Type", "Properties", "DependsOn", "Condition", "Count", "DeletionPolicy", "Metadata", "Description"}
    | {"UpdatePolicy", "Version"}
)  # UpdatePolicy is of instance groups, Version of modules: types that are not here
PARAMETER_KEYS = frozenset(
    {"Type", "Default", "AllowedValues", "AllowedPattern", "MinLength", "MaxLength", "MinValue", "MaxValue", "NoEcho"}
    | {"Description", "ConstraintDescription", "Label", "AssociationProperty", "AssociationPropertyMetadata", "Confirm"}
    | {"Placeholder", "ReadOnly", "TextArea", "Required"}
)
LOGICAL_ID = re.compile(r"[A-Za-z0-9_.-]{1,255}")
MAX_NAME = 255  # characters of a name, which may be any that can be printed: the vendor's own templates have outputs with spaces
TYPES = frozenset({"String", "Number", "Boolean", "Json", "CommaDelimitedList"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A parameter as a template declares it; its constraints are checked by `localcloud.ros.template.parameters`."""

    type: str
    default: object = None
    optional: bool = False  # it has a default, which may be null: it is nothing then
    allowed_values: tuple[object, ...] = ()
    allowed_pattern: str = ""
    min_length: int | None = None
    max_length: int | None = None
    min_value: float | None = None
    max_value: float | None = None
    no_echo: bool = False
    constraint: str = ""  # ConstraintDescription
    record: Mapping[str, object] = field(default_factory=dict)  # as it is written


@dataclass(frozen=True, kw_only=True, slots=True)
class Declaration:
    """A resource as a template declares it."""

    type: str
    properties: Mapping[str, object]
    depends_on: tuple[str, ...] = ()
    condition: str = ""
    count: object = None  # a number, or a function that is one; None: there is one resource
    deletion_policy: str = "Delete"  # or Retain
    remarks: Mapping[str, object] = field(default_factory=dict)  # Description and Metadata, where it has them


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """An output as a template declares it."""

    value: object
    description: str = ""
    label: object = ""
    condition: str = ""
    no_echo: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Local:
    """A local variable as a template declares it."""

    value: object
    evaluated: bool  # before it takes the place of its references (Type Eval)


@dataclass(frozen=True, kw_only=True, slots=True)
class Assertion:
    """A condition that a rule demands, and what to say when it does not hold."""

    assertion: object
    description: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """Assertions about the parameters; `condition` says when they apply, None: always."""

    condition: object | None
    assertions: tuple[Assertion, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Template:
    """A template."""

    description: str
    metadata: Mapping[str, object]
    parameters: Mapping[str, Parameter]
    locals: Mapping[str, Local]
    mappings: Mapping[str, Mapping[str, Mapping[str, object]]]
    conditions: Mapping[str, object]
    rules: Mapping[str, Rule]
    resources: Mapping[str, Declaration]
    outputs: Mapping[str, Output]


def parse_template(text: str) -> Template:
    """Read a template.

    Raises:
        TemplateError: the text is too large, is neither JSON nor YAML, or is not a template.
    """
    if (size := len(text.encode(errors="surrogatepass"))) > MAX_SIZE:
        raise TemplateError(f"the template has {size:,} bytes, at most {MAX_SIZE:,} are allowed")
    document: Value = parse_text(text)
    _expect(document, dict, "the template")
    _check_sections(document)
    template = Template(
        description=_description(document.get("Description")),
        metadata=_section(document, "Metadata", lambda value, _place: value, names=False),
        locals=_section(document, "Locals", _local),
        parameters=_section(document, "Parameters", _parameter),
        mappings=_section(document, "Mappings", _mapping),
        conditions=_section(document, "Conditions", lambda value, _place: value),
        rules=_section(document, "Rules", _rule),
        resources=_section(document, "Resources", _declaration),
        outputs=_section(document, "Outputs", _output),
    )
    _check_names(template)
    check_count(len(template.resources))
    return template


def check_count(resources: int) -> None:
    """Refuse a template of too many resources.

    Raises:
        TemplateError: naming how many are allowed.
    """
    if resources > MAX_RESOURCES:
        raise TemplateError(f"Resources: {resources} are declared, at most {MAX_RESOURCES} are allowed")


def _description(value: object) -> str:
    if isinstance(value, Mapping):  # in several languages
        value = value.get("en")
    return _text(value, "Description")


def _check_sections(document: Mapping[str, Any]) -> None:
    for name in sorted(document.keys() - SECTIONS):
        if name in NOT_IMPLEMENTED:
            raise TemplateError(f"not implemented: the section {name}", code="InvalidTemplateSection")
        known = ", ".join(sorted(SECTIONS))
        raise TemplateError(
            f"The template section is invalid: {name}; there are {known}.", code="InvalidTemplateSection"
        )
    if (version := document.get("ROSTemplateFormatVersion")) != VERSION:
        raise TemplateError(
            f"The template version is invalid: ROSTemplateFormatVersion must be {VERSION}, not {version!r}.",
            code="InvalidTemplateVersion",
        )


def _check_names(template: Template) -> None:
    for name in template.resources:
        if not LOGICAL_ID.fullmatch(name):
            raise TemplateError(f"Resources: `{name}` is not a name: up to 255 letters, digits, `_`, `-` and `.`")
    if both := sorted(template.parameters.keys() & template.resources.keys()):
        raise TemplateError(f"Resources.{both[0]}: a parameter has the same name")
    if both := sorted(template.locals.keys() & (template.parameters.keys() | template.resources.keys())):
        raise TemplateError(f"Locals.{both[0]}: a parameter or resource has the same name")
    for section, items in (("Resources", template.resources), ("Outputs", template.outputs)):
        for name, item in items.items():
            if item.condition and item.condition not in template.conditions:
                raise TemplateError(f"{section}.{name}.Condition: there is no condition {item.condition}")


# Sections


def _section(
    document: Mapping[str, Any], name: str, read: Callable[[Any, str], _Item], *, names: bool = True
) -> dict[str, _Item]:
    section = {} if document.get(name) is None else document[name]
    _expect(section, dict, name)
    for key in map(str, section):
        if names and not (0 < len(key) <= MAX_NAME and key.isprintable()):
            raise TemplateError(
                f"{name}: {key[:MAX_NAME]!r} is not a name: up to {MAX_NAME} characters that can be printed"
            )
    return {str(key): read(value, f"{name}.{key}") for key, value in section.items()}


def _mapping(value: Value, place: str) -> Mapping[str, Mapping[str, object]]:
    _expect(value, dict, place)
    for key, inner in value.items():
        _expect(inner, dict, f"{place}.{key}")
    return {str(key): {str(second): item for second, item in inner.items()} for key, inner in value.items()}


def _declaration(value: Value, place: str) -> Declaration:
    _expect(value, dict, place)
    _only(value, RESOURCE_KEYS, place)
    kind, properties = value.get("Type"), {} if value.get("Properties") is None else value["Properties"]
    if not isinstance(kind, str) or not kind:
        raise TemplateError(f"{place}: Type is required")
    _expect(properties, dict, f"{place}.Properties")
    if kind == STACK_TYPE and isinstance(body := properties.get("TemplateBody"), dict):
        properties = {**properties, "TemplateBody": json.dumps(body)}  # its functions are for the nested stack
    depends = value.get("DependsOn") or []
    depends = [depends] if isinstance(depends, str) else depends
    if not isinstance(depends, list) or not all(isinstance(each, str) for each in depends):
        raise TemplateError(f"{place}.DependsOn: must be the name of a resource, or a list of names")
    policy = value.get("DeletionPolicy") or "Delete"
    if policy not in ("Delete", "Retain"):
        raise TemplateError(f"{place}.DeletionPolicy: must be Delete or Retain, not {policy!r}")
    return Declaration(
        type=kind,
        properties=properties,
        depends_on=tuple(depends),
        condition=_text(value.get("Condition"), f"{place}.Condition"),
        count=value.get("Count"),
        deletion_policy=policy,
        remarks={name: value[name] for name in ("Description", "Metadata") if value.get(name)},
    )


def _local(value: Value, place: str) -> Local:
    _expect(value, dict, place)
    kind = value.get("Type") or "Macro"
    if isinstance(kind, str) and kind.startswith("DATASOURCE::"):
        raise TemplateError(f"{place}.Type: not implemented: {kind}")
    _only(value, frozenset({"Type", "Value"}), place)
    if kind not in ("Macro", "Eval"):
        raise TemplateError(f"{place}.Type: must be Macro or Eval, not {kind!r}")
    if "Value" not in value:
        raise TemplateError(f"{place}: Value is required")
    return Local(value=value["Value"], evaluated=kind == "Eval")


def _rule(value: Value, place: str) -> Rule:
    _expect(value, dict, place)
    _only(value, frozenset({"RuleCondition", "Assertions"}), place)
    assertions = value.get("Assertions")
    _expect(assertions, list, f"{place}.Assertions")
    return Rule(
        condition=value.get("RuleCondition"),
        assertions=tuple(_assertion(each, f"{place}.Assertions[{index}]") for index, each in enumerate(assertions)),
    )


def _assertion(value: Value, place: str) -> Assertion:
    _expect(value, dict, place)
    _only(value, frozenset({"Assert", "AssertDescription"}), place)
    if "Assert" not in value:
        raise TemplateError(f"{place}: Assert is required")
    return Assertion(
        assertion=value["Assert"],
        description=_text(value.get("AssertDescription"), f"{place}.AssertDescription"),
    )


def _output(value: Value, place: str) -> Output:
    _expect(value, dict, place)
    _only(value, frozenset({"Value", "Description", "Condition", "Label", "NoEcho"}), place)
    if "Value" not in value:
        raise TemplateError(f"{place}: Value is required")
    description = value.get("Description") or ""
    return Output(
        value=value["Value"],
        description=description if isinstance(description, str) else json.dumps(description),
        label=value.get("Label") or "",
        condition=_text(value.get("Condition"), f"{place}.Condition"),
        no_echo=value.get("NoEcho") in (True, "true"),
    )


def _parameter(value: Value, place: str) -> Parameter:
    _expect(value, dict, place)
    _only(value, PARAMETER_KEYS, place)
    kind = value.get("Type")
    if isinstance(kind, str) and kind.startswith("ALIYUN::"):
        raise TemplateError(f"{place}.Type: not implemented: {kind}")  # its value lies in another service
    if not isinstance(kind, str) or kind not in TYPES:
        raise TemplateError(f"{place}.Type: must be one of {', '.join(sorted(TYPES))}, not {kind!r}")
    allowed = value.get("AllowedValues") or []
    _expect(allowed, list, f"{place}.AllowedValues")
    pattern = _text(value.get("AllowedPattern"), f"{place}.AllowedPattern")
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError) as error:
        raise TemplateError(f"{place}.AllowedPattern: not a regular expression: {error}") from error
    least, most = (_length(value.get(name), f"{place}.{name}") for name in ("MinLength", "MaxLength"))
    return Parameter(
        type=kind,
        default=value.get("Default"),
        optional="Default" in value,
        allowed_values=tuple(allowed),
        allowed_pattern=pattern,
        min_length=least,
        max_length=most,
        min_value=_number(value.get("MinValue"), f"{place}.MinValue"),
        max_value=_number(value.get("MaxValue"), f"{place}.MaxValue"),
        no_echo=value.get("NoEcho") in (True, "true"),
        constraint=str(value.get("ConstraintDescription") or ""),
        record=value,
    )


def _number(value: object, place: str) -> float | None:
    if value is None:
        return None
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise TemplateError(f"{place}: `{value}` is not a number")
    return number


def _length(value: object, place: str) -> int | None:
    number = _number(value, place)
    return None if number is None else int(number)


def _text(value: object, place: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise TemplateError(f"{place}: must be a text, not {value!r}")
    return value


def _only(value: Mapping[str, object], known: frozenset[str], place: str) -> None:
    if unknown := sorted(set(map(str, value)) - known):
        raise TemplateError(f"{place}: unknown key {', '.join(unknown)}; there are {', '.join(sorted(known))}")


def _expect(value: object, kind: type, place: str) -> None:
    if not isinstance(value, kind):
        wanted = "a list" if kind is list else "an object"
        raise TemplateError(f"{place}: must be {wanted}, not {type(value).__name__}")
