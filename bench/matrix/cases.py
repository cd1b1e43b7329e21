"""The packages of the matrix, as packages.toml declares them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tomllib

TABLE = Path(__file__).with_name("packages.toml")
PYTHONS = ("3.10", "3.12")  # what Function Compute's current runtimes run

# The answer tells the Python as well: an instance on another one proves nothing.
_HANDLER = """

import platform

def handler(event, context):
    return f"{platform.python_version()} {use()}"
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """One package, and the code of a function that uses it."""

    name: str  # the requirement
    does: str
    code: str  # of the module that imports the package and defines `use()`
    answer: str  # what `str(use())` is

    @property
    def module(self) -> str:
        """The name of the function's module."""
        return f"use_{self.name.replace('-', '_')}"

    @property
    def source(self) -> str:
        """The function's module; its handler answers with the Python's version, a space, and the answer."""
        return self.code.lstrip() + _HANDLER


def read_cases() -> tuple[Case, ...]:
    """Return all packages, in the table's order."""
    record = tomllib.loads(TABLE.read_text(encoding="utf-8"))
    return tuple(Case(name=name, **fields) for name, fields in record.items())
