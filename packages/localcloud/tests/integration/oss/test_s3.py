"""The S3 protocol of the embedded OSS with boto3, AWS's official Python client."""

from __future__ import annotations

import base64
import hashlib
import io
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import boto3
import boto3.s3.transfer
import pytest
import requests
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from localcloud.oss.signing.aws4 import piece_signer
from tests.support.cloud import Cloud

MIB = 1024**2


def client_of(
    cloud: Cloud, secret: str | None = None, endpoint: str | None = None, verify: str | None = None, **settings: Any
) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=endpoint or cloud.endpoints["oss"],
        region_name=cloud.region,
        aws_access_key_id=cloud.access_key_id,
        aws_secret_access_key=secret or cloud.access_key_secret,
        verify=verify,
        config=Config(retries={"total_max_attempts": 1}, **settings),
    )


@pytest.fixture
def s3(cloud: Cloud) -> Iterator[Any]:
    client = client_of(cloud)
    yield client
    client.close()


@pytest.fixture
def bucket(s3: Any) -> str:
    name = "s3-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name)
    return name


def code_of(error: pytest.ExceptionInfo[ClientError]) -> tuple[int, str]:
    answer = error.value.response
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def test_objects_are_those_of_the_other_protocol(cloud: Cloud, s3: Any, bucket: str) -> None:
    s3.put_object(
        Bucket=bucket, Key="a/ü b+c", Body=b"hello", Metadata={"colour": "blue"}, ContentType="text/x", Tagging="k=v"
    )
    got = s3.get_object(Bucket=bucket, Key="a/ü b+c", Range="bytes=1-2")
    assert (got["Body"].read(), got["ContentRange"], got["Metadata"], got["ContentType"], got["TagCount"]) == (
        *(b"el", "bytes 1-2/5"),
        *({"colour": "blue"}, "text/x", 1),
    )
    assert not [name for name in got["ResponseMetadata"]["HTTPHeaders"] if name.startswith("x-oss-")]
    native = cloud.bucket(bucket).get_object("a/ü b+c")
    assert (native.read(), native.headers["x-oss-meta-colour"]) == (b"hello", "blue")


@pytest.mark.parametrize("body", [b"<ListBucketResult><Name>mine</Name></ListBucketResult>", b"no <XML", b""])
def test_an_object_that_is_xml_is_no_answer_to_be_translated(s3: Any, bucket: str, body: bytes) -> None:
    s3.put_object(Bucket=bucket, Key="document", Body=body, ContentType="application/xml")
    assert s3.get_object(Bucket=bucket, Key="document")["Body"].read() == body


def test_buckets_are_listed_located_and_deleted(cloud: Cloud, s3: Any, bucket: str) -> None:
    assert bucket in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] == f"oss-{cloud.region}"
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == cloud.region
    s3.delete_bucket(Bucket=bucket)
    with pytest.raises(ClientError) as error:
        s3.head_bucket(Bucket=bucket)
    assert code_of(error) == (404, "404")


def test_buckets_are_listed_page_by_page(s3: Any) -> None:
    prefix = "pages-" + uuid.uuid4().hex[:12]
    names = [f"{prefix}-{number}" for number in range(3)]
    for name in names:
        s3.create_bucket(Bucket=name)
    first = s3.list_buckets(Prefix=prefix, MaxBuckets=2)
    assert [each["Name"] for each in first["Buckets"]] == names[:2]
    last = s3.list_buckets(Prefix=prefix, MaxBuckets=2, ContinuationToken=first["ContinuationToken"])
    assert [each["Name"] for each in last["Buckets"]] == names[2:]
    assert "ContinuationToken" not in last


def test_a_condition_on_what_is_not_there_counts_where_versions_are_kept(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket=bucket, Key="lock", Body=b"1")
    with pytest.raises(ClientError, match=r"PreconditionFailed.*At least one of the pre-conditions"):
        s3.put_object(Bucket=bucket, Key="lock", Body=b"2", IfNoneMatch="*")


