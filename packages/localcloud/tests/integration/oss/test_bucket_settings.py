"""The effects of a bucket's settings on requests: the official Python SDK sets them, plain HTTP meets them."""

from __future__ import annotations

import base64
import json
import time
import uuid
from collections.abc import Callable
from email.utils import parsedate_to_datetime

import oss2
import oss2.models
import pytest
import requests

from tests.support.cloud import Cloud

PAGE = "http://www.example.com"


@pytest.fixture
def bucket(cloud: Cloud) -> oss2.Bucket:
    bucket = cloud.bucket("set-" + uuid.uuid4().hex[:12])
    bucket.create_bucket()
    return bucket


@pytest.fixture
def url(bucket: oss2.Bucket, cloud: Cloud) -> str:
    """The address of the bucket, for everybody."""
    return f"{cloud.endpoints['oss']}/{bucket.bucket_name}"


def code_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.text.partition("<Code>")[2].partition("</Code>")[0]


def test_answers_to_pages_carry_the_headers_of_the_rules_also_when_they_are_errors(
    bucket: oss2.Bucket, url: str
) -> None:
    rule = oss2.models.CorsRule(
        allowed_origins=[PAGE], allowed_methods=["GET"], allowed_headers=["x-*"], max_age_seconds=9
    )
    bucket.put_bucket_cors(oss2.models.BucketCors([rule]))
    bucket.put_object("a", b"1", headers={"x-oss-object-acl": "public-read"})
    for key, status in (("a", 200), ("none", 403)):
        answer = requests.get(f"{url}/{key}", headers={"Origin": PAGE}, timeout=10)
        assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (status, PAGE)
    assert (
        "Access-Control-Allow-Origin"
        not in requests.get(f"{url}/a", headers={"Origin": "http://x"}, timeout=10).headers
    )
    asked = {"Origin": PAGE, "Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-one"}
    preflight = requests.options(f"{url}/a", headers=asked, timeout=10)
    assert (preflight.status_code, preflight.headers["Access-Control-Max-Age"]) == (200, "9")
    asked["Access-Control-Request-Method"] = "PUT"
    assert code_of(requests.options(f"{url}/a", headers=asked, timeout=10)) == (403, "AccessForbidden")
    bucket.delete_bucket_cors()
    with pytest.raises(oss2.exceptions.NoSuchCors):
        bucket.get_bucket_cors()


def test_a_policy_lets_everybody_read_and_is_told(bucket: oss2.Bucket, url: str) -> None:
    bucket.put_object("open/a", b"1")
    bucket.put_object("b", b"1")
    statement = {
        "Effect": "Allow",
        "Principal": ["*"],
        "Action": ["oss:GetObject"],
        "Resource": [f"acs:oss:*:*:{bucket.bucket_name}/open/*"],
    }
    bucket.put_bucket_policy(json.dumps({"Version": "1", "Statement": [statement]}))
    assert requests.get(f"{url}/open/a", timeout=10).content == b"1"
    assert code_of(requests.get(f"{url}/b", timeout=10)) == (403, "AccessDenied")
    assert code_of(requests.put(f"{url}/open/a", data=b"2", timeout=10)) == (403, "AccessDenied")
    statement["Effect"] = "Deny"
    bucket.put_bucket_acl("public-read")
    bucket.put_bucket_policy(json.dumps({"Version": "1", "Statement": [statement]}))
    assert code_of(requests.get(f"{url}/open/a", timeout=10)) == (403, "AccessDenied")
    assert requests.get(f"{url}/b", timeout=10).content == b"1"
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.put_bucket_policy("no policy")
    assert error.value.code == "InvalidPolicyDocument"
    bucket.delete_bucket_policy()
    with pytest.raises(oss2.exceptions.NoSuchBucketPolicy):
        bucket.get_bucket_policy()


def test_hotlink_protection_is_for_requests_without_an_authorization_header(bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"1")
    bucket.put_bucket_referer(oss2.models.BucketReferer(False, [PAGE]))
    signed = bucket.sign_url("GET", "a", 60)
    assert requests.get(signed, headers={"Referer": f"{PAGE}/page?q"}, timeout=10).content == b"1"
    for referer in ({}, {"Referer": "http://elsewhere.com"}):
        assert code_of(requests.get(signed, headers=referer, timeout=10)) == (403, "AccessDenied")
    assert bucket.get_object("a").read() == b"1"


