"""The embedded OSS with oss2, the official client, signing with V1 and with V4."""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import oss2
import oss2.models
import pytest
import requests

from tests.support.cloud import Cloud
from tests.support.waiting import wait_for

KEYS = [
    "plain.txt",
    "folder/inside",
    "with space + plus & amp",
    "ünïcode/漢字",
    "percent%20sign",
    "a//b",
    "trailing/",
    "~*'()!",
]


@pytest.fixture(params=["V1", "V4"])
def bucket(request: pytest.FixtureRequest, cloud: Cloud) -> oss2.Bucket:
    auth: Any = {"V1": oss2.Auth, "V4": oss2.AuthV4}[request.param](cloud.access_key_id, cloud.access_key_secret)
    bucket = oss2.Bucket(auth, cloud.endpoints["oss"], "test-" + uuid.uuid4().hex[:12], region=cloud.region)
    bucket.create_bucket()
    return bucket


def code_of(error: pytest.ExceptionInfo[oss2.exceptions.ServerError]) -> tuple[int, str]:
    return error.value.status, error.value.code


# Buckets


def test_a_bucket_is_made_described_listed_and_deleted(bucket: oss2.Bucket, cloud: Cloud) -> None:
    info = bucket.get_bucket_info()
    assert (info.name, info.owner.id, info.acl.grant) == (bucket.bucket_name, cloud.account_id, "private")
    assert bucket.get_bucket_location().location == f"oss-{cloud.region}"
    service = oss2.Service(bucket.auth, cloud.endpoints["oss"], region=cloud.region)
    assert bucket.bucket_name in [each.name for each in oss2.BucketIterator(service)]
    bucket.put_bucket_acl("public-read")
    assert bucket.get_bucket_acl().acl == "public-read"
    bucket.delete_bucket()
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        bucket.get_bucket_info()


def test_a_bucket_with_objects_is_not_deleted(bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"1")
    with pytest.raises(oss2.exceptions.BucketNotEmpty):
        bucket.delete_bucket()


@pytest.mark.parametrize("name", ["ab", "-abc", "abc-"])
def test_a_wrong_bucket_name_is_refused(cloud: Cloud, name: str) -> None:
    with pytest.raises((oss2.exceptions.ServerError, oss2.exceptions.ClientError)):
        cloud.bucket(name).create_bucket()


def test_settings_of_a_bucket_are_kept(bucket: oss2.Bucket) -> None:
    with pytest.raises(oss2.exceptions.NoSuchLifecycle):
        bucket.get_bucket_lifecycle()
    rule = oss2.models.LifecycleRule("drop", "applib/", abort_multipart_upload=oss2.models.AbortMultipartUpload(days=1))
    bucket.put_bucket_lifecycle(oss2.models.BucketLifecycle([rule]))
    assert [each.id for each in bucket.get_bucket_lifecycle().rules] == ["drop"]
    bucket.delete_bucket_lifecycle()
    bucket.put_bucket_encryption(oss2.models.ServerSideEncryptionRule(sse_algorithm="AES256"))
    assert bucket.get_bucket_encryption().sse_algorithm == "AES256"


# Objects


@pytest.mark.parametrize("key", KEYS)
def test_an_object_comes_back_as_it_was_put(bucket: oss2.Bucket, key: str) -> None:
    put = bucket.put_object(key, b"content", headers={"Content-Type": "text/x", "x-oss-meta-colour": "blue"})
    assert put.etag == hashlib.md5(b"content").hexdigest().upper()
    got = bucket.get_object(key)
    assert got.read() == b"content"
    assert (got.content_type, got.headers["x-oss-meta-colour"], got.server_crc) == ("text/x", "blue", put.crc)
    head = bucket.head_object(key)
    assert (head.content_length, head.etag, head.object_type) == (7, put.etag, "Normal")
    assert bucket.get_object_meta(key).content_length == 7
    assert [item.key for item in oss2.ObjectIterator(bucket)] == [key]
    assert [item.key for item in oss2.ObjectIteratorV2(bucket)] == [key]
    bucket.delete_object(key)
    assert not bucket.object_exists(key)


