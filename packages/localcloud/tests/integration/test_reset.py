"""The embedded cloud emptied between two tests: nothing of the first is left, and nobody is told anything wrong meanwhile."""

from __future__ import annotations

import base64
import io
import json
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from http.client import HTTPConnection
from pathlib import Path

import oss2
import pytest
from alibabacloud_fc20230330 import models as fc
from alibabacloud_fc20230330.client import Client as FcClient
from alibabacloud_tea_openapi.models import Config
from aliyun.log import LogClient

from localcloud.cloud import Cloud, run_cloud
from tests.support import core
from tests.support.signers import Key
from tests.support.sls import client_of
from tests.support.waiting import wait_for

ADMINISTRATION = "/-/localcloud/"
CODE = "import os\ndef handler(event, context):\n    os.system('sleep 1000 &')\n    return event\n"
TEMPLATE = {
    "ROSTemplateFormatVersion": "2015-09-01",
    "Resources": {"Bucket": {"Type": "ALIYUN::OSS::Bucket", "Properties": {"BucketName": "of-a-stack"}}},
}
kms, ram, ros = (partial(core.ask, product=product) for product in ("Kms", "Ram", "ROS"))
resource_manager = partial(core.ask, product="ResourceManager")


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    with run_cloud(tmp_path / "cloud") as cloud:
        yield cloud


def bucket_of(cloud: Cloud, name: str, *, by_name: bool = False) -> oss2.Bucket:
    auth = oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret)
    endpoint = f"http://oss-{cloud.region}.aliyuncs.com" if by_name else cloud.endpoints["oss"]
    return oss2.Bucket(
        auth, endpoint, name, region=cloud.region, proxies={"http": cloud.endpoints["gateway"]} if by_name else None
    )


def fc_of(cloud: Cloud) -> FcClient:
    return FcClient(
        Config(
            access_key_id=cloud.access_key_id,
            access_key_secret=cloud.access_key_secret,
            endpoint=cloud.host("fc"),
            protocol="http",
            region_id=cloud.region,
        )
    )


def logs_of(cloud: Cloud) -> LogClient:
    return client_of(cloud, key=Key(cloud.access_key_id, cloud.access_key_secret))


def listed(cloud: Cloud) -> dict[str, list[str]]:
    """Return the names of all that is there, by kind."""
    own = bucket_of(cloud, "any")
    stacks = ros(cloud, "ListStacks", RegionId=cloud.region)["Stacks"]
    groups = resource_manager(cloud, "ListResourceGroups")["ResourceGroups"]["ResourceGroup"]
    return {
        "buckets": [
            each.name for each in oss2.Service(own.auth, own.endpoint, region=cloud.region).list_buckets().buckets
        ],
        "roles": [each["RoleName"] for each in ram(cloud, "ListRoles")["Roles"]["Role"]],
        "functions": [
            each.function_name for each in fc_of(cloud).list_functions(fc.ListFunctionsRequest()).body.functions
        ],
        "stacks": [each["StackName"] for each in stacks],
        "projects": [each["projectName"] for each in logs_of(cloud).list_project().get_projects()],
        "keys": [each["KeyId"] for each in kms(cloud, "ListKeys")["Keys"]["Key"]],
        "groups": [each["Name"] for each in groups],
    }


def fill(cloud: Cloud) -> None:
    """Make something of each service; an instance has a process of its own that never ends."""
    bucket = bucket_of(cloud, "kept")
    bucket.create_bucket()
    bucket.put_object("key", b"content")
    trust = {"Version": "1", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"RAM": "*"}}]}
    ram(cloud, "CreateRole", RoleName="role", AssumeRolePolicyDocument=json.dumps(trust))
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("index.py", CODE)
    code = fc.InputCodeLocation(zip_file=base64.b64encode(package.getvalue()).decode())
    function = fc.CreateFunctionInput(function_name="f", runtime="python3.10", handler="index.handler", code=code)
    fc_of(cloud).create_function(fc.CreateFunctionRequest(body=function))
    assert (
        fc_of(cloud).invoke_function("f", fc.InvokeFunctionRequest(body=io.BytesIO(b"event"))).body.read() == b"event"
    )
    ros(cloud, "CreateStack", RegionId=cloud.region, StackName="stack", TemplateBody=json.dumps(TEMPLATE))
    wait_for(lambda: "of-a-stack" in listed(cloud)["buckets"])
    logs_of(cloud).create_project("project-of-tests", "")
    kms(cloud, "CreateKey")
    resource_manager(cloud, "CreateResourceGroup", Name="group", DisplayName="A group")
    cloud.account("other")
    cloud.advance(3600)


def files(cloud: Cloud) -> list[Path]:
    return sorted(cloud.data.rglob("*"))


