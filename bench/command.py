"""The end of a measurement's command: its exit code, and a known error as a line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import NoReturn

from heavylift.errors import HeavyliftError


def run(main: Callable[[], int]) -> NoReturn:
    """Run a command and end the process with its exit code."""
    try:
        sys.exit(main())
    except HeavyliftError as error:
        print(f"bench: {error}", file=sys.stderr)
        sys.exit(1)