def test_an_object_is_read_though_the_body_that_a_request_promises_never_comes(bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"something")
    url = bucket.sign_url("GET", "a", 60)
    answer = requests.get(url, headers={"Content-Length": "9"}, timeout=10)
    assert (answer.status_code, answer.content) == (200, b"something")


def test_ranges(bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"0123456789")
    assert bucket.get_object("a", byte_range=(2, 4)).read() == b"234"
    assert bucket.get_object("a", byte_range=(7, None)).read() == b"789"
    assert bucket.get_object("a", byte_range=(None, 3)).read() == b"789"
    assert bucket.get_object("a", byte_range=(8, 99)).read() == b"0123456789"
    standard = {"x-oss-range-behavior": "standard"}
    assert bucket.get_object("a", byte_range=(8, 99), headers=standard).read() == b"89"
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.get_object("a", byte_range=(10, 12), headers=standard)
    assert code_of(error) == (416, "InvalidRange")


def test_conditions(bucket: oss2.Bucket) -> None:
    etag = bucket.put_object("a", b"1").etag
    assert bucket.get_object("a", headers={"If-Match": f'"{etag}"'}).read() == b"1"
    with pytest.raises(oss2.exceptions.PreconditionFailed):
        bucket.get_object("a", headers={"If-Match": '"other"'})
    with pytest.raises(oss2.exceptions.NotModified) as unchanged:
        bucket.get_object("a", headers={"If-None-Match": f'"{etag}"'})
    assert unchanged.value.headers["ETag"] == f'"{etag}"'
    assert "Last-Modified" in unchanged.value.headers
    later = oss2.http_date(int(time.time()) + 60)
    with pytest.raises(oss2.exceptions.NotModified):
        bucket.get_object("a", headers={"If-Modified-Since": later})


def test_an_object_that_must_not_be_replaced_is_not(bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"1")
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.put_object("a", b"2", headers={"x-oss-forbid-overwrite": "true"})
    assert code_of(error) == (409, "FileAlreadyExists")
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.put_symlink("b", "a", headers={"x-oss-forbid-overwrite": "true"})
    assert code_of(error) == (409, "FileAlreadyExists")
    assert bucket.get_object("a").read() == b"1"


def test_a_copy_without_a_possible_source_and_an_acl_that_is_not_said_are_refused(bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"1", headers={"x-oss-object-acl": "public-read"})
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.copy_object(bucket.bucket_name, "k" * 1024, "b")
    assert code_of(error) == (400, "InvalidObjectName")
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket._do("PUT", bucket.bucket_name, "a", params={"acl": ""})  # put_object_acl always says one
    assert code_of(error) == (400, "MissingArgument")
    assert bucket.get_object_acl("a").acl == "public-read"


def test_a_wrong_md5_is_refused_and_nothing_is_kept(bucket: oss2.Bucket) -> None:
    other = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    for wrong, ec in ((other, "0017-00000503"), ("no MD5", "0017-00000502")):
        with pytest.raises(oss2.exceptions.ServerError) as error:
            bucket.put_object("a", b"content", headers={"Content-MD5": wrong})
        assert (*code_of(error), error.value.ec) == (400, "InvalidDigest", ec)
        assert error.value.message == "The Content-MD5 you specified was invalid."
    assert not bucket.object_exists("a")


def test_copying_keeps_or_replaces_headers(bucket: oss2.Bucket) -> None:
    bucket.put_object("a b", b"1", headers={"x-oss-meta-x": "old"})
    bucket.copy_object(bucket.bucket_name, "a b", "kept")
    assert bucket.head_object("kept").headers["x-oss-meta-x"] == "old"
    replaced = {"x-oss-metadata-directive": "REPLACE", "x-oss-meta-x": "new"}
    bucket.copy_object(bucket.bucket_name, "a b", "replaced", headers=replaced)
    assert bucket.head_object("replaced").headers["x-oss-meta-x"] == "new"
    assert bucket.get_object("replaced").read() == b"1"


def test_an_object_copied_onto_itself_takes_the_headers_of_the_request(bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"1", {"Content-Disposition": "inline", "x-oss-meta-a": "1"})
    bucket.copy_object(bucket.bucket_name, "a", "a", {"Content-Disposition": "attachment"})
    headers = bucket.head_object("a").headers
    assert (headers["Content-Disposition"], headers.get("x-oss-meta-a")) == ("attachment", None)


