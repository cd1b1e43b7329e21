"""The output of commands: text for people, or one JSON object a line for programs (`--json`).

Data goes out as it is: rich, which would read markup and the names of pictures in it and break its lines, draws the bars alone.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def make_console() -> Console:
    """Return a console on the standard output that prints every text as it is."""
    from rich.console import Console

    return Console(markup=False, emoji=False, highlight=False)


def tell_started(data: Path) -> None:
    """Print on standard error that a command had to start the embedded cloud of a data folder, which goes on."""
    print(
        f"heavylift: started the embedded cloud on {data} (`heavylift local stop` ends it)", file=sys.stderr, flush=True
    )


class Output:
    """Renders records on the standard output.

    Args:
        as_json: as JSON, not as text.
    """

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def emit(self, record: Mapping[str, object], text: str | bytes | None = None) -> None:
        """Print one record.

        Args:
            record: what programs get.
            text: what people get; bytes are written alone, without a line's end; None: nothing.
        """
        if self._as_json:
            text = json.dumps(record, ensure_ascii=False)
        if isinstance(text, bytes):
            sys.stdout.flush()
            sys.stdout.buffer.write(text)
            sys.stdout.buffer.flush()
        elif text is not None:
            print(text, flush=True)

    @contextmanager
    def progress(self, title: str, total: int) -> Iterator[Callable[[int], None]]:
        """Show a progress bar while the context lasts, to people at a terminal.

        Args:
            title: what goes on.
            total: bytes.

        Yields:
            A function to call with the number of bytes done so far.
        """
        from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

        console = make_console()
        title_column = TextColumn("{task.description}", markup=False)
        columns = (title_column, BarColumn(), DownloadColumn(), TransferSpeedColumn())
        hidden = self._as_json or not console.is_terminal
        with Progress(*columns, console=console, transient=True, disable=hidden) as bars:
            task = bars.add_task(title, total=total)
            yield lambda done: bars.update(task, completed=done)
