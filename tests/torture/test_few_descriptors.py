"""Few file descriptors, many clients, slow clients: all are answered in the end, at little cost, and the slow ones are cut."""

from __future__ import annotations

import select
import shutil
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.torture.bucket import Bucket
from tests.torture.cloud import Cloud
from tests.torture.model import Put
from tests.torture.signers import oss_v4
from tests.torture.sweep import Sweep
from tests.torture.wire import Connection, HungError, Request, UnansweredError

DESCRIPTORS = 64
CLIENTS = 200
ANSWERED = 30.0  # seconds in which all clients are answered
LOG = 256 * 1024  # bytes that it may write meanwhile
BUSY = 0.5  # of one processor, while connections only wait
WAIT = 2.0  # seconds for which that is measured
CUT = 75.0  # seconds after which a slow client must have been cut


def test_few_descriptors(sweep: Sweep, start: Callable[..., Cloud]) -> None:
    prlimit = shutil.which("prlimit")
    if prlimit is None:
        pytest.skip("few descriptors need prlimit (util-linux)")
    cloud = start(prefix=(prlimit, f"--nofile={DESCRIPTORS}", "--"))
    bucket = Bucket(cloud, "few")
    bucket.client.put_object("a", b"x" * 10_000)
    while sweep.goes_on():
        before = cloud.log.stat().st_size
        _wait_many(sweep, cloud)
        _ask_many(sweep, cloud, bucket)
        written = cloud.log.stat().st_size - before
        if written > LOG:
            sweep.failed("the log grows", f"{written >> 10} KB")
        if not cloud.alive:
            sweep.hung("the process died", cloud.log.read_text()[-500:])
            return


def _wait_many(sweep: Sweep, cloud: Cloud) -> None:
    """Hold connections open that say nothing; they cost no time."""
    address = cloud.address("oss")
    held = []
    try:
        for _ in range(CLIENTS):
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(address)
            held.append(waiting)
        used, begin = cloud.processor_time, time.monotonic()
        select.select([], [], [], WAIT)
        share = (cloud.processor_time - used) / (time.monotonic() - begin)
        if share > BUSY:
            sweep.failed("it burns the processor while clients wait", f"{share:.0%} of one, {CLIENTS} connections")
    finally:
        for waiting in held:
            waiting.close()


def _ask_many(sweep: Sweep, cloud: Cloud, bucket: Bucket) -> None:
    """Send requests from all clients at once; each is answered."""
    writes = sweep.random.random() < 0.5
    end = time.monotonic() + ANSWERED

    def ask(number: int) -> str:
        operation = Put(f"w{number}", b"y" * 5000)
        host = (("Host", cloud.endpoints["oss"].removeprefix("http://")), ("Connection", "close"))
        request = oss_v4(cloud.key, Request("GET", "/few/a", (), host), cloud.region)
        if writes:
            request = bucket.request(operation).with_headers(("Connection", "close"))
        while time.monotonic() < end:
            connection = Connection(cloud.address("oss"), ANSWERED)
            try:
                return f"HTTP {connection.exchange(request).status}"
            except UnansweredError:
                continue  # a full backlog refuses; clients try again
            except HungError as error:
                return str(error)
            finally:
                connection.close()
        return f"no answer within {ANSWERED:.0f} s"

    with ThreadPoolExecutor(CLIENTS) as pool:
        answers = list(pool.map(ask, range(CLIENTS)))
    sweep.tally.operations += CLIENTS
    for answer in answers:
        if answer.startswith("HTTP 5"):
            sweep.failed(f"{answer} with few descriptors", "a write" if writes else "a read")
        elif answer != "HTTP 200":
            sweep.hung("a client is not answered", answer)


def test_slow_clients(sweep: Sweep, start: Callable[..., Cloud]) -> None:
    """Clients that send a part of a request and then nothing, or a byte now and then: cut when the time limit is over."""
    if sweep.seconds < CUT:
        pytest.skip(f"slow clients are cut within {CUT:.0f} s; this sweep has {sweep.seconds:.0f} s (make torture)")
    cloud = start()
    Bucket(cloud, "slow").client.put_object("a", b"x" * 30_000_000)
    host = cloud.endpoints["oss"].removeprefix("http://")
    put = oss_v4(cloud.key, Request("PUT", "/slow/b", (), (("Host", host), ("Content-Length", "1000"))), cloud.region)
    get = oss_v4(cloud.key, Request("GET", "/slow/a", (), (("Host", host),)), cloud.region)
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
    import psutil

    connections = psutil.Process(cloud.process.pid).net_connections("tcp")
    return {each.raddr.port for each in connections if each.raddr and each.status in {"ESTABLISHED", "CLOSE_WAIT"}}


def _open_connections(cloud: Cloud) -> int:
    return len(_open_ports(cloud))