def test_a_limit_of_traffic_is_told_how_long_it_delayed(bucket: oss2.Bucket) -> None:
    limit = {"x-oss-traffic-limit": "819200"}
    assert bucket.put_object("a", b"1", limit).headers["x-oss-qos-delay-time"] == "0"
    assert bucket.get_object("a", params=limit).headers["x-oss-qos-delay-time"] == "0"
    assert "x-oss-qos-delay-time" not in bucket.get_object("a").headers


def test_a_lasting_key_with_a_token_is_the_key_of_no_session(bucket: oss2.Bucket, cloud: Cloud) -> None:
    auth = oss2.StsAuth(cloud.access_key_id, cloud.access_key_secret, "token", auth_version="v4")
    stranger = oss2.Bucket(auth, cloud.endpoints["oss"], bucket.bucket_name, region=cloud.region)
    with pytest.raises(oss2.exceptions.ServerError) as refused:
        stranger.put_object("a", b"1")
    assert code_of(refused) == (403, "InvalidAccessKeyId")


def test_a_copy_with_new_headers_can_still_be_decrypted(bucket: oss2.Bucket) -> None:
    key = "x-oss-meta-client-side-encryption-key"
    bucket.put_object("secret", b"1", headers={key: "wrapped", "x-oss-meta-x": "old"})
    bucket.copy_object(bucket.bucket_name, "secret", "copy", headers={"x-oss-metadata-directive": "REPLACE"})
    copied = bucket.head_object("copy").headers
    assert (copied[key], "x-oss-meta-x" in copied) == ("wrapped", False)


def test_appending(bucket: oss2.Bucket) -> None:
    first = bucket.append_object("log", 0, b"one")
    assert bucket.append_object("log", first.next_position, b"two", init_crc=first.crc).next_position == 6
    assert bucket.get_object("log").read() == b"onetwo"
    with pytest.raises(oss2.exceptions.PositionNotEqualToLength):
        bucket.append_object("log", 3, b"late")
    bucket.put_object("normal", b"1")
    with pytest.raises(oss2.exceptions.ObjectNotAppendable):
        bucket.append_object("normal", 1, b"2")


def test_many_objects_are_deleted_at_once(bucket: oss2.Bucket) -> None:
    for key in KEYS:
        bucket.put_object(key, b"")
    assert set(bucket.batch_delete_objects(KEYS).deleted_keys) == set(KEYS)
    assert not list(oss2.ObjectIterator(bucket))


def test_listing_rolls_up_prefixes_and_pages(bucket: oss2.Bucket) -> None:
    for key in ("a/1", "a/2", "b", "c/d/1", "e"):
        bucket.put_object(key, b"x")
    found = bucket.list_objects(delimiter="/")
    assert ([o.key for o in found.object_list], found.prefix_list) == (["b", "e"], ["a/", "c/"])
    assert [item.key for item in oss2.ObjectIterator(bucket, delimiter="/", max_keys=1)] == ["a/", "b", "c/", "e"]
    assert [item.key for item in oss2.ObjectIteratorV2(bucket, prefix="a/", max_keys=1)] == ["a/1", "a/2"]
    assert [o.key for o in bucket.list_objects_v2(start_after="b").object_list] == ["c/d/1", "e"]


def test_symlinks(bucket: oss2.Bucket) -> None:
    bucket.put_object("target ü", b"1")
    bucket.put_symlink("target ü", "link")
    assert bucket.get_symlink("link").target_key == "target ü"
    assert bucket.get_object("link").read() == b"1"
    bucket.delete_object("target ü")
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.get_object("link")
    assert code_of(error) == (404, "SymlinkTargetNotExist")


def test_tags(bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"1")
    rule = oss2.models.TaggingRule()
    rule.add("k", "v")
    bucket.put_object_tagging("a", oss2.models.Tagging(rule))
    assert bucket.get_object_tagging("a").tag_set.tagging_rule == {"k": "v"}
    bucket.delete_object_tagging("a")
    assert bucket.get_object_tagging("a").tag_set.tagging_rule == {}


# Multipart uploads


