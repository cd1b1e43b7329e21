"""The page of the clients' operations says what the embedded cloud answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.cloud import Cloud
from tools.coverage import FC_NODE, PAGE, write_page


@pytest.mark.node
def test_the_page_of_coverage_is_what_the_cloud_answers(
    start_cloud: Callable[..., Cloud], tmp_path: Path, node_project: Callable[[Path, str], Path]
) -> None:
    node = node_project(FC_NODE, "fc-node-tests") / "node_modules"
    written = write_page(start_cloud(tmp_path / "data"), node)
    assert written == PAGE.read_text(), "run `make coverage`"