def test_anybody_browses_a_website_and_everybody_else_lists(bucket: oss2.Bucket, url: str) -> None:
    bucket.put_bucket_acl("public-read")
    for key in ("index.html", "sub/index.html", "error.html", "new/a"):
        bucket.put_object(key, key.encode())
    redirect = oss2.models.Redirect(redirect_type="External", replace_key_prefix_with="new/", http_redirect_code=301)
    rule = oss2.models.RoutingRule(1, oss2.models.Condition(key_prefix_equals="old/"), redirect)
    bucket.put_bucket_website(oss2.models.BucketWebsite("index.html", "error.html", [rule]))
    assert requests.get(url + "/", timeout=10).content == b"index.html"
    missing = requests.get(f"{url}/none", timeout=10)
    assert (missing.status_code, missing.content) == (404, b"error.html")
    moved = requests.get(f"{url}/old/a", timeout=10, allow_redirects=False)
    assert (moved.status_code, moved.headers["Location"].partition("//")[2].partition("/")[2]) == (301, "new/a")
    assert len(list(oss2.ObjectIterator(bucket))) == 4
    with pytest.raises(oss2.exceptions.NoSuchKey):
        bucket.get_object("none")
    assert bucket.get_object("folder/").read() == b"index.html"


def test_a_bucket_is_made_by_its_acl_and_a_preflight_request_has_no_signature(
    bucket: oss2.Bucket, cloud: Cloud
) -> None:
    new = cloud.bucket("acl-" + uuid.uuid4().hex[:12])
    assert new.put_bucket_acl("public-read").headers["Location"] == f"/{new.bucket_name}"
    assert new.get_bucket_acl().acl == "public-read"
    url = f"{cloud.endpoints['oss']}/{bucket.bucket_name}/a"
    headers = {"Origin": PAGE, "Access-Control-Request-Method": "GET", "Authorization": "OSS none:none"}
    assert code_of(requests.options(url, headers=headers, timeout=10)) == (403, "AccessForbidden")


def test_access_logs_go_to_a_bucket_that_exists(bucket: oss2.Bucket) -> None:
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.put_bucket_logging(oss2.models.BucketLogging("no-such-bucket", "logs/"))
    assert (error.value.status, error.value.code) == (400, "InvalidTargetBucketForLogging")
    bucket.put_bucket_logging(oss2.models.BucketLogging(bucket.bucket_name, "logs/"))
    assert bucket.get_bucket_logging().target_prefix == "logs/"


@pytest.mark.parametrize(("prefix", "ec"), [("x" * 257, "0032-00000006"), ("/a", "0032-00000005")])
def test_access_logs_have_a_prefix_that_keys_can_have(bucket: oss2.Bucket, prefix: str, ec: str) -> None:
    with pytest.raises(oss2.exceptions.InvalidArgument) as refused:
        bucket.put_bucket_logging(oss2.models.BucketLogging(bucket.bucket_name, prefix))
    assert refused.value.details["EC"] == ec
    bucket.put_bucket_logging(oss2.models.BucketLogging(bucket.bucket_name, "x" * 256))


def test_a_retention_policy_is_begun_locked_and_extended(bucket: oss2.Bucket) -> None:
    with pytest.raises(oss2.exceptions.NoSuchWORMConfiguration):
        bucket.get_bucket_worm()
    worm_id = bucket.init_bucket_worm(1).worm_id
    bucket.complete_bucket_worm(worm_id)
    bucket.extend_bucket_worm(worm_id, 3)
    found = bucket.get_bucket_worm()
    assert (found.worm_id, found.state, found.retention_period_days) == (worm_id, "Locked", 3)
    with pytest.raises(oss2.exceptions.WORMConfigurationLocked):
        bucket.abort_bucket_worm()


def test_image_styles_are_kept_by_name_and_listed_as_they_were_made(bucket: oss2.Bucket) -> None:
    for name, width in (("small", 10), ("large", 200), ("small", 20)):
        bucket.put_bucket_style(name, f"image/resize,w_{width}")
    assert [style.name for style in bucket.list_bucket_style().styles] == ["small", "large"]
    assert bucket.get_bucket_style("small").content == "image/resize,w_20"
    bucket.delete_bucket_style("small")
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.get_bucket_style("small")
    assert error.value.code == "NoSuchStyle"


@pytest.mark.parametrize(("name", "ec"), [("x" * 64, "0017-00000250"), ("a!b", "0017-00000251")])
def test_a_wrong_name_of_a_style_is_refused_in_the_words_of_oss(bucket: oss2.Bucket, name: str, ec: str) -> None:
    with pytest.raises(oss2.exceptions.InvalidArgument) as refused:
        bucket.put_bucket_style(name, "image/resize,p_60")
    assert refused.value.message == f"The value: {name} of parameter: stylename is invalid."
    assert refused.value.details["EC"] == ec


def test_a_domain_name_is_not_bound_without_its_dns_record(bucket: oss2.Bucket) -> None:
    token = bucket.create_bucket_cname_token("www.example.com")
    assert bucket.get_bucket_cname_token("www.example.com").token == token.token
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.put_bucket_cname(oss2.models.PutBucketCnameRequest("www.example.com"))
    assert (error.value.status, error.value.code) == (403, "NeedVerifyDomainOwnership")
    assert bucket.list_bucket_cname().cname == []


def test_what_cannot_exist_here_is_listed_empty(bucket: oss2.Bucket) -> None:
    service = oss2.Service(bucket.auth, bucket.endpoint, region=bucket.region)
    listed = service._do("GET", "", "", params={"accessPointForObjectProcess": ""})
    assert b"<IsTruncated>false</IsTruncated>" in listed.read()
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket._do("PUT", bucket.bucket_name, "", params={"accessPointForObjectProcess": ""})
    assert error.value.status == 501


