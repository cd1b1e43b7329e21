"""Code packages that clients put into Function Compute's own bucket before they make functions of them, as Serverless Devs does."""

from __future__ import annotations

import base64
import json
import uuid
from collections.abc import Callable
from typing import Any

import fc2
import oss2
import pytest
from alibabacloud_fc20230330 import models as models3
from alibabacloud_fc20230330.client import Client as Client3
from alibabacloud_tea_openapi.exceptions import ClientException
from fastcrc.crc64 import xz

Running = Any  # the running cloud of tests/support/cloud.py


@pytest.fixture
def client(cloud: Running) -> fc2.Client:
    return fc2.Client(
        endpoint=cloud.endpoints["fc"], accessKeyID=cloud.access_key_id, accessKeySecret=cloud.access_key_secret
    )


def ask(client: fc2.Client, path: str) -> dict[str, Any]:
    """Ask for a place as @alicloud/fc2 does, which Python's client has no method for."""
    path = f"/2016-08-15/{path}"
    answer = client._do_request("GET", path, client._build_common_headers("GET", path))
    return dict(json.loads(answer.text))


def bucket_of(cloud: Running, place: dict[str, Any]) -> oss2.Bucket:
    keys = place["credentials"]
    auth = oss2.StsAuth(keys["AccessKeyId"], keys["AccessKeySecret"], keys["SecurityToken"], auth_version="v4")
    return oss2.Bucket(auth, cloud.endpoints["oss"], place["ossBucket"], region=cloud.region)


@pytest.mark.parametrize("of_service", [False, True])
def test_a_function_is_made_of_an_uploaded_package(
    cloud: Running, client: fc2.Client, zip_of: Callable[..., bytes], of_service: bool
) -> None:
    service = "up-" + uuid.uuid4().hex[:12]
    client.create_service(service)
    place = ask(client, f"services/{service}/tempCodeBucketToken" if of_service else "tempBucketToken")
    assert place["ossRegion"] == f"oss-{cloud.region}"
    folder = f"{cloud.account_id}/{service}" if of_service else cloud.account_id
    key = f"{folder}/{place['objectName']}"
    bucket = bucket_of(cloud, place)
    bucket.put_object(key, zip_of({"index.py": "def handler(event, context):\n    return b'uploaded'\n"}))
    for refused in (
        lambda: bucket.put_object(f"{folder}/other", b""),
        lambda: bucket.get_object(key),
        lambda: list(oss2.ObjectIterator(bucket)),
    ):
        with pytest.raises(oss2.exceptions.AccessDenied):
            refused()
    client.create_function(
        service, "f", "python3.10", "index.handler", codeOSSBucket=place["ossBucket"], codeOSSObject=key
    )
    assert client.invoke_function(service, "f").data == b"uploaded"
    assert cloud.bucket(place["ossBucket"]).get_bucket_transfer_acceleration().enabled == "true"
    rules = cloud.bucket(place["ossBucket"]).get_bucket_lifecycle().rules
    assert [rule.expiration.days for rule in rules] == [1]


def test_a_package_with_another_checksum_makes_no_function(cloud: Running, zip_of: Callable[..., bytes]) -> None:
    package = zip_of({"index.py": "def handler(event, context):\n    return b'1'\n"})
    client, name = Client3(cloud.config("fc")), "sum-" + uuid.uuid4().hex[:12]

    def create(checksum: int) -> None:
        code = models3.InputCodeLocation(zip_file=base64.b64encode(package).decode(), checksum=str(checksum))
        body = models3.CreateFunctionInput(function_name=name, runtime="python3.10", handler="index.handler", code=code)
        client.create_function(models3.CreateFunctionRequest(body=body))

    with pytest.raises(ClientException, match="checksum") as refused:
        create(1)
    assert (refused.value.status_code, refused.value.code) == (400, "InvalidArgument")
    create(xz(package))


def test_two_places_are_never_one(client: fc2.Client) -> None:
    assert ask(client, "tempBucketToken")["objectName"] != ask(client, "tempBucketToken")["objectName"]
