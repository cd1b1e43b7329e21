"""Stores that fall silent or trickle, in each phase of a request: the error comes when the start's time is up, not later."""

from __future__ import annotations

import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest

from heavylift.contracts.failures import DeadlineError, StoreError
from heavylift.runtime.credentials import Credentials
from heavylift.runtime.download import OssStore
from heavylift.runtime.retries import Deadline, RetryPolicy
from heavylift.runtime.settings import read_settings
from heavylift.runtime.store import ObjectReader

LIMIT = 0.6  # seconds that a read has
LATE = 0.5  # seconds that a busy machine may add
HEADERS = b'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-99/100\r\nContent-Length: 100\r\nETag: "e"\r\n\r\n'
ANSWER = HEADERS + bytes(100)

Script = Callable[[], Iterator[bytes]]  # what a connection sends, a piece at a time; then it is silent


@contextmanager
def listening(script: Script) -> Iterator[str]:
    """A server that reads what comes, sends what the script says and never closes; yields its address."""
    ended = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    connections: list[socket.socket] = []

    def accept() -> None:
        while True:
            try:
                connections.append(listener.accept()[0])
            except OSError:
                return
            threading.Thread(target=serve, args=(connections[-1],), daemon=True).start()

    def serve(connection: socket.socket) -> None:
        try:
            connection.recv(65536)
            for piece in script():
                if ended.is_set():
                    return
                connection.sendall(piece)
        except OSError:
            return

    thread = threading.Thread(target=accept)
    thread.start()
    try:
        yield f"127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ended.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
        for each in connections:
            each.close()


def slowly(*pieces: bytes) -> Iterator[bytes]:
    """Send the pieces, then one byte of the last one each twentieth of a second, without end."""
    yield b"".join(pieces[:-1])
    for byte in itertools.cycle(pieces[-1]):
        time.sleep(0.05)
        yield bytes([byte])


def reader_at(address: str, seconds: float = LIMIT) -> ObjectReader:
    environment = {"Bucket": "bucket", "Endpoint": address, "Region": "cn-hangzhou"}
    store = OssStore(read_settings(environment), Credentials("id", "secret", ""))
    return ObjectReader(store, "key", Deadline(seconds), RetryPolicy(base=0.01, cap=0.01))


SILENT: dict[str, Script] = {
    **{f"after {size} bytes": partial(iter, [ANSWER[:size]]) for size in (0, 1, 16, 60, len(HEADERS), 160)},
    "headers by the byte": lambda: slowly(b"HTTP/1.1 200 OK\r\nX: ", b"x"),
    "header after header": lambda: slowly(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n"),
    "interim answers without end": lambda: itertools.repeat(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "body by the byte": lambda: slowly(HEADERS.replace(b"100", b"9999"), b"x"),
    "refusal without its reason": lambda: iter([b"HTTP/1.1 403 Forbidden\r\nContent-Length: 500\r\n\r\n<Error>"]),
    "refusal by the byte": lambda: slowly(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 60000\r\n\r\n", b"x"),
}


@pytest.mark.parametrize(("scheme", "phase"), [*(("http", phase) for phase in SILENT), ("https", "after 0 bytes")])
def test_a_store_that_falls_silent_does_not_delay_the_deadline(scheme: str, phase: str) -> None:
    with listening(SILENT[phase]) as address:
        begin = time.monotonic()
        with pytest.raises(DeadlineError, match=r"used up while .*oss://bucket/key"):
            list(reader_at(f"{scheme}://{address}").read(0, 9999))
        assert LIMIT <= time.monotonic() - begin < LIMIT + LATE


def test_the_error_says_that_the_store_fell_silent() -> None:
    with listening(SILENT["after 160 bytes"]) as address, pytest.raises(DeadlineError, match="the store fell silent"):
        list(reader_at(address).read(0, 100))


def test_an_answer_that_comes_in_time_is_read_whatever_its_pace() -> None:
    def pieces() -> Iterator[bytes]:
        for place in range(0, len(ANSWER), 20):
            time.sleep(0.01)
            yield ANSWER[place : place + 20]

    with listening(pieces) as address:
        assert b"".join(reader_at(address, 30.0).read(0, 100)) == bytes(100)


@pytest.mark.parametrize(
    ("answer", "missing"),
    [
        (ANSWER.replace(b'ETag: "e"\r\n', b""), "holds no ETag"),
        (ANSWER.replace(b"206 Partial Content", b"200 OK").replace(b'ETag: "e"\r\n', b""), "holds no ETag"),
        (ANSWER.replace(b"0-99/100", b"0-99/*"), r"does not tell the object's size \('\*'\)"),
        (ANSWER.replace(b"Range: bytes 0-99/100", b"Type: a").replace(b"Length: 100", b"Language: b"), "size"),
        (ANSWER.replace(b"0-99/100", b"0-99/" + b"9" * 5000), "size"),
    ],
)
def test_an_answer_that_does_not_describe_its_object_is_refused(answer: bytes, missing: str) -> None:
    with listening(lambda: iter([answer])) as address, pytest.raises(StoreError, match=missing) as caught:
        list(reader_at(address, 30.0).read(0, 100))
    assert type(caught.value) is StoreError  # asking again would not help


@pytest.mark.parametrize("size", [0, len(HEADERS) + 50])
def test_a_start_from_a_silent_store_fails_within_the_limit(instance: Any, size: int) -> None:
    with listening(lambda: iter([ANSWER[:size]])) as address:
        outcome = instance.with_variables(Endpoint=address, InitializationTimeout="10").run()
    assert (outcome.error["type"], outcome.starts[0]["seconds"] < 10 + LATE) == ("DeadlineError", True), outcome
    # On a busy machine the loader's process may come too late to say it itself.
    assert any(words in outcome.error["message"] for words in ("the store fell silent", "said nothing"))


def test_a_name_that_is_looked_up_for_ever_does_not_delay_the_deadline(instance: Any) -> None:
    (instance.code / "sitecustomize.py").write_text(
        "import socket, time\nsocket.getaddrinfo = lambda *_arguments, **_options: time.sleep(60)\n"
    )
    outcome = instance.with_variables(Endpoint="oss.example", InitializationTimeout="10").run()
    assert (outcome.error["type"], outcome.starts[0]["seconds"] < 10 + LATE) == ("DeadlineError", True), outcome
    assert "`Endpoint`" in outcome.error["message"]