def test_the_redundancy_of_a_bucket_is_told_and_changed_by_a_task(bucket: oss2.Bucket, cloud: Cloud) -> None:
    assert bucket.get_bucket_info().data_redundancy_type == "LRS"
    task = bucket.create_bucket_data_redundancy_transition("ZRS").task_id
    told = bucket.get_bucket_data_redundancy_transition(task)
    assert (told.task_id, told.transition_status, told.bucket) == (task, "Queueing", bucket.bucket_name)
    assert [each.task_id for each in bucket.list_bucket_data_redundancy_transition().data_redundancy_transitions] == [
        task
    ]
    service = oss2.Service(bucket.auth, cloud.endpoints["oss"], region=cloud.region)
    listed = service.list_user_data_redundancy_transition().data_redundancy_transitions
    assert task in [each.task_id for each in listed]
    bucket.delete_bucket_data_redundancy_transition(task)
    with pytest.raises(oss2.exceptions.ServerError):
        bucket.get_bucket_data_redundancy_transition(task)
    zones = cloud.bucket("zrs-" + uuid.uuid4().hex[:12])
    zones.create_bucket(input=oss2.models.BucketCreateConfig(oss2.BUCKET_STORAGE_CLASS_STANDARD, "ZRS"))
    assert zones.get_bucket_info().data_redundancy_type == "ZRS"


def test_rules_of_a_bucket_forbid_to_replace_objects(bucket: oss2.Bucket, url: str) -> None:
    rule = "<Rule><Action>forbid</Action><Prefix>kept/</Prefix><Suffix>.txt</Suffix></Rule>"
    other = "<Rule><Action>forbid</Action><Principals><Principal>2</Principal></Principals></Rule>"
    name, params = bucket.bucket_name, {"overwriteConfig": ""}
    bucket._do("PUT", name, "", params=params, data=f"<OverwriteConfiguration>{rule}{other}</OverwriteConfiguration>")
    assert bucket._do("GET", name, "", params=params).read().count(b"<ID>") == 2
    for key in ("kept/a.txt", "kept/a", "a.txt"):
        bucket.put_object(key, b"1")
    for key in ("kept/a", "a.txt"):
        bucket.put_object(key, b"2")
    with pytest.raises(oss2.exceptions.ServerError, match="FileAlreadyExists"):
        bucket.put_object("kept/a.txt", b"2")
    with pytest.raises(oss2.exceptions.ServerError, match="FileAlreadyExists"):
        bucket.copy_object(name, "a.txt", "kept/a.txt")
    bucket._do("DELETE", name, "", params=params)
    bucket.put_object("kept/a.txt", b"2")
    with pytest.raises(oss2.exceptions.ServerError) as refused:
        bucket._do("GET", name, "", params=params)
    assert refused.value.code == "NoSuchBucketOverwriteConfig"


@pytest.mark.parametrize(
    ("parameter", "document"),
    [
        ("overwriteConfig", "<OverwriteConfiguration><Rule><Action>forbid</Action></Rule></OverwriteConfiguration>"),
        (
            "objectWorm",
            "<ObjectWormConfiguration><ObjectWormEnabled>Enabled</ObjectWormEnabled></ObjectWormConfiguration>",
        ),
    ],
)
def test_rules_for_a_bucket_that_is_not_there_are_taken_for_those_of_a_new_one(
    cloud: Cloud, parameter: str, document: str
) -> None:
    missing = cloud.bucket("missing-" + uuid.uuid4().hex[:12])
    with pytest.raises(oss2.exceptions.ServerError) as refused:
        missing._do("PUT", missing.bucket_name, "", params={parameter: ""}, data=document)
    assert (refused.value.code, refused.value.details["EC"]) == ("MalformedXML", "0015-00000231")


@pytest.mark.parametrize(
    ("method", "key", "params", "refusal"),
    [
        ("POST", "", {"metaQuery": "", "action": "listDatasets"}, (400, "OperationNotSupported", "0037-00000001")),
        ("GET", "", {"metaQuery": ""}, (404, "MetaQueryNotExist", None)),
        ("POST", "a", {"x-oss-async-process": ""}, (404, "Imm Client", None)),
        ("PUT", "a", {"uploadId": "none", "partNumber": "1"}, (404, "NoSuchUpload", "0042-00000104")),
    ],
)
def test_what_cannot_be_done_here_is_refused_in_the_words_of_oss(
    bucket: oss2.Bucket, method: str, key: str, params: dict[str, str], refusal: tuple[int, str, str | None]
) -> None:
    bucket.put_object("a", b"1")
    with pytest.raises(oss2.exceptions.ServerError) as refused:
        bucket._do(method, bucket.bucket_name, key, params=params)
    assert (refused.value.status, refused.value.code, refused.value.ec or None) == refusal


