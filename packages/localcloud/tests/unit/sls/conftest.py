"""An SLS without HTTP, with a clock that tests move and one project."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.sls.model import ProjectSettings
from localcloud.sls.operations.service import SlsService
from tests.support.clock import Clock


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sls(tmp_path: Path, clock: Clock) -> Iterator[SlsService]:
    service = SlsService(tmp_path, clock=clock)
    service.create_project("project", ProjectSettings())
    yield service
    service.close()
