"""RAM and STS over HTTP, with the official SDKs as clients."""

from __future__ import annotations

import json
import signal
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from xml.etree import ElementTree

import oss2
import pytest
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi.models import Config
from aliyunsdkcore.auth.composer.rpc_signature_composer import get_signed_url
from darabonba.exceptions import DaraException

Running = Any  # the running cloud of tests/support/cloud.py


@dataclass
class Key:
    """An access key as a client holds it."""

    id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)


def config(key: Key, endpoint: str, algorithm: str | None) -> Config:
    return Config(
        access_key_id=key.id,
        access_key_secret=key.secret,
        security_token=key.token,
        endpoint=endpoint.removeprefix("http://"),
        protocol="http",
        signature_algorithm=algorithm,
    )


@pytest.fixture(params=[None, "v2"], ids=["acs3", "hmac-sha1"])
def algorithm(request: pytest.FixtureRequest) -> str | None:
    return cast("str | None", request.param)


@pytest.fixture
def account(cloud: Running) -> Key:
    return Key(cloud.access_key_id, cloud.access_key_secret)


@pytest.fixture
def ram(cloud: Running, account: Key, algorithm: str | None) -> RamClient:
    return RamClient(config(account, cloud.endpoints["ram"], algorithm))


@pytest.fixture
def sts(cloud: Running, account: Key, algorithm: str | None) -> StsClient:
    return StsClient(config(account, cloud.endpoints["sts"], algorithm))


def document(**statement: Any) -> str:
    return json.dumps({"Version": "1", "Statement": [{"Effect": "Allow", **statement}]})


def root_trust(cloud: Running) -> str:
    return document(Action="sts:AssumeRole", Principal={"RAM": f"acs:ram::{cloud.account_id}:root"})


def unique(word: str) -> str:
    return f"{word}-{uuid.uuid4().hex[:10]}"


def refusal(call: Callable[[], object]) -> DaraException:
    with pytest.raises(DaraException) as caught:
        call()
    return caught.value


def make_role(client: RamClient, trust: str) -> Any:
    request = ram_models.CreateRoleRequest(
        role_name=unique("role"), assume_role_policy_document=trust, description="ü <&>"
    )
    return client.create_role(request).body.role


def make_policy(client: RamClient, text: str) -> str:
    name = unique("policy")
    client.create_policy(ram_models.CreatePolicyRequest(policy_name=name, policy_document=text))
    return name


def attach(client: RamClient, role: str, policy: str, policy_type: str = "Custom") -> None:
    client.attach_policy_to_role(
        ram_models.AttachPolicyToRoleRequest(role_name=role, policy_name=policy, policy_type=policy_type)
    )


def detach(client: RamClient, role: str, policy: str, policy_type: str = "Custom") -> None:
    client.detach_policy_from_role(
        ram_models.DetachPolicyFromRoleRequest(role_name=role, policy_name=policy, policy_type=policy_type)
    )


def assume(client: StsClient, role_arn: str, **more: Any) -> Key:
    request = sts_models.AssumeRoleRequest(role_arn=role_arn, role_session_name="tester", **more)
    given = client.assume_role(request).body.credentials
    return Key(given.access_key_id, given.access_key_secret, given.security_token)


def test_a_role_lives_through_the_sdk(cloud: Running, ram: RamClient) -> None:
    role = make_role(ram, root_trust(cloud))
    assert role.arn == f"acs:ram::{cloud.account_id}:role/{role.role_name}"
    named = ram_models.GetRoleRequest(role_name=role.role_name)
    got = ram.get_role(named).body.role
    assert (got.role_id, got.description, got.max_session_duration) == (role.role_id, "ü <&>", 3600)
    assert json.loads(got.assume_role_policy_document) == json.loads(root_trust(cloud))
    ram.update_role(ram_models.UpdateRoleRequest(role_name=role.role_name, new_max_session_duration=7200))
    assert ram.get_role(named).body.role.max_session_duration == 7200
    ram.delete_role(ram_models.DeleteRoleRequest(role_name=role.role_name))
    error = refusal(lambda: ram.get_role(named))
    assert error.code == "EntityNotExist.Role"
    assert role.role_name in error.message