def test_buckets_are_listed_by_their_tags(bucket: oss2.Bucket, cloud: Cloud) -> None:
    tags = oss2.models.TaggingRule()
    value = uuid.uuid4().hex
    tags.add("purpose", value)
    bucket.put_bucket_tagging(oss2.models.Tagging(tags))
    service = oss2.Service(bucket.auth, cloud.endpoints["oss"], region=cloud.region)
    found = service.list_buckets(params={"tag-key": "purpose", "tag-value": value})
    assert [each.name for each in found.buckets] == [bucket.bucket_name]
    assert service.list_buckets(params={"tag-key": "purpose", "tag-value": "none"}).buckets == []


def test_settings_are_shown_by_the_bucket(bucket: oss2.Bucket) -> None:
    bucket.put_bucket_access_monitor("Enabled")
    bucket.put_bucket_encryption(oss2.models.ServerSideEncryptionRule(sse_algorithm="KMS"))
    info = bucket.get_bucket_info()
    assert (info.access_monitor, info.bucket_encryption_rule.sse_algorithm) == ("Enabled", "KMS")


def test_tags_come_with_every_kind_of_object(bucket: oss2.Bucket) -> None:
    headers = {"x-oss-tagging": "a=1&b=%E4%BD%A0", "x-oss-meta-colour": "blue"}
    expected = {"a": "1", "b": "\u4f60"}
    bucket.put_object("put", b"1", headers=headers)
    bucket.append_object("append", 0, b"1", headers=headers)
    bucket.put_symlink("put", "symlink", headers=headers)
    upload_id = bucket.init_multipart_upload("multipart", headers=headers).upload_id
    part = bucket.upload_part("multipart", upload_id, 1, b"1")
    bucket.complete_multipart_upload("multipart", upload_id, [oss2.models.PartInfo(1, part.etag)])
    replaced = {"x-oss-tagging-directive": "REPLACE", "x-oss-tagging": "c=3"}
    bucket.copy_object(bucket.bucket_name, "put", "copied", headers={"x-oss-tagging": "c=3"})
    bucket.copy_object(bucket.bucket_name, "put", "replaced", headers=replaced)
    tags = {
        key: bucket.get_object_tagging(key).tag_set.tagging_rule for key in ("put", "append", "multipart", "copied")
    }
    assert tags == dict.fromkeys(tags, expected)
    assert bucket.get_object_tagging("replaced").tag_set.tagging_rule == {"c": "3"}
    assert bucket.get_object_tagging("symlink").tag_set.tagging_rule == expected
    for key in ("append", "multipart", "copied"):
        assert bucket.head_object(key).headers["x-oss-meta-colour"] == "blue"
    assert bucket.get_symlink("symlink").headers["x-oss-meta-colour"] == "blue"
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.put_object("put", b"1", headers={"x-oss-tagging": "a=1&a=2"})
    assert error.value.code == "InvalidArgument"


def test_uploads_are_rolled_up_by_a_delimiter_page_by_page(bucket: oss2.Bucket) -> None:
    for key in ("a/1", "a/2", "b", "b", "c/1"):
        bucket.init_multipart_upload(key)
    whole = bucket.list_multipart_uploads(delimiter="/")
    assert ([each.key for each in whole.upload_list], whole.prefix_list) == (["b", "b"], ["a/", "c/"])
    seen: list[str] = []
    marker, id_marker = "", ""
    for _ in range(4):
        page = bucket.list_multipart_uploads(
            delimiter="/", max_uploads=1, key_marker=marker, upload_id_marker=id_marker
        )
        seen += [each.key for each in page.upload_list] + page.prefix_list
        marker, id_marker = page.next_key_marker, page.next_upload_id_marker
    assert (seen, page.is_truncated) == (["a/", "b", "b", "c/"], False)


def test_a_copied_part_tells_its_entity_tag_in_a_header_too(bucket: oss2.Bucket) -> None:
    bucket.put_object("source", b"1" * 10)
    upload_id = bucket.init_multipart_upload("target").upload_id
    copied = bucket.upload_part_copy(bucket.bucket_name, "source", (0, 9), "target", upload_id, 1)
    assert copied.headers["ETag"].strip('"') == copied.etag == bucket.head_object("source").etag


def test_a_long_text_goes_out_packed_to_those_that_take_it(bucket: oss2.Bucket) -> None:
    content = b"a line of text\n" * 100
    bucket.put_object("a.txt", content)
    signed = bucket.sign_url("GET", "a.txt", 60)
    packed = requests.get(signed, headers={"Accept-Encoding": "gzip"}, timeout=10)
    assert (packed.content, packed.headers["Content-Encoding"]) == (content, "gzip")
    assert not {"Content-Length", "ETag"} & packed.headers.keys()
    with requests.Session() as session:  # what follows an answer to HEAD on its connection is the next answer
        signed_head = bucket.sign_url("HEAD", "a.txt", 60)
        head = session.head(signed_head, headers={"Accept-Encoding": "gzip"}, timeout=10)
        assert (head.headers["Vary"], head.headers["Content-Encoding"]) == ("Accept-Encoding", "gzip")
        assert head.headers.keys().isdisjoint({"Content-Length", "ETag"})
        head = session.head(signed_head, headers={"Accept-Encoding": "identity"}, timeout=10)
        assert "Vary" not in head.headers
    whole = requests.get(signed, headers={"Accept-Encoding": "identity"}, timeout=10)
    assert (whole.content, whole.headers["Content-Length"]) == (content, str(len(content)))
    part = requests.get(signed, headers={"Accept-Encoding": "gzip", "Range": "bytes=0-1023"}, timeout=10)
    assert (part.status_code, part.content) == (206, content[:1024])


