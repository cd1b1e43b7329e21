"""Buckets in several regions, with both official Python clients and boto3: by the endpoints' names, and by loopback's."""

from __future__ import annotations

import base64
import hmac
import json
import sqlite3
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2 as oss
import boto3
import oss2
import oss2.models
import pytest
import requests
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client as FcClient
from aliyunsdkcore.acs_exception.exceptions import ServerException
from aliyunsdkcore.client import AcsClient
from aliyunsdkcore.request import RpcRequest
from botocore.config import Config
from botocore.exceptions import ClientError

from localcloud.oss.signing.v4 import derive
from tests.support.cloud import Cloud
from tests.support.roles import make_user
from tests.support.signers import Key

HOME, FAR, OTHER = "cn-hangzhou", "cn-shanghai", "eu-central-1"


@pytest.fixture
def by_name(cloud: Cloud) -> Callable[..., oss2.Bucket]:
    """Make buckets as clients see them that speak to a region's endpoint, through the gateway."""

    def make(
        region: str, name: str = "", *, host: str = "oss-{region}", signed: str | None = None, auth: Any = None
    ) -> oss2.Bucket:
        return oss2.Bucket(
            auth or oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret),
            f"http://{host.format(region=region)}.aliyuncs.com",
            name or new_name(),
            region=signed or region,
            proxies={"http": cloud.endpoints["gateway"]},
        )

    return make


@pytest.fixture
def far(by_name: Callable[..., oss2.Bucket]) -> oss2.Bucket:
    """A bucket of another region than the cloud's."""
    bucket = by_name(FAR)
    bucket.create_bucket()
    return bucket


def new_name() -> str:
    return "region-" + uuid.uuid4().hex[:12]


def refusal_of(call: Callable[[], object]) -> oss2.exceptions.ServerError:
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        call()
    return caught.value


def at(cloud: Cloud, region: str, name: str, auth: Any = None) -> oss2.Bucket:
    """Return a bucket as a client at loopback sees it that signs for a region."""
    auth = auth or oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret)
    return oss2.Bucket(auth, cloud.endpoints["oss"], name, region=region)


def test_a_bucket_is_in_the_region_of_the_endpoint_where_it_was_made(far: oss2.Bucket) -> None:
    far.put_object("key", b"hello")
    assert far.get_object("key").read() == b"hello"
    info = far.get_bucket_info()
    assert (info.location, info.extranet_endpoint, info.intranet_endpoint) == (
        f"oss-{FAR}",
        f"oss-{FAR}.aliyuncs.com",
        f"oss-{FAR}-internal.aliyuncs.com",
    )
    assert far.get_bucket_location().location == f"oss-{FAR}"


@pytest.mark.parametrize("host", ["oss-{region}-internal", "s3.oss-{region}", "{region}.oss"])
def test_all_endpoints_of_its_region_lead_to_a_bucket(
    by_name: Callable[..., oss2.Bucket], far: oss2.Bucket, host: str
) -> None:
    far.put_object("key", b"hello")
    assert by_name(FAR, far.bucket_name, host=host).get_object("key").read() == b"hello"
    made = by_name(OTHER, host=host)
    made.create_bucket()
    assert made.get_bucket_location().location == f"oss-{OTHER}"
    refused = refusal_of(lambda: by_name(OTHER, far.bucket_name, host=host).get_object("key"))
    assert refused.details["Endpoint"] == f"oss-{FAR}.aliyuncs.com"


@pytest.mark.parametrize("auth", [None, oss2.AnonymousAuth()], ids=["signed", "anybody"])
def test_another_regions_endpoint_names_the_right_one(
    by_name: Callable[..., oss2.Bucket], far: oss2.Bucket, auth: Any
) -> None:
    wrong = by_name(HOME, far.bucket_name, auth=auth)
    for call in (
        lambda: wrong.get_object("key"),
        lambda: wrong.put_object("key", b""),
        lambda: wrong.list_objects(),
        lambda: wrong.get_bucket_info(),
        lambda: wrong.put_bucket_acl("private"),
        lambda: wrong.delete_bucket(),
        lambda: wrong.head_object("key"),  # whose answer has no body
    ):
        refused = refusal_of(call)
        assert (refused.status, refused.code, refused.ec) == (403, "AccessDenied", "0003-00001403")
        assert "must be addressed using the specified endpoint" in refused.message
        assert refused.details["Endpoint"] == f"oss-{FAR}.aliyuncs.com"
        assert refused.details["Bucket"] == far.bucket_name


