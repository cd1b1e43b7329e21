"""The runtime inside an instance."""

from __future__ import annotations

import datetime
import decimal
import importlib
import io
import logging
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from localcloud.fc.instances.bootstrap import encode, reply
from localcloud.fc.instances.failures import describe, failure_to_load, import_failure
from localcloud.fc.instances.logged import log_to
from localcloud.fc.instances.messages import Failure
from localcloud.fc.instances.wire import MAX_HEAD, join


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (b"\xff", b"\xff"),
        ("é", "é".encode()),
        ({"b": 1, "a": 2}, b'{"a": 2, "b": 1}'),
        (None, b"null"),
        ([decimal.Decimal("1.5"), datetime.date(2026, 11, 29)], b'[1.5, "2026-11-29"]'),
        (datetime.datetime(2026, 11, 29, 1, 2, 3), b'"2026-11-29T01:02:03"'),
        (SimpleNamespace(to_json=lambda: {"own": 1}), b'{"own": 1}'),
    ],
)
def test_results_as_bytes(result: object, expected: bytes) -> None:
    assert encode(result) == expected


@pytest.mark.parametrize("result", [{1}, bytearray(b"a"), object()])
def test_what_has_no_form_in_json_is_no_result(result: object) -> None:
    with pytest.raises(TypeError, match="is not JSON serializable"):
        encode(result)


def failure_of(source: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Failure:
    """Return how the import of a module with that source fails."""
    (folder / "user_code.py").write_text(source)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "user_code", raising=False)
    importlib.invalidate_caches()
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any
        importlib.import_module("user_code")
    return Failure(**import_failure(caught.value, "user_code"))


@pytest.mark.parametrize(
    ("source", "kind", "message", "trace"),
    [
        (
            "import not_there",
            "ImportModuleError",
            "Unable to import module 'user_code'",
            ["ModuleNotFoundError: No module named 'not_there'"],
        ),
        ("int('x')", "InvalidHandleName", "Invalid handler 'user_code'", None),
        ("{}['k']", "UserCodeError", "Module initialization error: ''k''", ["KeyError: 'k'"]),
    ],
)
def test_failures_of_imports_have_the_words_of_the_platform(
    source: str, kind: str, message: str, trace: list[str] | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    failure = failure_of(source, tmp_path, monkeypatch)
    assert (failure.kind, failure.message, failure.during_import) == (kind, message, True)
    assert trace is None or failure.trace == trace


def test_a_syntax_error_is_told_with_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failure = failure_of("a = 1\nb =\n", tmp_path, monkeypatch)
    assert (failure.kind, failure.message) == ("UserCodeSyntaxError", "Syntax error in module 'user_code'")
    assert failure.trace == [
        f'File "{tmp_path}/user_code.py"', "line 2", "b =", "SyntaxError: invalid syntax",
    ]  # fmt: skip


def test_where_an_import_fails_the_log_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failure_of("import not_there", tmp_path, monkeypatch)
    assert f'File "{tmp_path}/user_code.py", line 1' in capsys.readouterr().err


def test_frames_come_in_parts_without_those_of_the_runtime() -> None:
    def fail() -> None:
        raise RuntimeError("no")

    with pytest.raises(RuntimeError) as caught:
        fail()
    failure = Failure(**describe(caught.value))
    assert (failure.kind, failure.message) == ("RuntimeError", "no")
    file, line, name, code = failure.trace[-1]
    assert (file, name, code) == (f'File "{__file__}"', "in fail", 'raise RuntimeError("no")')
    assert line.startswith("line ")


def test_a_failure_fits_into_the_head_of_a_reply() -> None:
    def deep(left: int) -> None:
        if left:
            deep(left - 1)
        raise RuntimeError("é" * 10_000)

    with pytest.raises(RuntimeError) as caught:
        deep(900)
    for failure in (describe(caught.value), failure_to_load(caught.value, "K" * 1000, "m" * 10_000)):
        assert len(join({**reply(failure=failure), "number": 1})) <= MAX_HEAD


def test_logs_have_time_request_and_level(monkeypatch: pytest.MonkeyPatch) -> None:
    root, stream = logging.getLogger(), io.StringIO()
    monkeypatch.setattr(root, "handlers", [])
    monkeypatch.setattr(root, "level", root.level)
    log_to(stream, lambda: "1-a")
    logging.getLogger("mine").info("hello")
    moment, rest = stream.getvalue().split(" ", 1)
    assert rest == "1-a [INFO] hello\n"
    assert datetime.datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S.%fZ")
