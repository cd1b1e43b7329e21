"""Requests as the clients of other languages write them: older signatures, spare elements, parts of names."""

from __future__ import annotations

import base64
import hashlib
import hmac
import uuid
from datetime import UTC, datetime
from email.utils import format_datetime

import oss2
import pytest
import requests

from tests.support.cloud import Cloud

PART = 100 * 1024  # bytes


@pytest.fixture(scope="module")
def bucket(cloud: Cloud) -> oss2.Bucket:
    made = cloud.bucket("others-" + uuid.uuid4().hex[:12])
    made.create_bucket()
    return made


def post(bucket: oss2.Bucket, key: str, parameters: dict[str, str], body: str = "") -> requests.Response:
    url = bucket.sign_url("POST", key, 60, params=parameters, slash_safe=True)
    return requests.post(url, data=body.encode(), timeout=20)


def test_version_2_of_signatures_is_taken(cloud: Cloud, bucket: oss2.Bucket) -> None:
    keys = cloud.access_key_id, cloud.access_key_secret
    older = oss2.Bucket(oss2.AuthV2(*keys), cloud.endpoints["oss"], bucket.bucket_name)
    older.put_object("a b/ü+c", b"content", headers={"x-oss-meta-colour": "blue"})
    assert [each.key for each in oss2.ObjectIterator(older, prefix="a b/")] == ["a b/ü+c"]
    url = older.sign_url("GET", "a b/ü+c", 60, headers={"range": "bytes=0-2"}, additional_headers={"range"})
    assert requests.get(url, headers={"range": "bytes=0-2"}, timeout=20).content == b"con"
    assert requests.get(url, headers={"range": "bytes=0-3"}, timeout=20).status_code == 403
    wrong = oss2.Bucket(oss2.AuthV2(keys[0], "other"), cloud.endpoints["oss"], bucket.bucket_name)
    with pytest.raises(oss2.exceptions.SignatureDoesNotMatch):
        wrong.get_object("a b/ü+c")


def test_version_4_signs_the_text_of_date_without_a_time_of_its_own(cloud: Cloud, bucket: oss2.Bucket) -> None:
    date = format_datetime(datetime.now(UTC), usegmt=True)
    scope = f"{datetime.now(UTC):%Y%m%d}/{cloud.region}/oss/aliyun_v4_request"
    canonical = f"GET\n/{bucket.bucket_name}/\nmax-keys=1\n\n\nUNSIGNED-PAYLOAD"
    text = f"OSS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    key = b"aliyun_v4" + cloud.access_key_secret.encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    claim = f"OSS4-HMAC-SHA256 Credential={cloud.access_key_id}/{scope},Signature={signature}"
    url = f"{cloud.endpoints['oss']}/{bucket.bucket_name}/?max-keys=1"
    assert requests.get(url, headers={"Date": date, "Authorization": claim}, timeout=20).status_code == 200


@pytest.mark.parametrize("resource", ["/{}", "/{}/"])
def test_version_1_signs_the_path_of_a_bucket_with_or_without_its_slash(
    cloud: Cloud, bucket: oss2.Bucket, resource: str
) -> None:
    date = format_datetime(datetime.now(UTC), usegmt=True)
    text = f"GET\n\n\n{date}\n{resource.format(bucket.bucket_name)}"
    signature = base64.b64encode(hmac.digest(cloud.access_key_secret.encode(), text.encode(), "sha1")).decode()
    url = f"{cloud.endpoints['oss']}/{bucket.bucket_name}?list-type=2"
    headers = {"Date": date, "Authorization": f"OSS {cloud.access_key_id}:{signature}"}
    assert requests.get(url, headers=headers, timeout=20).status_code == 200


def test_the_tag_of_an_object_in_parts_digests_the_tags_as_they_are_written(bucket: oss2.Bucket) -> None:
    parts = [b"a" * PART, b"b"]
    upload = bucket.init_multipart_upload("in-parts").upload_id
    done = [
        oss2.models.PartInfo(number, bucket.upload_part("in-parts", upload, number, part).etag)
        for number, part in enumerate(parts, 1)
    ]
    tags = "".join(hashlib.md5(part, usedforsecurity=False).hexdigest().upper() for part in parts)
    expected = hashlib.md5(tags.encode(), usedforsecurity=False).hexdigest().upper() + "-2"
    assert bucket.complete_multipart_upload("in-parts", upload, done).etag == expected


def test_uploads_are_rolled_up_by_their_keys_alone(bucket: oss2.Bucket) -> None:
    ids = {key: bucket.init_multipart_upload(key).upload_id for key in ("up-1", "up-2", "up-24", "up-4", "up-45")}
    page = bucket.list_multipart_uploads(prefix="up-", delimiter="4")
    assert ([each.key for each in page.upload_list], page.prefix_list) == (["up-1", "up-2"], ["up-24", "up-4"])
    for character in "0123456789ABCDEF":  # of ids
        page = bucket.list_multipart_uploads(prefix="up-1", delimiter=character)
        assert len(page.upload_list) + len(page.prefix_list) == 1
        assert all(each in {"up-1"} for each in page.prefix_list)
    for key, upload in ids.items():
        bucket.abort_multipart_upload(key, upload)


