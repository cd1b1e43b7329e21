"""Bodies of the API: the domain's values that they stand for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from localcloud.fc.api.functions import read_function, write_function
from localcloud.fc.api.services import read_service
from localcloud.fc.attachments import Mount, Nas, Vpc
from localcloud.fc.errors import FcError


def test_unknown_properties_are_named_and_empty_ones_pass() -> None:
    with pytest.raises(FcError, match="not implemented: tracingConfig"):
        read_service({"serviceName": "s", "tracingConfig": {"type": "Jaeger"}})
    with pytest.raises(FcError, match="not implemented: ossMountConfig"):
        read_service({"serviceName": "s", "ossMountConfig": {"mountPoints": [{"mountDir": "/mnt"}]}})
    assert read_service({"serviceName": "s", "ossMountConfig": {}, "tracingConfig": None}).name == "s"


def test_members_that_no_version_of_the_api_has_are_not_looked_at() -> (
    None
):  # the Serverless Framework's plugin sends them
    assert read_service({"serviceName": "s", "name": "other", "region": "cn-hangzhou"}).name == "s"


def test_configurations_whose_members_say_nothing_pass() -> None:  # as funcraft sends them
    vpc = {"vpcId": "", "vSwitchIds": [], "securityGroupId": ""}
    nas = {"UserId": -1, "GroupId": -1, "MountPoints": []}
    read = read_service({"serviceName": "s", "vpcConfig": vpc, "nasConfig": nas, "tracingConfig": {"type": None}})
    assert (read.vpc, read.nas) == (None, Nas())


def test_networks_and_file_systems_are_read_in_either_spelling_and_kept_when_an_update_leaves_them_out() -> None:
    vpc = {"VpcId": "v", "VSwitchIds": ["w"], "SecurityGroupId": "g"}
    nas = {"userId": 7, "mountPoints": [{"serverAddr": "h:/", "mountDir": "/mnt/a", "enableTLS": True}]}
    read = read_service({"serviceName": "s", "vpcConfig": vpc, "nasConfig": nas})
    assert read.vpc == Vpc(id="v", switches=("w",), security_group="g")
    assert read.nas == Nas(user=7, mounts=(Mount(server="h:/", folder="/mnt/a", tls=True),))
    assert read_service({"description": "d"}, read).nas == read.nas
    assert read_service({"vpcConfig": {}, "nasConfig": {}}, read) == read_service({"serviceName": "s"})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"timeout": "3"}, "timeout is '3'; expected a whole number"),
        ({"timeout": True}, "timeout is True; expected a whole number"),
        ({"environmentVariables": {"A": 1}}, "environmentVariables.A is 1; expected text"),
        ({"environmentVariables": {"A": None}}, "environmentVariables.A is null; expected text"),
        ({"code": {"zipFile": "%%%"}}, "code.zipFile is not base64"),
        ({"code": []}, "code is []; expected an object"),
        ({"vpcConfig": {"vpcId": "v", "vSwitchIds": [1]}}, "vpcConfig.vSwitchIds: expected a list of ids"),
        ({"vpcConfig": {"role": "r"}}, "not implemented: role"),
        ({"nasConfig": {"userId": "7"}}, "userId is '7'; expected a whole number"),
        ({"nasConfig": {"mountPoints": ["h:/"]}}, "nasConfig.mountPoints: expected a list of objects"),
        (
            {"instanceLifecycleConfig": {"preFreeze": {"handler": "a.b"}}},
            "not implemented: instanceLifecycleConfig.preFreeze",
        ),
    ],
)
def test_bodies_of_the_wrong_shape(body: Mapping[str, Any], said: str) -> None:
    whole = {"functionName": "f", "runtime": "python3.10", "handler": "a.b", **body}
    with pytest.raises(FcError) as error:
        read_function(whole, generation=3, service="")
    assert said in error.value.message


def test_initializer_of_each_generation() -> None:
    shared = {"functionName": "f", "runtime": "python3.10", "handler": "a.b", "code": {"zipFile": "UEs="}}
    second, _ = read_function({**shared, "initializer": "a.i", "initializationTimeout": 60}, generation=2, service="s")
    lifecycle = {"initializer": {"handler": "a.i", "timeout": 60}}
    third, _ = read_function({**shared, "instanceLifecycleConfig": lifecycle}, generation=3, service="")
    assert (second.initializer, second.initialization_timeout) == ("a.i", 60)
    assert (third.initializer, third.initialization_timeout) == ("a.i", 60)
    kept, _ = read_function({"description": "x"}, generation=3, service="", before=third)
    assert kept.initializer == "a.i"
    shown = write_function(third, region="cn-hangzhou", account_id="1")
    assert shown["instanceLifecycleConfig"] == lifecycle
    assert shown["functionArn"] == "acs:fc:cn-hangzhou:1:functions/f"