def test_a_symlink_is_read_with_its_own_attributes_and_the_bytes_of_its_target(bucket: oss2.Bucket) -> None:
    bucket.put_object("target", b"12345", headers={"x-oss-meta-whose": "target"})
    bucket.put_symlink("target", "link", headers={"x-oss-meta-whose": "link", "Content-Type": "text/x"})
    head = bucket.head_object("link")
    assert (head.object_type, head.content_length, head.headers["x-oss-meta-whose"]) == ("Symlink", 5, "link")
    got = bucket.get_object("link")
    assert (got.read(), got.etag, got.content_type) == (b"12345", bucket.head_object("target").etag, "text/x")
    bucket.put_symlink("link", "link2")
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.get_object("link2")
    assert (error.value.code, error.value.details["EC"]) == ("InvalidTargetType", "0026-00000011")


def test_keys_with_control_characters_are_deleted_and_told_by_name(bucket: oss2.Bucket) -> None:
    bucket.put_object("a\x0cb", b"1")
    assert bucket.batch_delete_objects(["a\x0cb"]).deleted_keys == ["a\x0cb"]
    assert list(oss2.ObjectIterator(bucket)) == []


def test_lifecycle_rules_are_applied_as_time_goes_by(bucket: oss2.Bucket, cloud: Cloud) -> None:
    expiration = oss2.models.LifecycleExpiration(days=2)
    abort = oss2.models.AbortMultipartUpload(days=1)
    rule = oss2.models.LifecycleRule("old", "logs/", expiration=expiration, abort_multipart_upload=abort)
    bucket.put_bucket_lifecycle(oss2.models.BucketLifecycle([rule]))
    bucket.put_object("logs/1", b"1")
    bucket.put_object("kept", b"1")
    assert bucket.head_object("logs/1").headers["x-oss-expiration"].endswith('GMT", rule-id="old"')
    assert "x-oss-expiration" not in bucket.get_object("kept").headers
    bucket.init_multipart_upload("logs/2")
    url, token = (
        f"{cloud.endpoints['oss']}/-/localcloud/lifecycle",
        {"Authorization": f"Bearer {cloud.access_key_secret}"},
    )

    def left(days: float) -> tuple[list[str], int]:
        moment = {"time": time.time() + days * 86_400}
        requests.post(url, json=moment, headers=token, timeout=10).raise_for_status()
        return [item.key for item in oss2.ObjectIterator(bucket)], len(bucket.list_multipart_uploads().upload_list)

    assert left(0.9) == (["kept", "logs/1"], 1)
    assert left(1.1) == (["kept", "logs/1"], 0)
    assert left(2.1) == (["kept"], 0)
    assert requests.post(url, json={}, timeout=10).status_code == 401


def test_what_retention_protects_is_neither_replaced_nor_deleted(bucket: oss2.Bucket) -> None:
    bucket.append_object("log", 0, b"1")
    bucket.put_object("a", b"1")
    bucket.init_bucket_worm(1)
    changes: tuple[Callable[[], object], ...] = (
        lambda: bucket.put_object("a", b"2"),
        lambda: bucket.delete_object("a"),
        lambda: bucket.append_object("log", 1, b"2"),
        lambda: bucket.put_symlink("log", "a"),
        lambda: bucket.copy_object(bucket.bucket_name, "log", "a"),
    )
    for change in changes:
        with pytest.raises(oss2.exceptions.ServerError) as error:
            change()
        assert (error.value.status, error.value.code) == (409, "FileImmutable")
    bucket.put_object("new", b"1")
    bucket.abort_bucket_worm()
    bucket.delete_object("a")


def test_a_copy_with_new_headers_keeps_its_content_type_unless_it_gets_another(bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"1", headers={"Content-Type": "text/x", "x-oss-meta-colour": "blue"})
    bucket.copy_object(bucket.bucket_name, "a", "b", headers={"x-oss-metadata-directive": "REPLACE"})
    head = bucket.head_object("b")
    assert (head.content_type, head.headers.get("x-oss-meta-colour")) == ("text/x", None)


def test_an_uploaded_part_tells_its_md5(bucket: oss2.Bucket) -> None:
    upload_id = bucket.init_multipart_upload("a").upload_id
    part = bucket.upload_part("a", upload_id, 1, b"1")
    assert base64.b64decode(part.headers["Content-MD5"]).hex().upper() == part.etag


