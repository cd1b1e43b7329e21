"""Options of bubblewrap that name descriptors, which it has to inherit."""

from __future__ import annotations

import os


class HandedOptions:
    """Options and the descriptors that they name; used once."""

    def __init__(self) -> None:
        self._descriptors: list[int] = []
        self._options: list[str] = []

    @property
    def descriptors(self) -> tuple[int, ...]:
        """The descriptors that bubblewrap has to inherit."""
        return tuple(self._descriptors)

    @property
    def options(self) -> list[str]:
        """The options that bubblewrap has to be given."""
        return [*self._options]

    def close(self) -> None:
        """Close the descriptors, once bubblewrap has them."""
        while self._descriptors:
            os.close(self._descriptors.pop())
