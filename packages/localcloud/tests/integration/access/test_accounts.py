"""Several accounts of one embedded cloud: what each sees, what it may do with another's, and roles across accounts."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import alibabacloud_oss_v2 as oss_v2
import oss2
import pytest
import requests
from alibabacloud_fc20230330.client import Client as Fc
from alibabacloud_fc20230330.models import ListFunctionsRequest
from alibabacloud_sts20150401.client import Client as Sts
from alibabacloud_sts20150401.models import AssumeRoleRequest
from Tea.exceptions import TeaException

from tests.support.cloud import Cloud
from tests.support.roles import document, make_user
from tests.support.signers import Key, rpc
from tests.support.wire import send

PAYS = {"x-oss-request-payer": "requester"}


@pytest.fixture
def other(cloud: Cloud) -> Cloud:
    """The cloud as another account sees it."""
    return cloud.account("other")


@pytest.fixture
def theirs(other: Cloud, bucket: oss2.Bucket) -> oss2.Bucket:
    """The first account's bucket, as the other account sees it."""
    return other.bucket(bucket.bucket_name)


def new_name() -> str:
    return "test-" + uuid.uuid4().hex[:12]


def refusal(call: Callable[[], object]) -> tuple[int, str, str]:
    """Return status, code and finer code of the error that a call ends with."""
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        call()
    return caught.value.status, caught.value.code, caught.value.details.get("EC", "")


DENIED = (403, "AccessDenied", "0003-00000001")


def allow(bucket: oss2.Bucket, *principals: str, actions: tuple[str, ...] = ("oss:*",)) -> None:
    """Let principals do something with a bucket."""
    name = bucket.bucket_name
    statement = {
        "Effect": "Allow",
        "Action": list(actions),
        "Principal": list(principals),
        "Resource": [f"acs:oss:*:*:{name}", f"acs:oss:*:*:{name}/*"],
    }
    bucket.put_bucket_policy(document(statement))


def test_a_name_is_taken_by_whoever_s_bucket_has_it(theirs: oss2.Bucket) -> None:
    for call in (theirs.create_bucket, lambda: theirs.put_bucket_acl("public-read")):
        assert refusal(call) == (409, "BucketAlreadyExists", "0015-00000104")


@pytest.mark.parametrize(
    "call",
    [
        lambda it: it.get_object("key"),
        lambda it: it.put_object("key", b"other"),
        lambda it: it.delete_object("key"),
        lambda it: it.copy_object(it.bucket_name, "key", "copy"),
        lambda it: it.init_multipart_upload("key"),
        lambda it: it.list_objects(),
        lambda it: it.get_bucket_info(),
        lambda it: it.get_bucket_acl(),
        lambda it: it.get_bucket_policy(),
        lambda it: it.list_multipart_uploads(),
        lambda it: it.delete_bucket(),
    ],
)
def test_another_account_s_private_bucket_is_denied(
    bucket: oss2.Bucket, theirs: oss2.Bucket, call: Callable[[oss2.Bucket], object]
) -> None:
    bucket.put_object("key", b"content")
    assert refusal(lambda: call(theirs)) == DENIED
    assert bucket.get_object("key").read() == b"content"


def test_a_user_who_may_do_everything_may_do_it_in_its_own_account(cloud: Cloud, bucket: oss2.Bucket) -> None:
    everything = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    user = make_user(cloud.account("other"), everything)
    assert refusal(lambda: cloud.bucket(bucket.bucket_name, user).put_object("key", b"")) == DENIED
    own = cloud.bucket(new_name(), user)
    own.create_bucket()
    assert own.get_bucket_info().owner.id == cloud.account("other").account_id


def test_each_account_lists_its_own_buckets(cloud: Cloud, other: Cloud, bucket: oss2.Bucket) -> None:
    other.bucket(name := new_name()).create_bucket()

    def listed(of: Cloud) -> tuple[str, set[str]]:
        service = oss2.Service(oss2.AuthV4(*_pair(of)), of.endpoints["oss"], region=of.region)
        found = service.list_buckets(max_keys=1000)
        return found.owner.id, {each.name for each in found.buckets}

    first, second = listed(cloud), listed(other)
    assert first[0] == cloud.account_id != second[0] == other.account_id
    assert bucket.bucket_name in first[1] - second[1]
    assert name in second[1] - first[1]