def test_roles_are_listed_in_pages(cloud: Running, ram: RamClient) -> None:
    made = {make_role(ram, root_trust(cloud)).role_name for _ in range(3)}
    seen: list[str] = []
    marker: str | None = None
    while True:
        body = ram.list_roles(ram_models.ListRolesRequest(max_items=1, marker=marker)).body
        seen += [role.role_name for role in body.roles.role]
        assert len(seen) == len(set(seen)), "a page begins where the one before ended"
        if not body.is_truncated:
            break
        marker = body.marker
    assert made <= set(seen)


def test_a_policy_lives_through_the_sdk(cloud: Running, ram: RamClient) -> None:
    text = document(Action="oss:GetObject", Resource="*")
    name = make_policy(ram, text)
    role = make_role(ram, root_trust(cloud)).role_name
    attach(ram, role, name)
    attach(ram, role, "AliyunOSSReadOnlyAccess", "System")

    listed = ram.list_policies_for_role(ram_models.ListPoliciesForRoleRequest(role_name=role)).body.policies.policy
    assert [(one.policy_name, one.policy_type) for one in listed] == [
        (name, "Custom"),
        ("AliyunOSSReadOnlyAccess", "System"),
    ]
    asked = ram_models.ListEntitiesForPolicyRequest(policy_name=name, policy_type="Custom")
    assert [one.role_name for one in ram.list_entities_for_policy(asked).body.roles.role] == [role]

    wider = document(Action="oss:*", Resource="*")
    version = ram_models.CreatePolicyVersionRequest(policy_name=name, policy_document=wider, set_as_default=True)
    assert ram.create_policy_version(version).body.policy_version.version_id == "v2"
    got = ram.get_policy(ram_models.GetPolicyRequest(policy_name=name, policy_type="Custom")).body
    assert (got.policy.default_version, got.policy.attachment_count) == ("v2", 1)
    assert got.default_policy_version.policy_document == wider

    delete = ram_models.DeletePolicyRequest(policy_name=name)
    assert refusal(lambda: ram.delete_policy(delete)).code == "DeleteConflict.Policy.Role"
    detach(ram, role, name)
    ram.delete_policy_version(ram_models.DeletePolicyVersionRequest(policy_name=name, version_id="v1"))
    ram.delete_policy(delete)
    assert name not in [one.policy_name for one in policies(ram, "Custom")]
    assert "AliyunOSSFullAccess" in [one.policy_name for one in policies(ram, "System")]


def policies(client: RamClient, policy_type: str) -> list[Any]:
    request = ram_models.ListPoliciesRequest(policy_type=policy_type, max_items=1000)
    return list(client.list_policies(request).body.policies.policy)


def test_a_malformed_policy_is_refused_with_the_path(ram: RamClient) -> None:
    error = refusal(lambda: make_policy(ram, document(Action="GetObject", Resource="*")))
    assert error.code == "MalformedPolicyDocument"
    assert "Statement[0]" in error.message


def test_the_caller_is_told_who_it_is(cloud: Running, ram: RamClient, sts: StsClient, algorithm: str | None) -> None:
    body = sts.get_caller_identity().body
    assert (body.identity_type, body.account_id) == ("Account", cloud.account_id)
    role = make_role(ram, root_trust(cloud))
    session = StsClient(config(assume(sts, role.arn), cloud.endpoints["sts"], algorithm))
    body = session.get_caller_identity().body
    assert (body.identity_type, body.role_id) == ("AssumedRoleUser", role.role_id)
    assert body.arn == f"acs:ram::{cloud.account_id}:assumed-role/{role.role_name}/tester"


