"""The plugin of pytest, found where `aliyun-localcloud` is installed; it starts nothing until a test asks for its fixture."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from localcloud.cloud import Cloud, run_cloud


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option of the fixture `localcloud`."""
    parser.getgroup("localcloud").addoption(
        "--localcloud-data",
        type=Path,
        metavar="DIR",
        help="keep the embedded cloud's state in DIR from one run to the next (default: a temporary folder)",
    )


@pytest.fixture(scope="session")
def localcloud(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    """Run an embedded Alibaba Cloud until the last test is done; each process of pytest-xdist has its own."""
    kept: Path | None = request.config.getoption("--localcloud-data")
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    data = kept.resolve() / worker if kept else tmp_path_factory.mktemp("localcloud")
    with run_cloud(data) as cloud:
        yield cloud


@pytest.fixture
def empty_localcloud(localcloud: Cloud) -> Cloud:
    """Return the embedded cloud of the run, with nothing in it that earlier tests have left."""
    localcloud.reset()
    return localcloud
