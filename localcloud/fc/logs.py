"""A function's log: one file for each function, and the tail of each invocation."""

from __future__ import annotations

from pathlib import Path

TAIL = 4096  # bytes; InvokeFunction, response header x-fc-log-result


class FunctionLog:
    """Appends lines to a function's log file and remembers the last bytes since a mark."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path

    def open(self) -> InvocationLog:
        """Begin the log of one invocation."""
        return InvocationLog(self._path)

    def read(self) -> str:
        """Return the whole log."""
        return self._path.read_text(encoding="utf-8", errors="replace") if self._path.exists() else ""


class InvocationLog:
    """What one invocation logs; the function's file gets it as it comes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._tail = b""

    def write(self, content: bytes) -> None:
        """Append output."""
        if content:
            with self._path.open("ab") as file:
                file.write(content)
            self._tail = (self._tail + content)[-TAIL:]

    def line(self, text: str) -> None:
        """Append a line of the platform's own, on a line of its own."""
        start = b"" if not self._tail or self._tail.endswith(b"\n") else b"\n"
        self.write(start + text.encode() + b"\n")

    @property
    def tail(self) -> bytes:
        """The last 4 KB."""
        return self._tail
