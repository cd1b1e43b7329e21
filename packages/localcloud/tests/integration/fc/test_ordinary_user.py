"""Instances of an embedded cloud that an ordinary user runs: what their programs reach, whatever these are written in."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import textwrap
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from alibabacloud_fc20230330 import models as models3

import localcloud
from tests.support.cloud import launch

Running = Any  # the running cloud of tests/support/cloud.py
NOBODY = 65534
PREFIX = ("setpriv", "--reuid", str(NOBODY), "--regid", str(NOBODY), "--clear-groups")
CURL = ("curl", "-sS", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}")

RUN = textwrap.dedent(
    """
    import json, subprocess

    def handler(event, context):
        done = subprocess.run(json.loads(event), capture_output=True, text=True)
        return [done.returncode, done.stdout, done.stderr]
    """
)
SERVER = textwrap.dedent(
    """
    #!/usr/bin/env node
    const http = require('http');
    const https = require('https');
    http.createServer((request, response) => {
      const parts = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => {
        const url = Buffer.concat(parts).toString();
        const told = (result) => response.end(JSON.stringify(result));
        (url.startsWith('https') ? https : http).get(url, (answer) => { answer.resume(); told(answer.statusCode); })
          .on('error', (error) => told(error.code));
      });
    }).listen(9000);
    """
).lstrip()


def find_python() -> str | None:
    """Return a Python of this one's version that any user can run."""
    for path in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        said = subprocess.run([*PREFIX, "env", "-i", path, "-c", "pass"], capture_output=True)
        if said.returncode == 0:
            return path
    return None


@pytest.fixture(scope="module")
def mine(request: pytest.FixtureRequest) -> Iterator[Running]:
    """An embedded cloud that an ordinary user runs."""
    if os.geteuid():
        yield request.getfixturevalue("cloud")
        return
    python = find_python()
    if python is None:
        pytest.skip("an ordinary user cannot run this Python")
    folder = Path(tempfile.mkdtemp(prefix="ordinary-"))  # pytest's own folders are closed to others
    try:
        data = folder / "data"
        data.mkdir()
        for each in (folder, data):
            os.chown(each, NOBODY, NOBODY)
        site = next(path for path in sys.path if path.endswith("site-packages"))
        found = f"PYTHONPATH={Path(localcloud.__file__).parents[1]}{os.pathsep}{site}"
        running = launch(data, prefix=(*PREFIX, "env", f"HOME={folder}", found), python=python)
        yield running
        assert running.stop() == 0
    finally:
        shutil.rmtree(folder)


@pytest.fixture(autouse=True)
def _sandboxed(mine: Running) -> None:
    if mine.endpoints["isolation"] != "bubblewrap":
        pytest.skip("bubblewrap is missing or not permitted here")


@pytest.fixture
def run(mine: Running, client_of: Callable[..., Any], zip_of: Callable[..., bytes]) -> Callable[..., Any]:
    """Run a program in an instance; return its exit code and its output."""
    client = client_of(mine)
    client.create("f", code=zip_of({"index.py": RUN}), timeout=60)

    def ask(*words: str) -> Any:
        answer = client.invoke("f", json.dumps(words).encode())
        assert answer.error_type is None, answer.body
        assert "FC Note: this machine permits less" not in answer.log
        return answer.json[:2]

    return ask


def test_any_program_finds_the_embedded_cloud_under_its_names_and_no_other_name(
    mine: Running, run: Callable[..., Any]
) -> None:
    oss = f"oss-{mine.region}.aliyuncs.com"
    urls = [f"http://no-such-bucket.{oss}/", f"https://{oss}/", "https://ecs.aliyuncs.com/", "https://example.com/"]
    # curl: 35 the TLS handshake is refused, 6 no such host
    assert [run(*CURL, url) for url in urls] == [[0, "404"], [0, "403"], [35, "000"], [6, "000"]]


def test_ports_of_this_machine_are_out_of_reach_and_those_of_the_embedded_cloud_are_not(
    mine: Running, run: Callable[..., Any]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert run(*CURL, f"http://127.0.0.1:{server.getsockname()[1]}/") == [7, "000"]  # no connection
    assert run(*CURL, "http://192.0.2.1/")[0] == 7
    assert run(*CURL, mine.endpoints["oss"]) == [0, "403"]


def test_it_has_no_capability_and_makes_no_user_namespace(run: Callable[..., Any]) -> None:
    _, status = run("grep", "-E", "^(Cap|NoNewPrivs)", "/proc/self/status")
    facts = dict(line.split(":") for line in status.splitlines())
    assert facts.pop("NoNewPrivs").strip() == "1"
    assert {value.strip() for value in facts.values()} == {"0" * 16}
    assert run("unshare", "--user", "true")[0] != 0
    assert run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_unprivileged_port_start")[0] != 0


def test_it_mounts_file_systems_as_the_user_that_its_function_names(
    mine: Running, client_of: Callable[..., Any], zip_of: Callable[..., bytes]
) -> None:
    new = client_of(mine, "fc3")
    points = [{"serverAddr": "nas.example:/new", "mountDir": "/mnt/nas"}]
    new.create(
        "f",
        code=zip_of({"index.py": RUN}),
        vpcConfig={"vpcId": "v", "vSwitchIds": ["w"], "securityGroupId": "g"},
        nasConfig={"userId": 10003, "groupId": 10004, "mountPoints": points},
    )
    script = "echo kept > /mnt/nas/file && stat -c '%u %g' /mnt/nas/file"
    answer = new.invoke("f", json.dumps(["sh", "-c", script]).encode())
    assert answer.json == [0, "10003 10004\n", ""]
    assert (mine.data / "fc" / "nas" / "nas.example" / "new" / "file").read_text() == "kept\n"


@pytest.mark.skipif(shutil.which("node", path=os.defpath) is None, reason="there is no Node.js for all users")
def test_a_custom_runtime_that_is_written_for_node_finds_it_as_well(
    mine: Running, client_of: Callable[..., Any]
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        entry = zipfile.ZipInfo("bootstrap")
        entry.external_attr = (stat.S_IFREG | 0o755) << 16
        archive.writestr(entry, SERVER)
    client = client_of(mine, "fc3")
    client.create("f", code=buffer.getvalue(), runtime="custom.debian12", handler="unused", timeout=20)
    oss = f"oss-{mine.region}-internal.aliyuncs.com"
    urls = [f"http://no-such-bucket.{oss}/", f"https://{oss}/", "https://example.com/"]
    assert [client.invoke("f", url.encode()).json for url in urls] == [404, 403, "ENOTFOUND"]


def test_a_custom_domain_is_found_as_soon_as_it_is_made_and_until_it_is_deleted(
    mine: Running, client_of: Callable[..., Any], zip_of: Callable[..., bytes], run: Callable[..., Any]
) -> None:
    client, host = client_of(mine, "fc3"), "sibling.example.com"
    client.create(
        "sibling", code=zip_of({"index.py": "def handler(event, context):\n    return {'statusCode': 202}\n"})
    )
    assert run(*CURL, f"http://{host}/") == [6, "000"]
    routes = [{"path": "/*", "functionName": client.prefix + "sibling"}]
    given = {"domainName": host, "protocol": "HTTP", "routeConfig": {"routes": routes}}
    body = models3.CreateCustomDomainInput().from_map(given)
    client.client.create_custom_domain(models3.CreateCustomDomainRequest(body=body))
    assert run(*CURL, f"http://{host}/") == [0, "202"]
    client.client.delete_custom_domain(host)
    assert run(*CURL, f"http://{host}/") == [6, "000"]
