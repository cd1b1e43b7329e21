"""The summary of a template: its parameters, outputs and resources, checked and not deployed. Pure.

Sources: ROS API, "GetTemplateSummary", "ValidateTemplate".
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from localcloud.ros.model import Source
from localcloud.ros.template.document import VERSION, Parameter, parse_template
from localcloud.ros.template.resolved import resolve_template

Record = Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """A resource as a template declares it."""

    name: str
    type: str
    counted: bool  # there is one for each number below its Count


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """The parts of a template that tell what it is for."""

    description: str
    metadata: Record
    parameters: tuple[Record, ...]
    outputs: tuple[Record, ...]
    resources: tuple[Declared, ...]
    version: str = VERSION


def summarize(text: str, pseudo: Record, known_types: Collection[str]) -> Summary:
    """Check a template alone and return its summary.

    Args:
        text: the template.
        pseudo: the pseudo parameters.
        known_types: the resource types that there are.

    Raises:
        TemplateError: the template is not valid.
    """
    resolve_template(Source(template=text), pseudo, known_types, stand_in=True)
    template = parse_template(text)
    return Summary(
        description=template.description,
        metadata=template.metadata,
        parameters=tuple(_parameter(name, each) for name, each in template.parameters.items()),
        outputs=tuple(
            {"OutputKey": name, "Description": each.description, "Label": each.label}
            for name, each in template.outputs.items()
        ),
        resources=tuple(
            Declared(name=name, type=each.type, counted=each.count is not None)
            for name, each in template.resources.items()
        ),
    )


def _parameter(name: str, parameter: Parameter) -> Record:
    written = {"Description": "", "Label": name, **parameter.record}
    return {"ParameterKey": name, **written, "NoEcho": str(parameter.no_echo).lower()}
