"""KMS through the official Python SDK, and OSS's encryption with its keys."""

from __future__ import annotations

import json
import uuid
from functools import partial

import boto3
import oss2
import pytest

from tests.support import core
from tests.support.cloud import Cloud
from tests.support.roles import assume_role

ask = partial(core.ask, product="Kms")
refusal = partial(core.refusal, product="Kms")


@pytest.fixture
def key_id(cloud: Cloud) -> str:
    return str(ask(cloud, "CreateKey", Description="of tests")["KeyMetadata"]["KeyId"])


def test_a_key_is_told_and_found_by_id_alias_and_arn(cloud: Cloud, key_id: str) -> None:
    alias = "alias/" + uuid.uuid4().hex
    ask(cloud, "CreateAlias", AliasName=alias, KeyId=key_id)
    arn = f"acs:kms:{cloud.region}:{cloud.account_id}:key/{key_id}"
    told = [ask(cloud, "DescribeKey", KeyId=name)["KeyMetadata"] for name in (key_id, alias, arn)]
    assert told[0] == told[1] == told[2]
    assert (told[0]["Arn"], told[0]["KeyState"], told[0]["Description"]) == (arn, "Enabled", "of tests")
    listed = ask(cloud, "ListKeys", PageSize=100)
    assert {"KeyId": key_id, "KeyArn": arn} in listed["Keys"]["Key"]
    assert ask(cloud, "ListAliasesByKeyId", KeyId=key_id)["Aliases"]["Alias"][0]["AliasName"] == alias


def test_a_data_key_comes_back_from_its_blob_in_its_context_only(cloud: Cloud, key_id: str) -> None:
    context = json.dumps({"purpose": "test"})
    made = ask(cloud, "GenerateDataKey", KeyId=key_id, KeySpec="AES_256", EncryptionContext=context)
    blob = made["CiphertextBlob"]
    opened = ask(cloud, "Decrypt", CiphertextBlob=blob, EncryptionContext=context)
    assert (opened["Plaintext"], opened["KeyId"]) == (made["Plaintext"], key_id)
    assert refusal(cloud, "Decrypt", CiphertextBlob=blob) == (400, "InvalidParameter")
    assert "Plaintext" not in ask(cloud, "GenerateDataKeyWithoutPlaintext", KeyId=key_id)


