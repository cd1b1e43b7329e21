"""Uploads as web pages make them: forms with a policy, and callbacks to the page's own server."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import boto3
import oss2
import pytest
import requests

from tests.support.cloud import Cloud


class Page(BaseHTTPRequestHandler):
    """The page's server: answers as the path says, and keeps what it got."""

    got: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.got.append((dict(self.headers), body))
        content = b'{"Status": "OK"}' if self.path != "/text" else b"no JSON"
        self.send_response(500 if self.path == "/fails" else 200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def bucket(cloud: Cloud) -> oss2.Bucket:
    made = cloud.bucket("page-" + uuid.uuid4().hex[:12])
    made.create_bucket()
    return made


def packed(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


def test_a_callback_follows_an_upload_and_its_answer_is_passed_on(bucket: oss2.Bucket, page: str) -> None:
    headers = {
        "x-oss-callback": packed(
            {
                "callbackUrl": f"{page}/a",
                "callbackHost": "page.example",
                "callbackBody": "name=${object}&size=${size}&type=${mimeType}&etag=${etag}&own=${x:own}",
            }
        ),
        "x-oss-callback-var": packed({"x:own": "a&b", "no variable": "c"}),
        "Content-Type": "text/plain",
    }
    put = bucket.put_object("ü b", b"hello", headers)
    assert (put.status, put.resp.read()) == (200, b'{"Status": "OK"}')
    sent, body = Page.got[-1]
    assert (sent["Host"], sent["Content-Type"]) == ("page.example", "application/x-www-form-urlencoded")
    assert {name: values[0] for name, values in parse_qs(body.decode()).items()} == {
        **{"name": "ü b", "size": "5", "type": "text/plain"},
        **{"etag": hashlib.md5(b"hello").hexdigest().upper(), "own": "a&b"},
    }


def test_a_callback_in_the_header_and_in_the_query_is_refused(bucket: oss2.Bucket, page: str) -> None:
    callback = packed({"callbackUrl": f"{page}/a", "callbackBody": "a=b"})
    with pytest.raises(oss2.exceptions.ServerError) as refused:
        bucket.put_object_with_url(
            bucket.sign_url("PUT", "a", 60, params={"callback": callback}, headers={"x-oss-callback": callback}),
            b"x",
            headers={"x-oss-callback": callback},
        )
    assert (refused.value.code, refused.value.details["EC"]) == ("InvalidArgument", "0007-00000027")
    assert not bucket.object_exists("a")


def test_a_callback_in_json_follows_a_multipart_upload(bucket: oss2.Bucket, page: str) -> None:
    upload = bucket.init_multipart_upload("parts").upload_id
    part = oss2.models.PartInfo(1, bucket.upload_part("parts", upload, 1, b"hello").etag)
    callback = {
        "callbackUrl": f"{page}/a",
        "callbackBody": '{"bucket":${bucket},"size":${size},"text":"${object}"}',
        "callbackBodyType": "application/json",
    }
    done = bucket.complete_multipart_upload("parts", upload, [part], {"x-oss-callback": packed(callback)})
    assert done.resp.read() == b'{"Status": "OK"}'
    assert json.loads(Page.got[-1][1]) == {"bucket": bucket.bucket_name, "size": 5, "text": "parts"}


@pytest.mark.parametrize("path", ["/fails", "/text", None])
def test_an_object_stays_when_its_callback_fails(bucket: oss2.Bucket, page: str, path: str | None) -> None:
    url = f"{page}{path}" if path else "http://example.org/"
    callback = {"callbackUrl": url, "callbackBody": "a=b"}
    put = bucket.put_object("failed", b"hello", {"x-oss-callback": packed(callback)})
    told = put.resp.read()
    assert (put.status, b"<Code>CallbackFailed</Code>" in told) == (203, True)
    assert path or b"<Message>Error status : 502.</Message>" in told
    assert (b"<EC>0007-00000203</EC>" in told) == (b"Error status" in told)
    assert put.etag
    assert bucket.get_object("failed").read() == b"hello"


@pytest.mark.parametrize("callback", ["nonsense!", packed([]), packed({"callbackUrl": "http://127.0.0.1/"})])
def test_a_callback_that_cannot_be_read_is_refused_before_the_upload(bucket: oss2.Bucket, callback: str) -> None:
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.put_object("refused", b"hello", {"x-oss-callback": callback})
    assert (error.value.status, error.value.code) == (400, "InvalidArgument")
    assert not bucket.object_exists("refused")


def test_a_callback_that_the_bucket_keeps_follows_an_upload_that_names_it(bucket: oss2.Bucket, page: str) -> None:
    kept = packed({"callbackUrl": f"{page}/a", "callbackBody": "name=${object}&own=${x:own}"})
    bucket.put_bucket_callback_policy([oss2.models.CallbackPolicyInfo("thanks", kept, packed({"x:own": "1"}))])
    found = bucket.get_bucket_callback_policy().callback_policies
    assert [(each.policy_name, each.callback) for each in found] == [("thanks", kept)]
    bucket.put_object("named", b"", {"x-oss-callback": packed({"callbackPolicy": "thanks"})})
    assert Page.got[-1][1] == b"name=named&own=1"
    bucket.delete_bucket_callback_policy()
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.get_bucket_callback_policy()
    assert (error.value.status, error.value.code) == (404, "BucketCallbackPolicyNotExist")


def policy_of(*conditions: object, seconds: int = 60) -> str:
    expiration = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + seconds))
    return packed({"expiration": expiration, "conditions": list(conditions)})