def test_a_body_in_signed_pieces_is_put_together(cloud: Cloud, s3: Any, bucket: str) -> None:
    content = bytes(range(256)) * 1000
    url = f"{cloud.endpoints['oss']}/{bucket}/a"
    headers = {
        "x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "x-amz-decoded-content-length": str(len(content)),
        "content-encoding": "aws-chunked",
    }
    request = signed(cloud, "PUT", url, b"", headers)
    signer = piece_signer({name.lower(): value for name, value in request.headers.items()}, cloud.access_key_secret)
    body = b""
    for piece in (content[:65536], content[65536:], b""):
        signature = signer.piece(hashlib.sha256(piece).hexdigest())
        body += f"{len(piece):x};chunk-signature={signature}\r\n".encode() + piece + b"\r\n"
    assert requests.put(url, data=body, headers=dict(request.headers), timeout=10).status_code == 200
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == content
    assert "ContentEncoding" not in s3.head_object(Bucket=bucket, Key="a")


def test_pieces_that_are_not_as_long_as_they_say_are_refused(cloud: Cloud, s3: Any, bucket: str) -> None:
    url = f"{cloud.endpoints['oss']}/{bucket}/short"
    kind = {"x-amz-content-sha256": "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"}
    request = signed(cloud, "PUT", url, b"", {**kind, "x-amz-decoded-content-length": "6"})
    signer = piece_signer({name.lower(): value for name, value in request.headers.items()}, cloud.access_key_secret)
    body = b""
    for piece in (b"hello", b""):
        signature = signer.piece(hashlib.sha256(piece).hexdigest())
        body += f"{len(piece):x};chunk-signature={signature}\r\n".encode() + piece + b"\r\n"
    answer = requests.put(url, data=body, headers=dict(request.headers), timeout=10)
    assert (answer.status_code, "x-amz-decoded-content-length says 6" in answer.text) == (400, True)
    assert "Contents" not in s3.list_objects_v2(Bucket=bucket, Prefix="short")


def test_a_header_of_s3_that_nobody_signed_is_refused(cloud: Cloud, bucket: str) -> None:
    url = f"{cloud.endpoints['oss']}/{bucket}/a"
    request = signed(cloud, "PUT", url, b"", {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    headers = {**dict(request.headers), "x-amz-acl": "public-read"}
    answer = requests.put(url, data=b"", headers=headers, timeout=10)
    assert (answer.status_code, "not signed: x-amz-acl" in answer.text) == (403, True)


@pytest.mark.parametrize(
    ("setting", "refusal"),
    [
        ("when_supported", ("InvalidArgument", "Content-Encoding", "aws-chunked", "0017-00000804")),
        ("when_required", None),
    ],
)
def test_trailers_behind_a_body_which_boto3_sends_over_tls_are_refused(
    cloud: Cloud, bucket: str, setting: str, refusal: tuple[str, ...] | None
) -> None:
    over_tls = client_of(
        cloud,
        endpoint=f"https://s3.oss-{cloud.region}.aliyuncs.com",
        proxies={"https": cloud.endpoints["gateway"]},
        verify=cloud.endpoints["authority"],
        request_checksum_calculation=setting,
        s3={"addressing_style": "virtual"},
    )
    try:
        over_tls.put_object(Bucket=bucket, Key="a", Body=b"hello")
    except ClientError as error:
        told = error.response["Error"]
        assert tuple(told[name] for name in ("Code", "ArgumentName", "ArgumentValue", "EC")) == refusal
    else:
        assert refusal is None
        assert over_tls.get_object(Bucket=bucket, Key="a")["Body"].read() == b"hello"
    finally:
        over_tls.close()


@pytest.mark.parametrize("kind", ["STREAMING-UNSIGNED-PAYLOAD-TRAILER", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"])
def test_pieces_that_oss_does_not_know_are_refused_by_name(cloud: Cloud, bucket: str, kind: str) -> None:
    headers = {"x-amz-content-sha256": kind, "x-amz-decoded-content-length": "0"}
    url = f"{cloud.endpoints['oss']}/{bucket}/a"
    assert send(cloud, "PUT", url, b"0\r\n\r\n", headers) == 501
    assert send(cloud, "PUT", url, b"0\r\n\r\n", {**headers, "content-encoding": "aws-chunked"}) == 400


def test_lifecycle_rules_keep_the_form_of_s3(cloud: Cloud, s3: Any, bucket: str) -> None:
    rules: list[dict[str, Any]] = [
        {
            "ID": "one",
            "Status": "Enabled",
            "Filter": {"Prefix": "logs/"},
            "Expiration": {"Days": 400},
            "Transitions": [{"Days": 30, "StorageClass": "STANDARD_IA"}, {"Days": 90, "StorageClass": "GLACIER"}],
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
        },
        {
            "ID": "two",
            "Status": "Disabled",
            "Filter": {
                "And": {"Prefix": "tmp/", "Tags": [{"Key": "k", "Value": "v"}], "ObjectSizeGreaterThan": 1024},
            },
            "Expiration": {"Date": datetime(2030, 1, 1, tzinfo=UTC)},
            "NoncurrentVersionExpiration": {"NoncurrentDays": 3},
        },
        {"ID": "all", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"ExpiredObjectDeleteMarker": True}},
    ]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules[:2]})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules[:2]
    native = cloud.bucket(bucket).get_bucket_lifecycle().rules
    assert [(rule.id, rule.prefix, rule.status) for rule in native] == [
        ("one", "logs/", "Enabled"),
        ("two", "tmp/", "Disabled"),
    ]
    assert [each.storage_class for each in native[0].storage_transitions] == ["IA", "Archive"]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules[2:]})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == rules[2:]
    native_form = [{"ID": "old", "Status": "Enabled", "Prefix": "logs/", "Expiration": {"Days": 3}}]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": native_form})
    assert s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"] == native_form
    s3.put_object(Bucket=bucket, Key="logs/1", Body=b"")
    assert 'rule-id="old"' in s3.head_object(Bucket=bucket, Key="logs/1")["Expiration"]
    newer = {**rules[0], "NoncurrentVersionExpiration": {"NoncurrentDays": 3, "NewerNoncurrentVersions": 2}}
    with pytest.raises(ClientError) as error:
        s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": [newer]})
    assert code_of(error) == (501, "NotImplemented")
    s3.delete_bucket_lifecycle(Bucket=bucket)
    with pytest.raises(ClientError) as error:
        s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert code_of(error) == (404, "NoSuchLifecycleConfiguration")


