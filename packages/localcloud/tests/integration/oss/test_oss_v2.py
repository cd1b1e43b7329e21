"""The embedded OSS with alibabacloud-oss-v2, the second official Python client."""

from __future__ import annotations

import io
import uuid
from collections.abc import Callable
from typing import Any

import alibabacloud_oss_v2 as oss
import pytest

from tests.support.cloud import Cloud
from tests.support.roles import assume_role
from tests.support.signers import Key


@pytest.fixture(params=["v1", "v4"])
def client(request: pytest.FixtureRequest, cloud: Cloud) -> Any:
    return client_of(cloud, cloud.key, request.param)


def client_of(cloud: Cloud, key: Key, signature: str) -> Any:
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(key.id, key.secret, key.token)
    config.region, config.endpoint, config.signature_version = cloud.region, cloud.endpoints["oss"], signature
    return oss.Client(config)


@pytest.fixture
def bucket(client: Any) -> str:
    name = "v2-" + uuid.uuid4().hex[:12]
    client.put_bucket(oss.PutBucketRequest(bucket=name))
    return name


def test_objects(client: Any, bucket: str) -> None:
    put = client.put_object(
        oss.PutObjectRequest(bucket=bucket, key="a/ü b", body=b"hello", metadata={"colour": "blue"})
    )
    got = client.get_object(oss.GetObjectRequest(bucket=bucket, key="a/ü b"))
    assert (got.body.content, got.etag, got.metadata["colour"]) == (b"hello", put.etag, "blue")
    head = client.head_object(oss.HeadObjectRequest(bucket=bucket, key="a/ü b"))
    assert (head.content_length, head.hash_crc64) == (5, put.hash_crc64)
    ranged = client.get_object(
        oss.GetObjectRequest(bucket=bucket, key="a/ü b", range_header="bytes=1-2", range_behavior="standard")
    )
    assert ranged.body.content == b"el"


def test_paging(client: Any, bucket: str) -> None:
    for number in range(5):
        client.put_object(oss.PutObjectRequest(bucket=bucket, key=f"k{number}", body=b""))
    pages = client.list_objects_v2_paginator().iter_page(oss.ListObjectsV2Request(bucket=bucket, max_keys=2))
    assert [[item.key for item in page.contents] for page in pages] == [["k0", "k1"], ["k2", "k3"], ["k4"]]


def test_the_uploader_and_the_downloader_work_in_parts(client: Any, bucket: str, tmp_path: Any) -> None:
    content = bytes(range(256)) * 3000
    client.uploader(part_size=200_000, parallel_num=3).upload_from(
        oss.PutObjectRequest(bucket=bucket, key="big"), io.BytesIO(content)
    )
    target = tmp_path / "big"
    client.downloader(part_size=200_000, parallel_num=3).download_file(
        oss.GetObjectRequest(bucket=bucket, key="big"), str(target)
    )
    assert target.read_bytes() == content


def test_a_page_of_uploads_names_its_last_one_and_their_parts_the_storage_class(client: Any, bucket: str) -> None:
    page = client.list_multipart_uploads(oss.ListMultipartUploadsRequest(bucket=bucket))
    assert (page.next_key_marker, page.next_upload_id_marker) == (None, None)
    for key in ("a", "b"):
        upload = client.initiate_multipart_upload(
            oss.InitiateMultipartUploadRequest(bucket=bucket, key=key, storage_class="IA")
        )
    page = client.list_multipart_uploads(oss.ListMultipartUploadsRequest(bucket=bucket))
    assert (page.is_truncated, page.next_key_marker, page.next_upload_id_marker) == (False, "b", upload.upload_id)
    parts = client.list_parts(oss.ListPartsRequest(bucket=bucket, key="b", upload_id=upload.upload_id))
    assert parts.storage_class == "IA"


def test_the_endpoint_of_a_listed_bucket_reaches_it(client: Any, bucket: str, cloud: Cloud) -> None:
    listed = client.list_buckets(oss.ListBucketsRequest(prefix=bucket)).buckets[0]
    config = oss.config.load_default()
    config.credentials_provider = oss.credentials.StaticCredentialsProvider(
        cloud.access_key_id, cloud.access_key_secret
    )
    config.region, config.endpoint = listed.region, listed.extranet_endpoint
    assert oss.Client(config).is_bucket_exist(bucket)