def test_an_assumed_role_is_named_as_documented(ram: RamClient, sts: StsClient, cloud: Running) -> None:
    role = make_role(ram, root_trust(cloud))
    body = sts.assume_role(sts_models.AssumeRoleRequest(role_arn=role.arn, role_session_name="tester")).body
    assert body.assumed_role_user.arn == f"{role.arn}/tester"
    assert body.assumed_role_user.assumed_role_id == f"{role.role_id}:tester"


def test_a_wrong_secret_and_an_unknown_key_are_told_apart(cloud: Running, account: Key, algorithm: str | None) -> None:
    endpoint = cloud.endpoints["sts"]
    wrong = StsClient(config(Key(account.id, "guess"), endpoint, algorithm))
    assert refusal(wrong.get_caller_identity).code == "SignatureDoesNotMatch"
    unknown = StsClient(config(Key("nobody", "guess"), endpoint, algorithm))
    assert refusal(unknown.get_caller_identity).code == "InvalidAccessKeyId.NotFound"


def test_a_forged_or_missing_token_is_refused(
    cloud: Running, ram: RamClient, sts: StsClient, algorithm: str | None
) -> None:
    key = assume(sts, make_role(ram, root_trust(cloud)).arn)
    forged = Key(key.id, key.secret, "forged")
    error = refusal(StsClient(config(forged, cloud.endpoints["sts"], algorithm)).get_caller_identity)
    assert error.code == "InvalidSecurityToken.MismatchWithAccessKey"
    bare = Key(key.id, key.secret)
    error = refusal(StsClient(config(bare, cloud.endpoints["sts"], algorithm)).get_caller_identity)
    assert error.code == "MissingSecurityToken"


def test_a_role_that_trusts_only_a_service_cannot_be_assumed(ram: RamClient, sts: StsClient) -> None:
    role = make_role(ram, document(Action="sts:AssumeRole", Principal={"Service": "fc.aliyuncs.com"}))
    error = refusal(lambda: assume(sts, role.arn))
    assert error.code == "NoPermission"
    assert error.status_code == 403


def test_a_role_without_permission_cannot_use_ram(
    cloud: Running, ram: RamClient, sts: StsClient, algorithm: str | None
) -> None:
    role = make_role(ram, root_trust(cloud))
    session = RamClient(config(assume(sts, role.arn), cloud.endpoints["ram"], algorithm))
    get = ram_models.GetRoleRequest(role_name=role.role_name)
    error = refusal(lambda: session.get_role(get))
    assert error.code == "NoPermission"
    assert "ram:GetRole" in error.message
    attach(ram, role.role_name, "AliyunRAMReadOnlyAccess", "System")
    assert session.get_role(get).body.role.role_id == role.role_id
    error = refusal(lambda: attach(session, role.role_name, "AdministratorAccess", "System"))
    assert error.code == "NoPermission"


def test_an_action_that_is_not_there_says_so(ram: RamClient) -> None:
    request = ram_models.ChangePasswordRequest(old_password="a", new_password="b")
    error = refusal(lambda: ram.change_password(request))
    assert error.code == "InvalidAction.NotFound"
    assert "not implemented: ChangePassword" in error.message


def test_a_parameter_that_would_be_ignored_is_refused(cloud: Running, ram: RamClient, sts: StsClient) -> None:
    role = make_role(ram, root_trust(cloud))
    error = refusal(lambda: assume(sts, role.arn, source_identity="me"))
    assert error.code == "InvalidParameter.SourceIdentity"
    assert "not implemented" in error.message
    request = ram_models.CreateRoleRequest(
        role_name=unique("role"), assume_role_policy_document=root_trust(cloud), allow_console_login=True
    )
    assert refusal(lambda: ram.create_role(request)).code == "InvalidParameter.AllowConsoleLogin"


def fetch(url: str) -> tuple[int, str, bytes]:
    try:
        with urlopen(Request(url)) as answer:
            return answer.status, answer.headers["Content-Type"], answer.read()
    except HTTPError as error:
        with error:
            return error.code, error.headers["Content-Type"], error.read()


