"""What a build tells its user: steps with progress bars, notes, and the table in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from heavylift.runtime.bytecode import BYTECODE_NAME

if TYPE_CHECKING:
    from rich.console import Console

MB = 1e6
SMALL_DISK = 512 * 1024**2  # bytes; Function Compute, "Limits": disk of an instance, the smaller of two sizes


class Report:
    """Prints to a terminal; rich is imported when there is something to show, since a build without work should be quick."""

    def __init__(self) -> None:
        self._made_console: Console | None = None

    @property
    def _console(self) -> Console:
        from rich.console import Console

        if self._made_console is None:
            self._made_console = Console()
        return self._made_console

    def note(self, text: str) -> None:
        """Say something."""
        self._console.print(text, highlight=False)

    def warn(self, text: str) -> None:
        """Say something that nobody should overlook."""
        self._console.print(f"[bold red]WARNING[/] {text}", highlight=False)

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
        """Show a progress bar; the function that it yields takes what is done, and how much there is."""
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
        """Say how many bytes a step had to compress, if the last archive held some of them."""
        if anew < total:
            self.note(f"{title}: {anew / MB:,.1f} of {total / MB:,.1f} MB anew, the others as in the last archive")

    def packages(
        self,
        packages: Mapping[str, Mapping[str, Any]],
        sizes: Sequence[tuple[str, Mapping[str, int]]],
        packed: Mapping[str, int],
    ) -> None:
        """Show what each package weighs, stage by stage."""
        from rich.table import Table

        table = Table(title="Applib, MB by package")
        table.add_column("package")
        for name, _ in sizes:
            table.add_column(name, justify="right")
        table.add_column("packed", justify="right")
        in_archive = {name: _packed_size(package["files"], packed) for name, package in packages.items()}
        last = sizes[0][1]
        for name in sorted(packages, key=lambda each: -last[each]):
            if last[name] >= MB:
                cells = [f"{stage[name] / MB:,.1f}" for _, stage in sizes]
                table.add_row(name, *cells, f"{in_archive[name] / MB:,.1f}")
        small = [name for name in packages if last[name] < MB]
        cells = [f"{sum(stage[name] for name in small) / MB:,.1f}" for _, stage in sizes]
        table.add_row(f"{len(small)} smaller ones", *cells, f"{sum(in_archive[name] for name in small) / MB:,.1f}")
        everything = [f"{sum(stage.values()) / MB:,.1f}" for _, stage in sizes]
        bytecode = sum(size for path, size in packed.items() if path.startswith(f"{BYTECODE_NAME}/"))
        table.add_row("bytecode", *["" for _ in sizes], f"{bytecode / MB:,.1f}")
        table.add_section()
        table.add_row("all", *everything, f"{sum(packed.values()) / MB:,.1f}")
        self._console.print(table)

    def system(self, needs: Mapping[str, Sequence[str]]) -> None:
        """Show which libraries the runtime must have."""
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

    def summary(self, manifest: Mapping[str, Any], made: set[str]) -> None:
        """Say what there is now."""
        for part in ("applib", "model", "code"):
            if part in manifest:
                record = manifest[part]
                verb = "built" if part in made else "unchanged"
                self.plain(
                    f"{part:7} {verb:9} {record['packed'] / MB:8,.1f} MB packed {record['unpacked'] / MB:8,.1f} MB unpacked "
                    f"{record['files']:6,} files  {record['path']}"
                )
        unpacked = sum(manifest[part]["unpacked"] for part in ("applib", "model") if part in manifest)
        if unpacked > SMALL_DISK:
            self.plain(
                f"needs an instance disk of 10240 MB: {unpacked / MB:,.1f} MB do not fit into the standard 512 MB"
            )
        if "applib" in manifest and not manifest["applib"].get("imported"):  # or made before builds said so
            python = manifest["target"]["python"]
            self.plain(
                f"WARNING: NOT CHECKED: no Python {python} that can run it has imported this applib and the function. Put a "
                f"python{python} on PATH, or let uv or pyenv install one, and build again; `heavylift deploy --cloud` refuses it "
                "without --unchecked"
            )

    @staticmethod
    def plain(text: str) -> None:
        """Print a line without rich."""
        import sys

        sys.stdout.write(text + "\n")


def _packed_size(files: Sequence[str], packed: Mapping[str, int]) -> int:
    return sum(packed.get(file, 0) for file in files if not file.endswith(".pyc"))