def test_a_multipart_upload(bucket: oss2.Bucket, tmp_path: Path) -> None:
    content = bytes(range(256)) * 2000  # 512 KB
    path = tmp_path / "file"
    path.write_bytes(content)
    store = oss2.ResumableStore(root=str(tmp_path))
    oss2.resumable_upload(
        bucket, "big", str(path), multipart_threshold=1, part_size=110_000, num_threads=3, store=store
    )
    assert bucket.get_object("big").read() == content
    assert bucket.head_object("big").object_type == "Multipart"
    assert bucket.head_object("big").etag.endswith("-5")
    oss2.resumable_download(
        bucket, "big", str(tmp_path / "down"), multiget_threshold=1, part_size=100_000, num_threads=3
    )
    assert (tmp_path / "down").read_bytes() == content


def test_parts_are_listed_copied_completed_and_aborted(bucket: oss2.Bucket) -> None:
    bucket.put_object("source", b"s" * 200_000)
    upload = bucket.init_multipart_upload("target").upload_id
    bucket.upload_part_copy(bucket.bucket_name, "source", (0, 149_999), "target", upload, 1)
    part = bucket.upload_part("target", upload, 2, b"tail")
    listed = bucket.list_parts("target", upload)
    assert [(each.part_number, each.size) for each in listed.parts] == [(1, 150_000), (2, 4)]
    assert [each.upload_id for each in oss2.MultipartUploadIterator(bucket)] == [upload]
    wrong = oss2.models.PartInfo(1, part.etag)
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.complete_multipart_upload("target", upload, [wrong])
    assert code_of(error) == (400, "InvalidPart")
    parts = [oss2.models.PartInfo(each.part_number, each.etag) for each in listed.parts]
    bucket.complete_multipart_upload("target", upload, parts)
    assert bucket.get_object("target").read() == b"s" * 150_000 + b"tail"
    second = bucket.init_multipart_upload("target").upload_id
    bucket.abort_multipart_upload("target", second)
    with pytest.raises(oss2.exceptions.NoSuchUpload):
        bucket.list_parts("target", second)


def test_an_upload_without_parts_is_an_empty_object(bucket: oss2.Bucket) -> None:
    upload = bucket.init_multipart_upload("empty").upload_id
    bucket.complete_multipart_upload("empty", upload, [])
    assert bucket.head_object("empty").content_length == 0


def test_parts_are_named_or_all_of_them_taken(bucket: oss2.Bucket) -> None:
    upload = bucket.init_multipart_upload("both").upload_id
    part = oss2.models.PartInfo(1, bucket.upload_part("both", upload, 1, b"1").etag)
    with pytest.raises(oss2.exceptions.InvalidArgument) as refused:
        bucket.complete_multipart_upload("both", upload, [part], {"x-oss-complete-all": "yes"})
    assert refused.value.ec == "0042-00000216"


def test_sequential_parts_come_in_order_and_give_a_digest(bucket: oss2.Bucket) -> None:
    upload = bucket.init_multipart_upload("s", params={"sequential": ""}).upload_id
    first = bucket.upload_part("s", upload, 1, b"a" * 102_400)
    with pytest.raises(oss2.exceptions.PartNotSequential):
        bucket.upload_part("s", upload, 3, b"c")
    second = bucket.upload_part("s", upload, 2, b"b")
    parts = [oss2.models.PartInfo(number, part.etag) for number, part in ((1, first), (2, second))]
    bucket.complete_multipart_upload("s", upload, parts)
    digest = base64.b64encode(hashlib.md5(b"a" * 102_400 + b"b").digest()).decode()
    assert bucket.head_object("s").headers["Content-MD5"] == digest


def test_whole_objects_come_with_their_digest_and_parts_without(bucket: oss2.Bucket) -> None:
    bucket.put_object("whole", b"content")
    digest = base64.b64encode(hashlib.md5(b"content").digest()).decode()
    assert bucket.get_object("whole").headers["Content-MD5"] == digest
    assert bucket.head_object("whole").headers["Content-MD5"] == digest
    assert "Content-MD5" not in bucket.get_object("whole", byte_range=(0, 1)).headers
    bucket.append_object("appended", 0, b"content")
    assert "Content-MD5" not in bucket.head_object("appended").headers


