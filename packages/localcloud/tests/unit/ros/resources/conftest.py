"""The services and the resource types, in process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.resource_types import BASE, Cloud


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path)
    yield cloud
    cloud.close()


@pytest.fixture
def based(cloud: Cloud) -> Cloud:
    """A cloud that holds what the samples need."""
    for name, properties in BASE:
        cloud.create(name, **properties)
    return cloud