def test_a_copied_part_tells_the_encryption_of_its_upload(bucket: oss2.Bucket) -> None:
    name = "x-oss-server-side-encryption"
    bucket.put_object("source", b"1" * 10)
    upload_id = bucket.init_multipart_upload("a", headers={name: "AES256"}).upload_id
    copied = bucket.upload_part_copy(bucket.bucket_name, "source", (0, 9), "a", upload_id, 1)
    assert copied.headers[name] == "AES256"


def test_a_finished_upload_tells_its_address_in_the_style_of_the_request(bucket: oss2.Bucket, url: str) -> None:
    address, everything = url.removeprefix("http://").partition("/")[0], {"x-oss-complete-all": "yes"}
    for host, path in ((address, f"/{bucket.bucket_name}"), (f"{bucket.bucket_name}.oss.localhost", "")):
        upload_id = bucket.init_multipart_upload("a b").upload_id
        bucket.upload_part("a b", upload_id, 1, b"1")
        signed = bucket.sign_url("POST", "a b", 60, params={"uploadId": upload_id}, headers=everything)
        query = signed.partition("?")[2]
        answer = requests.post(
            f"http://{address}{path}/a%20b?{query}", headers={"Host": host, **everything}, timeout=10
        )
        assert f"<Location>http://{host}{path}/a%20b</Location>" in answer.text, answer.text


def test_an_upload_without_parts_has_no_marker_and_holds_its_bucket(bucket: oss2.Bucket) -> None:
    upload_id = bucket.init_multipart_upload("a").upload_id
    parts = bucket.list_parts("a", upload_id)
    assert (parts.parts, parts.next_marker, parts.is_truncated) == ([], "", False)
    with pytest.raises(oss2.exceptions.BucketNotEmpty) as refused:
        bucket.delete_bucket()
    assert refused.value.message == "The bucket has Multipart Uploads. Please delete them first."
    bucket.abort_multipart_upload("a", upload_id)


def test_a_bucket_is_made_in_the_region_of_its_endpoint_only(bucket: oss2.Bucket, cloud: Cloud) -> None:
    document = "<CreateBucketConfiguration><LocationConstraint>%s</LocationConstraint></CreateBucketConfiguration>"
    with pytest.raises(oss2.exceptions.ServerError) as refused:
        bucket._do("PUT", bucket.bucket_name, "", data=document % "oss-ap-southeast-1")
    assert (refused.value.status, refused.value.code) == (400, "InvalidLocationConstraint")
    bucket._do("PUT", bucket.bucket_name, "", data=document % f"oss-{cloud.region}")
    answer = bucket._do("HEAD", bucket.bucket_name, "")
    assert answer.headers["x-oss-bucket-region"] == f"oss-{cloud.region}"


def test_an_empty_key_of_encryption_is_none(bucket: oss2.Bucket) -> None:
    rule = "<SSEAlgorithm>KMS</SSEAlgorithm><KMSMasterKeyID></KMSMasterKeyID>"
    inner = f"<ApplyServerSideEncryptionByDefault>{rule}</ApplyServerSideEncryptionByDefault>"
    document = f"<ServerSideEncryptionRule>{inner}</ServerSideEncryptionRule>"
    bucket._do("PUT", bucket.bucket_name, "", params={"encryption": ""}, data=document)
    assert b"KMSMasterKeyID" not in bucket._do("GET", bucket.bucket_name, "", params={"encryption": ""}).read()


def test_lifecycle_rules_that_overlap_are_refused(bucket: oss2.Bucket) -> None:
    rules = [
        oss2.models.LifecycleRule(name, prefix, expiration=oss2.models.LifecycleExpiration(days=3))
        for name, prefix in (("one", "logs/"), ("two", "logs/old/"))
    ]
    with pytest.raises(oss2.exceptions.InvalidRequest) as refused:
        bucket.put_bucket_lifecycle(oss2.models.BucketLifecycle(rules))
    assert refused.value.message == "Overlap for same action type Expiration"
    assert refused.value.details["EC"] == "0014-00000084"
    bucket.put_bucket_lifecycle(oss2.models.BucketLifecycle(rules), {"x-oss-allow-same-action-overlap": "true"})


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("lifecycle", "No Row found in Lifecycle Table."),
        ("website", "The specified bucket does not have a website configuration."),
    ],
)
def test_a_setting_that_is_not_there_is_told_in_the_words_of_oss(bucket: oss2.Bucket, setting: str, words: str) -> None:
    with pytest.raises(oss2.exceptions.NotFound) as refused:
        getattr(bucket, f"get_bucket_{setting}")()
    assert refused.value.message == words