def _pair(of: Cloud) -> tuple[str, str]:
    return of.access_key_id, of.access_key_secret


def test_an_acl_counts_for_other_accounts(bucket: oss2.Bucket, theirs: oss2.Bucket) -> None:
    bucket.put_object("key", b"content")
    bucket.put_object_acl("key", "public-read")
    assert theirs.get_object("key").read() == b"content"
    assert refusal(lambda: theirs.put_object("key", b"")) == DENIED
    bucket.put_bucket_acl("public-read-write")
    theirs.put_object("new", b"theirs")
    assert bucket.get_object("new").read() == b"theirs"
    assert {each.owner.id for each in bucket.list_objects().object_list} == {bucket.get_bucket_info().owner.id}
    assert refusal(theirs.list_objects) == DENIED
    theirs.delete_object("new")
    theirs.put_object("new", b"theirs")
    theirs.batch_delete_objects(["new"])
    assert not bucket.object_exists("new")


def test_what_everybody_may_read_is_copied(other: Cloud, bucket: oss2.Bucket, theirs: oss2.Bucket) -> None:
    bucket.put_object("private", b"private", headers={"x-oss-object-acl": "private"})
    bucket.put_object("key", b"content")
    bucket.put_bucket_acl("public-read")
    own = other.bucket(new_name())
    own.create_bucket()
    own.copy_object(bucket.bucket_name, "key", "copy")
    assert own.get_object("copy").read() == b"content"
    assert refusal(lambda: own.copy_object(bucket.bucket_name, "private", "copy")) == DENIED
    upload = own.init_multipart_upload("parts").upload_id
    own.upload_part_copy(bucket.bucket_name, "key", (0, 3), "parts", upload, 1)
    assert refusal(lambda: theirs.copy_object(bucket.bucket_name, "key", "new")) == DENIED


def test_a_policy_names_another_account(other: Cloud, bucket: oss2.Bucket, theirs: oss2.Bucket) -> None:
    allow(bucket, other.account_id)
    theirs.put_object("key", b"content")
    assert theirs.get_object("key").read() == b"content"
    assert theirs.get_bucket_info().owner.id == bucket.get_bucket_info().owner.id
    assert refusal(theirs.create_bucket)[1] == "BucketAlreadyExists"
    user = make_user(other, {"Effect": "Allow", "Action": "oss:ListBuckets", "Resource": "*"})
    assert refusal(lambda: other.bucket(bucket.bucket_name, user).get_object("key")) == DENIED


def test_a_policy_names_another_account_s_user(cloud: Cloud, other: Cloud, bucket: oss2.Bucket) -> None:
    denies = {"Effect": "Deny", "Action": "oss:DeleteObject", "Resource": "*"}
    user = make_user(other, denies)
    allow(bucket, sts(other, user).get_caller_identity().body.user_id)
    theirs = cloud.bucket(bucket.bucket_name, user)
    theirs.put_object("key", b"content")
    assert theirs.get_object("key").read() == b"content"
    assert refusal(lambda: theirs.delete_object("key"))[:2] == (403, "AccessDenied")  # by its own policies


def test_objects_are_copied_from_one_account_to_the_other(
    other: Cloud, bucket: oss2.Bucket, theirs: oss2.Bucket
) -> None:
    bucket.put_object("key", b"content")
    own = other.bucket(new_name())
    own.create_bucket()
    assert refusal(lambda: own.copy_object(bucket.bucket_name, "key", "copy")) == DENIED
    allow(bucket, other.account_id, actions=("oss:GetObject",))
    own.copy_object(bucket.bucket_name, "key", "copy")
    assert own.get_object("copy").read() == b"content"
    assert refusal(lambda: theirs.copy_object(own.bucket_name, "copy", "back")) == DENIED


