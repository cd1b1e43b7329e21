"""A client of SLS in its official Python SDK, by both versions of its signature, and a project for each test."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from aliyun.log import LogClient
from aliyun.log.auth import AUTH_VERSION_1, AUTH_VERSION_4

from tests.support.sls import client_of

Running = Any  # the running cloud of tests/support/cloud.py


@pytest.fixture(params=[AUTH_VERSION_1, AUTH_VERSION_4])
def client(cloud: Running, request: pytest.FixtureRequest) -> LogClient:
    return client_of(cloud, request.param)


@pytest.fixture
def project(client: LogClient) -> Iterator[str]:
    name = "test-" + uuid.uuid4().hex[:12]
    client.create_project(name, "of tests")
    yield name
    client.delete_project(name)
