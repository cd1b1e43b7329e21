"""File systems that functions mount: one folder, whoever mounts it, in either generation."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

Running = Any  # the running cloud of tests/support/cloud.py
ZipOf = Callable[[Mapping[str, str]], bytes]
SERVER = "0a1b2c-xyz.cn-hangzhou.nas.aliyuncs.com"
VPC = {"vpcId": "vpc-1", "vSwitchIds": ["vsw-1"], "securityGroupId": "sg-1"}
FUNCTION = textwrap.dedent(
    """
    import json, os

    def handler(event, context):
        do, *arguments = json.loads(event)
        try:
            return json.dumps(globals()["do_" + do](*arguments))
        except OSError as error:
            return json.dumps(error.strerror)

    def do_write(path, text):
        with open(path, "w") as file:
            file.write(text)

    def do_read(path):
        with open(path) as file:
            return file.read()

    def do_list(path):
        return sorted(os.listdir(path))

    def do_link(target, path):
        os.symlink(target, path)

    def do_who(path):
        return [os.getuid(), os.getgid(), os.stat(path).st_uid, os.stat(path).st_gid, oct(os.stat(path).st_mode)]
    """
)


@pytest.fixture(autouse=True)
def _sandboxed(cloud: Running) -> None:
    if cloud.endpoints["isolation"] != "bubblewrap":
        pytest.skip("bubblewrap is missing or not permitted here")


@pytest.fixture
def code(zip_of: ZipOf) -> bytes:
    """The code package of a function that does something with files."""
    return zip_of({"index.py": FUNCTION})


def nas(*mounts: str, user: int = -1, group: int = -1) -> dict[str, Any]:
    """Return a `nasConfig`: each mount is a directory of the file system, a space, and the folder that shows it."""
    points = [{"serverAddr": f"{SERVER}:{server}", "mountDir": folder} for server, folder in map(str.split, mounts)]
    return {"userId": user, "groupId": group, "mountPoints": points}


def run(client: Any, name: str, *order: str) -> Any:
    """Have a function do something."""
    answer = client.invoke(name, json.dumps(order).encode())
    assert answer.error_type is None, answer.body
    return answer.json


def test_functions_of_both_generations_share_a_file_system_and_it_outlives_them(
    cloud: Running, client_of: Callable[..., Any], code: bytes
) -> None:
    old, new = client_of(cloud, "fc2"), client_of(cloud, "fc3")
    given = nas("/shared /mnt/nas")
    shown = old.client.update_service(old.service, vpcConfig=VPC, nasConfig=given).data
    assert shown["vpcConfig"] == {**VPC, "role": ""}
    assert shown["nasConfig"] == given
    old.create("f", code=code)
    assert run(old, "f", "write", "/mnt/nas/a", "from FC 2.0") is None

    made = new.create("f", code=code, vpcConfig=VPC, nasConfig=nas("/ /data/all", "/shared /home/x/y"))
    assert (made["vpcConfig"]["vpcId"], made["nasConfig"]["mountPoints"][1]["enableTLS"]) == ("vpc-1", False)
    answer = new.invoke("f", b'["read", "/home/x/y/a"]')
    assert answer.json == "from FC 2.0"
    assert "FC Note: nothing is in the VPC vpc-1 here but the file systems that are mounted" in answer.log
    assert run(new, "f", "list", "/data/all/shared") == ["a"]
    assert run(new, "f", "write", "/data/all/shared/b", "from FC 3.0") is None
    assert run(old, "f", "read", "/mnt/nas/b") == "from FC 3.0"
    assert run(old, "f", "write", "/mnt/b", "") == "Read-only file system"
    new.delete("f")
    old.delete("f")
    assert (cloud.data / "fc" / "nas" / SERVER / "shared" / "b").read_text() == "from FC 3.0"


def test_a_function_without_a_network_any_more_mounts_nothing(
    cloud: Running, client_of: Callable[..., Any], code: bytes, refused: Any
) -> None:
    new = client_of(cloud, "fc3")
    new.create("f", code=code, vpcConfig=VPC, nasConfig=nas("/ /mnt/nas"))
    with pytest.raises(refused, match="nasConfig needs a vpcConfig"):
        new.update("f", vpcConfig={"vpcId": "", "vSwitchIds": [], "securityGroupId": ""})
    kept = new.update("f", description="more")
    assert (kept["vpcConfig"]["vpcId"], len(kept["nasConfig"]["mountPoints"])) == ("vpc-1", 1)
    none = new.update("f", vpcConfig={"vpcId": ""}, nasConfig={"userId": 0, "groupId": 0, "mountPoints": []})
    assert (none["vpcConfig"]["vpcId"], none["nasConfig"]["mountPoints"]) == ("", [])
    assert run(new, "f", "list", "/mnt/nas") == "No such file or directory"


def test_an_instance_is_the_user_that_its_function_names_and_never_root(
    cloud: Running, client_of: Callable[..., Any], code: bytes
) -> None:
    new = client_of(cloud, "fc3")
    for user, group, seen in ((10003, 10004, [10003, 10004]), (10003, -1, [10003, 10003]), (0, 0, [65534, 65534])):
        name = f"f{user}-{group}"
        new.create(name, code=code, vpcConfig=VPC, nasConfig=nas(f"/{name} /mnt/nas", user=user, group=group))
        run(new, name, "write", "/mnt/nas/a", "")
        assert run(new, name, "who", "/mnt/nas/a") == [*seen, *seen, "0o100644"]
        assert run(new, name, "who", "/mnt/nas")[-1] == "0o40777"


def test_a_link_that_a_function_left_leads_nobody_out_of_its_file_system(
    cloud: Running, client_of: Callable[..., Any], code: bytes, refused: Any, tmp_path: Path
) -> None:
    new = client_of(cloud, "fc3")
    outside = tmp_path / "outside"
    outside.mkdir()
    new.create("f", code=code, vpcConfig=VPC, nasConfig=nas("/tricks /mnt/nas"))
    for number, target in enumerate(("/etc", str(outside), "..", ".")):
        assert run(new, "f", "link", target, f"/mnt/nas/{number}") is None
        name = f"g{number}"
        new.create(name, code=code, vpcConfig=VPC, nasConfig=nas(f"/tricks/{number}/new /mnt/nas"))
        with pytest.raises(refused, match=f"{number}/new command failed: {number}: ") as error:
            new.invoke(name, b'["list", "/mnt/nas"]')
        assert (error.value.status, error.value.code) == (400, "InvalidArgument")
    assert not [*outside.iterdir()]
    run(new, "f", "write", "/mnt/nas/file", "")
    new.create("h", code=code, vpcConfig=VPC, nasConfig=nas("/tricks/file /mnt/nas"))
    with pytest.raises(refused, match="Not a directory"):
        new.invoke("h", b'["list", "/mnt/nas"]')


def test_programs_of_custom_runtimes_have_file_systems_too(
    cloud: Running, client_of: Callable[..., Any], zip_of: ZipOf
) -> None:
    server = """
        import http.server, os

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                with open("/mnt/nas/kept", "a") as file:
                    file.write("x")
                self.send_response(200)
                self.end_headers()
                self.wfile.write(f"{os.getuid()} {os.path.getsize('/mnt/nas/kept')}".encode())

        http.server.HTTPServer(("", 9000), Handler).serve_forever()
    """
    new = client_of(cloud, "fc3")
    new.create(
        "f",
        code=zip_of({"server.py": textwrap.dedent(server)}),
        runtime="custom.debian12",
        customRuntimeConfig={"command": ["python3", "server.py"]},
        vpcConfig=VPC,
        nasConfig=nas("/custom /mnt/nas", user=33),
    )
    assert new.invoke("f").body == b"33 1"
    new.update("f", description="new instances")
    assert new.invoke("f").body == b"33 2"