def test_who_is_not_of_the_owner_s_account_pays(other: Cloud, bucket: oss2.Bucket, theirs: oss2.Bucket) -> None:
    allow(bucket, other.account_id)
    bucket.put_object("key", b"content")
    bucket.put_bucket_request_payment("Requester")
    assert refusal(lambda: theirs.get_object("key")) == (403, "AccessDenied", "0003-00000703")
    assert refusal(lambda: theirs.put_object("key", b"")) == (403, "AccessDenied", "0003-00000703")
    assert refusal(theirs.list_objects) == (403, "AccessDenied", "0003-00000703")
    assert theirs.get_object("key", headers=PAYS).read() == b"content"
    assert theirs.put_object("key", b"paid", headers=PAYS).status == 200
    assert bucket.get_object("key").read() == b"paid"
    url = theirs.sign_url("GET", "key", 60)
    assert refusal(lambda: theirs.get_object_with_url(url)) == (403, "AccessDenied", "0003-00000702")
    assert theirs.get_object_with_url(theirs.sign_url("GET", "key", 60, params=PAYS)).read() == b"paid"
    with pytest.raises(oss2.exceptions.AccessDenied, match="Select API does not support requester pay now"):
        theirs.select_object("key", "select * from ossobject", headers=PAYS)
    with pytest.raises(oss2.exceptions.AccessDenied, match="Select API does not support requester pay now"):
        theirs.create_select_object_meta("key", headers=PAYS)
    bucket.put_bucket_acl("public-read")
    anybody = oss2.Bucket(oss2.AnonymousAuth(), bucket.endpoint, bucket.bucket_name)
    assert refusal(lambda: anybody.get_object("key")) == (403, "AccessDenied", "0003-00000701")


def test_the_second_sdk_pays_too(other: Cloud, bucket: oss2.Bucket) -> None:
    bucket.put_object("key", b"content")
    bucket.put_object_acl("key", "public-read")
    bucket.put_bucket_request_payment("Requester")
    config = oss_v2.config.load_default()
    config.credentials_provider = oss_v2.credentials.StaticCredentialsProvider(*_pair(other))
    config.region, config.endpoint = other.region, other.endpoints["oss"]
    client = oss_v2.Client(config)
    name = bucket.bucket_name
    with pytest.raises(oss_v2.exceptions.OperationError):
        client.get_object(oss_v2.GetObjectRequest(name, "key"))
    paid = client.get_object(oss_v2.GetObjectRequest(name, "key", request_payer="requester"))
    assert paid.body.content == b"content"


def test_logs_go_into_a_bucket_of_the_same_account(bucket: oss2.Bucket, other: Cloud) -> None:
    own = other.bucket(new_name())
    own.create_bucket()
    wrong = oss2.models.BucketLogging(own.bucket_name, "logs/")
    assert refusal(lambda: bucket.put_bucket_logging(wrong))[1] == "InvalidTargetBucketForLogging"


def sts(of: Cloud, key: Key | None = None) -> Sts:
    return Sts(of.config("sts", key))


