"""OSS triggers and the credentials of a role, across the services."""

from __future__ import annotations

import json
import textwrap
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import oss2
import pytest
from alibabacloud_fc20230330 import models as models3
from alibabacloud_fc_open20210406 import models as models2
from alibabacloud_ram20150501 import models as ram_models
from alibabacloud_ram20150501.client import Client as RamClient

from tests.support.waiting import wait_for

Running = Any  # the running cloud of tests/support/cloud.py

RECORDER = textwrap.dedent(
    """
    import json, os


    def handler(event, context):
        print("EVENT " + event.decode())


    def show(event, context):
        names = ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN")
        return json.dumps([os.environ["ALIBABA_CLOUD_" + name] for name in names]
                          + [getattr(context.credentials, name.lower()) for name in names])
    """
)


@dataclass
class Recorder:
    """A function whose log tells the events that it got."""

    client: Any
    cloud: Running
    bucket: oss2.Bucket

    def events(self) -> list[dict[str, Any]]:
        name = getattr(self.client, "prefix", "") + "f"
        logs = (self.cloud.data / "fc" / "logs").glob(f"*functions.{name}.log")
        service = getattr(self.client, "service", "")
        lines = [line for log in logs if service in log.name for line in log.read_text().splitlines()]
        return [json.loads(line.removeprefix("EVENT "))["events"][0] for line in lines if line.startswith("EVENT ")]


@pytest.fixture
def recorder(any_client: Any, cloud: Running, bucket: oss2.Bucket, zip_of: Any) -> Recorder:
    any_client.create("f", code=zip_of({"index.py": RECORDER}))
    return Recorder(any_client, cloud, bucket)


def add_trigger(recorder: Recorder, name: str = "t", **changes: Any) -> dict[str, Any]:
    """Create an OSS trigger through the client at hand and return what the API says of it."""
    client = recorder.client
    settings: dict[str, Any] = {
        "events": ["oss:ObjectCreated:*"],
        "filter": {"key": {"prefix": "incoming/", "suffix": ".jpg"}},
        **changes,
    }
    bucket = settings.pop("bucket", recorder.bucket.bucket_name)
    source = f"acs:oss:{recorder.cloud.region}:{recorder.cloud.account_id}:{bucket}"
    role = f"acs:ram::{recorder.cloud.account_id}:role/oss"
    match type(client).__name__:
        case "Fc2":
            client.client.create_trigger(client.service, "f", name, "oss", settings, source, role)
            return dict(client.client.get_trigger(client.service, "f", name).data)
        case "Open2021":
            request = models2.CreateTriggerRequest(
                trigger_name=name, trigger_type="oss", trigger_config=json.dumps(settings), source_arn=source,
                invocation_role=role,
            )  # fmt: skip
            client._do(lambda: client.client.create_trigger(client.service, "f", request))
            return dict(client.client.get_trigger(client.service, "f", name).body.to_map())
        case _:
            body = models3.CreateTriggerInput(
                trigger_name=name, trigger_type="oss", trigger_config=json.dumps(settings), source_arn=source,
                invocation_role=role,
            )  # fmt: skip
            function = client.prefix + "f"
            client._do(lambda: client.client.create_trigger(function, models3.CreateTriggerRequest(body=body)))
            return dict(client.client.get_trigger(function, name).body.to_map())


def test_upload_that_matches_fires(recorder: Recorder) -> None:
    trigger = add_trigger(recorder)
    assert trigger["triggerType"] == "oss"
    recorder.bucket.put_object("outside/a.jpg", b"1")
    recorder.bucket.put_object("incoming/a.png", b"1")
    put = recorder.bucket.put_object("incoming/a b.jpg", b"12345")
    event = wait_for(recorder.events)[0]
    assert event["eventName"] == "ObjectCreated:PutObject"
    assert event["eventSource"] == "acs:oss"
    assert event["region"] == recorder.cloud.region
    assert event["oss"]["bucket"]["name"] == recorder.bucket.bucket_name
    assert event["oss"]["object"] == {"key": "incoming/a b.jpg", "size": 5, "deltaSize": 5, "eTag": put.etag}
    recorder.bucket.copy_object(recorder.bucket.bucket_name, "outside/a.jpg", "incoming/b.jpg")
    wait_for(lambda: len(recorder.events()) == 2)
    assert [each["eventName"] for each in recorder.events()][1] == "ObjectCreated:CopyObject"