def test_large_files_go_in_parts_and_come_back(s3: Any, bucket: str) -> None:
    content = bytes(range(256)) * 4 * 1024 * 12
    s3.upload_fileobj(
        io.BytesIO(content),
        bucket,
        "big",
        Config=boto3.s3.transfer.TransferConfig(multipart_threshold=5 * MIB, multipart_chunksize=5 * MIB),
    )
    back = io.BytesIO()
    s3.download_fileobj(bucket, "big", back)
    assert back.getvalue() == content
    assert s3.head_object(Bucket=bucket, Key="big")["ETag"].endswith('-3"')


def test_uploads_are_listed_copied_into_and_aborted(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="source", Body=b"0123456789")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a b")["UploadId"]
    assert [(each["Key"], each["UploadId"]) for each in s3.list_multipart_uploads(Bucket=bucket)["Uploads"]] == [
        ("a b", upload)
    ]
    s3.upload_part_copy(
        Bucket=bucket,
        Key="a b",
        UploadId=upload,
        PartNumber=1,
        CopySource={"Bucket": bucket, "Key": "source"},
        CopySourceRange="bytes=2-4",
    )
    parts = s3.list_parts(Bucket=bucket, Key="a b", UploadId=upload)["Parts"]
    assert [(each["PartNumber"], each["Size"]) for each in parts] == [(1, 3)]
    s3.abort_multipart_upload(Bucket=bucket, Key="a b", UploadId=upload)
    assert "Uploads" not in s3.list_multipart_uploads(Bucket=bucket)


def test_copies_keep_or_replace_metadata(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="ä", Body=b"hello", Metadata={"x": "1"})
    source = {"Bucket": bucket, "Key": "ä"}
    s3.copy_object(Bucket=bucket, Key="kept", CopySource=source)
    s3.copy_object(Bucket=bucket, Key="new", CopySource=source, Metadata={"y": "2"}, MetadataDirective="REPLACE")
    assert s3.head_object(Bucket=bucket, Key="kept")["Metadata"] == {"x": "1"}
    assert s3.head_object(Bucket=bucket, Key="new")["Metadata"] == {"y": "2"}