def test_small_parts_are_refused(bucket: oss2.Bucket) -> None:
    upload = bucket.init_multipart_upload("target").upload_id
    parts = [oss2.models.PartInfo(number, bucket.upload_part("target", upload, number, b"x").etag) for number in (1, 2)]
    with pytest.raises(oss2.exceptions.ServerError) as error:
        bucket.complete_multipart_upload("target", upload, parts)
    assert code_of(error) == (400, "EntityTooSmall")


# URLs and refusals


def test_a_presigned_url_works_until_it_expires(bucket: oss2.Bucket) -> None:
    bucket.put_object("a b", b"1")
    url = bucket.sign_url("GET", "a b", 60, slash_safe=True)
    assert requests.get(url, timeout=10).content == b"1"
    assert requests.put(url, data=b"2", timeout=10).status_code == 403
    short = bucket.sign_url("GET", "a b", 1, slash_safe=True)
    wait_for(lambda: (answer := requests.get(short, timeout=10)).status_code == 403 and "expired" in answer.text)


def test_forged_signatures_and_unknown_keys_are_refused(bucket: oss2.Bucket, cloud: Cloud) -> None:
    kind = type(bucket.auth)
    for identifier, secret, code in (
        (cloud.access_key_id, "wrong", "SignatureDoesNotMatch"),
        ("nobody", "wrong", "InvalidAccessKeyId"),
    ):
        other = oss2.Bucket(kind(identifier, secret), cloud.endpoints["oss"], bucket.bucket_name, region=cloud.region)
        with pytest.raises(oss2.exceptions.ServerError) as error:
            other.get_object("a")
        assert code_of(error) == (403, code)


def test_a_signature_for_another_region_is_refused(cloud: Cloud, bucket: oss2.Bucket) -> None:
    auth = oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret)
    elsewhere = oss2.Bucket(auth, cloud.endpoints["oss"], bucket.bucket_name, region="cn-beijing")
    with pytest.raises(oss2.exceptions.ServerError, match="Invalid signing region in Authorization header"):
        elsewhere.get_object("a")


def test_anonymous_requests_need_a_public_acl(bucket: oss2.Bucket, cloud: Cloud) -> None:
    bucket.put_object("a", b"1")
    url = f"{cloud.endpoints['oss']}/{bucket.bucket_name}/a"
    assert requests.get(url, timeout=10).status_code == 403
    bucket.put_object_acl("a", "public-read")
    assert requests.get(url, timeout=10).content == b"1"
    assert requests.delete(url, timeout=10).status_code == 403


def test_missing_things_have_their_codes(bucket: oss2.Bucket, cloud: Cloud) -> None:
    with pytest.raises(oss2.exceptions.NoSuchKey):
        bucket.get_object("none")
    with pytest.raises(oss2.exceptions.NotFound):
        bucket.head_object("none")
    with pytest.raises(oss2.exceptions.NoSuchBucket):
        cloud.bucket("no-such-bucket").put_object("a", b"1")


def test_errors_carry_their_finer_code_in_the_body_and_in_a_header(bucket: oss2.Bucket) -> None:
    for call in (bucket.get_object, bucket.head_object):
        with pytest.raises(oss2.exceptions.NotFound) as error:
            call("none")
        assert (error.value.code, error.value.ec) == ("NoSuchKey", "0026-00000001")
        assert error.value.headers["x-oss-ec"] == "0026-00000001"


