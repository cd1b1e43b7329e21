"""Layers, and the packages that code can be fetched in."""

from __future__ import annotations

import base64
import io
import json
import urllib.request
import zipfile
from collections.abc import Callable, Mapping
from typing import Any
from urllib.error import HTTPError

import pytest
from alibabacloud_fc20230330 import models as models3
from alibabacloud_fc_open20210406 import models as models2

Running = Any  # the running cloud of tests/support/cloud.py
ZipOf = Callable[[Mapping[str, str]], bytes]
TELL = """
import json, os
import first, second
def handler(event, context):
    try:
        open("/opt/python/new.py", "w").close()
        written = True
    except OSError:
        written = False
    return json.dumps([first.NAME, second.NAME, written, os.environ["LD_LIBRARY_PATH"], sorted(os.listdir("/opt"))])
"""


def create_layer(client: Any, name: str, package: bytes) -> Any:
    code = models3.InputCodeLocation(zip_file=base64.b64encode(package).decode())
    body = models3.CreateLayerVersionInput(code=code, compatible_runtime=["python3.10"], description="d")
    return client.create_layer_version(name, models3.CreateLayerVersionRequest(body=body)).body


def test_runtimes_of_a_layer_are_texts(
    client_of: Callable[..., Any], cloud: Running, zip_of: ZipOf, refused: Any
) -> None:
    new = client_of(cloud, "fc3")
    code = models3.InputCodeLocation(zip_file=base64.b64encode(zip_of({"a": ""})).decode())
    body = models3.CreateLayerVersionInput(code=code, compatible_runtime=[3.10])
    request = models3.CreateLayerVersionRequest(body=body)
    with pytest.raises(refused) as error:
        new._do(lambda: new.client.create_layer_version(new.prefix + "l", request))
    assert error.value.code == "InvalidArgument"
    assert "compatibleRuntime: expected a list of texts" in error.value.message


def test_layers_are_merged_below_opt_and_the_first_one_wins(
    cloud: Running, client_of: Callable[..., Any], zip_of: ZipOf, refused: Any
) -> None:
    new = client_of(cloud, "fc3")
    client, name = new.client, new.prefix + "l"
    one = create_layer(client, name, zip_of({"python/first.py": "NAME = 'one'"}))
    two = create_layer(
        client, name, zip_of({"python/first.py": "NAME = 'two'", "python/second.py": "NAME = 'two'", "lib/a": ""})
    )
    assert (one.version, two.version) == (1, 2)
    assert one.layer_version_arn.endswith(f":layers/{name}/versions/1")
    arns = [one.layer_version_arn, two.layer_version_arn]
    made = new.create("f", code=zip_of({"index.py": TELL}), layers=arns)
    assert [(each["arn"], each["size"]) for each in made["layers"]] == [
        (one.layer_version_arn, one.code_size),
        (two.layer_version_arn, two.code_size),
    ]
    assert new.invoke("f").json == ["one", "two", False, "/opt/lib", ["lib", "python"]]

    listed = client.list_layer_versions(name, models3.ListLayerVersionsRequest()).body.layers
    assert [each.version for each in listed] == [2, 1]
    layers = client.list_layers(models3.ListLayersRequest(prefix=name)).body.layers
    assert [each.version for each in layers] == [2]
    assert client.list_layers(models3.ListLayersRequest(official="true")).body.layers == []
    assert client.get_layer_version_by_arn(arns[0]).body.version == 1
    location = client.get_layer_version(name, "1").body.code.location
    with urllib.request.urlopen(location) as response:
        assert zipfile.ZipFile(io.BytesIO(response.read())).read("python/first.py") == b"NAME = 'one'"
    with pytest.raises(HTTPError) as error, urllib.request.urlopen(location.replace("/layers/", "/code/")):
        pass
    assert error.value.code == 403  # an address is one of what it was made for
    error.value.close()
    client.put_layer_acl(name, models3.PutLayerACLRequest(acl="1"))
    assert client.get_layer_version(name, "2").body.acl == "1"

    client.delete_layer_version(name, "1")
    with pytest.raises(refused) as gone:
        new._do(lambda: client.get_layer_version(name, "1"))
    assert (gone.value.status, gone.value.code) == (404, "LayerVersionNotFound")
    new.update("f", description="its layers are still there")
    assert new.invoke("f").json[:2] == ["one", "two"]
    for given, status in ((arns, 404), ([arns[1]] * 6, 400), (["acs:fc:r:official:layers/p/versions/1"], 501)):
        with pytest.raises(refused) as error:
            new.create("g", code=zip_of({"index.py": ""}), layers=given)
        assert error.value.status == status


def test_the_code_of_a_function_can_be_fetched_from_its_address(cloud: Running, any_client: Any, code: bytes) -> None:
    made = any_client.create("f", code=code)
    client = any_client.client
    if hasattr(any_client, "prefix"):
        got = client.get_function_code(any_client.prefix + "f", models3.GetFunctionCodeRequest()).body.to_map()
    elif hasattr(any_client, "bucket"):
        got = client.get_function_code(any_client.service, "f").data
    else:
        got = client.get_function_code(any_client.service, "f", models2.GetFunctionCodeRequest()).body.to_map()
    assert got["checksum"] == made["codeChecksum"]
    assert got["url"].startswith(cloud.endpoints["fc"] + "/")
    with urllib.request.urlopen(got["url"]) as response:
        assert (response.read(), response.headers["x-oss-hash-crc64ecma"]) == (code, got["checksum"])
    for wrong in (got["url"][:-1], got["url"].replace("Expires=", "Expires=9"), got["url"].partition("?")[0]):
        with pytest.raises(HTTPError) as error:
            urllib.request.urlopen(wrong)
        with error.value:
            assert error.value.code == 403
            assert "url" not in json.load(error.value)