def make_role(of: Cloud, *principals: str) -> str:
    """Make a role that may read everything in OSS, and return its ARN."""
    name = f"r{uuid.uuid4().hex[:10]}"
    trust = document({"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"RAM": list(principals)}})
    made = ram(of, "CreateRole", RoleName=name, AssumeRolePolicyDocument=trust)
    ram(of, "AttachPolicyToRole", RoleName=name, PolicyName="AliyunOSSReadOnlyAccess", PolicyType="System")
    arn: str = made["Role"]["Arn"]
    return arn


def ram(of: Cloud, action: str, **parameters: str) -> Any:
    said = {"Action": action, "Version": "2015-05-01", **parameters}
    reply = send(of.endpoints["ram"], rpc(of.key, said, host=of.host("ram")))
    assert reply.status == 200, reply.text
    return json.loads(reply.body)


def assume(of: Cloud, arn: str, key: Key | None = None) -> Key:
    found = sts(of, key).assume_role(AssumeRoleRequest(role_arn=arn, role_session_name="me")).body.credentials
    return Key(found.access_key_id, found.access_key_secret, found.security_token)


def test_a_role_is_assumed_from_an_account_that_it_trusts(cloud: Cloud, other: Cloud, bucket: oss2.Bucket) -> None:
    bucket.put_object("key", b"content")
    role = make_role(cloud, f"acs:ram::{other.account_id}:root")
    session = assume(other, role)
    who = sts(other, session).get_caller_identity().body
    assert (who.account_id, who.identity_type) == (cloud.account_id, "AssumedRoleUser")
    assert cloud.bucket(bucket.bucket_name, session).get_object("key").read() == b"content"
    untrusted = make_role(cloud, f"acs:ram::{cloud.account_id}:root")
    with pytest.raises(TeaException, match="trust policy does not name"):
        assume(other, untrusted)


def test_a_user_needs_its_own_account_s_permission_to_assume_another_s_role(cloud: Cloud, other: Cloud) -> None:
    role = make_role(cloud, f"acs:ram::{other.account_id}:root")
    may = make_user(other, {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": role})
    may_not = make_user(other, {"Effect": "Allow", "Action": "oss:*", "Resource": "*"})
    assert assume(other, role, may).token
    with pytest.raises(TeaException, match="do not allow sts:AssumeRole"):
        assume(other, role, may_not)


def test_a_policy_names_a_session_of_another_account_s_role(cloud: Cloud, other: Cloud, bucket: oss2.Bucket) -> None:
    bucket.put_object("key", b"content")
    role = make_role(other, f"acs:ram::{other.account_id}:root")
    theirs = cloud.bucket(bucket.bucket_name, assume(other, role))
    assert refusal(lambda: theirs.get_object("key")) == DENIED
    name = role.partition("role/")[2]
    allow(bucket, f"arn:sts::{other.account_id}:assumed-role/{name}/*")
    assert theirs.get_object("key").read() == b"content"


def test_users_and_roles_of_one_name_are_each_account_s_own(cloud: Cloud, other: Cloud) -> None:
    name = f"u{uuid.uuid4().hex[:10]}"
    made = [ram(each, "CreateUser", UserName=name)["User"] for each in (cloud, other)]
    assert made[0]["UserId"] != made[1]["UserId"]
    ram(cloud, "DeleteUser", UserName=name)
    assert ram(other, "GetUser", UserName=name)["User"]["UserId"] == made[1]["UserId"]


def test_a_service_that_has_one_account_says_so(other: Cloud) -> None:
    said = {"Action": "ListStacks", "Version": "2019-09-10"}
    reply = send(other.endpoints["ros"], rpc(other.key, said, host=other.host("ros")))
    assert (reply.status, json.loads(reply.body)["Code"]) == (501, "NotImplemented")
    assert f"not implemented: this service for the account {other.account_id}" in reply.text
    with pytest.raises(TeaException, match=f"for the account {other.account_id}") as refused:
        Fc(other.config("fc")).list_functions(ListFunctionsRequest())
    assert refused.value.code == "NotImplemented"


def test_an_account_is_made_once_and_stays(start_cloud: Callable[..., Cloud], tmp_path: Path) -> None:
    first = start_cloud(tmp_path / "data")
    other = first.account("other")
    assert other.account_id == first.account("other").account_id != first.account("third").account_id
    kept = other.bucket("kept")
    kept.create_bucket()
    kept.put_object("key", b"content")
    user = make_user(other, {"Effect": "Allow", "Action": "oss:*", "Resource": "*"})
    first.stop()
    again = start_cloud(tmp_path / "data").account("other")
    assert (again.account_id, again.key) == (other.account_id, other.key)
    assert again.bucket("kept", user).get_object("key").read() == b"content"


@pytest.mark.parametrize("name", ["", "-", "a" * 65, "a%2Fb", "%2e%2e"])
def test_a_name_that_is_none_makes_no_account(cloud: Cloud, name: str) -> None:
    url = f"{cloud.endpoints['ram']}/-/localcloud/accounts/{name}"
    refused = requests.put(url, headers={"Authorization": f"Bearer {cloud.access_key_secret}"}, timeout=20)
    assert refused.status_code in {400, 404}


def test_only_the_administrator_makes_accounts(cloud: Cloud, other: Cloud) -> None:
    url = f"{cloud.endpoints['ram']}/-/localcloud/accounts/mine"
    assert (
        requests.put(url, headers={"Authorization": f"Bearer {other.access_key_secret}"}, timeout=20).status_code == 401
    )
