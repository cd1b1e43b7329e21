"""Messages for exceptions of the official SDKs; the SDKs themselves raise them here, at a port where nobody listens."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest
from Tea.exceptions import TeaException

from heavylift.clouds.embedded import SERVICES, Endpoints
from heavylift.clouds.ros import Ros
from heavylift.clouds.sdkerrors import explain, shorten
from heavylift.clouds.session import KEY_VARIABLES, Session, cloud_session, local_session
from heavylift.errors import HeavyliftError


@pytest.fixture
def nobody() -> Session:
    """A session with a cloud that has ended."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
    services = dict.fromkeys(SERVICES, url)
    endpoints = Endpoints(
        account_id="1",
        region="cn-hangzhou",
        authority="",
        access_key_id="the-key-id",
        access_key_secret="the-secret",
        **services,
    )
    return local_session(endpoints, Path())


def raised(call: object) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - which one is the SDKs' affair
        call()  # type: ignore[operator]
    return caught.value


def test_ros_does_not_answer(nobody: Session) -> None:
    pauses: list[float] = []
    ros = Ros(nobody.ros_client(), "cn-hangzhou", tries=3, sleep=pauses.append)
    said = str(raised(lambda: ros.find("web")))
    assert said == "ROS does not answer ListStacks (127.0.0.1: Connection refused); check the network, and try again"
    said = str(raised(lambda: ros.get("id")))
    assert said.endswith("and try again: what it has begun goes on, as `heavylift status` shows then")
    assert pauses == [0.5, 1.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "HTTPSConnectionPool(host='sts.cn-nowhere.aliyuncs.com', port=443): Max retries exceeded with url: / (Caused by "
            "NameResolutionError(\"HTTPSConnection(host='sts.cn-nowhere.aliyuncs.com', port=443): Failed to resolve "
            "'sts.cn-nowhere.aliyuncs.com' ([Errno -2] Name or service not known)\"))",
            "the name sts.cn-nowhere.aliyuncs.com cannot be resolved",
        ),
        (
            "HTTPConnectionPool(host='127.0.0.1', port=9): Max retries exceeded with url: /?Action=A (Caused by "
            "NewConnectionError('<urllib3.connection.HTTPConnection object at 0x7f>: Failed to establish a new connection: "
            "[Errno 111] Connection refused'))",
            "127.0.0.1: Connection refused",
        ),
        (
            "HTTPSConnectionPool(host='a.com', port=443): Max retries exceeded with url: / (Caused by ConnectTimeoutError("
            "<HTTPSConnection>, 'Connection to a.com timed out. (connect timeout=10)'))",
            "a.com: timed out",
        ),
        ("HTTPSConnectionPool(host='a.com', port=443): Read timed out. (read timeout=90)", "a.com: timed out"),
        ("Read timed out.", "Read timed out."),
    ],
)
def test_what_requests_says_is_shortened(text: str, said: str) -> None:
    assert shorten(text) == said


def test_oss_and_the_others_do_not_answer(nobody: Session) -> None:
    for what, call in {
        "OSS": lambda: nobody.bucket("bucket").get_bucket_info(),
        "the service": lambda: nobody.account_id,
    }.items():
        said = explain(raised(call))
        assert isinstance(said, HeavyliftError)
        assert str(said).startswith(f"{what} does not answer (127.0.0.1: Connection refused); check the network")


def test_a_host_that_does_not_exist_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    pauses: list[float] = []
    session = cloud_session("cn-nowhere", profile=None, environment=dict.fromkeys(KEY_VARIABLES, "key"))
    ros = Ros(session.ros_client(), session.region, sleep=pauses.append)
    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    said = str(raised(lambda: ros.find("web")))
    assert said.startswith("ROS does not answer ListStacks (the name ros.aliyuncs.com cannot be resolved); check")
    assert pauses == []


def test_a_refusal_names_code_and_message() -> None:
    error = TeaException({"code": "Forbidden", "message": "you may not"})
    assert str(explain(error)) == "the service refused a request: Forbidden: you may not"


def test_other_exceptions_are_left_alone() -> None:
    assert explain(ValueError("a bug")) is None
