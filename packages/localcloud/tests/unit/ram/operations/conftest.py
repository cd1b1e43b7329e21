"""RAM without HTTP: with nothing in it, and with a role that may read."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.ram import RamService
from tests.support.clock import Clock
from tests.support.identities import ACCOUNT, make_reader


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ram(tmp_path: Path, clock: Clock) -> RamService:
    return RamService(tmp_path, account=ACCOUNT, clock=clock)


@pytest.fixture
def reader(ram: RamService) -> RamService:
    return make_reader(ram)
