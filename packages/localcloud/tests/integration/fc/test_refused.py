"""Requests that Function Compute must refuse, and what it says then."""

from __future__ import annotations

import io
import json
import urllib.request
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.error import HTTPError

import fc2
import pytest
from alibabacloud_fc_open20210406 import models as models2

Running = Any  # the running cloud of tests/support/cloud.py


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"runtime": "python3.11"},
            "Runtime is set to an invalid value 'python3.11' (allowed: python3, python3.9, python3.10, python3.12, nodejs4.4, ",
        ),
        ({"handler": "index"}, "handler is 'index'; expected MODULE.FUNCTION"),
        ({"memorySize": 100}, "memorySize is 100; expected 128 to 32768 MB in steps of 64"),
        ({"diskSize": 1024}, "diskSize is 1024; expected 512 or 10240 MB"),
        ({"timeout": 86401}, "timeout is 86401; expected 1 to 86400 seconds"),
        (
            {"initializer": "a.b", "initializationTimeout": 301},
            "initializationTimeout is 301; expected 1 to 300 seconds",
        ),
        ({"cpu": 4, "memorySize": 512}, "cpu is 4"),
        ({"environmentVariables": {"FC_MINE": "x"}}, "'FC_MINE' is not allowed"),
        ({"environmentVariables": {"A": "x" * 4096}}, "environmentVariables take 4097 bytes; at most 4096 are allowed"),
    ],
)
def test_settings_beyond_the_limits(
    any_client: Any, code: bytes, refused: Any, settings: Mapping[str, Any], said: str
) -> None:
    if type(any_client).__name__ == "Fc2" and ("diskSize" in settings or "cpu" in settings):
        return  # aliyun-fc2 cannot say these
    with pytest.raises(refused) as error:
        any_client.create("f", code=code, **settings)
    assert (error.value.status, error.value.code) == (400, "InvalidArgument")
    assert said in error.value.message
    assert any_client.functions() == []


def hostile(name: str, *, link: bool = False) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo(name)
        entry.external_attr = (0o120777 if link else 0o100644) << 16
        archive.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "package",
    [b"not a zip", hostile("../out.py"), hostile("/out.py"), hostile("link", link=True)],
    ids=["no zip", "parent", "absolute", "link"],
)
def test_hostile_code_packages(client: Any, refused: Any, package: bytes, cloud: Running) -> None:
    before = set((cloud.data / "fc" / "code").iterdir())
    with pytest.raises(refused) as error:
        client.create("f", code=package)
    assert (error.value.status, error.value.code) == (400, "InvalidArgument")
    assert set((cloud.data / "fc" / "code").iterdir()) <= before


def test_service_that_is_missing_or_in_use(cloud: Running, client: Any, code: bytes, refused: Any) -> None:
    client.create("f", code=code)
    with pytest.raises(refused) as error:
        client._do(lambda: client.client.delete_service(client.service))
    assert (error.value.status, error.value.code) == (409, "ServiceNotEmpty")
    client.delete("f")
    client._do(lambda: client.client.delete_service(client.service))
    with pytest.raises(refused) as error:
        client.get("f")
    assert (error.value.status, error.value.code) == (404, "ServiceNotFound")


def test_properties_that_are_not_there_are_named(client: Any, code: bytes, refused: Any) -> None:
    with pytest.raises(refused) as error:
        client.create("f", code=code, customContainerConfig={"image": "a"})
    assert error.value.status == 501
    assert "not implemented: customContainerConfig" in error.value.message


def test_operations_that_are_not_served_are_refused_by_name(client: Any, refused: Any) -> None:
    with pytest.raises(refused) as error:
        client._do(lambda: client.client.claim_gpuinstance(models2.ClaimGPUInstanceRequest()))
    assert (error.value.status, error.value.code) == (501, "NotImplemented")
    assert "not implemented: ClaimGPUInstance; the embedded cloud has no GPU" in error.value.message


def test_what_is_not_served_is_refused_by_name_whatever_its_parameters(cloud: Running) -> None:
    client = fc2.Client(
        endpoint=cloud.endpoints["fc"], accessKeyID=cloud.access_key_id, accessKeySecret=cloud.access_key_secret
    )
    said = []
    for path in ("accountConfigs", "services"):  # the first as @alicloud/fc2 asks for several settings
        path = f"/2016-08-15/{path}"
        query = [("config", "CodeSizeLimit"), ("config", "more")]
        with pytest.raises(fc2.FcError) as error:
            client._do_request("GET", path, client._build_common_headers("GET", path), params=query)
        said.append((error.value.status_code, error.value.err_code))
    assert said == [(501, "NotImplemented"), (400, "IncompleteSignature")]


@pytest.mark.parametrize("kind", ["fc2", "open2021", "fc3"])
def test_wrong_secret(cloud: Running, client_of: Callable[..., Any], refused: Any, kind: str) -> None:
    with pytest.raises(Exception, match=r"SignatureNotMatch|SignatureDoesNotMatch") as error:
        client_of(replace(cloud, access_key_secret="x" * 30), kind).functions()
    assert cloud.access_key_secret not in str(error.value)


@pytest.mark.parametrize("kind", ["fc2", "open2021", "fc3"])
def test_unknown_key(cloud: Running, client_of: Callable[..., Any], kind: str) -> None:
    with pytest.raises(Exception, match="InvalidAccessKey"):
        client_of(replace(cloud, access_key_id="LOCALnobody"), kind).functions()


def ask(url: str, headers: Mapping[str, str]) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=dict(headers))) as response:
            return response.status, json.load(response)
    except HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.mark.parametrize("path", ["/2016-08-15/services", "/2021-04-06/services", "/2023-03-30/functions"])
@pytest.mark.parametrize("authorization", [None, "FC nothing", "Bearer token"])
def test_unsigned(cloud: Running, path: str, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    status, body = ask(cloud.endpoints["fc"] + path, headers)
    assert 400 <= status < 404
    assert body["ErrorCode"] == body["Code"]
    assert body["RequestId"]


def test_instances_are_shown_to_the_owner_only(cloud: Running) -> None:
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        status, body = ask(cloud.endpoints["fc"] + "/-/localcloud/instances", headers)
        assert status == 401
        assert "instances" not in body
