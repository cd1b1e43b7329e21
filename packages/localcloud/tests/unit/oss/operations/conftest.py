"""Objects on a clock that tests move."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.oss.operations.service import OssService
from tests.support.clock import Clock


@pytest.fixture
def clock() -> Clock:
    """The service's clock."""
    return Clock()


@pytest.fixture
def service(tmp_path: Path, clock: Clock) -> Iterator[OssService]:
    """A service with the bucket `kept`."""
    service = OssService(tmp_path, account_id="1111111111111111", region="cn-hangzhou", clock=clock)
    service.buckets.create("kept")
    yield service
    service.close()
