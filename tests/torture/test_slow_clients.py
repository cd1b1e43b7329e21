"""Clients that send a part of a request and then nothing, or a byte now and then: cut when the time limit is over."""

from __future__ import annotations

import select
import socket
import time
from collections.abc import Callable

import psutil
import pytest

from tests.support import signers
from tests.support.wire import Request
from tests.torture.bucket import Bucket
from tests.torture.cloud import Cloud
from tests.torture.sweep import Sweep

CUT = 75.0  # seconds after which a slow client must have been cut
LONG = 45.0  # seconds of its share that make a run one of the long ones, which wait for that


def test_slow_clients(sweep: Sweep, start: Callable[..., Cloud]) -> None:
    if sweep.seconds < LONG:
        pytest.skip(f"slow clients are cut within {CUT:.0f} s, too long for a short run (make torture)")
    cloud = start()
    Bucket(cloud, "slow").client.put_object("a", b"x" * 30_000_000)
    host = cloud.endpoints["oss"].removeprefix("http://")
    put = signers.oss(
        cloud.key, Request("PUT", "/slow/b", (), (("Host", host), ("Content-Length", "1000"))), cloud.region
    )
    get = signers.oss(cloud.key, Request("GET", "/slow/a", (), (("Host", host),)), cloud.region)
    beginnings = {
        "nothing": b"",
        "half a line": b"GET /slow/a HT",
        "half the headers": b"GET /slow/a HTTP/1.1\r\nHost: x\r\n",
        "half a body": put.encode() + b"x" * 500,
        "an answer that it does not read": get.encode(),
    }
    held = []
    for service in ("oss", "ram", "fc", "ros", "gateway"):
        for what, begins in beginnings.items():
            if service == "oss" or what in {"nothing", "half a line", "half the headers"}:
                client = socket.create_connection(cloud.address(service))
                client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.sendall(begins)
                held.append((f"{what} to {service}", client))
    drip = socket.create_connection(cloud.address("oss"))
    drip.sendall(b"GET / HTTP/1.1\r\nX: ")
    sweep.tally.operations += len(held) + 1
    end = time.monotonic() + CUT
    dripping = True
    while time.monotonic() < end and (dripping or _open_connections(cloud) > 0):
        select.select([], [], [], 1.0)
        try:
            drip.sendall(b"y")
        except OSError:
            dripping = False
    if dripping:
        sweep.hung("a client that sends a header byte by byte is not cut", f"after {CUT:.0f} s")
    ports = _open_ports(cloud)
    for what, client in held:
        if client.getsockname()[1] in ports:
            sweep.hung(f"not cut: {what}", f"after {CUT:.0f} s")
        else:
            sweep.tally.refused += 1
        client.close()
    drip.close()


def _open_ports(cloud: Cloud) -> set[int]:
    """Return the ports of the clients whose connections the process still holds."""
    connections = psutil.Process(cloud.process.pid).net_connections("tcp")
    return {each.raddr.port for each in connections if each.raddr and each.status in {"ESTABLISHED", "CLOSE_WAIT"}}


def _open_connections(cloud: Cloud) -> int:
    return len(_open_ports(cloud))
