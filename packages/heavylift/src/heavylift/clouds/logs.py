"""A function's log, as far back as it is kept."""

from __future__ import annotations

from collections import deque

from heavylift.clouds.invocation import FunctionName
from heavylift.clouds.session import Session
from heavylift.errors import HeavyliftError


def read(session: Session, function: FunctionName, lines: int) -> list[str]:
    """Return the last lines of a function's log; none when it has not written any.

    Args:
        session: where the function is.
        function: its name.
        lines: how many at most.

    Raises:
        HeavyliftError: this cloud's logs cannot be read from here.
    """
    if session.data is None:
        raise HeavyliftError(
            f"the log of {function.name} is in Log Service, which this command does not read yet: look at it in the "
            "console of Function Compute, or see `heavylift invoke --log` for the end of one invocation's"
        )
    # Where the embedded cloud keeps it (docs/reference/localcloud.md).
    service = f"services.{function.service}." if function.service else ""
    path = session.data / "fc" / "logs" / f"{service}functions.{function.name}.log"
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return [line.rstrip("\n") for line in deque(file, maxlen=lines)]
    except FileNotFoundError:
        return []
