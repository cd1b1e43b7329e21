"""Requests that no client sends by mistake: each is refused in OSS's own form, and none is a failure of the service."""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
import socket
from urllib.parse import urlsplit

import oss2
import pytest
import requests

from tests.support.cloud import Cloud

LONG = "9" * 5000


@pytest.fixture
def v1(cloud: Cloud, bucket: oss2.Bucket) -> oss2.Bucket:
    """The bucket through a client that signs whatever it is given."""
    auth = oss2.Auth(cloud.access_key_id, cloud.access_key_secret)
    return oss2.Bucket(auth, cloud.endpoints["oss"], bucket.bucket_name)


def code_of(
    bucket: oss2.Bucket,
    method: str,
    key: str,
    params: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
) -> tuple[int, str]:
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket._do(method, bucket.bucket_name, key, params=params, headers=headers, data=body)
    assert error.value.request_id
    return error.value.status, error.value.code


@pytest.mark.parametrize("value", [LONG, "-1", "1e3", "١", "\0"])
def test_a_number_that_is_none_is_an_invalid_argument(v1: oss2.Bucket, value: str) -> None:
    upload = v1.init_multipart_upload("parts").upload_id
    for method, key, params in (
        ("GET", "", {"max-keys": value}),
        ("GET", "", {"uploads": "", "max-uploads": value}),
        ("GET", "parts", {"uploadId": upload, "max-parts": value}),
        ("GET", "parts", {"uploadId": upload, "part-number-marker": value}),
        ("PUT", "parts", {"uploadId": upload, "partNumber": value}),
        ("POST", "new", {"append": "", "position": value}),
    ):
        assert code_of(v1, method, key, params) == (400, "InvalidArgument")
    part = f"<PartNumber>{value.replace(chr(0), 'x')}</PartNumber><ETag>x</ETag>"
    body = f"<CompleteMultipartUpload><Part>{part}</Part></CompleteMultipartUpload>".encode()
    assert code_of(v1, "POST", "parts", {"uploadId": upload}, body=body) == (400, "InvalidArgument")


def test_an_unknown_encoding_of_keys_is_refused_before_anything_is_done(v1: oss2.Bucket) -> None:
    upload = v1.init_multipart_upload("encoded")
    part = v1.upload_part("encoded", upload.upload_id, 1, b"1")
    chosen = f"<Part><PartNumber>1</PartNumber><ETag>{part.etag}</ETag></Part>"
    body = f"<CompleteMultipartUpload>{chosen}</CompleteMultipartUpload>".encode()
    encoding = {"encoding-type": "rot13"}
    assert code_of(v1, "POST", "encoded", {"uploads": "", **encoding}) == (400, "InvalidArgument")
    query = {"uploadId": upload.upload_id, **encoding}
    assert code_of(v1, "POST", "encoded", query, body=body) == (400, "InvalidArgument")
    assert not v1.object_exists("encoded")
    assert [each.upload_id for each in v1.list_multipart_uploads(prefix="encoded").upload_list] == [upload.upload_id]


def test_a_range_of_5000_digits_lies_beyond_the_object(v1: oss2.Bucket) -> None:
    v1.put_object("a", b"1")
    for form in ("bytes=%s-", "bytes=0-%s", "bytes=-%s"):
        answer = v1.get_object("a", headers={"Range": form % LONG})
        assert (answer.status, answer.read()) == (200, b"1")
    upload = v1.init_multipart_upload("parts").upload_id
    headers = {"x-oss-copy-source": f"/{v1.bucket_name}/a", "x-oss-copy-source-range": f"bytes={LONG}-"}
    params = {"uploadId": upload, "partNumber": "1"}
    assert code_of(v1, "PUT", "parts", params, headers) == (416, "InvalidRange")


