"""Libraries that only some commands need, and that `pip install heavylift` alone does not bring: the extras of pyproject.toml."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from heavylift.errors import HeavyliftError

REPORT = frozenset({"matplotlib", "numpy", "PIL"})  # modules of the extra `report`


@contextmanager
def needs_report(command: str) -> Iterator[None]:
    """Import the libraries that draw and compare pictures.

    Raises:
        HeavyliftError: one of these libraries is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in REPORT:
            raise
        raise HeavyliftError(
            f"`heavylift {command}` needs {error.name}, which is not installed: pip install 'heavylift[report]'"
        ) from error