def test_errors_have_the_documented_codes(cloud: Cloud, key_id: str) -> None:
    assert refusal(cloud, "DescribeKey", KeyId="none") == (404, "Forbidden.KeyNotFound")
    assert refusal(cloud, "DescribeKey", KeyId="alias/none") == (404, "Forbidden.AliasNotFound")
    assert refusal(cloud, "Encrypt", KeyId=key_id) == (400, "MissingParameter")
    assert refusal(cloud, "ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=1)[0] == 400
    ask(cloud, "DisableKey", KeyId=key_id)
    assert refusal(cloud, "Encrypt", KeyId=key_id, Plaintext="a") == (409, "Rejected.Disabled")


def test_a_role_uses_the_keys_that_its_policy_names(cloud: Cloud, key_id: str) -> None:
    other = ask(cloud, "CreateKey")["KeyMetadata"]["KeyId"]
    statement = {"Effect": "Allow", "Action": ["kms:Encrypt"], "Resource": [f"acs:kms:*:*:key/{key_id}"]}
    key = assume_role(cloud, statement)
    blob = ask(cloud, "Encrypt", key, KeyId=key_id, Plaintext="a")["CiphertextBlob"]
    for action, parameters in (
        ("Encrypt", {"KeyId": other, "Plaintext": "a"}),
        ("Encrypt", {"KeyId": "alias/none", "Plaintext": "a"}),
        ("Decrypt", {"CiphertextBlob": blob}),
        ("ListKeys", {}),
        ("CreateKey", {}),
    ):
        assert refusal(cloud, action, key, **parameters) == (403, "Forbidden.NoPermission"), action


def test_oss_enciphers_with_keys_that_kms_has(cloud: Cloud, key_id: str) -> None:
    bucket = cloud.bucket("kms-" + uuid.uuid4().hex[:12])
    bucket.create_bucket()
    kms = {"x-oss-server-side-encryption": "KMS"}
    bucket.put_object("a", b"1", kms)
    default = bucket.head_object("a").headers["x-oss-server-side-encryption-key-id"]
    told = ask(cloud, "DescribeKey", KeyId=default)["KeyMetadata"]
    assert (told["Creator"], ask(cloud, "DescribeKey", KeyId="alias/acs/oss")["KeyMetadata"]) == ("OSS", told)
    named = {**kms, "x-oss-server-side-encryption-key-id": key_id}
    bucket.put_object("a", b"1", named)
    assert bucket.init_multipart_upload("b", named).upload_id
    wrong = {**kms, "x-oss-server-side-encryption-key-id": "none"}
    with pytest.raises(oss2.exceptions.InvalidArgument) as refused:
        bucket.put_object("a", b"1", wrong)
    assert refused.value.ec == "0005-00000208"
    with pytest.raises(oss2.exceptions.InvalidArgument):
        bucket.init_multipart_upload("b", wrong)
    for state, ec in (("Disable", "0005-00000214"), ("Schedule", "0005-00000215")):
        if state == "Disable":
            ask(cloud, "DisableKey", KeyId=key_id)
        else:
            ask(cloud, "ScheduleKeyDeletion", KeyId=key_id, PendingWindowInDays=7)
        assert bucket.head_object("a").etag
        with pytest.raises(oss2.exceptions.ServerError) as unread:
            bucket.get_object("a")
        with pytest.raises(oss2.exceptions.ServerError) as unwritten:
            bucket.put_object("c", b"1", named)
        for error in (unread.value, unwritten.value):
            assert (error.status, error.ec) == (409, ec)
    ask(cloud, "CancelKeyDeletion", KeyId=key_id)
    assert bucket.get_object("a").read() == b"1"


def test_clients_of_s3_name_keys_of_kms(cloud: Cloud, key_id: str) -> None:
    s3 = boto3.client(
        "s3",
        endpoint_url=cloud.endpoints["oss"],
        region_name=cloud.region,
        aws_access_key_id=cloud.access_key_id,
        aws_secret_access_key=cloud.access_key_secret,
    )
    name = "kms-" + uuid.uuid4().hex[:12]
    s3.create_bucket(Bucket=name)
    told = s3.put_object(Bucket=name, Key="a", Body=b"1", ServerSideEncryption="aws:kms", SSEKMSKeyId=key_id)
    assert (told["ServerSideEncryption"], told["SSEKMSKeyId"]) == ("aws:kms", key_id)
    assert s3.head_object(Bucket=name, Key="a")["SSEKMSKeyId"] == key_id
    assert cloud.bucket(name).head_object("a").headers["x-oss-server-side-encryption-key-id"] == key_id
    s3.close()


def test_keys_are_each_account_s_own(cloud: Cloud, key_id: str) -> None:
    other = cloud.account("other")
    assert refusal(other, "DescribeKey", KeyId=key_id) == (404, "Forbidden.KeyNotFound")
    arn = f"acs:kms:{cloud.region}:{cloud.account_id}:key/{key_id}"
    assert refusal(other, "DescribeKey", KeyId=arn)[0] in {403, 404}
    theirs = ask(other, "CreateKey")["KeyMetadata"]
    assert theirs["Arn"] == f"acs:kms:{cloud.region}:{other.account_id}:key/{theirs['KeyId']}"
    own = other.bucket("test-" + uuid.uuid4().hex[:12])
    own.create_bucket()
    headers = {"x-oss-server-side-encryption": "KMS", "x-oss-server-side-encryption-key-id": theirs["KeyId"]}
    own.put_object("key", b"content", headers=headers)
    assert own.get_object("key").read() == b"content"
    with pytest.raises(oss2.exceptions.InvalidArgument):
        own.put_object("key", b"", headers={**headers, "x-oss-server-side-encryption-key-id": key_id})
