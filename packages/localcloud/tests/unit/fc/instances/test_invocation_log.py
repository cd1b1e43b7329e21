"""The log of an invocation that prints more than is kept."""

from __future__ import annotations

from pathlib import Path

from localcloud.fc.instances.logs import MAX_INVOCATION, Logs


def test_what_is_not_kept_is_noted_once_wherever_the_output_is_cut(tmp_path: Path) -> None:
    log = Logs(tmp_path).begin("functions/f")
    log.write(b"a" * MAX_INVOCATION)
    assert b"FC Note" not in (tmp_path / "functions.f.log").read_bytes()
    for _ in range(2):
        log.write(b"the end")
    assert (tmp_path / "functions.f.log").read_bytes().count(b"FC Note: more than 4,194,304 bytes of output") == 1
    assert log.tail.endswith(b"the end")