def test_each_step_of_a_multipart_upload_is_an_event(recorder: Recorder) -> None:
    add_trigger(recorder, events=["oss:ObjectCreated:*", "oss:ObjectRemoved:AbortMultipartUpload"])
    key = "incoming/large.jpg"
    for ends in ("complete", "abort"):
        upload = recorder.bucket.init_multipart_upload(key).upload_id
        part = recorder.bucket.upload_part(key, upload, 1, b"12345")
        if ends == "complete":
            recorder.bucket.complete_multipart_upload(key, upload, [oss2.models.PartInfo(1, part.etag)])
        else:
            recorder.bucket.abort_multipart_upload(key, upload)
    wait_for(lambda: len(recorder.events()) == 6)
    told = {(each["eventName"].partition(":")[2], each["oss"]["object"]["size"]) for each in recorder.events()}
    assert told == {
        ("InitiateMultipartUpload", 0),
        ("UploadPart", 5),
        ("CompleteMultipartUpload", 5),
        ("AbortMultipartUpload", 0),
    }


def test_trigger_without_events_or_bucket_is_refused(recorder: Recorder, refused: Any) -> None:
    with pytest.raises(Exception, match=r"triggerConfig\.events must list events"):
        add_trigger(recorder, events=[])
    with pytest.raises(Exception, match=r"OSSInvalidRequest.*The specified bucket does not exist"):
        add_trigger(recorder, bucket="no-such-bucket")
    key, name = recorder.cloud.key, "far-" + uuid.uuid4().hex[:12]
    endpoint = recorder.cloud.endpoints["oss"]
    oss2.Bucket(oss2.AuthV4(key.id, key.secret), endpoint, name, region="cn-shanghai").create_bucket()
    with pytest.raises(Exception, match=r"OSSInvalidRequest.*The bucket is in cn-shanghai"):
        add_trigger(recorder, bucket=name)


def test_triggers_of_one_bucket_that_one_event_would_fire_together_are_refused(recorder: Recorder) -> None:
    add_trigger(recorder)
    with pytest.raises(Exception, match=r"OSSInvalidRequest.*overlapping prefix and suffix with same event type"):
        add_trigger(recorder, "second", filter={"key": {"prefix": "incoming/late/"}})
    add_trigger(recorder, "third", events=["oss:ObjectRemoved:DeleteObject"])


@pytest.fixture
def role(cloud: Running) -> Iterator[str]:
    """A role that Function Compute may assume, and that may do nothing."""
    name = "r" + uuid.uuid4().hex[:10]
    trust = {
        "Version": "1",
        "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": ["fc.aliyuncs.com"]}}],
    }
    ram = RamClient(cloud.config("ram"))
    request = ram_models.CreateRoleRequest(role_name=name, assume_role_policy_document=json.dumps(trust))
    yield ram.create_role(request).body.role.arn
    ram.delete_role(ram_models.DeleteRoleRequest(role_name=name))


@pytest.mark.parametrize("kind", ["fc2", "open2021", "fc3"])
def test_role_gives_the_instance_credentials(
    cloud: Running, client_of: Callable[..., Any], role: str, kind: str, zip_of: Any, bucket: oss2.Bucket
) -> None:
    client = client_of(cloud, kind, role=role)
    client.create("f", code=zip_of({"index.py": RECORDER}), handler="index.show")
    variables, credentials = (lambda got: (got[:3], got[3:]))(client.invoke("f").json)
    assert variables == credentials
    assert all(variables)
    auth = oss2.StsAuth(*credentials, auth_version="v4")
    limited = oss2.Bucket(auth, cloud.endpoints["oss"], bucket.bucket_name, region=cloud.region)
    with pytest.raises(oss2.exceptions.AccessDenied):  # the signature is right, the role may do nothing
        limited.get_object("x")


def test_role_that_does_not_exist(cloud: Running, client_of: Callable[..., Any], zip_of: Any, refused: Any) -> None:
    client = client_of(cloud, "open2021", role=f"acs:ram::{cloud.account_id}:role/nobody")
    client.create("f", code=zip_of({"index.py": RECORDER}))
    with pytest.raises(refused) as error:
        client.invoke("f")
    assert (error.value.status, error.value.code) == (403, "AccessDenied")
    assert "nobody cannot be assumed" in error.value.message
