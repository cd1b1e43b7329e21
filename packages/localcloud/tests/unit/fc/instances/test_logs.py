"""The logs of functions."""

from __future__ import annotations

from pathlib import Path

from localcloud.fc.instances.logs import InvocationLog


def test_tail_is_the_last_4096_bytes_and_platform_lines_stand_alone(tmp_path: Path) -> None:
    log = InvocationLog(tmp_path / "f.log")
    log.write(b"no end of line")
    log.line("FC Invoke End")
    assert log.tail == b"no end of line\nFC Invoke End\n"
    log.write(b"x" * 5000)
    assert log.tail == b"x" * 4096
    assert (tmp_path / "f.log").read_text() == "no end of line\nFC Invoke End\n" + "x" * 5000