def test_answers_are_xml_by_default_and_replays_are_refused(cloud: Running, account: Key) -> None:
    parameters = {"Action": "ListPolicies", "Version": "2015-05-01", "PolicyType": "System"}
    path, _ = get_signed_url(parameters, account.id, account.secret, "XML", "GET", {})
    status, content_type, body = fetch(cloud.endpoints["ram"] + path)
    root = ElementTree.fromstring(body)
    assert (status, content_type, root.tag) == (200, "text/xml; charset=utf-8", "ListPoliciesResponse")
    assert "AliyunOSSFullAccess" in [one.text for one in root.iterfind("Policies/Policy/PolicyName")]
    assert root.findtext("IsTruncated") == "false"

    status, _, body = fetch(cloud.endpoints["ram"] + path)
    assert (status, ElementTree.fromstring(body).findtext("Code")) == (400, "SignatureNonceUsed")
    status, _, body = fetch(cloud.endpoints["sts"] + path)
    assert (status, ElementTree.fromstring(body).findtext("Code")) == (400, "SignatureNonceUsed")


def test_another_version_is_refused(cloud: Running, account: Key) -> None:
    path, _ = get_signed_url({"Action": "ListRoles", "Version": "1"}, account.id, account.secret, "JSON", "GET", {})
    status, content_type, body = fetch(cloud.endpoints["ram"] + path)
    assert (status, json.loads(body)["Code"]) == (400, "InvalidVersion")
    assert content_type.startswith("application/json")


def test_an_unsigned_request_is_refused(cloud: Running) -> None:
    status, _, body = fetch(cloud.endpoints["ram"] + "/?Action=ListRoles&Version=2015-05-01&Format=JSON")
    assert (status, json.loads(body)["Code"]) == (400, "MissingAccessKeyId")


def test_a_body_too_large_is_refused(cloud: Running, ram: RamClient) -> None:
    request = Request(cloud.endpoints["ram"] + "/?Format=JSON", data=b"x" * (1024**2 + 1), method="POST")
    with pytest.raises(HTTPError) as caught:
        urlopen(request)
    with caught.value as error:
        assert error.code == 413
        assert json.loads(error.read())["Code"] == "InvalidParameter"


