"""The project's own stack, deployed by the commands that users type, and the same stack spoilt in the ways that happen."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import oss2
import pytest
from PIL import Image

from heavylift.cli.pictures import difference_from_transposed
from heavylift.clouds.embedded import EmbeddedCloud
from heavylift.clouds.invocation import Invocation, find_function, invoke
from heavylift.clouds.ros import Ros, StackDefinition
from heavylift.clouds.session import Session, local_session
from heavylift.clouds.stacks import Stacks
from heavylift.contracts.manifest import Build
from heavylift.contracts.startlog import find_starts
from heavylift.errors import HeavyliftError
from tests.support.instance import Link
from tests.support.paths import ROOT
from tests.support.waiting import wait_for

PICTURE = ROOT / "function" / "pic" / "e2.jpg"
pytestmark = pytest.mark.timeout(900)  # the first build downloads and packs more than a gigabyte


@dataclass
class Cloud:
    """An embedded cloud and a user at its command line."""

    data: Path
    session: Session
    link: Link

    @property
    def ros(self) -> Ros:
        return Ros(self.session.ros_client(), self.session.region)

    def heavylift(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "heavylift", *words, "--project", str(ROOT), "--data", str(self.data)],
            capture_output=True,
            text=True,
            check=False,
        )

    def succeed(self, *words: str) -> str:
        done = self.heavylift(*words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def bucket(self, stack: str) -> oss2.Bucket:
        return self.session.bucket(str(self.ros.find(stack).outputs["BucketName"]))

    def invoke(self, stack: str, payload: bytes = b"") -> Invocation:
        function = find_function(self.ros, self.ros.find(stack), None)
        return invoke(self.session, function, payload, timeout=300)

    def template(self, stack: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.ros.template(self.ros.find(stack).id))
        return document

    def deploy(self, stack: str, template: dict[str, Any]) -> None:
        """Deploy a template that no app would synthesize."""
        definition = StackDefinition(
            template=json.dumps(template), parameters={}, tags={}, timeout=10, rollback=True, replace=False
        )
        Stacks(self.ros, lambda _event: None, interval=0.1).deploy(stack, definition)


@pytest.fixture(scope="module")
def cloud(build: Build, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    data = tmp_path_factory.mktemp("stack") / "cloud"
    with EmbeddedCloud(data) as endpoints:
        link = Link(endpoints.oss, endpoints.access_key_secret)
        cloud = Cloud(data=data, session=local_session(endpoints, data), link=link)
        cloud.succeed("deploy")
        yield cloud
        cloud.succeed("destroy", "heavylift")
        assert list(cloud.ros.stacks()) == []
        assert names_of_buckets(cloud) == []


def names_of_buckets(cloud: Cloud) -> list[str]:
    service = oss2.Service(cloud.session.bucket("any").auth, cloud.session.oss, region=cloud.session.region)
    return [each.name for each in oss2.BucketIterator(service)]


def test_the_function_loads_its_archives_with_its_own_role_and_writes_the_picture(cloud: Cloud) -> None:
    answer = cloud.invoke("heavylift")
    assert answer.error_type is None, answer.body
    written = cloud.bucket("heavylift").get_object("picture").read()
    assert difference_from_transposed(PICTURE.read_bytes(), written) < 4


def test_an_upload_leads_to_a_rotated_copy(cloud: Cloud) -> None:
    bucket = cloud.bucket("heavylift")
    bucket.put_object_from_file("incoming/one.jpg", str(PICTURE))
    wait_for(lambda: bucket.object_exists("rotated/one.jpg"), why=lambda: cloud.heavylift("logs").stdout)


def test_a_request_is_answered_before_all_code_is_there_and_the_log_names_what_it_had_to_fetch(cloud: Cloud) -> None:
    unrecorded = io.BytesIO()
    Image.open(PICTURE).save(unrecorded, "jpeg2000")  # no recording decodes one
    bucket = cloud.bucket("heavylift")
    cloud.succeed("deploy", "-c", "loadMode=working-set")
    cloud.link.set(bandwidth=400e6)  # the rest takes longer than the start
    try:
        bucket.put_object("incoming/unrecorded.jpg", unrecorded.getvalue())
        wait_for(
            lambda: bucket.object_exists("rotated/unrecorded.jpg"),
            why=lambda: cloud.heavylift("logs").stdout,
        )
        assert cloud.invoke("heavylift").error_type is None
        log = cloud.succeed("logs")
    finally:
        cloud.link.set()
        cloud.succeed("deploy")
    pages = find_starts(log.splitlines())[-1].pages
    assert pages is not None
    assert pages.later > 50_000_000
    assert "requests had to fetch code that no recording had seen:" in log
    assert "cv2.abi3.so: " in log


def test_a_deploy_without_changes_changes_nothing_and_diff_agrees(cloud: Cloud) -> None:
    assert "no changes" in cloud.succeed("deploy")
    assert "no changes" in cloud.succeed("diff", "--exit-code")


def test_a_role_without_get_object_is_named_with_action_and_resource(cloud: Cloud) -> None:
    whole = cloud.template("heavylift")
    spoilt = json.loads(json.dumps(whole))
    for policy in spoilt["Resources"]["FunctionRole"]["Properties"]["Policies"]:
        statements = policy["PolicyDocument"]["Statement"]
        policy["PolicyDocument"]["Statement"] = [each for each in statements if "oss:GetObject" not in each["Action"]]
    spoilt["Resources"]["Function"]["Properties"]["Description"] = "with a role that cannot read"  # new instances
    cloud.deploy("heavylift", spoilt)
    try:
        answer = cloud.invoke("heavylift")
    finally:
        cloud.deploy("heavylift", whole)
    assert answer.error_type == "InitializationError"
    message = json.loads(answer.body)["errorMessage"]
    assert "oss:GetObject" in message
    assert "model/" in message  # the model is what a start loads first
    assert cloud.invoke("heavylift").error_type is None


def broken_handler(template: dict[str, Any]) -> None:
    template["Resources"]["FCFunctionForArchives"]["Properties"]["Handler"] = "index.absent"


def missing_archive(template: dict[str, Any]) -> None:
    template["Resources"]["Archives"]["Properties"]["Parameters"]["sources"][0]["objectKey"] = "nothing.zip"


@pytest.mark.parametrize(
    ("spoil", "words"), [(broken_handler, "absent"), (missing_archive, "nothing.zip")], ids=["handler", "archive"]
)
def test_a_deployment_that_fails_rolls_back_and_leaves_nothing(
    cloud: Cloud, spoil: Callable[[dict[str, Any]], None], words: str
) -> None:
    buckets = names_of_buckets(cloud)
    template = json.loads(json.dumps(cloud.template("heavylift")).replace("heavylift", "spoilt"))
    template["Resources"]["Function"]["Properties"]["Code"] = cloud.template("heavylift")["Resources"]["Function"][
        "Properties"
    ]["Code"]
    spoil(template)
    with pytest.raises(HeavyliftError, match=words) as error:
        cloud.deploy("spoilt", template)
    assert "because Archives (ALIYUN::ROS::CustomResource) failed" in str(error.value)
    stack = cloud.ros.find("spoilt")
    assert stack.status == "CREATE_ROLLBACK_COMPLETE"
    assert cloud.ros.resources(stack.id) == []
    assert names_of_buckets(cloud) == buckets
    cloud.succeed("destroy", "spoilt")