def test_errors_carry_the_documented_code(client: Any, bucket: str) -> None:
    with pytest.raises(oss.exceptions.OperationError) as error:
        client.get_object(oss.GetObjectRequest(bucket=bucket, key="none"))
    service_error = error.value.unwrap()
    assert (service_error.status_code, service_error.code) == (404, "NoSuchKey")
    assert service_error.request_id


def test_a_presigned_url_is_taken(client: Any, bucket: str) -> None:
    import requests

    client.put_object(oss.PutObjectRequest(bucket=bucket, key="a b", body=b"hello"))
    signed = client.presign(oss.GetObjectRequest(bucket=bucket, key="a b"))
    assert requests.get(signed.url, headers=dict(signed.signed_headers), timeout=10).content == b"hello"


def test_objects_are_retained_and_held(client: Any, bucket: str) -> None:
    with pytest.raises(oss.exceptions.OperationError) as error:
        client.get_bucket_object_worm_configuration(oss.GetBucketObjectWormConfigurationRequest(bucket=bucket))
    assert (error.value.unwrap().status_code, error.value.unwrap().code) == (404, "NoSuchObjectWormConfiguration")
    client.put_bucket_versioning(
        oss.PutBucketVersioningRequest(
            bucket=bucket, versioning_configuration=oss.VersioningConfiguration(status="Enabled")
        )
    )
    configuration = oss.ObjectWormConfiguration(
        object_worm_enabled="Enabled",
        rule=oss.ObjectWormConfigurationRule(
            default_retention=oss.ObjectWormConfigurationRuleDefaultRetention(mode="COMPLIANCE", days=1)
        ),
    )
    client.put_bucket_object_worm_configuration(
        oss.PutBucketObjectWormConfigurationRequest(bucket=bucket, object_worm_configuration=configuration)
    )
    found = client.get_bucket_object_worm_configuration(oss.GetBucketObjectWormConfigurationRequest(bucket=bucket))
    assert found.object_worm_configuration.rule.default_retention.days == 1
    put = client.put_object(
        oss.PutObjectRequest(
            bucket=bucket,
            key="a",
            body=b"1",
            object_worm_mode="COMPLIANCE",
            object_worm_retain_until_date="2098-01-01T00:00:00Z",
            object_worm_legal_hold="ON",
        )
    )
    head = client.head_object(oss.HeadObjectRequest(bucket=bucket, key="a"))
    assert (head.headers["x-oss-object-worm-mode"], head.headers["x-oss-object-worm-legal-hold"]) == (
        "COMPLIANCE",
        "ON",
    )

    def retain(until: str) -> None:
        client.put_object_retention(
            oss.PutObjectRetentionRequest(
                bucket=bucket, key="a", retention=oss.Retention(mode="COMPLIANCE", retain_until_date=until)
            )
        )

    retain("2099-01-01T00:00:00.000Z")
    for until, code in (("2098-12-31T00:00:00Z", "InvalidRequest"), ("2001-01-01T00:00:00Z", "InvalidArgument")):
        with pytest.raises(oss.exceptions.OperationError) as error:
            retain(until)
        assert error.value.unwrap().code == code
    read = client.get_object_retention(oss.GetObjectRetentionRequest(bucket=bucket, key="a")).retention
    assert (read.mode, read.retain_until_date) == ("COMPLIANCE", "2099-01-01T00:00:00.000Z")
    hold = oss.GetObjectLegalHoldRequest(bucket=bucket, key="a")
    assert client.get_object_legal_hold(hold).legal_hold.status == "ON"
    client.put_object_legal_hold(
        oss.PutObjectLegalHoldRequest(bucket=bucket, key="a", legal_hold=oss.LegalHold(status="OFF"))
    )
    assert client.get_object_legal_hold(hold).legal_hold.status == "OFF"
    client.delete_object(oss.DeleteObjectRequest(bucket=bucket, key="a"))  # which hides it
    with pytest.raises(oss.exceptions.OperationError) as error:
        client.delete_object(oss.DeleteObjectRequest(bucket=bucket, key="a", version_id=put.version_id))
    assert (error.value.unwrap().status_code, error.value.unwrap().code) == (409, "FileImmutable")


