"""The logs of functions."""

from __future__ import annotations

import time
from pathlib import Path

from localcloud.fc.instances.logs import MAX_INVOCATION, InvocationLog, Logs
from localcloud.fc.model import Function
from localcloud.fc.releases import Release


def test_tail_is_the_last_4096_bytes_and_platform_lines_stand_alone(tmp_path: Path) -> None:
    log = InvocationLog(tmp_path / "f.log")
    log.write(b"no end of line")
    log.line("FC Invoke End")
    assert log.tail == b"no end of line\nFC Invoke End\n"
    log.write(b"x" * 5000)
    assert log.tail == b"x" * 4096
    assert (tmp_path / "f.log").read_text() == "no end of line\nFC Invoke End\n" + "x" * 5000


def test_what_is_not_kept_is_noted_once_wherever_the_output_is_cut(tmp_path: Path) -> None:
    function = Function(service="", name="f", runtime="python3.10", handler="index.handler")
    log = Logs(tmp_path, deliver=lambda *_: None, clock=time.time).begin(Release(function=function, service=None))
    log.write(b"a" * MAX_INVOCATION)
    assert b"FC Note" not in (tmp_path / "functions.f.log").read_bytes()
    for _ in range(2):
        log.write(b"the end")
    assert (tmp_path / "functions.f.log").read_bytes().count(b"FC Note: more than 4,194,304 bytes of output") == 1
    assert log.tail.endswith(b"the end")
