"""Access to the embedded OSS: symlinks, ACLs, tags, blocked public access, and the digests of a request's body."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

import oss2
import oss2.models
import pytest
import requests

from tests.support.cloud import Cloud
from tests.support.roles import assume_role

As = Callable[..., oss2.Bucket]
BLOCKED = "<PublicAccessBlockConfiguration><BlockPublicAccess>%s</BlockPublicAccess></PublicAccessBlockConfiguration>"


@pytest.fixture
def as_role(cloud: Cloud, bucket: oss2.Bucket) -> As:
    """Return the bucket as a new role sees it that has a policy with the given statements."""

    def assume(*statements: dict[str, Any]) -> oss2.Bucket:
        return cloud.bucket(bucket.bucket_name, assume_role(cloud, *statements))

    return assume


def statement(bucket: oss2.Bucket, *actions: str, on: str = "*", effect: str = "Allow") -> dict[str, Any]:
    return {"Effect": effect, "Action": list(actions), "Resource": [f"acs:oss:*:*:{bucket.bucket_name}/{on}"]}


def refused(call: Callable[[], object]) -> bool:
    try:
        call()
    except oss2.exceptions.ServerError as error:
        return (error.status, error.code or "AccessDenied") == (
            403,
            "AccessDenied",
        )  # HEAD has no body that could hold a code
    return False


@pytest.mark.parametrize("denied", [False, True])
def test_a_symlink_gives_no_right_on_its_target(bucket: oss2.Bucket, as_role: As, denied: bool) -> None:
    bucket.put_object("secret/a", b"secret")
    bucket.put_symlink("secret/a", "pub/link")
    statements = [statement(bucket, "oss:GetObject", "oss:PutObject", on="pub/*")]
    if denied:
        statements.append(statement(bucket, "oss:GetObject", on="secret/*", effect="Deny"))
    role = as_role(*statements)
    upload = role.init_multipart_upload("pub/parts").upload_id
    for call in (
        lambda: role.get_object("pub/link").read(),
        lambda: role.head_object("pub/link"),
        lambda: role.get_object("pub/link", byte_range=(0, 1)).read(),
        lambda: role.copy_object(bucket.bucket_name, "pub/link", "pub/copy"),
        lambda: role.upload_part_copy(bucket.bucket_name, "pub/link", None, "pub/parts", upload, 1),
    ):
        assert refused(call)
    assert not bucket.object_exists("pub/copy")
    assert requests.get(role.sign_url("GET", "pub/link", 60, slash_safe=True), timeout=10).status_code == 403


def test_a_symlink_is_followed_with_the_right_on_its_target(bucket: oss2.Bucket, as_role: As) -> None:
    bucket.put_object("data/a", b"content")
    bucket.put_symlink("data/a", "pub/link")
    role = as_role(statement(bucket, "oss:GetObject", "oss:PutObject"))
    assert role.get_object("pub/link").read() == b"content"
    role.copy_object(bucket.bucket_name, "pub/link", "pub/copy")
    assert bucket.get_object("pub/copy").read() == b"content"


def test_a_missing_target_is_not_told_to_those_without_a_right_on_it(bucket: oss2.Bucket, as_role: As) -> None:
    bucket.put_symlink("secret/none", "pub/link")
    assert refused(lambda: as_role(statement(bucket, "oss:GetObject", on="pub/*")).get_object("pub/link"))
    with pytest.raises(oss2.exceptions.ServerError, match="SymlinkTargetNotExist"):
        bucket.get_object("pub/link")


def test_a_public_symlink_makes_a_private_target_not_public(bucket: oss2.Bucket, cloud: Cloud) -> None:
    bucket.put_object("secret", b"secret", headers={"x-oss-object-acl": "private"})
    bucket.put_symlink("secret", "link")
    bucket.put_object_acl("link", "public-read")
    url = f"{cloud.endpoints['oss']}/{bucket.bucket_name}/link"
    assert requests.get(url, timeout=10).status_code == requests.head(url, timeout=10).status_code == 403
    bucket.put_object_acl("secret", "public-read")
    assert requests.get(url, timeout=10).content == b"secret"


def test_a_private_object_of_a_public_bucket_is_not_overwritten_by_anybody(bucket: oss2.Bucket, cloud: Cloud) -> None:
    bucket.put_bucket_acl("public-read-write")
    bucket.put_object("mine", b"mine", headers={"x-oss-object-acl": "private"})
    url = f"{cloud.endpoints['oss']}/{bucket.bucket_name}/"
    assert requests.put(url + "new", data=b"1", timeout=10).status_code == 200
    assert requests.put(url + "mine", data=b"1", timeout=10).status_code == 403
    assert requests.delete(url + "mine", timeout=10).status_code == 403
    public = {"x-oss-object-acl": "public-read"}
    assert requests.put(url + "other", data=b"1", headers=public, timeout=10).status_code == 403


@pytest.mark.parametrize(("method", "ec"), [("GET", "0003-00000007"), ("PUT", "0003-00000008")])
def test_nobody_reads_or_sets_an_acl_without_a_signature(
    bucket: oss2.Bucket, cloud: Cloud, method: str, ec: str
) -> None:
    bucket.put_object("a", b"1", headers={"x-oss-object-acl": "public-read-write"})
    url = f"{cloud.endpoints['oss']}/{bucket.bucket_name}/a?acl"
    answer = requests.request(method, url, headers={"x-oss-object-acl": "private"}, timeout=10)
    assert (answer.status_code, answer.headers["x-oss-ec"]) == (403, ec)


def test_an_acl_or_tags_by_header_need_their_own_right(bucket: oss2.Bucket, as_role: As) -> None:
    writer = as_role(statement(bucket, "oss:PutObject", "oss:GetObject"))
    acl, tags = {"x-oss-object-acl": "public-read"}, {"x-oss-tagging": "a=b"}
    writer.put_object("a", b"1")
    upload = writer.init_multipart_upload("parts").upload_id
    parts = [oss2.models.PartInfo(1, writer.upload_part("parts", upload, 1, b"1").etag)]
    for call in (
        lambda: writer.put_object("a", b"2", headers=acl),
        lambda: writer.put_object("a", b"2", headers=tags),
        lambda: writer.append_object("log", 0, b"2", headers=acl),
        lambda: writer.copy_object(bucket.bucket_name, "a", "b", headers=acl),
        lambda: writer.put_symlink("a", "link", headers=acl),
        lambda: writer.put_symlink("a", "link", headers=tags),
        lambda: writer.init_multipart_upload("b", headers=acl),
        lambda: writer.init_multipart_upload("b", headers=tags),
        lambda: writer.complete_multipart_upload("parts", upload, parts, headers=acl),
    ):
        assert refused(call)
    assert [item.key for item in oss2.ObjectIterator(bucket)] == ["a"]
    assert bucket.get_object("a").read() == b"1"
    full = as_role(statement(bucket, "oss:PutObject", "oss:PutObjectAcl", "oss:PutObjectTagging"))
    full.put_object("a", b"3", headers={**acl, **tags})
    assert (bucket.get_object_acl("a").acl, bucket.get_object_tagging("a").tag_set.tagging_rule) == (
        "public-read",
        {"a": "b"},
    )


def test_an_acl_and_tags_by_header_are_those_of_a_symlink_and_of_an_upload(bucket: oss2.Bucket, as_role: As) -> None:
    writer = as_role(statement(bucket, "oss:PutObject", "oss:PutObjectAcl", "oss:PutObjectTagging"))
    headers = {"x-oss-object-acl": "public-read", "x-oss-tagging": "a=b"}
    writer.put_symlink("parts", "link", headers=headers)
    for key in ("parts", "again"):
        upload = writer.init_multipart_upload(key, headers=headers).upload_id
        parts = [oss2.models.PartInfo(1, writer.upload_part(key, upload, 1, b"1").etag)]
        own = {"x-oss-object-acl": "private"} if key == "again" else {}
        writer.complete_multipart_upload(key, upload, parts, headers=own)
    assert [bucket.get_object_acl(key).acl for key in ("link", "parts", "again")] == [*["public-read"] * 2, "private"]
    for key in ("link", "parts", "again"):
        assert bucket.get_object_tagging(key).tag_set.tagging_rule == {"a": "b"}
        assert not {"x-oss-object-acl", "x-oss-tagging"} & set(map(str.lower, bucket.head_object(key).headers))
    block(bucket, "true")
    assert refused(lambda: bucket.put_symlink("parts", "link", headers=headers))
    assert refused(lambda: bucket.init_multipart_upload("more", headers=headers))


def test_the_error_of_a_head_stays_short_whatever_was_signed(bucket: oss2.Bucket, cloud: Cloud) -> None:
    headers = {f"x-oss-meta-{number}": "x" * 7000 for number in range(8)} | {"Authorization": "OSS LOCAL:wrong"}
    headers |= {"Date": formatdate(usegmt=True)}
    for key in ("k", "k" * 1000, "&" * 1000):
        answer = requests.head(f"{cloud.endpoints['oss']}/{bucket.bucket_name}/{key}", headers=headers, timeout=10)
        assert answer.status_code == 403
        assert len(answer.headers["x-oss-err"]) < 16_000
        assert b"<Code>InvalidAccessKeyId</Code>" in base64.b64decode(answer.headers["x-oss-err"])
    headers["Authorization"] = f"OSS {cloud.access_key_id}:wrong"
    answer = requests.head(f"{cloud.endpoints['oss']}/{bucket.bucket_name}/k", headers=headers, timeout=10)
    assert b"<Code>SignatureDoesNotMatch</Code>" in base64.b64decode(answer.headers["x-oss-err"])


def test_a_bucket_acl_by_header_needs_its_own_right(bucket: oss2.Bucket, as_role: As) -> None:
    bucket_itself = {"Effect": "Allow", "Action": ["oss:PutBucket"], "Resource": [f"acs:oss:*:*:{bucket.bucket_name}"]}
    maker = as_role(bucket_itself)
    assert refused(lambda: maker.create_bucket("public-read"))
    assert bucket.get_bucket_acl().acl == "private"
    both = as_role({**bucket_itself, "Action": ["oss:PutBucket", "oss:PutBucketAcl"]})
    both.create_bucket("public-read")
    assert bucket.get_bucket_acl().acl == "public-read"


def test_what_a_callers_own_policy_denies_neither_the_bucket_nor_an_acl_allows(
    bucket: oss2.Bucket, as_role: As
) -> None:
    for key in ("secret/a", "open/a"):
        bucket.put_object(key, b"1", headers={"x-oss-object-acl": "public-read"})
    everybody = {**statement(bucket, "oss:GetObject"), "Principal": ["*"]}
    role = as_role(statement(bucket, "oss:GetObject", on="secret/*", effect="Deny"))
    for policy in (None, everybody):
        if policy:
            bucket.put_bucket_policy(json.dumps({"Version": "1", "Statement": [policy]}))
        assert role.get_object("open/a").read() == b"1"
        with pytest.raises(oss2.exceptions.AccessDenied) as caught:
            role.get_object("secret/a")
        assert caught.value.details["EC"] == "0003-00000201"
        assert "<NoPermissionType>ExplicitDeny</NoPermissionType>" in caught.value.body.decode()


def test_an_acl_allows_somebody_without_policies_what_it_allows_anybody(bucket: oss2.Bucket, as_role: As) -> None:
    bucket.put_object("public", b"1", headers={"x-oss-object-acl": "public-read"})
    bucket.put_object("private", b"1")
    elsewhere = {**statement(bucket, "oss:GetObject"), "Resource": ["acs:oss:*:*:another/*"]}
    role = as_role(elsewhere)
    assert role.get_object("public").read() == b"1"
    assert refused(lambda: role.put_object("public", b"2"))
    assert refused(lambda: role.get_object("private"))
    assert refused(lambda: role.get_object_acl("public"))


def block(bucket: oss2.Bucket, value: str) -> None:
    bucket._do("PUT", bucket.bucket_name, "", data=BLOCKED % value, params={"publicAccessBlock": ""})


def test_what_a_policy_denies_everybody_under_a_condition_it_denies_the_owner_too(bucket: oss2.Bucket) -> None:
    bucket.put_object("a", b"1")
    denied = {**statement(bucket, "oss:GetObject", effect="Deny"), "Principal": ["*"]}
    bucket.put_bucket_policy(json.dumps({"Version": "1", "Statement": [denied]}))
    assert bucket.get_object("a").read() == b"1"
    denied["Condition"] = {"Bool": {"acs:SecureTransport": "false"}}
    bucket.put_bucket_policy(json.dumps({"Version": "1", "Statement": [denied]}))
    assert refused(lambda: bucket.get_object("a"))


def test_the_python_sdk_blocks_public_access(bucket: oss2.Bucket) -> None:
    bucket.put_bucket_public_access_block(True)  # it writes True, not true
    assert bucket.get_bucket_public_access_block().block_public_access is True
    with pytest.raises(oss2.exceptions.AccessDenied):
        bucket.put_bucket_acl("public-read")
    bucket.put_bucket_public_access_block(False)
    bucket.put_bucket_acl("public-read")


def test_blocked_public_access_disregards_public_acls_and_refuses_new_ones(bucket: oss2.Bucket, cloud: Cloud) -> None:
    bucket.put_object("by-object", b"1", headers={"x-oss-object-acl": "public-read"})
    bucket.put_object("by-bucket", b"1")
    bucket.put_bucket_acl("public-read-write")
    url = f"{cloud.endpoints['oss']}/{bucket.bucket_name}/"
    names = ("by-object", "by-bucket")
    assert [requests.get(url + name, timeout=10).status_code for name in names] == [200, 200]
    block(bucket, "true")
    assert bucket.get_bucket_info().acl.grant == "public-read-write"
    assert [requests.get(url + name, timeout=10).status_code for name in names] == [403, 403]
    assert requests.put(url + "new", data=b"1", timeout=10).status_code == 403
    for call in (
        lambda: bucket.put_bucket_acl("public-read"),
        lambda: bucket.create_bucket("public-read"),
        lambda: bucket.put_object_acl("by-bucket", "public-read"),
        lambda: bucket.put_object("new", b"1", headers={"x-oss-object-acl": "public-read"}),
        lambda: bucket.append_object("new", 0, b"1", headers={"x-oss-object-acl": "public-read-write"}),
        lambda: bucket.copy_object(bucket.bucket_name, "by-bucket", "new", headers={"x-oss-object-acl": "public-read"}),
    ):
        assert refused(call)
    assert not bucket.object_exists("new")
    bucket.put_object_acl("by-object", "private")
    block(bucket, "false")
    assert [requests.get(url + name, timeout=10).status_code for name in names] == [403, 200]
    with pytest.raises(oss2.exceptions.ServerError, match="MalformedXML"):
        block(bucket, "maybe")


WRONG_MD5 = base64.b64encode(hashlib.md5(b"other").digest()).decode()
WRONG_SHA256 = hashlib.sha256(b"other").hexdigest()


def operations(bucket: oss2.Bucket) -> dict[str, tuple[str, str, dict[str, str], bytes]]:
    upload = bucket.init_multipart_upload("parts").upload_id
    part = bucket.upload_part("parts", upload, 1, b"1")
    complete = f"<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{part.etag}</ETag></Part></CompleteMultipartUpload>"
    return {
        "put": ("PUT", "new", {}, b"1"),
        "append": ("POST", "log", {"append": "", "position": "0"}, b"1"),
        "part": ("PUT", "parts", {"uploadId": upload, "partNumber": "2"}, b"1"),
        "complete": ("POST", "parts", {"uploadId": upload}, complete.encode()),
        "delete many": ("POST", "", {"delete": ""}, b"<Delete><Object><Key>absent</Key></Object></Delete>"),
        "tag": ("PUT", "kept", {"tagging": ""}, b"<Tagging><TagSet></TagSet></Tagging>"),
        "set": ("PUT", "", {"publicAccessBlock": ""}, (BLOCKED % "true").encode()),
        "get": ("GET", "kept", {}, b""),
        "delete": ("DELETE", "kept", {}, b""),
    }


@pytest.mark.parametrize(
    ("header", "code"),
    [({"Content-MD5": WRONG_MD5}, "InvalidDigest"), ({"x-oss-content-sha256": WRONG_SHA256}, "BadDigest")],
    ids=["md5", "sha256"],
)
def test_a_digest_of_another_body_is_refused_wherever_it_is_sent(
    bucket: oss2.Bucket, cloud: Cloud, header: dict[str, str], code: str
) -> None:
    v1 = oss2.Bucket(  # V4 of this client sets x-oss-content-sha256 itself
        oss2.Auth(cloud.access_key_id, cloud.access_key_secret), cloud.endpoints["oss"], bucket.bucket_name
    )
    bucket.put_object("kept", b"kept")
    for name, (method, key, params, body) in operations(bucket).items():
        if name == "get" and "Content-MD5" in header:
            continue  # the object's, which clients may sign
        with pytest.raises(oss2.exceptions.ServerError) as error:
            v1._do(method, v1.bucket_name, key, params=params, data=body, headers=header)
        assert (name, error.value.status, error.value.code) == (name, 400, code)
    assert [item.key for item in oss2.ObjectIterator(bucket)] == ["kept"]
    right = {
        "Content-MD5": lambda body: base64.b64encode(hashlib.md5(body).digest()).decode(),
        "x-oss-content-sha256": lambda body: hashlib.sha256(body).hexdigest(),
    }
    for method, key, params, body in operations(bucket).values():
        headers = {name: right[name](body) for name in {*header, *(["Content-MD5"] if "delete" in params else [])}}
        v1._do(method, v1.bucket_name, key, params=params, data=body, headers=headers)


def test_what_is_sent_is_what_is_stored_whatever_the_headers(bucket: oss2.Bucket, cloud: Cloud) -> None:
    packed = gzip.compress(b"x" * 1000)
    for encoding in ("gzip", "deflate", "br", "zstd"):
        bucket.put_object("a", packed, headers={"Content-Encoding": encoding})
        head = bucket.head_object("a")
        assert (head.content_length, head.headers["Content-Encoding"]) == (len(packed), encoding)
        answer = requests.get(bucket.sign_url("GET", "a", 60), timeout=10, stream=True)
        assert answer.raw.read(decode_content=False) == packed
        bucket.delete_object("log")
        bucket.append_object("log", 0, packed, headers={"Content-Encoding": encoding})
        assert bucket.head_object("log").content_length == len(packed)
