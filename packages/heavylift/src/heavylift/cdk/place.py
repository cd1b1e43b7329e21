"""The place of a function in its app, its id and its name; a stand-in for each that is wrong, so that all problems can be told."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ros_cdk_core import Construct, Stack

from heavylift.cdk.arguments import read_name
from heavylift.cdk.errors import InfraError
from heavylift.cdk.names import function_name
from heavylift.cdk.settings import read_stack_name
from heavylift.cdk.values import Reader, shown


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """Where a function stands: the name of its stack, and its path in it, whose last part is the id that it was given."""

    stack: str
    path: str


_ID = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")


def find_stack(scope: object) -> Stack:
    """Return the stack that a scope is in.

    Raises:
        InfraError: it is none.
    """
    if isinstance(scope, Construct):
        for construct in reversed(scope.node.scopes):
            if Stack.is_stack(construct):
                return Stack.of(construct)
    raise InfraError(f"HeavyFunction: scope: {shown(scope)} is no stack, nor in one; make one with HeavyStack(app)")


def read_place(scope: Construct, stack: Stack, id_: object) -> Place:
    """Return where a function stands that is made in a scope with an id."""
    above = scope.node.path.removeprefix(stack.node.path).strip("/")
    return Place(stack=stack.stack_name, path="/".join(filter(None, (above, str(id_)))))


def read_id(scope: Construct, id_: object) -> tuple[str, list[str]]:
    """Return the logical id of a function, and a sentence for each problem."""
    problems = []
    if not isinstance(id_, str) or not _ID.fullmatch(id_):
        problems = [f"id: {shown(id_)} is not allowed; set letters and digits, beginning with a letter"]
        id_ = re.sub(r"^[^A-Za-z]+|[^A-Za-z0-9]+", "", str(id_))[:32] or "Unnamed"
    elif scope.node.try_find_child(id_) is not None:
        problems = [f"id: there is a construct {id_} in {scope.node.id or 'the app'} already; set another id"]
    free = (each for each in (id_, *map(f"{id_}{{}}".format, range(2, 100))) if scope.node.try_find_child(each) is None)
    return next(free), problems


def read_function_name(name: object, stack_name: str, id_: str) -> tuple[str, list[str]]:
    """Return the name of a function, and a sentence for each problem.

    Args:
        name: the one that was given; None: none was.
        stack_name: of its stack.
        id_: its logical id.
    """
    made = function_name(stack_name, id_)
    checks: dict[str, tuple[object, Reader]] = {"stackName": (stack_name, read_stack_name)}
    checks["name"] = (name or made, read_name)
    problems = {}
    for what, (value, read) in checks.items():
        try:
            read(value)
        except ValueError as error:
            problems[what] = f"{what}: {shown(value)} {error}"
    return made if "name" in problems or not name else str(name), list(problems.values())