class TestOssWithSession:
    """The rights at OSS that a role's policies give its sessions."""

    @pytest.fixture
    def photos(self, bucket: oss2.Bucket) -> oss2.Bucket:
        bucket.put_object("applib/a.zip", b"archive")
        bucket.put_object("secret", b"secret")
        return bucket

    def open(self, cloud: Running, key: Key, bucket: oss2.Bucket, version: str = "v4") -> oss2.Bucket:
        auth = oss2.StsAuth(key.id, key.secret, key.token, auth_version=version)
        return oss2.Bucket(auth, cloud.endpoints["oss"], bucket.bucket_name, region=cloud.region)

    @pytest.fixture
    def role(self, cloud: Running, ram: RamClient, photos: oss2.Bucket) -> Any:
        role = make_role(ram, root_trust(cloud))
        resource = f"acs:oss:*:*:{photos.bucket_name}/applib/*"
        attach(ram, role.role_name, make_policy(ram, document(Action="oss:GetObject", Resource=resource)))
        return role

    @pytest.mark.parametrize("version", ["v1", "v4"])
    def test_it_gets_what_the_policy_allows_and_nothing_else(
        self, cloud: Running, sts: StsClient, role: Any, photos: oss2.Bucket, version: str
    ) -> None:
        session = self.open(cloud, assume(sts, role.arn), photos, version)
        assert session.get_object("applib/a.zip").read() == b"archive"
        refusals: list[Callable[[], object]] = [
            lambda: session.get_object("secret"),
            lambda: session.put_object("applib/a.zip", b"mine"),
            lambda: session.delete_object("applib/a.zip"),
            lambda: session.list_objects(),
        ]
        for refused in refusals:
            with pytest.raises(oss2.exceptions.AccessDenied):
                refused()
        assert photos.get_object("applib/a.zip").read() == b"archive"

    def test_a_session_policy_limits_further(
        self, cloud: Running, sts: StsClient, role: Any, photos: oss2.Bucket
    ) -> None:
        key = assume(sts, role.arn, policy=document(Action="oss:GetObject", Resource="acs:oss:*:*:other/*"))
        with pytest.raises(oss2.exceptions.AccessDenied):
            self.open(cloud, key, photos).get_object("applib/a.zip")

    def test_a_change_of_policies_takes_effect_at_once(
        self, cloud: Running, ram: RamClient, sts: StsClient, role: Any, photos: oss2.Bucket
    ) -> None:
        session = self.open(cloud, assume(sts, role.arn), photos)
        attach(ram, role.role_name, "AliyunOSSFullAccess", "System")
        session.put_object("secret", b"new")
        deny = json.dumps({"Version": "1", "Statement": [{"Effect": "Deny", "Action": "oss:Put*", "Resource": "*"}]})
        attach(ram, role.role_name, make_policy(ram, deny))
        with pytest.raises(oss2.exceptions.AccessDenied):
            session.put_object("secret", b"newer")
        assert session.get_object("secret").read() == b"new"

    def test_forged_keys_and_tokens_are_refused(
        self, cloud: Running, sts: StsClient, role: Any, photos: oss2.Bucket
    ) -> None:
        key = assume(sts, role.arn)
        for forged in (
            Key(key.id, "guess", key.token),
            Key(key.id, key.secret, "forged"),
            Key("STS.x", "y", key.token),
        ):
            with pytest.raises(oss2.exceptions.ServerError) as caught:
                self.open(cloud, forged, photos).get_object("applib/a.zip")
            assert caught.value.status == 403

    def test_a_key_whose_role_is_deleted_is_unknown(
        self, cloud: Running, ram: RamClient, sts: StsClient, photos: oss2.Bucket
    ) -> None:
        role = make_role(ram, root_trust(cloud))
        session = self.open(cloud, assume(sts, role.arn), photos)
        ram.delete_role(ram_models.DeleteRoleRequest(role_name=role.role_name))
        with pytest.raises(oss2.exceptions.ServerError) as caught:
            session.get_object("applib/a.zip")
        assert caught.value.code == "InvalidAccessKeyId"


def test_roles_and_sessions_survive_kill_9_and_expiry_is_told(
    start_cloud: Callable[..., Running], tmp_path: Path
) -> None:
    first = start_cloud(tmp_path / "data")
    account = Key(first.access_key_id, first.access_key_secret)
    ram = RamClient(config(account, first.endpoints["ram"], None))
    role = make_role(ram, root_trust(first))
    attach(ram, role.role_name, "AliyunOSSFullAccess", "System")
    alive = assume(StsClient(config(account, first.endpoints["sts"], None)), role.arn)
    expired = assume(StsClient(config(account, first.endpoints["sts"], None)), role.arn)
    first.stop(signal.SIGKILL)
    record_path = tmp_path / "data" / "ram" / "sessions" / f"{expired.id}.json"
    record = json.loads(record_path.read_text())
    record["expires_at"] = record["credential"]["expires_at"] = record["expires_at"] - 3601
    record_path.write_text(json.dumps(record))

    second = start_cloud(tmp_path / "data")
    endpoint = second.endpoints["oss"]
    auth = oss2.StsAuth(alive.id, alive.secret, alive.token, auth_version="v4")
    oss2.Bucket(auth, endpoint, "kept", region=second.region).create_bucket()
    auth = oss2.StsAuth(expired.id, expired.secret, expired.token, auth_version="v4")
    with pytest.raises(oss2.exceptions.ServerError) as caught:
        oss2.Bucket(auth, endpoint, "kept", region=second.region).get_bucket_info()
    assert caught.value.code == "SecurityTokenExpired"
    sts = StsClient(config(expired, second.endpoints["sts"], None))
    assert refusal(sts.get_caller_identity).code == "InvalidSecurityToken.Expired"