def sign_v1(cloud: Cloud, policy: str) -> dict[str, str]:
    signature = hmac.digest(cloud.access_key_secret.encode(), policy.encode(), "sha1")
    return {
        "OSSAccessKeyId": cloud.access_key_id,
        "policy": policy,
        "Signature": base64.b64encode(signature).decode(),
    }


def sign_v4(cloud: Cloud, policy: str) -> dict[str, str]:
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    scope = [moment[:8], cloud.region, "oss", "aliyun_v4_request"]
    key = b"aliyun_v4" + cloud.access_key_secret.encode()
    for part in scope:
        key = hmac.digest(key, part.encode(), "sha256")
    return {
        "x-oss-signature-version": "OSS4-HMAC-SHA256",
        "x-oss-credential": "/".join([cloud.access_key_id, *scope]),
        "x-oss-date": moment,
        "x-oss-signature": hmac.digest(key, policy.encode(), "sha256").hex(),
        "policy": policy,
    }


def post(cloud: Cloud, bucket: oss2.Bucket, form: dict[str, str], content: bytes = b"hello") -> requests.Response:
    files = {"file": ("pictures/a b.txt", content, "text/x-page")}
    url = f"{cloud.endpoints['oss']}/{bucket.bucket_name}"
    return requests.post(url, data=form, files=files, timeout=10, allow_redirects=False)