def test_slashes_in_keys_are_encoded_where_keys_are(bucket: oss2.Bucket) -> None:
    bucket.put_object("slash/a b", b"")
    query = {"prefix": "slash/", "delimiter": "/", "encoding-type": "url"}
    listed = bucket._do("GET", bucket.bucket_name, "", params=query).read()
    assert b"<Key>slash%2Fa%20b</Key>" in listed
    assert b"<Delimiter>%2F</Delimiter>" in listed
    body = b"<Delete><Object><Key>slash/a b</Key></Object></Delete>"
    headers = {"Content-MD5": oss2.utils.content_md5(body), "Encoding-Type": "url"}
    deleted = bucket._do("POST", bucket.bucket_name, "", params={"delete": ""}, data=body, headers=headers).read()
    assert b"<Key>slash%2Fa%20b</Key>" in deleted


def test_a_request_that_names_no_acl_changes_none(bucket: oss2.Bucket) -> None:
    bucket.put_bucket_acl("public-read")
    bucket._do("PUT", bucket.bucket_name, "", params={"acl": ""})
    assert bucket.get_bucket_acl().acl == "public-read"


def test_a_list_of_buckets_tells_their_resource_groups_to_who_asks_for_one(bucket: oss2.Bucket, cloud: Cloud) -> None:
    service = oss2.Service(bucket.auth, cloud.endpoints["oss"], region=cloud.region)
    asked = service._do("GET", "", "", headers={"x-oss-resource-group-id": "rg-default"}).read()
    assert b"<ResourceGroupId>rg-default</ResourceGroupId>" in asked
    assert b"ResourceGroupId" not in service._do("GET", "", "").read()


def test_requests_beyond_the_rate_of_a_bucket_are_refused(bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"1")
    bucket.put_bucket_qos_info(oss2.models.BucketQosInfo(total_qps=0))
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.get_object("a")
    assert (error.value.status, error.value.code) == (503, "TotalQpsLimitExceeded")
    assert bucket.get_bucket_qos_info().total_qps == 0
    bucket.delete_bucket_qos_info()
    assert bucket.get_object("a").read() == b"1"


def test_a_bucket_takes_no_more_requests_than_its_account(cloud: Cloud, bucket: oss2.Bucket) -> None:
    account = oss2.Service(bucket.auth, cloud.endpoints["oss"], region=cloud.region).get_user_qos_info()
    for rates in ({"total_qps": account.total_qps + 1}, {"intranet_qps": account.total_qps + 1}):
        with pytest.raises(oss2.exceptions.ServerError, match="InvalidArgument"):
            bucket.put_bucket_qos_info(oss2.models.BucketQosInfo(**rates))
    bucket.put_bucket_qos_info(oss2.models.BucketQosInfo(total_qps=account.total_qps))
    assert bucket.put_object("a", b"1").status == 200


def test_rules_by_access_need_access_tracking(bucket: oss2.Bucket) -> None:
    rule = "<ID>r</ID><Prefix>log/</Prefix><Status>Enabled</Status>"
    access = "<IsAccessTime>true</IsAccessTime><ReturnToStdWhenVisit>false</ReturnToStdWhenVisit>"
    step = f"<Days>30</Days><StorageClass>IA</StorageClass>{access}"
    body = f"<LifecycleConfiguration><Rule>{rule}<Transition>{step}</Transition></Rule></LifecycleConfiguration>"
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket._do("PUT", bucket.bucket_name, "", params={"lifecycle": ""}, data=body)
    assert (error.value.status, error.value.code) == (400, "MalformedXML")


def test_the_last_access_is_told_and_moves_objects(bucket: oss2.Bucket, cloud: Cloud) -> None:
    header = "x-oss-last-access-time"
    bucket.put_object("log/a", b"1")
    assert header not in bucket.get_object_meta("log/a").headers
    bucket.put_bucket_access_monitor("Enabled")
    first = parsedate_to_datetime(bucket.get_object_meta("log/a").headers[header]).timestamp()
    assert abs(first - time.time()) < 60
    bucket.get_object("log/a").read()
    last = parsedate_to_datetime(bucket.head_object("log/a").headers[header]).timestamp()
    assert first <= last <= time.time()
    access = "<IsAccessTime>true</IsAccessTime><ReturnToStdWhenVisit>false</ReturnToStdWhenVisit>"
    step = f"<Days>30</Days><StorageClass>IA</StorageClass>{access}"
    rule = f"<Prefix>log/</Prefix><Status>Enabled</Status><Transition>{step}</Transition>"
    body = f"<LifecycleConfiguration><Rule>{rule}</Rule></LifecycleConfiguration>"
    bucket._do("PUT", bucket.bucket_name, "", params={"lifecycle": ""}, data=body)
    for days, storage_class in ((29, "Standard"), (31, "IA")):
        requests.post(
            f"{cloud.endpoints['oss']}/-/localcloud/lifecycle",
            json={"time": time.time() + days * 86_400},
            headers={"Authorization": f"Bearer {cloud.access_key_secret}"},
            timeout=10,
        ).raise_for_status()
        assert bucket.head_object("log/a").headers["x-oss-storage-class"] == storage_class