@pytest.mark.parametrize("value", ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\0b", "\x1b[2J", "\x7f"])
def test_control_characters_in_overridden_headers_are_refused(v1: oss2.Bucket, value: str) -> None:
    v1.put_object("a", b"1")
    for name in (
        "content-type",
        "content-disposition",
        "cache-control",
        "expires",
        "content-language",
        "content-encoding",
    ):
        assert code_of(v1, "GET", "a", {f"response-{name}": value}) == (400, "InvalidArgument")


DOCTYPE = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE %s [<!ENTITY a "aaaa">]><%s>&a;</%s>'


def test_hostile_xml_is_malformed_wherever_it_is_sent(v1: oss2.Bucket) -> None:
    v1.put_object("a", b"1")
    upload = v1.init_multipart_upload("parts").upload_id
    for method, key, params, root in (
        ("POST", "", {"delete": ""}, "Delete"),
        ("PUT", "", {"lifecycle": ""}, "LifecycleConfiguration"),
        ("PUT", "", {"acl": ""}, "AccessControlPolicy"),
        ("PUT", "", {}, "CreateBucketConfiguration"),
        ("PUT", "a", {"tagging": ""}, "Tagging"),
        ("POST", "parts", {"uploadId": upload}, "CompleteMultipartUpload"),
    ):
        for body in (
            (DOCTYPE % (root, root, root)).encode("utf-16"),
            f'<?xml version="1.0" encoding="none-such"?><{root}/>'.encode(),
            f'<?xml version="1.0" encoding="rot13"?><{root}/>'.encode(),
            f"<{root}>".encode() * 10_000,
            b"\xff\xfe\0\0",
        ):
            md5 = {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()}
            assert code_of(v1, method, key, params, md5, body) == (400, "MalformedXML")


@pytest.mark.parametrize(
    ("content", "ec"),
    [
        ("<Quiet>test</Quiet><Object><Key>a</Key></Object>", "0016-00000610"),
        ("<Object><Key></Key></Object>", "0016-00000611"),
        ("<Object><Key>a</Key><VersionId></VersionId></Object>", "0016-00000612"),
        ("<Object><VersionId>null</VersionId></Object>", "0016-00000613"),
        ("<Quiet>true</Quiet>", "0016-00000615"),
        ("<Object><Key>a</Key></Object>" * 1001, "0031-00000001"),
    ],
)
def test_a_deletion_of_many_is_refused_as_a_whole(v1: oss2.Bucket, content: str, ec: str) -> None:
    v1.put_object("a", b"1")
    body = f"<Delete>{content}</Delete>".encode()
    md5 = {"Content-MD5": base64.b64encode(hashlib.md5(body).digest()).decode()}
    with pytest.raises(oss2.exceptions.ServerError) as error:
        v1._do("POST", v1.bucket_name, "", params={"delete": ""}, headers=md5, data=body)
    assert (error.value.status, error.value.code, error.value.details["EC"]) == (400, "MalformedXML", ec)
    assert v1.object_exists("a")


@pytest.mark.parametrize(
    ("key", "parameter", "ec"), [("", "delete", "0016-00000608"), ("parts", "uploadId", "0042-00000205")]
)
@pytest.mark.parametrize("document", [b"<Other></Other>", b"no document"])
def test_a_document_that_is_another_is_refused_with_the_finer_code_of_its_operation(
    v1: oss2.Bucket, key: str, parameter: str, ec: str, document: bytes
) -> None:
    value = v1.init_multipart_upload(key).upload_id if key else ""
    md5 = {"Content-MD5": base64.b64encode(hashlib.md5(document).digest()).decode()}
    with pytest.raises(oss2.exceptions.ServerError) as error:
        v1._do("POST", v1.bucket_name, key, params={parameter: value}, headers=md5, data=document)
    assert (error.value.status, error.value.code, error.value.details["EC"]) == (400, "MalformedXML", ec)


@pytest.mark.parametrize(
    ("method", "key", "params", "headers", "code", "ec"),
    [
        ("GET", "", {"prefix": "x" * 1024}, {}, "InvalidArgument", "0015-00000403"),
        ("GET", "", {"marker": "x" * 1024}, {}, "InvalidArgument", "0015-00000405"),
        ("GET", "", {"delimiter": "ab"}, {}, "InvalidArgument", "0015-00000406"),
        *(
            ("GET", "", {"max-keys": text}, {}, "InvalidArgument", "0015-00000402")
            for text in ("0", "1001", "-1", "a", "1.5")
        ),
        ("GET", "", {"list-type": "2", "max-keys": "0"}, {}, "InvalidArgument", "0015-00000402"),
        ("GET", "", {"list-type": "2", "continuation-token": "?"}, {}, "InvalidArgument", None),
        ("GET", "", {"versions": "", "max-keys": "2000"}, {}, "InvalidArgument", "0012-00000102"),
        ("GET", "", {"live": "", "max-keys": "abc"}, {}, "InvalidArgument", "0044-00000101"),
        ("GET", "", {"live": "", "prefix": "x" * 1025}, {}, "InvalidArgument", "0044-00000102"),
        ("GET", "", {"versions": "", "prefix": "x" * 1024}, {}, "InvalidArgument", "0012-00000103"),
        ("GET", "", {"list-type": "3"}, {}, "InvalidArgument", None),
        ("GET", "a", {"versionId": "CAE*"}, {}, "InvalidArgument", None),
        ("DELETE", "a", {"versionId": "one"}, {}, "InvalidArgument", None),
        ("PUT", "a", {}, {"x-oss-copy-source": "/bucket/a?versionId=one"}, "InvalidArgument", None),
        ("GET", "x" * 64, {"live": ""}, {}, "InvalidArgument", "0017-00000258"),
        ("PUT", "a", {"partNumber": "1"}, {}, "MissingArgument", None),
        ("PUT", "a", {"acl": ""}, {}, "MissingArgument", "0017-00000105"),
        ("PUT", "a", {"acl": ""}, {"x-oss-object-acl": ""}, "MissingArgument", "0017-00000105"),
        ("PUT", "a", {"x-oss-process": "image/resize,w_9"}, {}, "InvalidArgument", None),
        ("PUT", "a", {}, {"x-oss-copy-source": "/bucket/a?versionId="}, "InvalidArgument", None),
        ("GET", "", {"versions": "", "key-marker": "a", "version-id-marker": "x" * 1025}, {}, "InvalidArgument", None),
        ("GET", "", {"versions": "", "delimiter": "x" * 1025}, {}, "InvalidArgument", None),
        ("PUT", "a", {}, {"x-oss-forbid-overwrite": "maybe"}, "InvalidArgument", None),
        (
            "PUT",
            "a",
            {"symlink": ""},
            {"x-oss-symlink-target": "b", "x-oss-forbid-overwrite": "1"},
            "InvalidArgument",
            None,
        ),
        ("POST", "a", {"uploads": ""}, {"x-oss-forbid-overwrite": ""}, "InvalidArgument", None),
        ("POST", "log", {"append": ""}, {}, "MissingArgument", "0016-00000501"),
        ("POST", "log", {"append": "", "position": "test"}, {}, "InvalidArgument", "0016-00000502"),
        ("POST", "log", {"append": "", "position": "3"}, {}, "PositionNotEqualToLength", "0026-00000016"),
        (
            *("PUT", "a", {}),
            {"x-oss-server-side-encryption": "KMS", "x-oss-server-side-encryption-key-id": ""},
            *("InvalidArgument", "0005-00000205"),
        ),
        ("PUT", "a", {}, {"x-oss-meta-my_key": "y"}, "InvalidArgument", "0011-00000004"),
        ("PUT", "a", {}, {"x-oss-meta-": "y"}, "InvalidArgument", "0011-00000004"),
        ("PUT", "/a", {}, {}, "InvalidObjectName", "0016-00000005"),
        ("PUT", "\\a", {}, {}, "InvalidObjectName", "0016-00000005"),
        ("PUT", "ü" * 512, {}, {}, "InvalidObjectName", "0016-00000005"),
        ("PUT", "a", {}, {f"x-oss-meta-{n}": "y" * 1000 for n in range(9)}, "InvalidArgument", "0011-00000002"),
    ],
)
def test_what_is_wrong_is_refused_with_the_finer_code_that_is_published(
    v1: oss2.Bucket, method: str, key: str, params: dict[str, str], headers: dict[str, str], code: str, ec: str | None
) -> None:
    with pytest.raises(oss2.exceptions.ServerError) as error:
        v1._do(method, v1.bucket_name, key, params=params, headers=headers, data=b"")
    assert (error.value.code, error.value.details.get("EC")) == (code, ec)


@pytest.mark.parametrize(
    ("number", "message", "ec"),
    [
        ("0", "Part number must be an integer between 1 and 10000, inclusive.", "0017-00000220"),
        ("10001", "Part number must be an integer between 1 and 10000, inclusive.", "0017-00000220"),
        ("one", "Part number must be an integer between 1 and 10000, inclusive.", "0017-00000220"),
        ("", "Unexpected query string parameter", "0017-00000219"),
    ],
)
def test_a_wrong_number_of_a_part_is_refused_in_the_words_of_oss(
    v1: oss2.Bucket, number: str, message: str, ec: str
) -> None:
    upload = v1.init_multipart_upload("a").upload_id
    with pytest.raises(oss2.exceptions.InvalidArgument) as error:
        v1.upload_part("a", upload, number, b"1")
    assert (error.value.message, error.value.details["EC"]) == (message, ec)


def test_parts_have_an_order_and_a_least_size(v1: oss2.Bucket) -> None:
    upload = v1.init_multipart_upload("a").upload_id
    parts = [oss2.models.PartInfo(n, v1.upload_part("a", upload, n, b"1").etag) for n in (1, 10_000)]
    for chosen, code, ec in (
        (parts, "EntityTooSmall", "0042-00000213"),
        (parts[::-1], "InvalidPartOrder", "0042-00000209"),
    ):
        body = "".join(
            f"<Part><PartNumber>{each.part_number}</PartNumber><ETag>{each.etag}</ETag></Part>" for each in chosen
        )
        with pytest.raises(oss2.exceptions.ServerError) as error:
            v1._do(
                "POST",
                v1.bucket_name,
                "a",
                params={"uploadId": upload},
                data=f"<CompleteMultipartUpload>{body}</CompleteMultipartUpload>",
            )
        assert (error.value.code, error.value.details["EC"]) == (code, ec)


def test_only_who_signs_sets_headers_of_an_answer(cloud: Cloud, bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"1", headers={"x-oss-object-acl": "public-read"})
    asked = {"response-cache-control": "no-cache"}
    url = f"{cloud.endpoints['oss']}/{bucket.bucket_name}/a"
    refused = requests.get(url, params=asked, timeout=10)
    assert (refused.status_code, "<Code>InvalidRequest</Code>" in refused.text) == (400, True)
    assert requests.get(url, timeout=10).status_code == 200
    signed = requests.get(bucket.sign_url("GET", "a", 60, params=asked), timeout=10)
    assert signed.headers["Cache-Control"] == "no-cache"


def test_a_document_in_utf16_is_kept(v1: oss2.Bucket) -> None:
    text = '<?xml version="1.0" encoding="utf-16"?><Tagging><TagSet><Tag><Key>ü</Key><Value>v</Value></Tag></TagSet></Tagging>'
    v1.put_object("a", b"1")
    v1._do("PUT", v1.bucket_name, "a", params={"tagging": ""}, data=text.encode("utf-16"))
    assert v1.get_object_tagging("a").tag_set.tagging_rule == {"ü": "v"}


def send(cloud: Cloud, method: str, target: str, headers: dict[str, bytes] | None = None) -> tuple[int, str]:
    """Send a request as it stands, without a client's care, and return status and error code."""
    connection = http.client.HTTPConnection(urlsplit(cloud.endpoints["oss"]).netloc, timeout=20)
    try:
        connection.putrequest(method, target)
        for name, value in (headers or {}).items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        found = re.search("<Code>(.*?)</Code>", answer.read().decode())
        assert answer.headers["x-oss-request-id"]
        return answer.status, found[1] if found else ""
    finally:
        connection.close()


def test_signatures_and_keys_that_are_not_utf8_are_refused(cloud: Cloud, bucket: oss2.Bucket) -> None:
    path = f"/{bucket.bucket_name}/a"
    query = f"?OSSAccessKeyId={cloud.access_key_id}&Expires=%s&Signature=%s"
    assert send(cloud, "GET", path + query % (2**31, "%ff")) == (403, "SignatureDoesNotMatch")
    assert send(cloud, "GET", path + query % (LONG, "x")) == (400, "InvalidArgument")
    assert send(cloud, "GET", path + query % ("%ff", "x")) == (400, "InvalidArgument")
    assert send(cloud, "GET", path + "?OSSAccessKeyId=%ff&Expires=1&Signature=x")[0] == 403
    assert send(cloud, "GET", path, {"Authorization": b"OSS \xff:\xff", "Date": b"\xff"}) == (403, "AccessDenied")
    assert send(cloud, "GET", path + "?x-oss-signature=%ff&x-oss-signature-version=OSS4-HMAC-SHA256")[0] == 403
    assert send(cloud, "GET", f"/{bucket.bucket_name}/%ff%00")[0] == 403


def test_metadata_that_no_answer_could_carry_is_refused(cloud: Cloud, bucket: oss2.Bucket) -> None:
    bucket.put_bucket_acl("public-read-write")
    headers = {"x-oss-meta-a": b"\xff", "Content-Length": b"0"}
    assert send(cloud, "PUT", f"/{bucket.bucket_name}/a", headers) == (400, "InvalidArgument")


@pytest.mark.parametrize("name", ["x-oss-copy-source", "x-oss-symlink-target"])
def test_a_name_in_a_header_that_is_not_utf8_is_refused(v1: oss2.Bucket, name: str) -> None:
    params = {"symlink": ""} if name == "x-oss-symlink-target" else {}
    headers = {name: f"/{v1.bucket_name}/%ff" if not params else "%ff"}
    assert code_of(v1, "PUT", "b", params, headers) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("acl", "method", "path", "kind", "body", "said"),
    [
        ("private", "PUT", "/key", "text/plain", b"body", [b"403 Forbidden"]),
        ("public-read-write", "PUT", "/key", "text/plain", b"body", [b"100 Continue", b"200 OK"]),
        ("public-read-write", "POST", "/", "text/plain", b"body", [b"400 Bad Request"]),
        (
            "public-read-write",
            "POST",
            "/",
            "multipart/form-data; boundary=b",
            b"--b--",
            [b"100 Continue", b"400 Bad Request"],
        ),
    ],
)
def test_a_body_that_is_held_back_is_asked_for_once_it_is_wanted(
    cloud: Cloud, bucket: oss2.Bucket, acl: str, method: str, path: str, kind: str, body: bytes, said: list[bytes]
) -> None:
    bucket.put_bucket_acl(acl)
    head = f"{method} /{bucket.bucket_name}{path} HTTP/1.1\r\nHost: {cloud.host('oss')}\r\nExpect: 100-continue\r\n"
    head += f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n"
    told: list[bytes] = []
    with socket.create_connection(cloud.address("oss"), timeout=20) as connection, connection.makefile("rb") as answers:
        connection.sendall(head.encode())
        while not told or told[-1].startswith(b"100 "):
            told.append(answers.readline().removeprefix(b"HTTP/1.1 ").strip())
            if told[-1].startswith(b"100 "):
                assert answers.readline() == b"\r\n"
                connection.sendall(body)
    bucket.put_bucket_acl("private")
    assert told == said