def test_each_published_finer_code_comes_with_its_error(bucket: oss2.Bucket) -> None:
    bucket.put_object("whole", b"1")
    bucket.put_object("archived", b"1", headers={"x-oss-storage-class": "Archive"})
    bucket.append_object("growing", 0, b"1")
    encryption = oss2.models.ServerSideEncryptionRule(sse_algorithm="DES")
    tagged = oss2.models.LifecycleRule(
        "r", "a", abort_multipart_upload=oss2.models.AbortMultipartUpload(days=1), tagging=_tagging(k="v")
    )
    calls: dict[str, Callable[[], object]] = {
        "0005-00000003": lambda: bucket.put_bucket_encryption(encryption),
        "0005-00000004": bucket.get_bucket_encryption,
        "0014-00000027": lambda: bucket.put_bucket_lifecycle(oss2.models.BucketLifecycle([tagged])),
        "0016-00000404": lambda: bucket.get_object("archived"),
        "0026-00000016": lambda: bucket.append_object("growing", 5, b"2"),
        "0026-00000017": lambda: bucket.append_object("whole", 1, b"2"),
        "0027-00000009": bucket.get_bucket_worm,
        "0030-00000005": lambda: bucket.put_bucket_policy("{}"),
        "0030-00000006": bucket.get_bucket_policy,
        "0034-00000001": bucket.get_bucket_cors,
    }
    for ec, call in calls.items():
        with pytest.raises(oss2.exceptions.ServerError) as error:
            call()
        assert (error.value.ec, error.value.headers["x-oss-ec"]) == (ec, ec)


def _tagging(**tags: str) -> oss2.models.Tagging:
    rule = oss2.models.TaggingRule()
    for name, value in tags.items():
        rule.add(name, value)
    return oss2.models.Tagging(rule)


def test_a_missing_bucket_is_told_before_a_wrong_key(bucket: oss2.Bucket, cloud: Cloud) -> None:
    stranger = type(bucket.auth)("nobody", "wrong")
    missing = oss2.Bucket(stranger, cloud.endpoints["oss"], "no-such-bucket", region=cloud.region)
    asked = oss2.models.CreateAccessPointRequest("point", "internet")  # what is not served here, is not there either
    for call in (
        missing.get_bucket_acl,
        missing.list_objects,
        lambda: missing.head_object("a"),
        lambda: missing.create_access_point(asked),
    ):
        with pytest.raises(oss2.exceptions.NoSuchBucket) as error:
            call()
        assert error.value.ec == "0015-00000101"
    with pytest.raises(oss2.exceptions.ServerError) as error:
        missing.create_bucket()
    assert code_of(error) == (403, "InvalidAccessKeyId")
    with pytest.raises(oss2.exceptions.ServerError) as error:
        oss2.Service(stranger, cloud.endpoints["oss"], region=cloud.region).list_buckets()
    assert code_of(error) == (403, "InvalidAccessKeyId")


def test_what_is_not_implemented_says_so(bucket: oss2.Bucket) -> None:
    with pytest.raises(oss2.exceptions.ServerError, match="not implemented") as error:
        bucket.delete_bucket_requester_qos_info("1")
    assert error.value.status == 501


def test_a_path_out_of_the_bucket_is_just_a_key(bucket: oss2.Bucket, cloud: Cloud) -> None:
    bucket.put_object("../../etc/passwd", b"mine")
    assert [item.key for item in oss2.ObjectIterator(bucket)] == ["../../etc/passwd"]
    assert not (cloud.data / "etc").exists()


def test_endpoints_are_those_by_which_the_client_came(cloud: Cloud, bucket: oss2.Bucket) -> None:
    url = cloud.endpoints["oss"]
    info = bucket.get_bucket_info()
    assert (info.extranet_endpoint, info.intranet_endpoint, info.comment) == (url, url, "")
    service = oss2.Service(bucket.auth, url, region=cloud.region)
    assert {each.extranet_endpoint for each in service.list_buckets().buckets} == {url}


def test_a_little_object_is_read_as_it_is_now_however_it_changed(bucket: oss2.Bucket) -> None:
    def read(first: int | None = None, last: int | None = None) -> bytes:
        return bytes(bucket.get_object("little", byte_range=None if first is None else (first, last)).read())

    bucket.put_object("little", b"one of them")
    assert (read(), read(0, 2), read(4, 5), read()) == (b"one of them", b"one", b"of", b"one of them")
    bucket.put_object("little", b"two of them")
    assert (read(), read(0, 2)) == (b"two of them", b"two")
    bucket.copy_object(bucket.bucket_name, "little", "other")
    bucket.delete_object("little")
    with pytest.raises(oss2.exceptions.NoSuchKey):
        read()
    assert bucket.get_object("other").read() == b"two of them"
    bucket.append_object("little", 0, b"a")
    assert read() == b"a"
    bucket.append_object("little", 1, b"b")
    assert (read(), read(1, 1)) == (b"ab", b"b")