def test_two_tags_of_a_lifecycle_rule_have_different_keys(bucket: oss2.Bucket) -> None:
    tag = "<Tag><Key>k</Key><Value>{}</Value></Tag>"
    rule = f"<Prefix>a</Prefix>{tag.format(1)}{tag.format(2)}<Status>Enabled</Status><Expiration><Days>2</Days></Expiration>"
    body = f"<LifecycleConfiguration><Rule>{rule}</Rule></LifecycleConfiguration>"
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket._do("PUT", bucket.bucket_name, "", params={"lifecycle": ""}, data=body)
    assert (error.value.status, error.value.code) == (400, "MalformedXML")


def test_the_logging_of_a_bucket_has_its_element_where_nothing_is_logged(bucket: oss2.Bucket) -> None:
    def status() -> bytes:
        return bytes(bucket._do("GET", bucket.bucket_name, "", params={"logging": ""}).read())

    assert b"<LoggingEnabled></LoggingEnabled>" in status()
    target = f"<LoggingEnabled><TargetBucket>{bucket.bucket_name}</TargetBucket></LoggingEnabled>"
    bucket._do(
        "PUT",
        bucket.bucket_name,
        "",
        params={"logging": ""},
        data=f"<BucketLoggingStatus>{target}</BucketLoggingStatus>",
    )
    assert b"<TargetPrefix></TargetPrefix>" in status()
    bucket._do("PUT", bucket.bucket_name, "", params={"logging": ""}, data="<BucketLoggingStatus/>")
    assert b"<LoggingEnabled></LoggingEnabled>" in status()


def test_a_bucket_is_made_in_a_resource_group(cloud: Cloud) -> None:
    bucket = cloud.bucket("set-" + uuid.uuid4().hex[:12])
    with pytest.raises(oss2.exceptions.ServerError, match="InvalidArgument"):
        bucket.create_bucket(headers={"x-oss-resource-group-id": "none"})
    bucket.create_bucket(headers={"x-oss-resource-group-id": "rg-a1"})
    assert (
        b"<ResourceGroupId>rg-a1</ResourceGroupId>"
        in bucket._do("GET", bucket.bucket_name, "", params={"bucketInfo": ""}).read()
    )


def test_a_bucket_tells_that_oss_has_the_key_of_its_encryption(bucket: oss2.Bucket) -> None:
    bucket.put_bucket_encryption(oss2.models.ServerSideEncryptionRule(sse_algorithm="KMS"))
    info = bucket._do("GET", bucket.bucket_name, "", params={"bucketInfo": ""}).read()
    assert b"<KMSMasterKeyID></KMSMasterKeyID>" in info


def test_an_empty_header_takes_what_it_said_from_an_object(bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"", {"Cache-Control": "no-cache"})
    bucket.update_object_meta("a", {"Cache-Control": ""})
    assert "Cache-Control" not in bucket.head_object("a").headers


def test_the_md5_of_the_object_may_be_signed_with_a_get(bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"hello")
    headers = {"Content-MD5": oss2.utils.content_md5(b"hello")}
    assert bucket.get_object("a", headers=headers).read() == b"hello"


def test_what_is_no_symlink_is_told(bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"")
    with pytest.raises(oss2.exceptions.ServerError, match="NotSymlink"):
        bucket.get_symlink("a")


def test_a_range_that_an_object_has_not_copies_all_of_it_into_a_part(bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"0123456789")
    upload = bucket.init_multipart_upload("b~c").upload_id
    part = bucket.upload_part_copy(bucket.bucket_name, "a", (4, 14), "b~c", upload, 1)
    done = bucket.complete_multipart_upload("b~c", upload, [oss2.models.PartInfo(1, part.etag)])
    assert bucket.get_object("b~c").read() == b"0123456789"
    assert b"/b%7Ec</Location>" in done.resp.read()


def test_answers_tell_how_long_they_took(bucket: oss2.Bucket) -> None:
    assert int(bucket.get_bucket_acl().headers["x-oss-server-time"]) < 10_000


def test_an_upload_that_a_client_encrypts_tells_how_and_has_the_size_that_it_said(bucket: oss2.Bucket) -> None:
    said = {"key": "k", "start": "s", "cek-alg": "AES/CTR/NoPadding", "data-size": "5", "part-size": "102400"}
    headers = {f"x-oss-meta-client-side-encryption-{name}": value for name, value in said.items()}
    upload = bucket.init_multipart_upload("sealed", headers=headers).upload_id
    part = bucket.upload_part("sealed", upload, 1, b"1234")
    listed = bucket._do("GET", bucket.bucket_name, "sealed", params={"uploadId": upload}).read()
    assert b"<ClientEncryptionKey>k</ClientEncryptionKey>" in listed
    assert b"<ClientEncryptionDataSize>5</ClientEncryptionDataSize>" in listed
    with pytest.raises(oss2.exceptions.ServerError, match="data-size"):
        bucket.complete_multipart_upload("sealed", upload, [oss2.models.PartInfo(1, part.etag)])
    part = bucket.upload_part("sealed", upload, 1, b"12345")
    bucket.complete_multipart_upload("sealed", upload, [oss2.models.PartInfo(1, part.etag)])
