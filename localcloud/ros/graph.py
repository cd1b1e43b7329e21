"""Which resource needs which: the edges that references and DependsOn draw, and the proof that they run in no circle. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from graphlib import CycleError, TopologicalSorter

from localcloud.ros.document import Template
from localcloud.ros.errors import TemplateError
from localcloud.ros.syntax import PSEUDO_PREFIX, Reference, references


def dependencies(template: Template, active: Collection[str]) -> Mapping[str, frozenset[str]]:
    """Return, for each active resource in the template's order, the active resources that have to exist before it.

    A resource whose condition is false is no dependency: branches that refer to it are not taken, and there is nothing to wait for.

    Args:
        template: whose references are checked, those of inactive resources and of outputs, too.
        active: names of the resources whose condition holds.

    Raises:
        TemplateError: something refers to a parameter or a resource that is not declared, and where.
    """
    needs = {name: _needs(template, name) for name in template.resources}
    for name, output in template.outputs.items():
        for reference in references(output.value, f"Outputs.{name}.Value"):
            _check(template, reference)
    return {name: frozenset(needs[name] & set(active)) for name in template.resources if name in active}


def check_acyclic(requires: Mapping[str, Collection[str]]) -> None:
    """Check that no resource needs itself, directly or through others.

    Args:
        requires: for each name, what it needs.

    Raises:
        TemplateError: one does; the text names the circle.
    """
    try:
        TopologicalSorter({name: sorted(needs) for name, needs in requires.items()}).prepare()
    except CycleError as error:
        circle = error.args[1][
            -2::-1
        ]  # each needs the next; graphlib lists them the other way round, the first one twice
        first = circle.index(min(circle))
        names = [*circle[first:], *circle[:first], circle[first]]
        raise TemplateError(f"Circular dependency: {' -> '.join(names)}") from None


def _needs(template: Template, name: str) -> set[str]:
    declaration = template.resources[name]
    place = f"Resources.{name}"
    for each in declaration.depends_on:
        if each not in template.resources:
            raise TemplateError(f"{place}.DependsOn: there is no resource {each}")
    found = set(declaration.depends_on)
    for reference in references(declaration.properties, f"{place}.Properties"):
        _check(template, reference)
        if reference.name in template.resources:
            found.add(reference.name)
    return found


def _check(template: Template, reference: Reference) -> None:
    if reference.name in template.resources or reference.name.startswith(PSEUDO_PREFIX):
        return
    if reference.attribute is not None:
        raise TemplateError(f"{reference.place}: there is no resource {reference.name}")
    if reference.name not in template.parameters:
        raise TemplateError(f"{reference.place}: there is no resource or parameter {reference.name}")
