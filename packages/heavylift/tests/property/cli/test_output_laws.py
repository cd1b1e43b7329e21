"""Whatever is said comes out as it was, at a terminal and in a pipe."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from contextlib import redirect_stdout

from hypothesis import example, given, settings
from hypothesis import strategies as st

from heavylift.cli.output import Output, make_console

PROGRAM = "from heavylift.cli.output import Output\nwith Output(as_json=False).progress({title!r}, 10) as done: done(5)"
texts = st.text() | st.sampled_from(
    [":ram: [bold]x[/bold]", "[/]", "\\[x]", "\x1b[31m", "word " * 100, "\t\r", "a\u2028b"]
)
leaves = st.none() | st.booleans() | st.integers() | texts
values = leaves | st.lists(leaves, max_size=3) | st.dictionaries(texts, leaves, max_size=3)
at_any_pace = settings(deadline=None)


def said(output: Output, record: dict[str, object], text: str | bytes | None) -> bytes:
    written = io.BytesIO()
    stream = io.TextIOWrapper(written, encoding="utf-8", errors="backslashreplace", newline="\n")
    with redirect_stdout(stream):
        output.emit(record, text)
    return written.getvalue()


@at_any_pace
@given(texts)
@example("arn:acs:ram::1:role/x")
def test_text_comes_out_as_it_was(text: str) -> None:
    assert said(Output(as_json=False), {}, text) == f"{text}\n".encode()


@at_any_pace
@given(st.binary())
def test_bytes_come_out_alone(data: bytes) -> None:
    assert said(Output(as_json=False), {}, data) == data


@at_any_pace
@given(st.dictionaries(texts, values, max_size=3))
@example({"half of a character": "\ud800"})
def test_a_record_is_one_line_of_json(record: dict[str, object]) -> None:
    line = said(Output(as_json=True), record, "for people")
    assert line.count(b"\n") == 1
    assert json.loads(line) == record


@at_any_pace
@given(st.text(st.characters(categories=["L", "N", "P", "S"])) | st.just(":ram: [bold]x[/bold] http://x/ 1e5 'y'"))
def test_the_console_of_the_demo_adds_nothing(text: str) -> None:
    console = make_console()
    console.file = io.StringIO()
    console.print(text, soft_wrap=True)
    assert console.file.getvalue() == f"{text}\n"


def test_the_title_of_a_bar_is_shown_as_it_is() -> None:
    title = ":ram: [bold]x[/bold]"
    ours, theirs = os.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    subprocess.run([sys.executable, "-c", PROGRAM.format(title=title)], stdout=theirs, env=environment, check=True)
    os.close(theirs)
    shown = os.read(ours, 65536).decode(errors="replace")
    os.close(ours)
    assert title in shown
