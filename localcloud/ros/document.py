"""A template as it is declared: text in, frozen declarations or an error that says where out. Nothing is evaluated here.

What a template may hold that this ROS does not do (transforms, locals, counted resources) is refused by name: no part of a template
is silently ignored. Source: ROS user guide, "Template structure" and its sections.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from localcloud.ros.errors import TemplateError
from localcloud.ros.notation import parse_text

MAX_TEMPLATE = 524_288  # bytes ("Limits")
MAX_NAME = 255  # characters
FORMAT_VERSION = "2015-09-01"
_SECTIONS = {"Metadata", "Parameters", "Mappings", "Conditions", "Rules", "Resources", "Outputs"}
_SECTIONS |= {"ROSTemplateFormatVersion", "Description"}
_MISSING_SECTIONS = {"Transform", "Locals", "Workspace"}
_PARAMETER = {
    "Type",
    "Default",
    "AllowedValues",
    "AllowedPattern",
    "MinLength",
    "MaxLength",
    "MinValue",
    "MaxValue",
    "NoEcho",
}
_PARAMETER |= {"ConstraintDescription", "AssociationProperty", "AssociationPropertyMetadata", "Required", "Placeholder"}
_PARAMETER |= {"Description", "Label", "Confirm", "TextArea"}
_RESOURCE = {"Type", "Properties", "DependsOn", "Condition", "DeletionPolicy", "Metadata", "Description", "Count"}
_OUTPUT = {"Value", "Description", "Condition", "NoEcho", "Label"}
_RULE = {"RuleCondition", "Assertions"}
_ASSERTION = {"Assert", "AssertDescription"}
_NAME = re.compile(r"[A-Za-z0-9_-]+")  # letters and digits in ROS's guide; hyphens and underscores assumed
_Item = TypeVar("_Item")


@dataclass(frozen=True, kw_only=True, slots=True)
class Parameter:
    """A parameter that a template asks for.

    Attributes:
        type: String, Number, Boolean, Json, CommaDelimitedList, ….
        attributes: all that is declared of it, `Type` and `Default` among it.
    """

    type: str
    attributes: Mapping[str, object]

    @property
    def no_echo(self) -> bool:
        """Whether its value must not be shown."""
        return self.attributes.get("NoEcho") in (True, "true", "True")

    @property
    def description_for_clients(self) -> Mapping[str, object]:
        """Return what ValidateTemplate tells of it."""
        return self.attributes


@dataclass(frozen=True, kw_only=True, slots=True)
class Declaration:
    """A resource that a template declares, its properties not evaluated."""

    type: str
    properties: Mapping[str, object]
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    deletion_policy: Literal["Delete", "Retain"] = "Delete"
    metadata: Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Output:
    """An output of a stack, its value not evaluated."""

    value: object
    description: str = ""
    condition: str | None = None
    no_echo: bool = False


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
    """A template; each mapping is by name, in the order of the text."""

    description: str
    parameters: Mapping[str, Parameter]
    mappings: Mapping[str, Mapping[str, Mapping[str, object]]]
    conditions: Mapping[str, object]
    rules: Mapping[str, Rule]
    resources: Mapping[str, Declaration]
    outputs: Mapping[str, Output]
    metadata: Mapping[str, object]


def parse_template(text: str) -> Template:
    """Return what a template declares.

    Args:
        text: JSON or YAML of at most 524,288 bytes.

    Raises:
        TemplateError: it is not a template, and where.
    """
    size = len(text.encode(errors="surrogatepass"))
    if size > MAX_TEMPLATE:
        raise TemplateError(f"the template has {size} bytes, {MAX_TEMPLATE} are allowed")
    sections = _mapping(parse_text(text), "the template")
    if missing := sorted(_MISSING_SECTIONS & sections.keys()):
        raise TemplateError(f"not implemented: the section {missing[0]}")
    _check_keys(sections, _SECTIONS, "the template")
    version = sections.get("ROSTemplateFormatVersion")
    if version != FORMAT_VERSION:
        raise TemplateError(f"ROSTemplateFormatVersion: expected {FORMAT_VERSION}, got {version!r}")
    template = Template(
        description=_text(sections.get("Description", ""), "Description"),
        parameters=_section(sections, "Parameters", _parameter),
        mappings=_section(sections, "Mappings", _two_levels),
        conditions=_section(sections, "Conditions", lambda value, place: value),
        rules=_section(sections, "Rules", _rule),
        resources=_section(sections, "Resources", _declaration),
        outputs=_section(sections, "Outputs", _output),
        metadata=_mapping(sections.get("Metadata", {}), "Metadata"),
    )
    if both := sorted(template.parameters.keys() & template.resources.keys()):
        raise TemplateError(f"Resources.{both[0]}: a parameter has the same name")
    return template


def _section(sections: Mapping[str, object], name: str, parse: Callable[[object, str], _Item]) -> Mapping[str, _Item]:
    items = _mapping(sections.get(name, {}), name)
    for each in items:
        if not _NAME.fullmatch(each) or len(each) > MAX_NAME:
            raise TemplateError(
                f"{name}: `{each}` is not a name: up to {MAX_NAME} letters, digits, hyphens and underscores are allowed"
            )
    return {each: parse(value, f"{name}.{each}") for each, value in items.items()}


def _parameter(value: object, place: str) -> Parameter:
    attributes = _mapping(value, place)
    _check_keys(attributes, _PARAMETER, place)
    return Parameter(type=_required_text(attributes, "Type", place), attributes=attributes)


def _two_levels(value: object, place: str) -> Mapping[str, Mapping[str, object]]:
    return {key: _mapping(each, f"{place}.{key}") for key, each in _mapping(value, place).items()}


def _rule(value: object, place: str) -> Rule:
    given = _mapping(value, place)
    _check_keys(given, _RULE, place)
    assertions = given.get("Assertions")
    if not isinstance(assertions, list) or not assertions:
        raise TemplateError(f"{place}.Assertions: expected a list of assertions, got {assertions!r}")
    return Rule(
        condition=given.get("RuleCondition"),
        assertions=tuple(_assertion(each, f"{place}.Assertions[{index}]") for index, each in enumerate(assertions)),
    )


def _assertion(value: object, place: str) -> Assertion:
    given = _mapping(value, place)
    _check_keys(given, _ASSERTION, place)
    if "Assert" not in given:
        raise TemplateError(f"{place}: Assert is missing")
    description = _text(given.get("AssertDescription", ""), f"{place}.AssertDescription")
    return Assertion(assertion=given["Assert"], description=description)


def _declaration(value: object, place: str) -> Declaration:
    given = _mapping(value, place)
    _check_keys(given, _RESOURCE, place)
    if "Count" in given:
        raise TemplateError(f"{place}: not implemented: Count")
    policy = given.get("DeletionPolicy", "Delete")
    if policy not in ("Delete", "Retain"):
        raise TemplateError(f"{place}.DeletionPolicy: expected Delete or Retain, got {policy!r}")
    return Declaration(
        type=_required_text(given, "Type", place),
        properties=_mapping(given.get("Properties") or {}, f"{place}.Properties"),
        depends_on=_names(given.get("DependsOn", []), f"{place}.DependsOn"),
        condition=_optional_text(given, "Condition", place),
        deletion_policy=policy,
        metadata=_mapping(given.get("Metadata") or {}, f"{place}.Metadata"),
    )


def _output(value: object, place: str) -> Output:
    given = _mapping(value, place)
    _check_keys(given, _OUTPUT, place)
    if "Value" not in given:
        raise TemplateError(f"{place}: Value is missing")
    return Output(
        value=given["Value"],
        description=_text(given.get("Description", ""), f"{place}.Description"),
        condition=_optional_text(given, "Condition", place),
        no_echo=given.get("NoEcho") in (True, "true", "True"),
    )


def _names(value: object, place: str) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(each, str) for each in names):
        raise TemplateError(f"{place}: expected the name of a resource, or a list of names, got {value!r}")
    return tuple(names)


def _text(value: object, place: str) -> str:
    """Return a description: a text, or one for each language, of which English comes first."""
    if isinstance(value, dict) and value and all(isinstance(each, str) for each in value.values()):
        return str(value.get("en", next(iter(value.values()))))
    if not isinstance(value, str):
        raise TemplateError(f"{place}: expected text, got {value!r}")
    return value


def _required_text(given: Mapping[str, object], key: str, place: str) -> str:
    text = _optional_text(given, key, place)
    if not text:
        raise TemplateError(f"{place}: {key} is missing")
    return text


def _optional_text(given: Mapping[str, object], key: str, place: str) -> str | None:
    value = given.get(key)
    if value is not None and not isinstance(value, str):
        raise TemplateError(f"{place}.{key}: expected text, got {value!r}")
    return value


def _mapping(value: object, place: str) -> dict[str, object]:
    if not isinstance(value, dict):
        kind = "nothing" if value is None else "a list" if isinstance(value, list) else repr(value)
        raise TemplateError(f"{place}: expected a mapping, got {kind}")
    return value


def _check_keys(given: Mapping[str, object], known: Collection[str], place: str) -> None:
    if unknown := sorted(given.keys() - set(known)):
        raise TemplateError(f"{place}: {unknown[0]} is not known here; known are {', '.join(sorted(known))}")
