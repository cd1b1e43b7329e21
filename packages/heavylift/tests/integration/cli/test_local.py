"""`heavylift local`: unmodified programs, with default endpoints and no configuration, reach the embedded cloud."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import textwrap
import time
import uuid
from collections.abc import Callable, Iterator
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from alibabacloud_ram20150501 import models
from alibabacloud_ram20150501.client import Client

from localcloud.gateway import enclosure
from localcloud.gateway.trust import JAVA
from tests.support.waiting import wait_for

Running = Any  # the running cloud of tests/support/cloud.py
HERE = Path(__file__).parent
APP = HERE.parent / "cli" / "app.py"


def heavylift(*words: str, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as users do."""
    return subprocess.run(
        [sys.executable, "-m", "heavylift", *words],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
    )


def local(cloud: Running, cwd: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program under `heavylift local`."""
    return heavylift("local", "--data", str(cloud.data), *words, cwd=cwd, **environment)


@pytest.fixture
def assembly(cloud: Running, tmp_path: Path) -> tuple[Path, str]:
    """The folder of a cloud assembly whose assets are zipped, and the stack's name."""
    name, out = "local-" + uuid.uuid4().hex[:10], tmp_path / "cdk.out"
    context = json.dumps({"stack": name, "qualifier": name, "bucket": f"{name}-data"})
    environment = {**os.environ, "CDK_CONTEXT_JSON": context, "CDK_OUTDIR": str(out)}
    subprocess.run([sys.executable, str(APP)], env=environment, check=True)
    for folder in out.glob("asset.*"):
        shutil.make_archive(str(folder), "zip", folder)
    return out, name


@pytest.mark.node
@pytest.mark.parametrize("own", [False, True], ids=["no settings", "settings of the user's own"])
def test_what_ros_cdk_does(
    cloud: Running,
    tmp_path: Path,
    assembly: tuple[Path, str],
    node_project: Callable[[Path, str], Path],
    node_path: str,
    own: bool,
) -> None:
    packages = node_project(HERE / "node", "local-node-tests")
    records = {
        "account.config.json": '{"type": "access_key", "endpoint": "https://real.example", "regionId": "us-east-1"}',
        "stack.info.json": '{"web": {"stackId": "a real one"}}',
    }
    for name, content in records.items() if own else ():
        (tmp_path / name).write_text(content)
    done = local(
        cloud,
        tmp_path,
        "node",
        str(packages / "deploy.mjs"),
        *map(str, assembly),
        PATH=node_path,
        PACKAGES=str(packages / "package.json"),
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {
        "settings": {"regionId": cloud.region},
        "uploaded": [200, True],
        "before": 0,
        "created": ["CREATE_COMPLETE", ["Arn", "BucketName"]],
        "sameId": True,
        "unchanged": ["NotSupported", True, True],
        "updated": "UPDATE_COMPLETE",
        "colour": "red",
        "event": "UPDATE_COMPLETE",
        "resources": ["Bucket", "Function"],
        "deleted": "DELETE_COMPLETE",
        "refused": ["EPROTO", 403, "ERR_SSL_TLSV1_UNRECOGNIZED_NAME"],
    }
    for name, content in records.items():
        assert (tmp_path / name).read_text() == content if own else not (tmp_path / name).exists()


OSS = textwrap.dedent(
    """
    import os, sys

    import oss2

    key = os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"], os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]
    region = os.environ["ALIBABA_CLOUD_REGION_ID"]
    for scheme in ("http", "https"):
        bucket = oss2.Bucket(oss2.AuthV4(*key), f"{scheme}://oss-{region}.aliyuncs.com", sys.argv[1], region=region)
        bucket.create_bucket()
        bucket.put_object("key", scheme)
        assert bucket.get_object("key").read() == scheme.encode()
    """
)
OTHERS = textwrap.dedent(
    """
    import requests
    from alibabacloud_sts20150401.client import Client
    from alibabacloud_tea_openapi.models import Config

    config = Config(access_key_id=key[0], access_key_secret=key[1], endpoint="sts.aliyuncs.com")
    print(Client(config).get_caller_identity().body.account_id)
    try:
        requests.get("https://ecs.aliyuncs.com/", timeout=20)
    except requests.exceptions.RequestException as error:
        print("refused", "ecs.aliyuncs.com" in str(error))
    print(requests.get("http://ecs.aliyuncs.com/", timeout=20).status_code)
    print(sorted(name for name in os.environ if name.startswith("OSS_")), os.environ.get("SECURITY_TOKEN"))
    """
)


def test_python_on_public_endpoints(cloud: Running, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(OSS + OTHERS)
    name = "local-" + uuid.uuid4().hex[:10]
    of_the_user = {
        "OSS_ACCESS_KEY_ID": "the user's",
        "SECURITY_TOKEN": "the user's",
        "HTTPS_PROXY": "http://real.example",
    }
    done = local(cloud, tmp_path, sys.executable, str(script), name, **of_the_user)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [cloud.account_id, "refused True", "403", "[] None"]
    assert cloud.bucket(name).get_object("key").read() == b"https"


def test_programs_without_a_hook_reach_the_embedded_cloud(cloud: Running, tmp_path: Path) -> None:
    site = next(path for path in sys.path if path.endswith("site-packages"))
    name = "local-" + uuid.uuid4().hex[:10]
    # -S leaves sitecustomize out: what is left is the command's network or, where there is none, the variables of a proxy.
    words = [sys.executable, "-S", "-c", f"import sys; sys.path.append({site!r})\n{OSS}", name]
    done = local(cloud, tmp_path, *words)
    assert done.returncode == 0, done.stderr
    assert cloud.bucket(name).get_object("key").read() == b"https"


# The vendor's older SDKs bring their own requests and certificates; PYTHONPATH in front of a command takes the hook away.
CORE = textwrap.dedent(
    """
    import json, os
    from aliyunsdkcore.client import AcsClient
    from aliyunsdkcore.request import CommonRequest
    client = AcsClient(os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"], os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"], "cn-hangzhou")
    request = CommonRequest(domain="sts.cn-hangzhou.aliyuncs.com", version="2015-04-01", action_name="GetCallerIdentity")
    request.set_protocol_type("https")
    print(json.loads(client.do_action_with_exception(request))["AccountId"])
    """
)


def test_the_vendors_older_sdks_trust_the_embedded_cloud_without_a_hook(cloud: Running, tmp_path: Path) -> None:
    done = local(cloud, tmp_path, "env", "PYTHONPATH=src", sys.executable, "-c", CORE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [cloud.account_id]


# AWS's SDK for Go refuses AWS_CA_BUNDLE where a program has a transport of its own, as rclone has.
S3 = textwrap.dedent(
    """
    import boto3, os
    keys = {"aws_access_key_id": os.environ["ACCESS_KEY_ID"], "aws_secret_access_key": os.environ["ACCESS_KEY_SECRET"]}
    s3 = boto3.client("s3", endpoint_url="https://s3.oss-cn-hangzhou.aliyuncs.com", region_name="cn-hangzhou", **keys)
    print(s3.list_buckets()["Owner"]["ID"], os.environ.get("AWS_CA_BUNDLE"))
    """
)


def test_clients_of_s3_trust_the_embedded_cloud_whatever_the_users_bundle(cloud: Running, tmp_path: Path) -> None:
    bundle = {"AWS_CA_BUNDLE": "/dev/null"}
    done = local(cloud, tmp_path, "env", "PYTHONPATH=src", sys.executable, "-c", S3, **bundle)
    assert done.stdout.split() == [cloud.account_id, "None"], done.stderr


# What a program does that loads no hook, whatever it is written in.
BARE = textwrap.dedent(
    """
    curl -sS -o /dev/null -w '%{http_code} ' https://sts.aliyuncs.com/
    env -u CURL_CA_BUNDLE -u SSL_CERT_FILE curl -sS -o /dev/null -w '%{http_code} ' https://sts.aliyuncs.com/
    curl -sS -o /dev/null -w '%{http_code} ' http://no-such-bucket.oss-$REGION_ID.aliyuncs.com/
    curl -sS -m 20 -o /dev/null https://ecs.aliyuncs.com/ || printf '%s ' $?
    curl -sS -m 20 -o /dev/null https://example.com/ || printf '%s ' $?
    curl -sS -m 20 -o /dev/null http://192.0.2.1/ || printf '%s ' $?
    curl -sS -m 20 -o /dev/null http://127.0.0.1:$1/ || printf '%s ' $?
    """
)


@pytest.fixture
def enclosed() -> None:
    """Ask for a machine where a command gets a network of its own."""
    if not enclosure.permitted():
        pytest.skip("this machine permits no network namespaces")


@pytest.mark.usefixtures("enclosed")
def test_any_program_reaches_the_embedded_cloud_and_nothing_else(cloud: Running, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as of_this_machine:
        port = str(of_this_machine.getsockname()[1])
        # The user's own proxy and certificates are a company's, say: neither is of use in a network of the command's own.
        certificates = dict.fromkeys(("CURL_CA_BUNDLE", "SSL_CERT_FILE"), "/dev/null")
        proxies = dict.fromkeys(("http_proxy", "HTTPS_PROXY", "ALL_PROXY"), "http://192.0.2.1:3128")
        done = local(cloud, tmp_path, "sh", "-c", BARE, "sh", port, **certificates, **proxies)
    # curl: 35 the TLS handshake is refused, 6 no such host, 7 no connection
    assert done.stdout.split() == ["400", "400", "404", "35", "6", "7", "7"], done.stderr


@pytest.mark.usefixtures("enclosed")
@pytest.mark.skipif(shutil.which("keytool") is None or not JAVA.is_file(), reason="there is no Java of Debian's here")
def test_java_trusts_the_embedded_cloud(cloud: Running, tmp_path: Path) -> None:
    done = local(cloud, tmp_path, "keytool", "-list", "-cacerts", "-storepass", "changeit")
    assert "embedded-cloud" in done.stdout, done.stdout + done.stderr


RESOLVE = """
from pathlib import Path
from heavylift.build.resolve import lock
from heavylift.contracts.platform import DEFAULT_PLATFORM, Target
Path("applib.txt").write_text("six==1.17.0")
lock(Path("applib.txt"), Path("locks"), Target("3.11", DEFAULT_PLATFORM))
"""


@pytest.mark.usefixtures("enclosed")
def test_a_build_that_needs_the_package_registry_says_why_it_is_out_of_reach(cloud: Running, tmp_path: Path) -> None:
    cache = {"UV_CACHE_DIR": str(tmp_path / "cache"), "UV_HTTP_RETRIES": "0"}
    done = local(cloud, tmp_path, sys.executable, "-c", RESOLVE, **cache)
    assert "no package registry: build before, or say `heavylift local --allow-network …`" in done.stderr


@pytest.mark.usefixtures("enclosed")
def test_a_custom_domain_is_found_while_it_exists(cloud: Running, tmp_path: Path) -> None:
    from alibabacloud_fc20230330 import models as fc
    from alibabacloud_fc20230330.client import Client as Fc

    client, host = Fc(cloud.config("fc")), f"{uuid.uuid4().hex[:12]}.example.com"
    curl = ["curl", "-sS", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}", f"http://{host}/"]
    assert local(cloud, tmp_path, *curl).returncode == 6  # no such host
    body = fc.CreateCustomDomainInput(domain_name=host, protocol="HTTP")
    client.create_custom_domain(fc.CreateCustomDomainRequest(body=body))
    assert local(cloud, tmp_path, *curl).stdout == "404"  # by Function Compute: the domain has no route
    client.delete_custom_domain(host)
    assert local(cloud, tmp_path, *curl).returncode == 6


@pytest.mark.usefixtures("enclosed")
def test_what_a_command_leaves_running_is_not_served_for_ever(cloud: Running, tmp_path: Path) -> None:
    before = _descriptors(cloud)
    for _ in range(3):
        assert local(cloud, tmp_path, "true").returncode == 0
    end = time.monotonic() + 20
    while _descriptors(cloud) > before:
        assert time.monotonic() < end, "the sockets of ended commands are still open"
        time.sleep(0.05)


def _descriptors(cloud: Running) -> int:
    return len(list(Path(f"/proc/{cloud.process.pid}/fd").iterdir()))


def test_with_the_network_other_hosts_are_reached_and_the_cloud_is_the_embedded_one(
    cloud: Running, tmp_path: Path
) -> None:
    name = "local-" + uuid.uuid4().hex[:10]
    asked = f"{OSS}\nimport urllib.request\nprint(urllib.request.urlopen(sys.argv[2]).status)"
    with HTTPServer(("127.0.0.1", 0), SimpleHTTPRequestHandler) as server:
        Thread(target=server.handle_request, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/"
        done = local(cloud, tmp_path, "--allow-network", sys.executable, "-c", asked, name, url)
    assert (done.returncode, done.stdout) == (0, "200\n"), done.stderr
    assert cloud.bucket(name).get_object("key").read() == b"https"


def test_variables_of_the_users_own_stay(cloud: Running, tmp_path: Path) -> None:
    script = 'echo "$OSS_BUCKET|$OSS_ENDPOINT|$OSS_ACCESS_KEY_ID"'
    done = local(
        cloud, tmp_path, "sh", "-c", script, OSS_BUCKET="mine", OSS_ENDPOINT="oss.example", OSS_ACCESS_KEY_ID="mine"
    )
    assert done.stdout == "mine||\n"


def test_a_sitecustomize_of_the_users_own_still_runs(cloud: Running, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text("import builtins\nbuiltins.own = 'it ran'\n")
    done = local(cloud, tmp_path, sys.executable, "-c", "print(own)", PYTHONPATH=str(tmp_path))
    assert done.stdout == "it ran\n", done.stderr


def test_the_exit_code_is_the_commands(cloud: Running, tmp_path: Path) -> None:
    assert local(cloud, tmp_path, "sh", "-c", "exit 7").returncode == 7
    missing = local(cloud, tmp_path, "no-such-command")
    assert (missing.returncode, missing.stderr) == (127, "heavylift: there is no command 'no-such-command' on PATH\n")
    assert heavylift("local", "--data", str(tmp_path / "new"), "no-such-command", cwd=tmp_path).returncode == 127
    assert not (tmp_path / "new").exists()  # nothing was started for it
    for nothing in ((), ("--",)):
        assert local(cloud, tmp_path, *nothing).returncode == 2
    assert local(cloud, tmp_path, "--", "echo", "start", "--data").stdout == "start --data\n"


def test_the_same_commands_on_public_endpoints(cloud: Running, tmp_path: Path) -> None:
    """`--cloud REGION` takes the region's own endpoints over HTTPS; here they lead to the embedded cloud."""
    shutil.copy(APP, tmp_path)
    name = "local-" + uuid.uuid4().hex[:10]
    context = {"stack": name, "qualifier": name, "bucket": f"{name}-data"}
    (tmp_path / "cdk.json").write_text(json.dumps({"app": "env > asked && python app.py", "context": context}))

    def run(*words: str) -> str:
        done = local(cloud, tmp_path, sys.executable, "-m", "heavylift", *words, "--cloud", cloud.region)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert f"stack {name} is created" in run("deploy")
    assert run("diff", "--exit-code") == f"stack {name}: no changes\n"
    assert run("invoke") == "blue\n"
    # A real cloud never gets what was built for this machine's Python, wherever the command runs.
    assert "HEAVYLIFT_LOCAL_BUILD" not in (tmp_path / "asked").read_text()
    refused = local(cloud, tmp_path, sys.executable, "-m", "heavylift", "destroy", "--cloud", cloud.region)
    assert (refused.returncode, "needs a confirmation: say --yes" in refused.stderr) == (1, True)
    assert f"stack {name} is destroyed" in run("destroy", "--yes")


def test_the_log_of_a_region_s_function_is_what_its_logstore_has(cloud: Running, tmp_path: Path) -> None:
    shutil.copy(APP, tmp_path)
    name = "local-" + uuid.uuid4().hex[:10]
    context = {"stack": name, "qualifier": name, "bucket": f"{name}-data"}

    def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
        (tmp_path / "cdk.json").write_text(json.dumps({"app": "python app.py", "context": {**context, **more}}))
        return local(cloud, tmp_path, sys.executable, "-m", "heavylift", *words, "--cloud", cloud.region)

    assert run("deploy").returncode == 0
    none = run("logs")
    assert (none.returncode, f"the function {name}-function has no log: deploy it" in none.stderr) == (1, True)
    assert run("deploy", logs=f"{name}-logs").returncode == 0
    assert run("logs").stdout == ""
    for colour in ("first", "second"):
        assert run("invoke", "--payload", f"echo {colour}").stdout == f"{colour}\n"

    def written() -> list[str]:
        lines = run(
            "logs"
        ).stdout.splitlines()  # with a note, where this machine has no Python of the runtime's version
        return [line.split(" RequestId")[0] for line in lines if not line.startswith("FC Note")]

    invocation = ["FC Invoke Start", "the log blue", "FC Invoke End"]
    wait_for(lambda: written() == invocation * 2)
    assert "FC Invoke End" in run("logs", "--lines", "1").stdout
    assert len(run("logs", "--lines", "4").stdout.splitlines()) == 4
    assert run("destroy", "--yes").returncode == 0


def test_a_profile_that_assumes_a_role(cloud: Running, tmp_path: Path) -> None:
    name = "local-" + uuid.uuid4().hex[:10]
    ram = Client(cloud.config("ram"))
    principal = {"RAM": [f"acs:ram::{cloud.account_id}:root"]}
    trust = {"Statement": [{"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": principal}], "Version": "1"}
    role = models.CreateRoleRequest(role_name=name, assume_role_policy_document=json.dumps(trust))
    arn = ram.create_role(role).body.role.arn
    profile = {
        "name": "role",
        "mode": "RamRoleArn",
        "access_key_id": cloud.access_key_id,
        "access_key_secret": cloud.access_key_secret,
        "ram_role_arn": arn,
        "ram_session_name": "tests",
        "expired_seconds": 900,
    }
    (tmp_path / ".aliyun").mkdir()
    (tmp_path / ".aliyun" / "config.json").write_text(json.dumps({"current": "other", "profiles": [profile]}))

    def status() -> subprocess.CompletedProcess[str]:
        words = [sys.executable, "-m", "heavylift", "status", "--cloud", cloud.region, "--profile", "role"]
        return local(cloud, tmp_path, *words, HOME=str(tmp_path))

    refused = status()  # the role, not the account, asks: it may do nothing yet
    assert (refused.returncode, "ros:ListStacks" in refused.stderr) == (1, True), refused.stderr
    policy = "AliyunROSFullAccess"
    ram.attach_policy_to_role(
        models.AttachPolicyToRoleRequest(policy_type="System", policy_name=policy, role_name=name)
    )
    allowed = status()
    assert allowed.returncode == 0, allowed.stderr
    assert cloud.access_key_secret not in refused.stderr + allowed.stderr + allowed.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose embedded cloud is stopped in the end."""
    yield tmp_path
    heavylift("local", "stop", cwd=tmp_path)


def test_the_embedded_cloud_in_the_background(folder: Path) -> None:
    data = folder / ".heavylift" / "cloud"
    data.mkdir(parents=True)
    assert heavylift("local", "status", cwd=folder).returncode == 1
    # Two commands at once start one cloud, and neither gives it the user's own key.
    commands = [
        subprocess.Popen(
            [sys.executable, "-m", "heavylift", "status"],
            cwd=folder,
            env={**os.environ, "ALIBABA_CLOUD_ACCESS_KEY_ID": "mine", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "mine"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    said = [command.communicate(timeout=60) for command in commands]
    assert [out for out, _ in said] == ["there are no stacks in cn-hangzhou\n"] * 2, said
    assert sorted("started the embedded cloud" in error for _, error in said) == [False, True]
    assert "mine" not in (data / "account.json").read_text()
    assert "it plays cn-hangzhou" in heavylift("local", "status", cwd=folder).stdout

    os.kill(json.loads((data / "endpoints.json").read_text())["pid"], 9)
    again = heavylift("local", "start", "--region", "cn-shanghai", cwd=folder)
    assert (again.returncode, ": started," in again.stdout) == (0, True), again.stderr
    assert "there are no stacks in cn-shanghai" in heavylift("status", cwd=folder).stdout
    other = heavylift("local", "start", "--region", "cn-beijing", cwd=folder)
    assert (other.returncode, "runs already" in other.stderr) == (1, True)
    assert "stopped" in heavylift("local", "stop", cwd=folder).stdout
    assert "does not run" in heavylift("local", "stop", cwd=folder).stdout


def test_the_options_of_the_embedded_cloud_are_shown_without_starting_one(folder: Path) -> None:
    shown = heavylift("local", "start", "--help", cwd=folder)
    assert (shown.returncode, "--oss-latency" in shown.stdout, shown.stderr) == (0, True, "")
    assert not any(folder.iterdir())


@pytest.mark.parametrize(("word", "code"), [("status", 1), ("stop", 0)])
def test_asking_for_an_embedded_cloud_that_never_was_makes_nothing(folder: Path, word: str, code: int) -> None:
    asked = heavylift("local", word, cwd=folder)
    assert (asked.returncode, "it does not run" in asked.stdout) == (code, True), asked.stderr
    assert not any(folder.iterdir())


def test_a_command_that_had_to_start_the_embedded_cloud_says_so_once(folder: Path) -> None:
    first, second = (heavylift("local", "true", cwd=folder) for _ in range(2))
    assert f"started the embedded cloud on {folder / '.heavylift' / 'cloud'}" in first.stderr
    assert second.stderr == ""


def test_the_demo_tells_where_it_is_at_home(folder: Path) -> None:
    done = heavylift("demo", cwd=folder)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert f"{folder} is no clone of heavylift" in done.stderr


def test_an_embedded_cloud_that_does_not_start_says_why(folder: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = heavylift("local", "start", "--port", port, cwd=folder)
    assert done.returncode == 1
    assert re.match(
        r"heavylift: the embedded cloud did not start .*: port \d+ is taken \(Address already in use\); .* its log is ",
        done.stderr,
    )
