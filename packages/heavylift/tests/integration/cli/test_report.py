"""The report of a start: what it shows, and what it says when there is nothing to show."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import pytest

from heavylift.cli.main import main
from heavylift.contracts.startlog import parse_start
from heavylift.report.limit import Limit
from heavylift.report.page import render
from heavylift.report.waterfall import draw

RECORD = {
    "event": "heavylift.start",
    "mode": "initializer",
    "started": 1764000000.0,
    "seconds": 3.5,
    "spans": [
        {"phase": "fetch", "item": "applib", "start": 0.25, "end": 2.125, "busy": 5.5},
        {"phase": "import", "item": "<index>", "start": 2.125, "end": 3.5, "busy": 1.375},
    ],
    "bytes": {"fetched": 1, "unpacked": 2},
    "files": 3,
    "retries": 0,
    "peak_disk": 4,
    "peak_memory": 5,
    "memory_before_import": 6,
}
LINE = json.dumps(RECORD)


def test_the_last_start_is_drawn(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text(f"other\n{json.dumps({**RECORD, 'seconds': 9.0})}\nFC Initialize End\n{LINE}\n")
    assert main(["start-report", str(log), "--output", str(tmp_path / "out")]) == 0
    picture, page = (tmp_path / "out/start.png").read_bytes(), (tmp_path / "out/start.html").read_text()
    assert picture.startswith(b"\x89PNG")
    assert "3.50 s" in page
    assert "9.00 s" not in page
    (inlined,) = re.findall(r"base64,([^\"]+)", page)
    assert base64.b64decode(inlined) == picture


def test_the_page_has_the_numbers_and_needs_no_other_file() -> None:
    page = render(parse_start(LINE), b"picture")
    assert "fetch<td>applib<td>0.250<td>2.125<td>5.500" in page
    assert "&lt;index&gt;" in page  # names come from a log, and may hold anything
    assert "<index>" not in page
    assert not re.search(r"(src|href)=.(?!data:)", page)


def test_the_page_tells_of_libraries_that_came_by_pages() -> None:
    pages = {"later": 2_000_000, "present": 12, "absent": 3, "waited": 0.25}
    page = render(parse_start(json.dumps({**RECORD, "pages": pages})), b"")
    assert "2.0 MB follow" in page
    assert "12 faults" in page
    assert "waited for by 3: 0.250 s" in page


def test_a_failed_start_says_so() -> None:
    failed = json.dumps({**RECORD, "error": {"type": "StoreError", "message": "<refused>"}})
    assert "StoreError: &lt;refused&gt;" in render(parse_start(failed), b"")
    assert "failed" not in render(parse_start(LINE), b"")


def test_the_page_explains_the_limit_when_there_is_one() -> None:
    start = parse_start(LINE)
    limit = Limit(wire=1.25, work=None, fetched=1, bandwidth=2.0, cores=None)
    assert limit.explain() in render(start, b"", limit)
    assert "limit" not in render(start, b"")


@pytest.mark.parametrize(
    ("record", "options", "limit"),
    [
        ({}, [], None),
        ({}, ["--cores", "1"], "1.38 s"),
        ({"cores": 2}, ["--cores", "1"], "0.69 s"),
        ({"bytes": {"fetched": 1_000_000_000, "unpacked": 1}}, ["--bandwidth", "4"], "2.00 s"),
        ({"bytes": {"fetched": 1_000_000_000, "unpacked": 1}, "cores": 1}, ["--bandwidth", "8"], "1.38 s"),
    ],
)
def test_the_limit_comes_from_the_log_and_the_options(
    record: dict[str, Any], options: list[str], limit: str | None, tmp_path: Path
) -> None:
    (tmp_path / "log").write_text(json.dumps({**RECORD, **record}))
    assert main(["start-report", str(tmp_path / "log"), "--output", str(tmp_path), *options]) == 0
    page = (tmp_path / "start.html").read_text()
    assert re.findall(r"limit of this start, ([^,]*),", page) == ([limit] if limit else [])
    # The picture has the line if the page has the sentence.
    draw(parse_start(json.dumps({**RECORD, **record})), tmp_path / "bare.png", title="Start in the initializer")
    assert ((tmp_path / "start.png").read_bytes() != (tmp_path / "bare.png").read_bytes()) is (limit is not None)


@pytest.mark.parametrize("option", ["--bandwidth", "--cores"])
@pytest.mark.parametrize("value", ["0", "-1", "fast", "nan", "inf"])
def test_an_option_that_is_no_number_above_0_is_wrong_usage(
    option: str, value: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["start-report", "log", f"{option}={value}"])
    assert f"'{value}' is not a number above 0" in capsys.readouterr().err


def test_the_page_has_a_table_of_the_imports_when_the_line_has_them() -> None:
    imports = [
        {"package": "tensorflow", "seconds": 0.75, "modules": 2100},
        *({"package": f"<library{place}>", "seconds": 0.01, "modules": 1} for place in range(20)),
        {"package": "others", "seconds": 0.05, "modules": 12},
    ]
    page = render(parse_start(json.dumps({**RECORD, "imports": imports})), b"")
    assert "<td>tensorflow<td>0.750<td>75%<td>2,100<" in page
    assert "<td>&lt;library19&gt;<td>0.010<td>1%<td>1<" in page  # all of them, where the picture has ten
    assert "<td>others<td>0.050<td>5%<td>12<" in page
    assert "by package" not in render(parse_start(LINE), b"")


def test_imports_of_no_time_have_no_share() -> None:
    imports = [{"package": "tensorflow", "seconds": 0, "modules": 0}]
    assert "<td>tensorflow<td>0.000<td>0%<td>0<" in render(parse_start(json.dumps({**RECORD, "imports": imports})), b"")


def test_the_standard_input_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(LINE))
    assert main(["start-report", "-", "--output", str(tmp_path)]) == 0
    assert (tmp_path / "start.html").exists()


def test_a_log_without_a_start_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_text("FC Invoke Start\n")
    assert main(["start-report", str(tmp_path / "log"), "--output", str(tmp_path / "out")]) == 1
    assert "holds no start" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_missing_log_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["start-report", str(tmp_path / "none")]) == 1
    assert "No such file" in capsys.readouterr().err


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "log").write_text(LINE)
    assert main(["start-report", str(tmp_path / "log"), "--output", str(tmp_path / "log")]) == 1
    assert "--output" in capsys.readouterr().err