def code_of(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.text.partition("<Code>")[2].partition("</Code>")[0]


@pytest.mark.parametrize(
    ("policy", "code", "ec"),
    [
        ({}, "InvalidPolicyDocument", "0006-00000207"),
        ({"conditions": []}, "InvalidPolicyDocument", "0006-00000215"),
        ({"conditions": [["$key"]]}, "InvalidPolicyDocument", "0006-00000216"),
        ({"conditions": [["starts-with", "$key", "a", "b"]]}, "InvalidPolicyDocument", "0006-00000218"),
        ({"conditions": [["eq", "$success_action_status", "200"]]}, "AccessDenied", "0006-00000227"),
    ],
)
def test_a_policy_is_refused_with_its_finer_code(
    cloud: Cloud, bucket: oss2.Bucket, policy: dict[str, Any], code: str, ec: str
) -> None:
    form = {"key": "a", **sign_v1(cloud, packed({"expiration": "2099-01-01T00:00:00.000Z", **policy}))}
    refused = post(cloud, bucket, form)
    assert (code_of(refused)[1], refused.headers["x-oss-ec"]) == (code, ec)


@pytest.mark.parametrize("sign", [sign_v1, sign_v4])
def test_a_form_that_keeps_to_its_policy_makes_an_object(cloud: Cloud, bucket: oss2.Bucket, sign: Any) -> None:
    policy = policy_of(
        {"bucket": bucket.bucket_name},
        ["starts-with", "$key", "forms/"],
        ["eq", "$x-oss-meta-colour", "blue"],
        ["content-length-range", 1, 10],
        ["in", "$success_action_status", ["200", "201"]],
        ["not-in", "$cache-control", ["no-cache"]],
    )
    form = {"key": "forms/${filename}", "x-oss-meta-colour": "blue", "success_action_status": "201"}
    response = post(cloud, bucket, form | sign(cloud, policy))
    assert response.status_code == 201, response.text
    assert "<Key>forms/a b.txt</Key>" in response.text
    head = bucket.head_object("forms/a b.txt")
    assert (head.content_type, head.headers["x-oss-meta-colour"]) == ("text/x-page", "blue")
    assert code_of(post(cloud, bucket, form | sign(cloud, policy) | {"key": "other"})) == (403, "AccessDenied")
    assert code_of(post(cloud, bucket, form | sign(cloud, policy), b"")) == (400, "EntityTooSmall")
    assert code_of(post(cloud, bucket, form | sign(cloud, policy), bytes(11))) == (400, "EntityTooLarge")


def test_the_type_of_the_file_meets_a_policy(cloud: Cloud, bucket: oss2.Bucket) -> None:
    wanted = policy_of({"bucket": bucket.bucket_name}, ["in", "$content-type", ["text/x-page", "image/png"]])
    assert post(cloud, bucket, {"key": "typed", **sign_v1(cloud, wanted)}).status_code == 204
    other = policy_of({"bucket": bucket.bucket_name}, ["in", "$content-type", ["image/png"]])
    assert code_of(post(cloud, bucket, {"key": "typed", **sign_v1(cloud, other)})) == (403, "AccessDenied")


def test_a_form_is_refused_that_nobody_signed_or_another_key(cloud: Cloud, bucket: oss2.Bucket) -> None:
    policy = policy_of(["starts-with", "$key", ""])
    signed = sign_v1(cloud, policy)
    for form, expected in (
        ({}, (403, "AccessDenied")),
        (signed | {"Signature": "AAAA"}, (403, "SignatureDoesNotMatch")),
        (signed | {"OSSAccessKeyId": "nobody"}, (403, "InvalidAccessKeyId")),
        (sign_v1(cloud, policy_of(["starts-with", "$key", ""], seconds=-60)), (403, "AccessDenied")),
        (sign_v1(cloud, packed({"expiration": "2030-01-01T00:00:00.000Z"})), (400, "InvalidPolicyDocument")),
        (sign_v1(cloud, policy_of(["$key"])), (400, "InvalidPolicyDocument")),
        (signed | {"x-oss-meta-long": "x" * 9000}, (400, "FieldItemTooLong")),
    ):
        assert code_of(post(cloud, bucket, {"key": "stolen", **form})) == expected
    assert not bucket.object_exists("stolen")
    url = f"{cloud.endpoints['oss']}/{bucket.bucket_name}"
    assert code_of(requests.post(url, data=b"a=b", timeout=10)) == (400, "MalformedPOSTRequest")
    with pytest.raises(oss2.exceptions.ServerError) as signed_itself:
        bucket._do("POST", bucket.bucket_name, "", params={"MetaQuery": "", "action": "createDataset"})
    assert (signed_itself.value.status, signed_itself.value.code) == (405, "MethodNotAllowed")
    fields = {name: (None, value) for name, value in {"key": "stolen", **signed}.items()}
    assert code_of(requests.post(url, files=fields, timeout=10)) == (400, "IncorrectNumberOfFilesInPOSTRequest")


@pytest.mark.parametrize(
    "file",
    [
        b"\r\n\r\ncut\r\n",  # as when a proxy gives up
        b"\r\n\r\ncut",
        b"\r\n\r\ncut\r\n--B",
        b"\r\n\r\nall of it\r\n--Beginning as the boundary does\r\n--B--\r\n",
        b"\r\nContent-Length: 99\r\n\r\nshort\r\n--B--\r\n",
        b"\r\nContent-Length: -5\r\n\r\nless than nothing\r\n--B--\r\n",
        b"\r\nX-Long: " + b"x" * 10_000 + b"\r\n\r\nlong\r\n--B--\r\n",
        b"\r\n" + b"X: y\r\n" * 1000 + b"\r\nmany\r\n--B--\r\n",
    ],
)
def test_a_form_that_is_not_whole_puts_nothing(cloud: Cloud, bucket: oss2.Bucket, file: bytes) -> None:
    fields = {"key": "partly", **sign_v1(cloud, policy_of(["eq", "$key", "partly"]))}
    begin = "".join(
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    )
    body = begin.encode() + b'--B\r\nContent-Disposition: form-data; name="file"' + file
    url = f"{cloud.endpoints['oss']}/{bucket.bucket_name}"
    answer = requests.post(url, body, headers={"Content-Type": "multipart/form-data; boundary=B"}, timeout=10)
    assert code_of(answer) == (400, "MalformedPOSTRequest")
    assert not bucket.object_exists("partly")


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ({"success_action_redirect": "http://page/\r\nX-Injected: 1"}, "InvalidArgument"),
        ({"redirect": "http://page/\nX-Injected: 1"}, "InvalidArgument"),
        ({"_charset_": "x" * 40}, "MalformedPOSTRequest"),
    ],
)
def test_a_form_with_a_field_that_nobody_can_obey_puts_nothing(
    cloud: Cloud, bucket: oss2.Bucket, field: dict[str, str], code: str
) -> None:
    signed = sign_v1(cloud, policy_of(["starts-with", "$key", ""]))
    assert code_of(post(cloud, bucket, field | {"key": "unanswered", **signed})) == (400, code)
    assert not bucket.object_exists("unanswered")