def process_of(cloud: Cloud) -> Path:
    return Path("/proc", str(json.loads((cloud.data / "endpoints.json").read_text())["pid"]))


def descendants(process: Path) -> set[Path]:
    """Return the folders in /proc of the processes that one has started, and of those that these have."""
    found = {Path("/proc", each) for task in process.glob("task/*") for each in (task / "children").read_text().split()}
    return found.union(*map(descendants, found))


def open_files_of(cloud: Cloud) -> int:
    """Return the number of files and connections that the embedded cloud has open."""
    return len(list((process_of(cloud) / "fd").iterdir()))


def are_gone(processes: set[Path]) -> bool:
    return not any(map(Path.exists, processes))


def post(cloud: Cloud, path: str = "reset", key: str | None = None) -> tuple[int, object]:
    with closing(HTTPConnection(cloud.host("oss"), timeout=20)) as connection:
        token = cloud.access_key_secret if key is None else key
        connection.request("POST", ADMINISTRATION + path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        return answer.status, json.load(answer)


def test_nothing_is_left_of_what_any_service_had(cloud: Cloud) -> None:
    before, new = listed(cloud), files(cloud)
    cloud.reset()  # which ends our connections, the last one in a moment
    open_files = open_files_of(cloud)
    for _ in range(2):  # the second time, in what was emptied
        fill(cloud)
        filled, processes = listed(cloud), descendants(process_of(cloud))
        assert [kind for kind in before if not {*filled[kind]} - {*before[kind]}] == []
        assert len(processes) > 2  # an instance's, and that of its own
        cloud.reset()
        wait_for(lambda: open_files_of(cloud) <= open_files)
        assert listed(cloud) == before
        assert files(cloud) == new
        wait_for(partial(are_gone, processes))  # whoever inherited them has taken note
        with closing(HTTPConnection(cloud.host("oss"))) as connection:
            headers = {"Authorization": f"Bearer {cloud.access_key_secret}"}
            connection.request("GET", ADMINISTRATION + "clock", headers=headers)
            assert json.load(connection.getresponse())["ahead"] == 0


def test_it_needs_the_key_and_is_asked_for_over_http(cloud: Cloud) -> None:
    bucket_of(cloud, "kept").create_bucket()
    assert post(cloud, key="another")[0] == 401
    assert listed(cloud)["buckets"] == ["kept"]
    assert post(cloud) == (200, {})
    assert listed(cloud)["buckets"] == []


def test_requests_meanwhile_are_served_before_or_after_and_resets_follow_each_other(cloud: Cloud) -> None:
    ended, told, answers = threading.Event(), list[object](), list[object]()

    def work(name: str, *, by_name: bool) -> None:
        while not ended.is_set():
            bucket = bucket_of(cloud, name, by_name=by_name)
            try:
                bucket.create_bucket()
                bucket.put_object("key", name * 1000)
                assert bucket.get_object("key").read() == (name * 1000).encode()
            except (oss2.exceptions.NoSuchBucket, oss2.exceptions.NoSuchKey):
                pass  # emptied between two requests
            except oss2.exceptions.RequestError:
                pass  # its connection ended with what was
            except Exception as error:  # noqa: BLE001 - told below
                told.append(error)

    def reset() -> None:
        for _ in range(5):
            with suppress(ConnectionError):  # it ended with what was, likewise
                answers.append(post(cloud))

    workers = [
        threading.Thread(target=work, args=(f"bucket-{number}",), kwargs={"by_name": number > 1}) for number in range(4)
    ]
    resetters = [threading.Thread(target=reset) for _ in range(2)]
    for each in (*workers, *resetters):
        each.start()
    for each in resetters:
        each.join()
    ended.set()
    for each in workers:
        each.join()
    assert told == []
    assert answers.count((200, {})) == len(answers) > 5
    assert "Traceback" not in (cloud.data / "localcloud.log").read_text()
    cloud.reset()
    assert listed(cloud)["buckets"] == []


def test_a_program_in_a_network_of_its_own_reaches_it_before_and_after(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(
        "import os, oss2, pathlib\n"
        "from localcloud.cloud import find_cloud\n"
        "cloud = find_cloud(pathlib.Path('state'))\n"
        "auth = oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret)\n"
        "bucket = oss2.Bucket(auth, 'https://oss-cn-hangzhou.aliyuncs.com', 'by-name', region='cn-hangzhou')\n"
        "for _ in range(2):\n"
        "    bucket.create_bucket()\n"
        "    cloud.reset()\n"
        "print([each.name for each in oss2.Service(auth, bucket.endpoint, region='cn-hangzhou').list_buckets().buckets])\n"
    )
    words = [sys.executable, "-m", "localcloud", "run", "--data", "state", sys.executable, str(program)]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout == "[]\n", done.stderr