def test_a_retention_in_governance_mode_ends_early_for_who_may_bypass_it(
    client: Any, bucket: str, cloud: Cloud
) -> None:
    client.put_bucket_versioning(
        oss.PutBucketVersioningRequest(
            bucket=bucket, versioning_configuration=oss.VersioningConfiguration(status="Enabled")
        )
    )
    default = oss.ObjectWormConfigurationRuleDefaultRetention(mode="GOVERNANCE", days=1)
    client.put_bucket_object_worm_configuration(
        oss.PutBucketObjectWormConfigurationRequest(
            bucket=bucket,
            object_worm_configuration=oss.ObjectWormConfiguration(
                object_worm_enabled="Enabled", rule=oss.ObjectWormConfigurationRule(default_retention=default)
            ),
        )
    )
    client.put_object(oss.PutObjectRequest(bucket=bucket, key="a", body=b"1"))
    assert client.head_object(oss.HeadObjectRequest(bucket=bucket, key="a")).headers["x-oss-object-worm-mode"] == (
        "GOVERNANCE"
    )

    def retain(who: Any, mode: str, until: str, *, bypass: bool | None = None) -> str | None:
        try:
            who.put_object_retention(
                oss.PutObjectRetentionRequest(
                    bucket=bucket,
                    key="a",
                    bypass_governance_retention=bypass,
                    retention=oss.Retention(mode=mode, retain_until_date=until),
                )
            )
        except oss.exceptions.OperationError as error:
            return str(error.unwrap().code)
        return None

    def with_rights(*actions: str) -> Any:
        resources = [f"acs:oss:*:*:{bucket}/*"]
        role = assume_role(cloud, {"Effect": "Allow", "Action": list(actions), "Resource": resources})
        return client_of(cloud, role, "v4")

    role = with_rights("oss:PutObjectRetention")
    early, late = "2098-01-01T00:00:00.000Z", "2099-01-01T00:00:00.000Z"
    assert retain(role, "GOVERNANCE", late) is None
    for mode, until in (("GOVERNANCE", early), ("COMPLIANCE", late)):
        assert retain(role, mode, until) == "InvalidRequest"
        assert retain(role, mode, until, bypass=True) == "AccessDenied"
    may = with_rights("oss:PutObjectRetention", "oss:BypassGovernanceRetention")
    assert retain(may, "GOVERNANCE", early, bypass=True) is None
    assert retain(may, "COMPLIANCE", early, bypass=True) is None
    assert retain(may, "GOVERNANCE", early, bypass=True) == "InvalidRequest"  # nobody eases COMPLIANCE
    read = client.get_object_retention(oss.GetObjectRetentionRequest(bucket=bucket, key="a")).retention
    assert (read.mode, read.retain_until_date) == ("COMPLIANCE", early)


def test_a_sealed_object_grows_no_more(client: Any, bucket: str) -> None:
    def append(position: int) -> Any:
        return client.append_object(oss.AppendObjectRequest(bucket=bucket, key="a", position=position, body=b"12"))

    def seal(key: str, position: int) -> Any:
        return client.seal_append_object(oss.SealAppendObjectRequest(bucket=bucket, key=key, position=position))

    def head() -> Any:
        return client.head_object(oss.HeadObjectRequest(bucket=bucket, key="a")).headers.get("x-oss-sealed-time")

    def refused(call: Callable[[], object]) -> tuple[int, str]:
        with pytest.raises(oss.exceptions.OperationError) as error:
            call()
        return error.value.unwrap().status_code, error.value.unwrap().code

    append(0)
    assert head() is None
    assert refused(lambda: seal("a", 1)) == (409, "PositionNotEqualToLength")
    append(2)
    sealed = seal("a", 4).sealed_time
    assert sealed == seal("a", 4).sealed_time == head()
    assert refused(lambda: append(4)) == (400, "AppendSealedObjectNotAllowed")
    client.put_object(oss.PutObjectRequest(bucket=bucket, key="b", body=b"12"))
    assert refused(lambda: seal("b", 2)) == (409, "ObjectNotAppendable")
    assert refused(lambda: seal("none", 0)) == (404, "NoSuchKey")