def test_a_form_leads_to_another_page_and_calls_back(cloud: Cloud, bucket: oss2.Bucket, page: str) -> None:
    signed = sign_v1(cloud, policy_of(["eq", "$key", "led"]))
    answer = post(cloud, bucket, {"key": "led", "success_action_redirect": f"{page}/done?x=1", **signed})
    query = parse_qs(urlsplit(answer.headers["Location"]).query)
    assert (answer.status_code, query["x"], query["key"]) == (303, ["1"], ["led"])
    callback = packed({"callbackUrl": f"{page}/a", "callbackBody": "own=${x:own}"})
    called = post(cloud, bucket, {"key": "led", "callback": callback, "x:own": "mine", **signed})
    assert (called.status_code, called.content) == (200, b'{"Status": "OK"}')
    assert Page.got[-1][1] == b"own=mine"


def test_a_form_presigned_for_s3_makes_an_object(cloud: Cloud, bucket: oss2.Bucket) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=cloud.endpoints["oss"],
        region_name=cloud.region,
        aws_access_key_id=cloud.access_key_id,
        aws_secret_access_key=cloud.access_key_secret,
    )
    tagged = client.generate_presigned_post(bucket.bucket_name, "tagged", {"tagging": "a"}, [{"tagging": "a"}])
    own = {"x-amz-meta-colour": "blue"}
    signed = client.generate_presigned_post(bucket.bucket_name, "s3 form", own, [own, ["content-length-range", 1, 10]])
    client.close()
    files = {"file": ("a", b"hello")}
    assert requests.post(signed["url"], data=signed["fields"], files=files, timeout=10).status_code == 204
    assert bucket.head_object("s3 form").headers["x-oss-meta-colour"] == "blue"
    signed["fields"]["x-amz-meta-colour"] = "red"
    assert code_of(requests.post(signed["url"], data=signed["fields"], files=files, timeout=10)) == (
        403,
        "AccessDenied",
    )
    assert code_of(requests.post(tagged["url"], data=tagged["fields"], files=files, timeout=10)) == (
        501,
        "NotImplemented",
    )
