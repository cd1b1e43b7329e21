"""`heavylift start-report`: writes the last start of a log as a picture and as a page that needs no other file."""

from __future__ import annotations

import argparse
import base64
import sys
from html import escape
from pathlib import Path

from heavylift.contracts.startlog import EVENT, ImportTime, Start, find_starts
from heavylift.errors import HeavyliftError
from heavylift.report.limit import Limit, limit_of
from heavylift.report.waterfall import COLOURS, UNKNOWN, draw

_PAGE = """<!doctype html>
<html lang="en"><meta charset="utf-8"><title>{title}</title>
<style>
body {{ font: 16px/1.5 sans-serif; max-width: 75em; margin: 2em auto; padding: 0 1em }}
img {{ width: 100% }}
table {{ border-collapse: collapse }}
td, th {{ padding: .2em 1em .2em 0; text-align: right }}
td:first-child, th:first-child, .spans td:nth-child(2), .spans th:nth-child(2) {{ text-align: left }}
i {{ display: inline-block; width: .8em; height: .8em; margin-right: .5em }}
</style>
<h1>{title}</h1>
{error}<img alt="the start as a waterfall; the tables below have its numbers" src="data:image/png;base64,{picture}">
{limit}{pages}{imports}<h2>Phases</h2>
<table class="spans"><tr><th>phase<th>item<th>from, s<th>to, s<th>busy, s</tr>
{rows}
</table>
</html>
"""
_IMPORTS = """<h2>The import by package</h2>
<p>Seconds to execute the modules of a top-level package, without what these import from other packages.</p>
<table><tr><th>package<th>seconds<th>share<th>modules</tr>
{rows}
</table>
"""


def main(options: argparse.Namespace) -> int:
    """Run the command.

    Raises:
        HeavyliftError: the log cannot be read or tells of no start, or the report cannot be written.
    """
    starts = find_starts(_read(options.log).splitlines())
    if not starts:
        raise HeavyliftError(
            f'{options.log}: holds no start of an instance; pass a function\'s log with a line that holds "event": "{EVENT}"'
        )
    start = starts[-1]
    limit = limit_of(start, bandwidth=options.bandwidth, cores=options.cores)
    picture, page = options.output / "start.png", options.output / "start.html"
    try:
        options.output.mkdir(parents=True, exist_ok=True)
        draw(start, picture, title=_title(start), limit=limit.seconds if limit else None)
        page.write_text(render(start, picture.read_bytes(), limit), encoding="utf-8")
    except OSError as error:
        raise HeavyliftError(
            f"{options.output}: cannot be written ({error.strerror}); name another folder with --output"
        ) from error
    print(f"{picture}\n{page}")
    return 0


def render(start: Start, picture: bytes, limit: Limit | None = None) -> str:
    """Return the page.

    Args:
        start: the start to show.
        picture: its waterfall, a PNG.
        limit: the least that such a start takes, if that is known.
    """
    rows = [
        f'<tr><td><i style="background: {COLOURS.get(span.phase, UNKNOWN)}"></i>{escape(span.phase)}<td>{escape(span.item)}'
        f"<td>{span.start:.3f}<td>{span.end:.3f}<td>{span.busy:.3f}</tr>"
        for span in start.spans
    ]
    return _PAGE.format(
        title=f"{_title(start)}: {start.seconds:.2f} s",
        error=f"<p><strong>It failed: {escape(start.error)}</strong></p>\n" if start.error else "",
        picture=base64.b64encode(picture).decode(),
        limit=f"<p>{escape(limit.explain())}</p>\n" if limit else "",
        pages=_pages(start) if start.pages else "",
        imports=_imports(start.imports) if start.imports else "",
        rows="\n".join(rows),
    )


def _pages(start: Start) -> str:
    pages = start.pages
    assert pages
    return (
        f"<p>{start.fetched / 1e6:,.1f} MB were fetched before it was ready, {pages.later / 1e6:,.1f} MB follow. Code of large "
        f"libraries was opened by {pages.present:,} faults where it was there, and waited for by {pages.absent:,}: "
        f"{pages.waited:.3f} s.</p>\n"
    )


def _imports(packages: tuple[ImportTime, ...]) -> str:
    total = sum(package.seconds for package in packages)
    rows = [
        f"<tr><td>{escape(package.name)}<td>{package.seconds:.3f}<td>{package.seconds / total if total else 0:.0%}"
        f"<td>{package.modules:,}</tr>"
        for package in packages
    ]
    return _IMPORTS.format(rows="\n".join(rows))


def _title(start: Start) -> str:
    return "Start in the first request" if start.mode == "request" else "Start in the initializer"


def _read(log: Path) -> str:
    try:
        return sys.stdin.read() if log == Path("-") else log.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise HeavyliftError(
            f"{log}: cannot be read ({error.strerror}); name a file, or - for the standard input"
        ) from error
