"""Clients of SLS in its official Python SDKs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from alibabacloud_sls20201230.client import Client as GeneratedClient
from alibabacloud_tea_openapi.models import Config
from aliyun.log import LogClient, LogException
from aliyun.log.auth import AUTH_VERSION_1

from tests.support.signers import Key

Running = Any  # the running cloud of tests/support/cloud.py


def client_of(cloud: Running, version: str = AUTH_VERSION_1, *, key: Key | None = None) -> LogClient:
    """Return a client that reaches the cloud by its names under aliyuncs.com, through the gateway as a proxy."""
    key = key or cloud.key
    client = LogClient(
        f"http://{cloud.region}.log.aliyuncs.com",
        key.id,
        key.secret,
        securityToken=key.token,
        auth_version=version,
        region=cloud.region,
        source="127.0.0.1",
    )
    client._session.proxies = {"http": cloud.endpoints["gateway"]}
    return client


def generated_client_of(cloud: Running, *, key: Key | None = None, version: str | None = None) -> GeneratedClient:
    """Return a client of the generated SDK that reaches the cloud in the same way."""
    key = key or cloud.key
    return GeneratedClient(
        Config(
            access_key_id=key.id,
            access_key_secret=key.secret,
            region_id=cloud.region,
            endpoint=f"{cloud.region}.log.aliyuncs.com",
            protocol="http",
            http_proxy=cloud.endpoints["gateway"],
            signature_version=version,
        )
    )


def refusal(call: Callable[..., object], *args: object, **given: object) -> LogException:
    """Return the error that a call is answered with."""
    with pytest.raises(LogException) as caught:
        call(*args, **given)
    return caught.value
