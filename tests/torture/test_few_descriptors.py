"""Few file descriptors and many clients: all are answered in the end, at little cost."""

from __future__ import annotations

import select
import shutil
import socket
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.support import signers
from tests.support.wire import Connection, HungError, Request, UnansweredError
from tests.torture.bucket import Bucket
from tests.torture.cloud import Cloud
from tests.torture.model import Put
from tests.torture.sweep import Sweep

DESCRIPTORS = 64
CLIENTS = 200
ANSWERED = 30.0  # seconds in which all clients are answered
LOG = 256 * 1024  # bytes that it may write meanwhile
BUSY = 0.5  # of one processor, while connections only wait
WAIT = 2.0  # seconds for which that is measured


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
        used, begin = cloud.cpu_seconds, time.monotonic()
        select.select([], [], [], WAIT)
        share = (cloud.cpu_seconds - used) / (time.monotonic() - begin)
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
        request = signers.oss(cloud.key, Request("GET", "/few/a", (), host), cloud.region)
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
