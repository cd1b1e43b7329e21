"""The socket at which networks of their own hand over what listens in them."""

from __future__ import annotations

import json
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from localcloud.gateway.adoption import ADOPTION, address_of

Running = Any  # the running cloud of tests/support/cloud.py


def ask(data: Path) -> tuple[socket.socket, dict[str, Any]]:
    """Connect, and return the connection and what it is asked for."""
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    channel.settimeout(20)
    with address_of(data / ADOPTION) as address:
        channel.connect(address)
    return channel, json.loads(channel.recv(4096))


def test_it_is_for_the_owner_of_the_data_alone(cloud: Running) -> None:
    assert stat.S_IMODE((cloud.data / ADOPTION).stat().st_mode) == 0o600


def test_it_asks_for_the_ports_of_the_services_and_of_the_web(cloud: Running) -> None:
    channel, asked = ask(cloud.data)
    channel.close()
    assert asked["resolver"] == 53
    assert {80, 443, cloud.address("oss")[1], cloud.address("gateway")[1]} <= {*asked["ports"]}


@pytest.mark.parametrize("kind", ["nothing", "no sockets", "another port", "not listening", "a file"])
def test_what_was_not_asked_for_is_refused_and_the_next_one_is_served(
    cloud: Running, tmp_path: Path, kind: str
) -> None:
    channel, _ = ask(cloud.data)
    with (
        channel,
        socket.create_server(("127.0.0.1", 0)) as other,
        socket.socket() as silent,
        (tmp_path / "file").open("w") as file,
    ):
        match kind:
            case "nothing":
                channel.shutdown(socket.SHUT_WR)
            case "no sockets":
                channel.send(b"\0")
            case "another port":
                socket.send_fds(channel, [b"\0"], [other.fileno()])
            case "not listening":
                socket.send_fds(channel, [b"\0"], [silent.fileno()])
            case "a file":
                socket.send_fds(channel, [b"\0"], [file.fileno()])
        assert channel.recv(1) == (b"\0" if kind in {"nothing", "no sockets"} else b"")
    again, asked = ask(cloud.data)
    again.close()
    assert asked["ports"]
