"""The clock that a test moves: what is due by it happens, and clients, who sign by this machine's, are served as before."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import oss2
import pytest
from alibabacloud_fc20230330 import models as fc_models
from alibabacloud_fc20230330.client import Client as FcClient
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient
from alibabacloud_sts20150401 import models as sts_models
from alibabacloud_sts20150401.client import Client as StsClient
from alibabacloud_tea_openapi.models import Config

from localcloud.cloud import Cloud, run_cloud
from localcloud.kernel.errors import LocalCloudError
from tests.support.waiting import wait_for

DAY = 24 * 3600  # seconds
TRUST = {
    "Version": "1",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"RAM": ["acs:ram::ACCOUNT:root"]}}],
}


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with run_cloud(tmp_path / "cloud") as cloud:
        yield cloud


def bucket_of(cloud: Cloud, auth: object = None) -> oss2.Bucket:
    auth = auth or oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret)
    return oss2.Bucket(auth, cloud.endpoints["oss"], "kept", region=cloud.region)


def config_of(cloud: Cloud, service: str) -> Config:
    return Config(
        access_key_id=cloud.access_key_id,
        access_key_secret=cloud.access_key_secret,
        endpoint=cloud.host(service),
        protocol="http",
        region_id=cloud.region,
    )


def test_rules_of_a_bucket_apply_a_day_later_and_urls_that_were_signed_before_are_good(cloud: Cloud) -> None:
    bucket = bucket_of(cloud)
    bucket.create_bucket()
    rule = oss2.models.LifecycleRule("a", "old/", status="Enabled", expiration=oss2.models.LifecycleExpiration(days=1))
    bucket.put_bucket_lifecycle(oss2.models.BucketLifecycle([rule]))
    bucket.put_object("old/a", b"content")
    bucket.put_object("new/a", b"content")
    url = bucket.sign_url("GET", "new/a", 60)
    cloud.advance(3 * DAY)
    wait_for(lambda: not bucket.object_exists("old/a"))
    with pytest.raises(oss2.exceptions.NoSuchKey):
        bucket.get_object("old/a")
    assert bucket.get_object_with_url(url).read() == b"content"


def test_a_session_ends_when_its_time_has_passed(cloud: Cloud) -> None:
    bucket = bucket_of(cloud)
    bucket.create_bucket()
    trust = json.dumps(TRUST).replace("ACCOUNT", cloud.account_id)
    ram = RamClient(config_of(cloud, "ram"))
    role = ram.create_role(
        ram_models.CreateRoleRequest(role_name="reader", assume_role_policy_document=trust)
    ).body.role.arn
    ram.attach_policy_to_role(
        ram_models.AttachPolicyToRoleRequest(
            policy_type="System", policy_name="AliyunOSSFullAccess", role_name="reader"
        )
    )

    def assume() -> oss2.Bucket:
        request = sts_models.AssumeRoleRequest(role_arn=role, role_session_name="reading", duration_seconds=900)
        key = StsClient(config_of(cloud, "sts")).assume_role(request).body.credentials
        auth = oss2.StsAuth(key.access_key_id, key.access_key_secret, key.security_token, auth_version="v4")
        return bucket_of(cloud, auth)

    session = assume()
    cloud.advance(890)
    session.put_object("a", b"content")
    cloud.advance(20)
    with pytest.raises(oss2.exceptions.ServerError) as error:
        session.get_object("a")
    assert error.value.code == "SecurityTokenExpired"
    assert assume().get_object("a").read() == b"content"


def test_a_timer_fires_that_is_due_tomorrow(cloud: Cloud) -> None:
    client = FcClient(config_of(cloud, "fc"))
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", "def handler(event, context):\n    print('fired', event.decode())\n")
    code = fc_models.InputCodeLocation(zip_file=base64.b64encode(package.getvalue()).decode())
    client.create_function(
        fc_models.CreateFunctionRequest(
            body=fc_models.CreateFunctionInput(
                function_name="f", runtime="python3.10", handler="index.handler", code=code
            )
        )
    )
    timer = json.dumps({"cronExpression": "0 0 4 * * *", "enable": True})
    client.create_trigger(
        "f",
        fc_models.CreateTriggerRequest(
            body=fc_models.CreateTriggerInput(trigger_name="t", trigger_type="timer", trigger_config=timer)
        ),
    )
    log = cloud.data / "fc" / "logs" / "functions.f.log"

    def fired() -> int:
        return log.read_text().count("fired {") if log.exists() else 0

    cloud.advance(DAY)
    wait_for(lambda: fired() == 1)
    cloud.advance(DAY)
    wait_for(lambda: fired() == 2)


def test_it_stays_ahead_and_goes_ahead_only(tmp_path: Path) -> None:
    with run_cloud(tmp_path / "cloud") as cloud:
        cloud.advance(DAY)
        with pytest.raises(LocalCloudError, match="it goes ahead only"):
            cloud.advance(-1)
    with run_cloud(tmp_path / "cloud") as cloud:
        for key, status in (cloud.access_key_secret, 200), ("another", 401):
            found, answer = ask(cloud, key)
            assert found == status
            assert (answer.get("ahead") == DAY) == (status == 200)


def ask(cloud: Cloud, key: str, method: str = "GET", body: str = "") -> tuple[int, dict[str, Any]]:
    with closing(HTTPConnection(cloud.host("oss"))) as connection:
        connection.request(method, "/-/localcloud/clock", body=body, headers={"Authorization": f"Bearer {key}"})
        answer = connection.getresponse()
        return answer.status, json.load(answer)


def test_what_says_no_seconds_is_refused(cloud: Cloud) -> None:
    for body, words in (
        ("", "send"),
        ("{}", "send"),
        ("[]", "send"),
        ('{"seconds": 1}', "send"),
        ('{"advance": "1"}', "a number of seconds"),
        ('{"advance": true}', "a number of seconds"),
        ('{"advance": null}', "send"),
        ('{"advance": 1e999}', "number"),
    ):
        status, answer = ask(cloud, cloud.access_key_secret, "POST", body)
        assert status == 400, body
        assert words in answer["error"]
