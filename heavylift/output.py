"""What a command says: text for people, or one JSON object a line for programs (`--json`)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn


class Output:
    """Renders records.

    Args:
        console: where they go.
        as_json: as JSON, not as text.
    """

    def __init__(self, console: Console, *, as_json: bool) -> None:
        self._console = console
        self._as_json = as_json

    def emit(self, record: Mapping[str, object], text: str | None = None) -> None:
        """Say one thing.

        Args:
            record: what programs get.
            text: what people get; None: nothing.
        """
        if self._as_json:
            self._print(json.dumps(record, ensure_ascii=False))
        elif text is not None:
            self._print(text)

    def _print(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a progress bar while the context lasts, to people at a terminal.

        Args:
            title: what goes on.
            total: bytes.

        Yields:
            A function to call with the number of bytes done so far.
        """
        columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
        hidden = self._as_json or not self._console.is_terminal
        with Progress(*columns, console=self._console, transient=True, disable=hidden) as bars:
            task = bars.add_task(title, total=total)
            yield lambda done: bars.update(task, completed=done)
