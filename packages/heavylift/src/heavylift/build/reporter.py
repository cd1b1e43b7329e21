"""Shows a build to its user: steps with progress bars, notes, and the table in the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from heavylift.contracts.archive import BYTECODE_NAME
from heavylift.contracts.manifest import Manifest
from heavylift.contracts.platform import DISKS, MB

if TYPE_CHECKING:
    from rich.console import Console

    from heavylift.build.applib import Staged

UNBOUNDED = 10_000  # columns
SMALL_DISK = DISKS[0] * MB  # bytes


class Reporter:
    """Prints to a terminal; rich is imported when there is something to show, since a build without work should be quick.

    Args:
        stream: where to.
        brief: a build without work is not worth a line.
    """

    def __init__(self, stream: TextIO | None = None, *, brief: bool = False) -> None:
        self._stream = sys.stdout if stream is None else stream
        self._brief = brief
        self._made_console: Console | None = None

    @property
    def _console(self) -> Console:
        from rich.console import Console

        if self._made_console is None:
            # What reads a pipe has no width: rich would break lines as for a terminal of 80 columns.
            self._made_console = Console(file=self._stream, width=None if self._stream.isatty() else UNBOUNDED)
        return self._made_console

    def note(self, text: str) -> None:
        """Print a note."""
        # It may hold paths and messages of others.
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def warn(self, text: str) -> None:
        """Print a warning."""
        from rich.markup import escape

        self._console.print("[bold red]WARNING[/]", escape(text), highlight=False, soft_wrap=True)

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show a step whose length nobody knows."""
        import time

        begin = time.perf_counter()
        with self._console.status(f"{title} …"):
            yield
        self.note(f"{title}: {time.perf_counter() - begin:.1f} s")

    @contextmanager
    def bar(self, title: str, unit: str = "files") -> Iterator[Callable[[int, int], None]]:
        """Show a progress bar; the function that it yields takes the amount that is done, and the whole."""
        from rich.progress import BarColumn, DownloadColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        amount = DownloadColumn() if unit == "bytes" else MofNCompleteColumn()
        with Progress(
            TextColumn(f"{title:12}"), BarColumn(), amount, TimeElapsedColumn(), console=self._console
        ) as progress:
            task = progress.add_task(title, total=None)

            def advance(done: int, total: int) -> None:
                progress.update(task, completed=done, total=total)

            yield advance

    def packed(self, title: str, anew: int, total: int) -> None:
        """Print the bytes that a build had to compress, if some were there from the last one."""
        if anew < total:
            self.note(f"{title}: {anew / 1e6:,.1f} of {total / 1e6:,.1f} MB anew, the others as before")

    def packages(self, staged: Staged, packed: Mapping[str, int]) -> None:
        """Show the bytes of each package, stage by stage; `packed` are those of each file in the archive."""
        from rich.table import Table

        table = Table(title="Applib, MB by package")
        table.add_column("package")
        for name, _ in staged.sizes:
            table.add_column(name, justify="right")
        table.add_column("packed", justify="right")
        in_archive = {name: _packed_size(files, packed) for name, files in staged.files.items()}
        last = staged.sizes[0][1]
        for name in sorted(staged.files, key=lambda each: -last[each]):
            if last[name] >= 1e6:
                cells = [f"{stage[name] / 1e6:,.1f}" for _, stage in staged.sizes]
                table.add_row(name, *cells, f"{in_archive[name] / 1e6:,.1f}")
        small = [name for name in staged.files if last[name] < 1e6]
        if small:
            cells = [f"{sum(stage[name] for name in small) / 1e6:,.1f}" for _, stage in staged.sizes]
            table.add_row(f"{len(small)} smaller ones", *cells, f"{sum(in_archive[name] for name in small) / 1e6:,.1f}")
        everything = [f"{sum(stage.values()) / 1e6:,.1f}" for _, stage in staged.sizes]
        bytecode = sum(size for path, size in packed.items() if path.startswith(f"{BYTECODE_NAME}/"))
        table.add_row("bytecode", *["" for _ in staged.sizes], f"{bytecode / 1e6:,.1f}")
        table.add_section()
        table.add_row("all", *everything, f"{sum(packed.values()) / 1e6:,.1f}")
        self._console.print(table)

    def system(self, needs: Mapping[str, Sequence[str]]) -> None:
        """Print the libraries that the runtime must have."""
        from rich.table import Table

        from heavylift.build.system import Need

        if not needs:
            return
        table = Table(title="The runtime must have (nobody has published whether it does)")
        table.add_column("library")
        table.add_column("needed by")
        table.add_column("what to do without it")
        for library, packages in needs.items():
            table.add_row(library, ", ".join(packages), Need(library=library, packages=packages).advice)
        self._console.print(table)

    def summary(self, manifest: Manifest, folder: Path, made: set[str]) -> None:
        """Print the content of the build's folder, and the parts that were made."""
        if self._brief and not made:
            return
        for name, part in manifest.parts.items():
            verb = "built" if name in made else "unchanged"
            self.plain(
                f"{name:7} {verb:9} {part.packed / 1e6:8,.1f} MB packed {part.unpacked / 1e6:8,.1f} MB unpacked "
                f"{part.files:6,} files  {part.path.relative_to(folder)}"
            )
        if manifest.unpacked > SMALL_DISK:
            self.plain(
                f"needs an instance disk of {DISKS[-1]} MB: {manifest.unpacked / 1e6:,.1f} MB do not fit into the standard "
                f"{DISKS[0]} MB"
            )
        if manifest.applib and not manifest.applib.imported:
            python = manifest.target.python
            self.plain(
                f"WARNING: NOT CHECKED: no Python {python} that can run it has imported this applib and the function. Put a "
                f"python{python} on PATH, or let uv or pyenv install one, and build again; `heavylift deploy --cloud` refuses it "
                "without --unchecked"
            )

    def plain(self, text: str) -> None:
        """Print a line without rich."""
        self._stream.write(text + "\n")


def _packed_size(files: Sequence[str], packed: Mapping[str, int]) -> int:
    return sum(packed.get(file, 0) for file in files if not file.endswith(".pyc"))


def megabytes(size: int) -> str:
    """Return a number of bytes in the platform's MB, for a message."""
    return f"{size / MB:,.1f} MB"
