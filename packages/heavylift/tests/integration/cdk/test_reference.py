"""The reference page of `HeavyFunction`, held against its signature and docstring."""

from __future__ import annotations

import inspect
import re

import pytest

from tests.support.paths import ROOT

pytestmark = pytest.mark.node
PAGE = ROOT / "docs" / "reference" / "heavy-function.md"


def rows() -> list[str]:
    """Return a row for each argument: name, default, description."""
    from heavylift.cdk import HeavyFunction  # starts Node.js

    _, *arguments = inspect.signature(HeavyFunction.__init__).parameters.values()
    section = (inspect.getdoc(HeavyFunction) or "").partition("\nArgs:\n")[2].partition("\n\n")[0]
    described = dict(re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", section, re.MULTILINE))
    assert list(described) == [argument.name for argument in arguments]
    return [
        f"| `{argument.name}` | {_default(argument.default)} | {' '.join(described[argument.name].split()).rstrip('.')} |"
        for argument in arguments
    ]


def _default(value: object) -> str:
    if value is inspect.Parameter.empty:
        return "required"
    if value is None or value in ("", ()):
        return "–"
    return f"`{value}`" if isinstance(value, str) else str(value)


def test_each_argument_stands_in_the_reference_as_it_is_documented() -> None:
    assert [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| `")] == rows()