def test_a_version_that_an_upload_names_means_nothing(bucket: oss2.Bucket) -> None:
    answer = post(bucket, "to-copy", {"uploads": "", "versionId": "CAEQ"})
    assert answer.status_code == 200
    bucket.abort_multipart_upload("to-copy", answer.text.partition("<UploadId>")[2].partition("</UploadId>")[0])


def test_an_upload_that_must_not_overwrite_does_not_begin_where_an_object_is(bucket: oss2.Bucket) -> None:
    once = {"x-oss-forbid-overwrite": "true"}
    upload = bucket.init_multipart_upload("once", headers=once)
    bucket.abort_multipart_upload("once", upload.upload_id)
    bucket.put_object("once", b"")
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.init_multipart_upload("once", headers=once)
    assert (error.value.status, error.value.code) == (409, "FileAlreadyExists")


def test_the_last_acl_of_appends_counts(bucket: oss2.Bucket) -> None:
    bucket.append_object("log", 0, b"a", headers={"x-oss-object-acl": "private"})
    bucket.append_object("log", 1, b"b", headers={"x-oss-object-acl": "public-read", "x-oss-meta-late": "1"})
    bucket.append_object(
        "log", 2, b"c", headers={"x-oss-tagging": "&".join(f"t{n}=" for n in range(11))}
    )  # one too many
    assert bucket.get_object_acl("log").acl == "public-read"
    assert "x-oss-meta-late" not in bucket.head_object("log").headers


def test_slashes_of_json_are_escaped(bucket: oss2.Bucket) -> None:
    bucket.put_object("links.json", '{"a/b": "http://c", "d": 1.50}')
    answer = bucket.select_object("links.json", "select * from ossobject", select_params={"Json_Type": "LINES"})
    assert answer.read() == b'{"a\\/b":"http:\\/\\/c","d":1.50}\n'


def test_delimiters_of_the_output_are_those_of_the_input_s_kind(bucket: oss2.Bucket) -> None:
    bucket.put_object("two.csv", "abc,def\n")
    sql, end, field = (base64.b64encode(text).decode() for text in (b"select _1,_2 from ossobject", b"\r\n", b"|"))
    request = (
        f"<SelectRequest><Expression>{sql}</Expression><OutputSerialization><CSV><RecordDelimiter>{end}</RecordDelimiter>"
        f"<FieldDelimiter>{field}</FieldDelimiter></CSV><JSON><RecordDelimiter></RecordDelimiter></JSON>"
        "<OutputRawData>true</OutputRawData></OutputSerialization></SelectRequest>"
    )
    assert post(bucket, "two.csv", {"x-oss-process": "csv/select"}, request).content == b"abc|def\r\n"


def test_white_space_before_a_document_is_passed_over(bucket: oss2.Bucket) -> None:
    document = (
        '\n  <?xml version="1.0"?><WebsiteConfiguration><IndexDocument><Suffix></Suffix></IndexDocument><RoutingRules>'
        "<RoutingRule><RuleNumber>1</RuleNumber><Redirect><RedirectType>External</RedirectType><HostName>b.c</HostName>"
        "</Redirect></RoutingRule></RoutingRules></WebsiteConfiguration>"
    )
    assert bucket.put_bucket_website(document).status == 200


@pytest.mark.parametrize("parameter", ["prefix", "marker"])
def test_buckets_are_not_listed_by_what_no_name_holds(cloud: Cloud, bucket: oss2.Bucket, parameter: str) -> None:
    service = oss2.Service(
        oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret), cloud.endpoints["oss"], region=cloud.region
    )
    assert bucket.bucket_name in [each.name for each in service.list_buckets(prefix=bucket.bucket_name[:-1]).buckets]
    with pytest.raises(oss2.exceptions.InvalidArgument, match=parameter):
        service.list_buckets(**{parameter: "BucketName"})


def test_a_plus_sign_is_a_space_where_a_header_names_an_object(bucket: oss2.Bucket) -> None:
    bucket.put_object("a b+c", b"content")
    for name, headers in (
        ("copy", {"x-oss-copy-source": f"/{bucket.bucket_name}/a+b%2Bc"}),
        ("link?symlink", {"x-oss-symlink-target": "a+b%2Bc"}),
    ):
        key, _, parameter = name.partition("?")
        parameters = {parameter: ""} if parameter else {}
        url = bucket.sign_url("PUT", key, 60, headers=headers, params=parameters)
        assert requests.put(url, headers=headers, timeout=20).status_code == 200
        assert bucket.get_object(key).read() == b"content"