def test_what_no_region_has_is_not_there_by_any_endpoint(by_name: Callable[..., oss2.Bucket]) -> None:
    assert refusal_of(lambda: by_name(FAR).get_object("key")).code == "NoSuchBucket"


def test_a_region_that_there_is_not_is_named(cloud: Cloud) -> None:
    key = oss2.credentials.StaticCredentialsProvider(cloud.key.id, cloud.key.secret)
    service = oss2.Service(oss2.ProviderAuthV4(key), cloud.endpoints["oss"], region=HOME)
    refused = refusal_of(lambda: service.describe_regions("oss-nowhere-1"))
    assert (refused.status, refused.code, refused.message) == (404, "NoSuchRegion", "oss-nowhere-1")


def test_a_name_is_taken_in_all_regions(by_name: Callable[..., oss2.Bucket], far: oss2.Bucket) -> None:
    assert refusal_of(lambda: by_name(HOME, far.bucket_name).create_bucket()).code == "BucketAlreadyExists"
    far.create_bucket()  # one's own, once more


def test_buckets_of_all_regions_are_listed_by_each_endpoint(
    cloud: Cloud, by_name: Callable[..., oss2.Bucket], far: oss2.Bucket
) -> None:
    near = by_name(HOME)
    near.create_bucket()
    for region in (HOME, FAR, OTHER):
        service = oss2.Service(
            oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret),
            f"http://oss-{region}.aliyuncs.com",
            region=region,
            proxies={"http": cloud.endpoints["gateway"]},
        )
        found = {each.name: each for each in service.list_buckets(max_keys=1000).buckets}
        assert found[near.bucket_name].location == f"oss-{HOME}"
        assert found[far.bucket_name].location == f"oss-{FAR}"
        assert found[far.bucket_name].extranet_endpoint == f"oss-{FAR}.aliyuncs.com"


@pytest.mark.parametrize("signed", [HOME, "cn-nowhere-1"])
def test_a_signature_is_for_the_endpoints_region(
    by_name: Callable[..., oss2.Bucket], far: oss2.Bucket, signed: str
) -> None:
    far.put_object("key", b"hello")
    wrong = by_name(FAR, far.bucket_name, signed=signed)
    refused = refusal_of(lambda: wrong.get_object("key"))
    assert (refused.status, refused.code, refused.ec) == (400, "InvalidArgument", "0002-00000226")
    assert refused.message == "Invalid signing region in Authorization header."
    assert refused.details["Expected"] == FAR
    url = wrong.sign_url("GET", "key", 60, slash_safe=True)
    assert "The signing region in credential is invalid." in refusal_of(lambda: wrong.get_object_with_url(url)).message


def test_presigned_urls_of_all_versions(cloud: Cloud, by_name: Callable[..., oss2.Bucket], far: oss2.Bucket) -> None:
    far.put_object("key", b"hello")
    for auth in (None, oss2.Auth(cloud.access_key_id, cloud.access_key_secret)):
        url = by_name(FAR, far.bucket_name, auth=auth).sign_url("GET", "key", 60, slash_safe=True)
        assert requests.get(url, proxies={"http": cloud.endpoints["gateway"]}, timeout=20).content == b"hello"


def test_a_loopback_address_serves_all_regions(cloud: Cloud, far: oss2.Bucket) -> None:
    far.put_object("key", b"hello")
    assert at(cloud, FAR, far.bucket_name).get_object("key").read() == b"hello"
    v1 = at(cloud, "", far.bucket_name, oss2.Auth(cloud.access_key_id, cloud.access_key_secret))
    assert v1.get_object("key").read() == b"hello"
    refused = refusal_of(lambda: at(cloud, HOME, far.bucket_name).get_object("key"))
    assert (refused.code, refused.ec, refused.details["Expected"]) == ("InvalidArgument", "0002-00000226", FAR)
    made = at(cloud, OTHER, new_name())
    made.create_bucket()
    assert made.get_bucket_location().location == f"oss-{OTHER}"
    assert refusal_of(lambda: at(cloud, HOME, made.bucket_name).create_bucket()).code == "BucketAlreadyExists"
    assert made.get_bucket_info().extranet_endpoint == cloud.endpoints["oss"]


