"""The rules that networks and file systems are held to."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from localcloud.fc.attachments import Mount, Nas, Vpc
from localcloud.fc.errors import FcError
from localcloud.fc.operations.attachments import check_attachments

VPC = Vpc(id="vpc-1", switches=("vsw-1",), security_group="sg-1")
MOUNT = Mount(server="a-b.cn-hangzhou.nas.aliyuncs.com:/", folder="/mnt/nas")


@pytest.mark.parametrize("server", ["nas.example:/", "1a:/share", "a:/b/c/", "A.B:/ü"])
def test_a_directory_of_a_host_is_a_server_address(server: str) -> None:
    check_attachments(VPC, Nas(mounts=(replace(MOUNT, server=server),)), generation=3)


@pytest.mark.parametrize(
    "server", ["", "a", "a:", "a:b", ":/", "a:/..", "a:/b/../c", "a:/./b", "a://b", "a:/b\0", "../a:/", "a/b:/", "a:/" + "b" * 1024]
)  # fmt: skip
def test_what_leads_elsewhere_is_no_server_address(server: str) -> None:
    with pytest.raises(FcError, match=r"serverAddr is .*expected the host of a mount target, and a directory: HOST:/"):
        check_attachments(VPC, Nas(mounts=(replace(MOUNT, server=server),)), generation=3)


@pytest.mark.parametrize(
    ("folder", "generations"),
    [
        ("/mnt/nas", {2, 3}),
        ("/home/a/b/", {2, 3}),
        ("/mnt", {3}),
        ("/workspace", {3}),
        ("/tmp/models", {3}),
        ("/tmp", set()),
        ("/", set()),
        ("", set()),
        ("mnt/nas", set()),
        ("//mnt/nas", set()),
        ("/mnt/../etc", set()),
        ("/code", set()),
        ("/code/models", set()),
        ("/opt/a", set()),
        ("/var/fc/runtime", set()),
        ("/mnt/" + "é" * 127, {2, 3}),
        ("/mnt/" + "é" * 128, set()),
    ],
)
def test_a_file_system_is_mounted_where_the_platform_does(folder: str, generations: set[int]) -> None:
    for generation in (2, 3):
        nas = Nas(mounts=(replace(MOUNT, folder=folder),))
        if generation in generations:
            check_attachments(VPC, nas, generation=generation)
        else:
            with pytest.raises(FcError, match="mountDir is "):
                check_attachments(VPC, nas, generation=generation)


@pytest.mark.parametrize(
    ("vpc", "nas", "said"),
    [
        (None, Nas(mounts=(MOUNT,)), "nasConfig needs a vpcConfig"),
        (replace(VPC, switches=()), Nas(), "vpcConfig: expected a vpcId, at least one of vSwitchIds"),
        (replace(VPC, id=""), Nas(), "vpcConfig: expected a vpcId"),
        (VPC, Nas(user=-2), "nasConfig.userId is -2; expected -1 to 65534"),
        (VPC, Nas(group=65535), "nasConfig.groupId is 65535"),
        (VPC, Nas(mounts=(MOUNT, MOUNT)), "/mnt/nas and /mnt/nas are in one another"),
        (VPC, Nas(mounts=(MOUNT, replace(MOUNT, folder="/mnt/nas/b"))), "/mnt/nas and /mnt/nas/b are in one another"),
        (VPC, Nas(mounts=tuple(replace(MOUNT, folder=f"/mnt/{n}") for n in range(6))), "mountPoints: 6; at most 5"),
    ],
)
def test_what_is_wrong_is_named(vpc: Any, nas: Nas, said: str) -> None:
    with pytest.raises(FcError) as error:
        check_attachments(vpc, nas, generation=2)
    assert error.value.code == "InvalidArgument"
    assert said in error.value.message


def test_a_network_and_five_file_systems_are_allowed_and_neither() -> None:
    check_attachments(None, Nas(user=0, group=65534), generation=2)
    mounts = tuple(replace(MOUNT, folder=f"/mnt/{number}") for number in range(5))
    check_attachments(VPC, Nas(user=10003, mounts=mounts), generation=2)