def test_both_lists_page_and_group(s3: Any, bucket: str) -> None:
    keys = ["a/1", "a/2", "b c", "d\x01", "z+"]
    for key in keys:
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    for operation in ("list_objects", "list_objects_v2"):
        pages = s3.get_paginator(operation).paginate(Bucket=bucket, PaginationConfig={"PageSize": 2})
        assert [each["Key"] for page in pages for each in page["Contents"]] == keys
        grouped = getattr(s3, operation)(Bucket=bucket, Delimiter="/")
        assert [each["Prefix"] for each in grouped["CommonPrefixes"]] == ["a/"]
        assert grouped["MaxKeys"] == 1000


def test_only_the_first_page_of_a_list_begins_after_a_key(s3: Any, bucket: str) -> None:
    for key in ("a", "b", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    first = s3.list_objects_v2(Bucket=bucket, StartAfter="a", MaxKeys=1)
    assert [each["Key"] for each in first["Contents"]] == ["b"]
    token = first["NextContinuationToken"]
    second = s3.list_objects_v2(Bucket=bucket, StartAfter="z", ContinuationToken=token)  # as minio's clients do
    assert [each["Key"] for each in second["Contents"]] == ["c"]


def test_encodings_of_a_body_are_kept_as_they_were_sent(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"", ContentEncoding="deflate, gzip")
    assert s3.head_object(Bucket=bucket, Key="a")["ContentEncoding"] == "deflate, gzip"


def with_md5(request: AWSRequest, **_: object) -> None:
    request.headers["Content-MD5"] = base64.b64encode(hashlib.md5(request.body).digest()).decode()


def test_many_objects_are_deleted_at_once_by_who_sends_an_md5(s3: Any, bucket: str) -> None:
    for key in ("a", "b", "c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"")
    wanted = {"Objects": [{"Key": "a"}, {"Key": "b"}]}
    with pytest.raises(ClientError) as error:
        s3.delete_objects(Bucket=bucket, Delete=wanted)
    assert code_of(error) == (400, "MissingArgument")
    assert error.value.response["Error"]["ArgumentName"] == "Content-MD5"
    s3.meta.events.register("before-sign.s3.DeleteObjects", with_md5)
    deleted = s3.delete_objects(Bucket=bucket, Delete=wanted)["Deleted"]
    assert [each["Key"] for each in deleted] == ["a", "b"]
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "c"}], "Quiet": True})
    assert (quiet["ResponseMetadata"]["HTTPStatusCode"], "Deleted" in quiet) == (200, False)
    told = quiet["ResponseMetadata"]["HTTPHeaders"]  # other clients fail when there is no document
    assert (told["content-type"].partition(";")[0], told["content-length"] != "0") == ("application/xml", True)
    empty = s3.list_objects_v2(Bucket=bucket)
    assert (empty["KeyCount"], "Delimiter" in empty) == (0, False)


def test_conditions_that_oss_has_not_protect_what_they_name(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"kept")
    upload = s3.create_multipart_upload(Bucket=bucket, Key="a")["UploadId"]
    part = s3.upload_part(Bucket=bucket, Key="a", UploadId=upload, PartNumber=1, Body=b"new")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    source = {"Bucket": bucket, "Key": "a"}
    s3.meta.events.register("before-sign.s3.DeleteObjects", with_md5)
    writes: list[Callable[[], object]] = [
        lambda: s3.put_object(Bucket=bucket, Key="a", Body=b"new", IfMatch="other"),
        lambda: s3.copy_object(Bucket=bucket, Key="a", CopySource=source, IfMatch="other"),
        lambda: s3.complete_multipart_upload(
            Bucket=bucket, Key="a", UploadId=upload, MultipartUpload=parts, IfMatch="other"
        ),
        lambda: s3.delete_object(Bucket=bucket, Key="a", IfMatch="other"),
        lambda: s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "a", "ETag": "other"}]}),
    ]
    for write in writes:
        with pytest.raises(ClientError, match="NotImplemented"):
            write()
    assert s3.get_object(Bucket=bucket, Key="a")["Body"].read() == b"kept"