def test_the_second_client_makes_buckets_where_its_region_is(cloud: Cloud) -> None:
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(
        cloud.access_key_id, cloud.access_key_secret
    )
    config.region, config.endpoint = FAR, cloud.endpoints["oss"]
    client, name = oss.Client(config), new_name()
    client.put_bucket(oss.PutBucketRequest(bucket=name))
    client.put_object(oss.PutObjectRequest(bucket=name, key="key", body=b"hello"))
    assert client.get_bucket_location(oss.GetBucketLocationRequest(bucket=name)).location == f"oss-{FAR}"
    info = client.get_bucket_info(oss.GetBucketInfoRequest(bucket=name)).bucket_info
    assert info.location == f"oss-{FAR}"
    config.region = HOME
    with pytest.raises(oss.exceptions.OperationError) as caught:
        oss.Client(config).get_object(oss.GetObjectRequest(bucket=name, key="key"))
    error: Any = caught.value.unwrap()
    assert (error.code, error.ec) == ("InvalidArgument", "0002-00000226")


@pytest.mark.parametrize(("kind", "host"), [("dualstack", f"{FAR}.oss"), ("internal", f"oss-{FAR}-internal")])
def test_endpoints_that_the_second_client_makes_up_over_tls(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, kind: str, host: str
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", cloud.endpoints["authority"])
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(
        cloud.access_key_id, cloud.access_key_secret
    )
    monkeypatch.setenv("https_proxy", cloud.endpoints["gateway"])
    config.region = FAR
    config.use_dualstack_endpoint, config.use_internal_endpoint = kind == "dualstack", kind == "internal"
    client, name = oss.Client(config), new_name()
    assert client._client._options.endpoint.netloc == f"{host}.aliyuncs.com"
    client.put_bucket(oss.PutBucketRequest(bucket=name))
    assert client.get_bucket_location(oss.GetBucketLocationRequest(bucket=name)).location == f"oss-{FAR}"


def test_a_location_is_the_endpoints_where_that_has_a_region(cloud: Cloud, by_name: Callable[..., oss2.Bucket]) -> None:
    def put(bucket: oss2.Bucket, location: str) -> None:
        document = f"<CreateBucketConfiguration><LocationConstraint>{location}</LocationConstraint></CreateBucketConfiguration>"
        bucket.create_bucket(input=document)
        assert bucket.get_bucket_location().location == location

    v1 = oss2.Auth(cloud.access_key_id, cloud.access_key_secret)
    put(by_name(FAR), f"oss-{FAR}")
    put(at(cloud, FAR, new_name()), f"oss-{FAR}")
    put(at(cloud, "", new_name(), v1), f"oss-{FAR}")  # where nothing else says one
    for bucket, location in (
        (by_name(HOME), f"oss-{FAR}"),
        (by_name(HOME, auth=v1), f"oss-{FAR}"),
        (at(cloud, HOME, new_name()), f"oss-{FAR}"),
        (at(cloud, "", new_name(), v1), "oss-cn-nowhere"),
    ):
        assert refusal_of(lambda: put(bucket, location)).code == "InvalidLocationConstraint"  # noqa: B023


def test_copies_stay_in_a_region(by_name: Callable[..., oss2.Bucket], far: oss2.Bucket) -> None:
    near = by_name(HOME)
    near.create_bucket()
    far.put_object("key", b"hello")
    upload = near.init_multipart_upload("parts").upload_id
    for call in (
        lambda: near.copy_object(far.bucket_name, "key", "copy"),
        lambda: near.upload_part_copy(far.bucket_name, "key", None, "parts", upload, 1),
    ):
        refused = refusal_of(call)
        assert (refused.status, refused.code, refused.ec) == (403, "AccessDenied", "0016-00000306")
        assert refused.message == "Target object does not reside in the same data center as source object."
    beside = by_name(FAR)
    beside.create_bucket()
    beside.copy_object(far.bucket_name, "key", "copy")
    assert beside.get_object("copy").read() == b"hello"


def test_settings_that_name_another_bucket_name_one_of_the_region(
    by_name: Callable[..., oss2.Bucket], far: oss2.Bucket
) -> None:
    near = by_name(HOME)
    near.create_bucket()
    refused = refusal_of(lambda: far.put_bucket_logging(oss2.models.BucketLogging(near.bucket_name, "logs/")))
    assert refused.code == "InvalidTargetBucketForLogging"
    far.put_bucket_logging(oss2.models.BucketLogging(far.bucket_name, "logs/"))


def test_the_accelerated_endpoint_is_of_all_regions(by_name: Callable[..., oss2.Bucket], far: oss2.Bucket) -> None:
    far.put_object("key", b"hello")
    for host in ("oss-accelerate", "oss-accelerate-overseas"):
        fast = by_name(FAR, far.bucket_name, host=host)
        far.put_bucket_transfer_acceleration("false")
        assert refusal_of(lambda: fast.get_object("key")).details["Endpoint"] == f"oss-{FAR}.aliyuncs.com"  # noqa: B023
        far.put_bucket_transfer_acceleration("true")
        assert fast.get_object("key").read() == b"hello"
        assert refusal_of(lambda: by_name(HOME, far.bucket_name, host=host).get_object("key")).ec == "0002-00000226"  # noqa: B023


def test_the_endpoints_of_the_time_of_one_region_are_hangzhous(
    by_name: Callable[..., oss2.Bucket], far: oss2.Bucket
) -> None:
    near = by_name("cn-hangzhou")
    near.create_bucket()
    for host in ("oss", "oss-internal"):
        by_name("cn-hangzhou", near.bucket_name, host=host).put_object("key", b"hello")
        assert near.get_object("key").read() == b"hello"
        refused = refusal_of(lambda: by_name("cn-hangzhou", far.bucket_name, host=host).get_object("key"))  # noqa: B023
        assert refused.details["Endpoint"] == f"oss-{FAR}.aliyuncs.com"


def test_resources_of_policies_and_access_points_name_the_buckets_region(
    cloud: Cloud, by_name: Callable[..., oss2.Bucket], far: oss2.Bucket
) -> None:
    def of(region: str) -> Key:
        return make_user(cloud, {"Effect": "Allow", "Action": "oss:*", "Resource": f"acs:oss:oss-{region}:*:*"})

    far.put_object("key", b"hello")
    for region, allowed in ((FAR, True), (HOME, False)):
        key = of(region)
        bucket = by_name(FAR, far.bucket_name, auth=oss2.AuthV4(key.id, key.secret))
        if allowed:
            assert bucket.get_object("key").read() == b"hello"
            by_name(FAR, auth=bucket.auth).create_bucket()
        else:
            assert refusal_of(lambda: bucket.get_object("key")).code == "AccessDenied"  # noqa: B023
            assert refusal_of(lambda: by_name(FAR, auth=bucket.auth).create_bucket()).code == "AccessDenied"  # noqa: B023
    point = far.create_access_point(oss2.models.CreateAccessPointRequest("far-" + uuid.uuid4().hex[:8], "internet"))
    assert point.access_point_arn.startswith(f"acs:oss:{FAR}:{cloud.account_id}:accesspoint/")
    assert by_name(FAR, point.alias).get_object("key").read() == b"hello"
    assert refusal_of(lambda: by_name(HOME, point.alias).get_object("key")).ec == "0003-00001403"


def test_s3_at_the_endpoints_of_a_region(cloud: Cloud) -> None:
    def client_of(url: str, region: str = HOME) -> Any:
        return boto3.client(
            "s3",
            endpoint_url=url,
            region_name=region,
            aws_access_key_id=cloud.access_key_id,
            aws_secret_access_key=cloud.access_key_secret,
            config=Config(
                s3={"addressing_style": "path" if "127.0.0.1" in url else "virtual"},
                request_checksum_calculation="when_required",
                proxies={"http": cloud.endpoints["gateway"]} if "127.0.0.1" not in url else None,
            ),
        )

    client, name = client_of(f"http://s3.oss-{FAR}.aliyuncs.com", FAR), new_name()
    client.create_bucket(Bucket=name)
    client.put_object(Bucket=name, Key="key", Body=b"hello")
    assert client.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == FAR
    with pytest.raises(ClientError) as caught:
        client_of(f"http://s3.oss-{HOME}.aliyuncs.com").get_object(Bucket=name, Key="key")
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    local = client_of(cloud.endpoints["oss"])
    assert local.get_object(Bucket=name, Key="key")["Body"].read() == b"hello"
    other = new_name()
    local.create_bucket(Bucket=other, CreateBucketConfiguration={"LocationConstraint": OTHER})
    assert local.get_bucket_location(Bucket=other)["LocationConstraint"].removeprefix("oss-") == OTHER


def test_forms_are_signed_for_the_buckets_region(cloud: Cloud, far: oss2.Bucket) -> None:
    def post(endpoint: str, signed: str) -> requests.Response:
        policy = {"expiration": "2099-01-01T00:00:00.000Z", "conditions": [{"bucket": far.bucket_name}]}
        text = base64.b64encode(json.dumps(policy).encode()).decode()
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        scope = (moment[:8], signed, "oss", "aliyun_v4_request")
        signature = hmac.digest(derive(cloud.access_key_secret, scope), text.encode(), "sha256").hex()
        fields = {
            "key": "a",
            "policy": text,
            "x-oss-signature-version": "OSS4-HMAC-SHA256",
            "x-oss-credential": "/".join((cloud.access_key_id, *scope)),
            "x-oss-date": moment,
            "x-oss-signature": signature,
        }
        files = {name: (None, value) for name, value in fields.items()} | {"file": ("a", b"hello")}
        gateway = {"http": cloud.endpoints["gateway"]}
        return requests.post(
            f"http://{far.bucket_name}.oss-{endpoint}.aliyuncs.com/", files=files, proxies=gateway, timeout=20
        )

    assert post(FAR, FAR).status_code == 204
    assert far.get_object("a").read() == b"hello"
    assert "InvalidArgument" in post(FAR, HOME).text
    assert f"<Endpoint>oss-{FAR}.aliyuncs.com</Endpoint>" in post(HOME, FAR).text


def test_functions_take_code_from_buckets_of_the_home_region(cloud: Cloud, far: oss2.Bucket) -> None:
    far.put_object("code.zip", b"PK")
    body = models.CreateFunctionInput(
        function_name="far",
        handler="index.handler",
        runtime="python3.10",
        code=models.InputCodeLocation(oss_bucket_name=far.bucket_name, oss_object_name="code.zip"),
    )
    with pytest.raises(Exception, match=f"Endpoint.*oss-{FAR}|must be addressed using the specified endpoint"):
        FcClient(cloud.config("fc")).create_function(models.CreateFunctionRequest(body=body))


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_other_services_say_in_their_own_words_that_they_are_in_one_region(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch, scheme: str
) -> None:
    monkeypatch.setenv(f"{scheme}_proxy", cloud.endpoints["gateway"])
    authority = cloud.endpoints["authority"]
    client = AcsClient(cloud.access_key_id, cloud.access_key_secret, FAR, auto_retry=False, verify=authority)
    request = RpcRequest("Kms", "2016-01-20", "ListKeys", "kms")
    request.set_protocol_type(scheme)
    request.set_endpoint(f"kms.{FAR}.aliyuncs.com")
    with pytest.raises(ServerException, match=f"not implemented: the host kms.{FAR}.aliyuncs.com") as caught:
        client.do_action_with_exception(request)
    assert caught.value.http_status == 421


@pytest.fixture
def aged(start_cloud: Callable[..., Cloud], tmp_path: Path) -> Callable[..., Cloud]:
    """Start a cloud on a folder that a release has left which knew one region."""
    cloud = start_cloud(tmp_path / "data")
    cloud.bucket("old-bucket").create_bucket()
    cloud.bucket("old-bucket").put_object("key", b"hello")
    cloud.stop()
    with sqlite3.connect(tmp_path / "data/oss/oss.sqlite3") as database:
        database.execute("ALTER TABLE buckets DROP COLUMN region")
    database.close()
    return lambda *arguments: start_cloud(tmp_path / "data", *arguments)


def test_buckets_of_earlier_releases_are_in_the_home_region(aged: Callable[..., Cloud]) -> None:
    cloud = aged("--region", FAR)
    bucket = cloud.bucket("old-bucket")
    assert (bucket.get_object("key").read(), bucket.get_bucket_location().location) == (b"hello", f"oss-{FAR}")
    at(cloud, OTHER, "other-bucket").create_bucket()
    cloud.stop()
    again = aged("--region", FAR)
    assert at(again, OTHER, "other-bucket").get_bucket_location().location == f"oss-{OTHER}"
