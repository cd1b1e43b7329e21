"""Calls of RPC-style APIs by the core of the vendor's older Python SDK."""

from __future__ import annotations

import json
from typing import Any, Protocol

import pytest
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.auth.credentials import AccessKeyCredential, StsTokenCredential
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import RpcRequest

from tests.support.signers import Key

VERSIONS = {"Kms": "2016-01-20", "Ram": "2015-05-01", "ResourceManager": "2020-03-31", "ROS": "2019-09-10"}


class Cloud(Protocol):
    """A running embedded cloud, as its tests or its users' tests have it."""

    @property
    def access_key_id(self) -> str: ...

    @property
    def access_key_secret(self) -> str: ...

    @property
    def region(self) -> str: ...

    def host(self, service: str) -> str: ...


def ask(cloud: Cloud, action: str, key: Key | None = None, /, *, product: str, **parameters: object) -> dict[str, Any]:
    """Call an action as the vendor's SDK does; without a key, with the account's."""
    key = key or Key(cloud.access_key_id, cloud.access_key_secret)
    credential = (
        StsTokenCredential(key.id, key.secret, key.token) if key.token else AccessKeyCredential(key.id, key.secret)
    )
    client = AcsClient(region_id=cloud.region, credential=credential, auto_retry=False)
    request = RpcRequest(product, VERSIONS[product], action)
    request.set_protocol_type("http")
    request.set_method("POST")
    request.set_endpoint(cloud.host(product.lower()))
    request.set_accept_format("JSON")
    for name, value in parameters.items():
        request.add_query_param(name, value)
    answered: dict[str, Any] = json.loads(client.do_action_with_exception(request))
    return answered


def refusal(
    cloud: Cloud, action: str, key: Key | None = None, /, *, product: str, **parameters: object
) -> tuple[int, str]:
    """Return status and code of the error that an action is answered with."""
    with pytest.raises(ServerException) as refused:
        ask(cloud, action, key, product=product, **parameters)
    return refused.value.http_status, refused.value.error_code