def test_tags_and_acls(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"", ACL="public-read")
    s3.put_object_tagging(Bucket=bucket, Key="a", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    assert s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"] == [{"Key": "k", "Value": "v"}]
    s3.delete_object_tagging(Bucket=bucket, Key="a")
    assert s3.get_object_tagging(Bucket=bucket, Key="a")["TagSet"] == []
    grants = s3.get_object_acl(Bucket=bucket, Key="a")["Grants"]
    assert [(each["Grantee"]["Type"], each["Permission"]) for each in grants] == [
        ("CanonicalUser", "FULL_CONTROL"),
        ("Group", "READ"),
    ]
    s3.put_bucket_acl(Bucket=bucket, ACL="public-read-write")
    assert [each["Permission"] for each in s3.get_bucket_acl(Bucket=bucket)["Grants"]] == [
        "FULL_CONTROL",
        "READ",
        "WRITE",
    ]


def test_the_default_encryption_keeps_the_form_of_s3(cloud: Cloud, s3: Any, bucket: str) -> None:
    for algorithm, kept in (("AES256", "AES256"), ("aws:kms", "KMS")):
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": algorithm}}
        s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
        shown = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
        assert shown == {"Rules": [rule]}
        assert cloud.bucket(bucket).get_bucket_encryption().sse_algorithm == kept
        s3.put_object(Bucket=bucket, Key="a", Body=b"")
        assert s3.head_object(Bucket=bucket, Key="a")["ServerSideEncryption"] == algorithm
    s3.delete_bucket_encryption(Bucket=bucket)
    with pytest.raises(ClientError, match="ServerSideEncryptionConfigurationNotFoundError"):
        s3.get_bucket_encryption(Bucket=bucket)


def test_what_oss_has_not_is_no_other_operation(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a", Body=b"1")
    for call in (
        lambda: s3.delete_bucket_ownership_controls(Bucket=bucket),  # would be DeleteBucket
        lambda: s3.delete_bucket_metrics_configuration(Bucket=bucket, Id="x"),
        lambda: s3.get_bucket_notification_configuration(Bucket=bucket),  # would be ListObjects
        lambda: s3.get_public_access_block(Bucket=bucket),
        lambda: s3.get_object(Bucket=bucket, Key="a", PartNumber=2),  # would be the whole object
    ):
        with pytest.raises(ClientError) as error:
            call()  # type: ignore[no-untyped-call] # a lambda has no types
        assert code_of(error) == (501, "NotImplemented")


def test_errors_have_the_form_and_the_codes_of_s3(cloud: Cloud, s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="there", Body=b"")
    for call, expected in (
        (lambda: s3.get_object(Bucket=bucket, Key="none"), (404, "NoSuchKey")),
        (lambda: s3.head_object(Bucket=bucket, Key="none"), (404, "404")),
        (lambda: s3.get_object(Bucket=bucket + "x", Key="none"), (404, "NoSuchBucket")),
        (lambda: s3.put_object(Bucket=bucket, Key="there", Body=b"", IfNoneMatch="*"), (412, "PreconditionFailed")),
        (lambda: s3.get_bucket_lifecycle_configuration(Bucket=bucket), (404, "NoSuchLifecycleConfiguration")),
        (lambda: s3.put_object(Bucket=bucket, Key="a", Body=b"", WebsiteRedirectLocation="/"), (501, "NotImplemented")),
        (lambda: s3.put_object(Bucket=bucket, Key="a", Body=b"x", ChecksumCRC32="AAAAAA=="), (400, "BadDigest")),
        (lambda: client_of(cloud, "wrong").list_buckets(), (403, "SignatureDoesNotMatch")),
    ):
        with pytest.raises(ClientError) as error:
            call()  # type: ignore[no-untyped-call] # a lambda has no types
        assert code_of(error) == expected


def test_presigned_urls_read_and_write_and_expire(s3: Any, bucket: str) -> None:
    named = {"Bucket": bucket, "Key": "a b"}
    put = s3.generate_presigned_url("put_object", Params={**named, "Metadata": {"x": "1"}}, ExpiresIn=60)
    assert requests.put(put, data=b"hello", headers={"x-amz-meta-x": "1"}, timeout=10).status_code == 200
    assert requests.put(put, data=b"hello", headers={"x-amz-acl": "public-read"}, timeout=10).status_code == 403
    got = requests.get(s3.generate_presigned_url("get_object", Params=named), timeout=10)
    assert (got.content, got.headers["x-amz-meta-x"]) == (b"hello", "1")
    changed = s3.generate_presigned_url("get_object", Params=named).replace("a%20b", "c")
    assert requests.get(changed, timeout=10).status_code == 403


def test_version_2_of_the_signatures_which_the_vendor_has_boto3_sign_with(cloud: Cloud, s3: Any, bucket: str) -> None:
    second = client_of(cloud, signature_version="s3")
    second.put_object(Bucket=bucket, Key="a b/ü", Body=b"hello", Metadata={"x": " 1  2 "}, ContentType="text/plain")
    got = second.get_object(Bucket=bucket, Key="a b/ü", ResponseContentType="text/css")
    assert (got["Body"].read(), got["ContentType"], got["Metadata"]) == (b"hello", "text/css", {"x": "1  2"})
    second.put_object(Bucket=bucket, Key="z", Body=b"")
    pages = second.get_paginator("list_objects_v2").paginate(Bucket=bucket, PaginationConfig={"PageSize": 1})
    assert [each["Key"] for page in pages for each in page["Contents"]] == ["a b/ü", "z"]
    upload = second.create_multipart_upload(Bucket=bucket, Key="parts")["UploadId"]
    part = second.upload_part(Bucket=bucket, Key="parts", UploadId=upload, PartNumber=1, Body=b"1")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": part}]}
    second.complete_multipart_upload(Bucket=bucket, Key="parts", UploadId=upload, MultipartUpload=parts)
    second.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_object(Bucket=bucket, Key="parts")["Body"].read() == b"1"
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client_of(cloud, "wrong", signature_version="s3").list_buckets()


def test_urls_signed_with_version_2_read_and_write_and_expire(cloud: Cloud, bucket: str) -> None:
    second = client_of(cloud, signature_version="s3")
    named = {"Bucket": bucket, "Key": "a b"}
    put = second.generate_presigned_url("put_object", Params={**named, "Metadata": {"x": "1"}}, ExpiresIn=60)
    assert requests.put(put, data=b"hello", headers={"x-amz-meta-x": "1"}, timeout=10).status_code == 200
    assert requests.put(put, data=b"hello", headers={"x-amz-acl": "public-read"}, timeout=10).status_code == 403
    url = second.generate_presigned_url("get_object", Params=named)
    got = requests.get(url, timeout=10)
    assert (got.content, got.headers["x-amz-meta-x"]) == (b"hello", "1")
    assert requests.get(url.replace("a%20b", "c"), timeout=10).status_code == 403
    for added in ("symlink", "objectMeta", "x-oss-process=image/info", "tagging"):  # would make it another request
        assert requests.get(f"{url}&{added}", timeout=10).status_code == 403, added
    assert (
        requests.get(second.generate_presigned_url("get_object", Params=named, ExpiresIn=-9), timeout=10).status_code
        == 403
    )
    listed = requests.get(second.generate_presigned_url("list_objects", Params={"Bucket": bucket}), timeout=10)
    assert b"<MaxKeys>1000</MaxKeys>" in listed.content


def test_forms_signed_with_version_2_upload(cloud: Cloud, s3: Any, bucket: str) -> None:
    post = client_of(cloud, signature_version="s3").generate_presigned_post(
        bucket, "a", Fields={"x-amz-meta-x": "1"}, Conditions=[{"x-amz-meta-x": "1"}]
    )
    assert "AWSAccessKeyId" in post["fields"]
    answer = requests.post(post["url"], data=post["fields"], files={"file": b"hello"}, timeout=10)
    assert answer.status_code == 204, answer.text
    got = s3.get_object(Bucket=bucket, Key="a")
    assert (got["Body"].read(), got["Metadata"]) == (b"hello", {"x": "1"})
    wrong = {**post["fields"], "signature": "x"}
    assert requests.post(post["url"], data=wrong, files={"file": b"hello"}, timeout=10).status_code == 403


@pytest.mark.parametrize("host", ["localhost", "s3.localhost", "oss.localhost"])
def test_a_bucket_before_the_host_name_is_read(cloud: Cloud, s3: Any, bucket: str, host: str) -> None:
    named = f"{bucket}.{host}:{cloud.address('oss')[1]}"
    assert send(cloud, "PUT", f"http://{named}/a/b/", b"hello", {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}) == 200
    assert s3.get_object(Bucket=bucket, Key="a/b/")["Body"].read() == b"hello"
    port = cloud.address("oss")[1]
    virtual = {"addressing_style": "virtual"}
    second = client_of(cloud, endpoint=f"http://{host}:{port}", signature_version="s3", s3=virtual)
    url = second.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": f"{bucket}/c d"})
    name = urlsplit(url).netloc
    assert name.startswith(bucket)
    answer = requests.put(url.replace(name, f"127.0.0.1:{port}"), data=b"hello", headers={"Host": name}, timeout=10)
    assert answer.status_code == 200, answer.text
    assert s3.get_object(Bucket=bucket, Key=f"{bucket}/c d")["Body"].read() == b"hello"


def signed(cloud: Cloud, method: str, url: str, body: bytes, headers: dict[str, str]) -> Any:
    request = AWSRequest(method=method, url=url, headers=headers, data=body)
    _AsSaid(Credentials(cloud.access_key_id, cloud.access_key_secret), "s3", cloud.region).add_auth(request)
    return request


def send(cloud: Cloud, method: str, url: str, body: bytes, headers: dict[str, str]) -> int:
    """Sign a request for a URL, send it to loopback whatever name the URL has, and return the status."""
    request, parts = signed(cloud, method, url, body, headers), urlsplit(url)
    sent = {**dict(request.headers), "Host": parts.netloc}
    return requests.request(
        method, cloud.endpoints["oss"] + parts.path, data=body, headers=sent, timeout=10
    ).status_code


class _AsSaid(S3SigV4Auth):  # type: ignore[misc] # botocore has no types
    """Signs what `x-amz-content-sha256` says of the body."""

    def payload(self, request: Any) -> str:
        return str(request.headers["x-amz-content-sha256"])

    def _modify_request_before_signing(self, request: Any) -> None:
        said = request.headers["x-amz-content-sha256"]
        super()._modify_request_before_signing(request)
        del request.headers["x-amz-content-sha256"]
        request.headers["x-amz-content-sha256"] = said


def test_deletions_with_a_second_factor_are_refused_by_name(s3: Any, bucket: str) -> None:
    with pytest.raises(ClientError, match="MfaDelete") as error:
        s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled", "MFADelete": "Enabled"})
    assert code_of(error) == (501, "NotImplemented")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled", "MFADelete": "Disabled"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"


def test_versions_and_delete_markers_are_listed_page_by_page_and_deleted(s3: Any, bucket: str) -> None:
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    assert s3.get_bucket_versioning(Bucket=bucket)["Status"] == "Enabled"
    first, second = (s3.put_object(Bucket=bucket, Key="a b/ü", Body=body)["VersionId"] for body in (b"1", b"22"))
    s3.put_object(Bucket=bucket, Key="c", Body=b"", StorageClass="GLACIER")
    marker = s3.delete_object(Bucket=bucket, Key="a b/ü")
    assert marker["DeleteMarker"] is True
    got = s3.get_object(Bucket=bucket, Key="a b/ü", VersionId=first)
    assert (got["Body"].read(), got["VersionId"]) == (b"1", first)

    pages = s3.get_paginator("list_object_versions").paginate(Bucket=bucket, PaginationConfig={"PageSize": 1})
    found = [
        (each["Key"], each["VersionId"], each["IsLatest"], each.get("Size"), each.get("StorageClass"))
        for page in pages
        for each in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
    ]
    assert found[:3] == [
        ("a b/ü", marker["VersionId"], True, None, None),
        ("a b/ü", second, False, 2, "STANDARD"),
        ("a b/ü", first, False, 1, "STANDARD"),
    ]
    assert [(key, latest, kept) for key, _, latest, _, kept in found[3:]] == [("c", True, "GLACIER")]
    listed = s3.list_object_versions(Bucket=bucket, Delimiter="/")
    assert (listed["MaxKeys"], listed["CommonPrefixes"]) == (1000, [{"Prefix": "a b/"}])

    s3.meta.events.register("before-sign.s3.DeleteObjects", with_md5)
    s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key, "VersionId": name} for key, name, *_ in found]})
    assert "Versions" not in s3.list_object_versions(Bucket=bucket)
    s3.delete_bucket(Bucket=bucket)
