"""The page of the clients' operations says what the embedded cloud answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.support.cloud import Cloud
from tools.coverage import PAGE, write_page


def test_the_page_of_coverage_is_what_the_cloud_answers(start_cloud: Callable[..., Cloud], tmp_path: Path) -> None:
    written = write_page(start_cloud(tmp_path / "data"))
    assert written == PAGE.read_text(), "run `make coverage`"
