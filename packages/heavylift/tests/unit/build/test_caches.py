"""The caches of builds: a build waits for its own, and takes of the others what nobody uses."""

from __future__ import annotations

import threading
from pathlib import Path

from heavylift.build.caches import free, taken
from heavylift.build.reporter import Reporter


class Noted(Reporter):
    """Keeps the notes."""

    def __init__(self) -> None:
        super().__init__()
        self.notes: list[str] = []
        self.noted = threading.Event()

    def note(self, text: str) -> None:
        """Keep a note."""
        self.notes.append(text)
        self.noted.set()


def test_the_second_build_with_a_cache_goes_on_when_the_first_has_ended(tmp_path: Path) -> None:
    done: list[str] = []
    report = Noted()

    def second() -> None:
        with taken(tmp_path, report):
            done.append("second")

    thread = threading.Thread(target=second)
    with taken(tmp_path, report):
        assert not report.notes
        thread.start()
        assert report.noted.wait(10)
        done.append("first")
    thread.join(10)
    assert done == ["first", "second"]
    assert report.notes == [f"another build is running with {tmp_path}; this one goes on when it has ended"]


def test_a_cache_that_a_build_uses_serves_no_other(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    other.mkdir()
    with taken(one, Noted()), free([one, other]) as found:
        assert found == [other]
        with free([one, other]) as more:
            assert more == []
    with free([one, other]) as found:
        assert found == [one, other]
