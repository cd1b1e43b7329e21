"""The channel to a bootstrap: what it takes for an answer."""

from __future__ import annotations

import asyncio
import json
import socket
import struct

import pytest

from localcloud.fc.instances.channel import MAX_RESULT, Channel, MalformedReplyError, read_reply
from localcloud.fc.instances.messages import Failure, Reply, pack
from localcloud.fc.instances.wire import MAX_HEAD

FAILURE = {"during_import": True, "message": "m", "kind": "E", "trace": [["line\n"]], "handled": False}


def receive(sent: bytes) -> tuple[Reply, bytes]:
    async def run() -> tuple[Reply, bytes]:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        channel = Channel(ours)
        with theirs:
            theirs.sendall(sent)
            theirs.shutdown(socket.SHUT_WR)
            try:
                return await channel.receive()
            finally:
                channel.close()

    return asyncio.run(run())


def test_a_result_and_a_failure_are_received() -> None:
    assert receive(pack(Reply(size=3), b"abc")) == (Reply(size=3), b"abc")
    failed = Reply(failure=Failure(during_import=True, message="m", kind="E", trace=[["line\n"]]))
    assert receive(pack(failed)) == (failed, b"")


async def opened() -> None:
    """Stand for what comes before the first reply: nothing."""


def exchange(*sent: bytes, closed: bool = False) -> list[object]:
    """Exchange two requests at the same time with a bootstrap that has sent some replies; return what each got."""

    async def run() -> list[object]:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        channel = Channel(ours)
        with theirs:
            theirs.sendall(b"".join(sent))
            if closed:
                theirs.shutdown(socket.SHUT_WR)
            got = await asyncio.gather(
                *(channel.exchange("invoke", each, b"", opened=opened) for each in "ab"), return_exceptions=True
            )
            channel.close()
            return list(got)

    return asyncio.run(run())


def test_replies_find_their_requests_in_whatever_order_they_come() -> None:
    second, first = Reply(number=2, size=1), Reply(number=1, size=2)
    unasked = pack(Reply(number=7, size=3), b"...")
    assert exchange(pack(second, b"b"), unasked, pack(first, b"aa")) == [(first, b"aa"), (second, b"b")]


def exchange_parts(*sent: bytes, expected: bool = True) -> tuple[list[bytes], object]:
    """Exchange a request with a bootstrap that has sent some replies; return the parts and what it got at last."""
    parts: list[bytes] = []

    async def run() -> object:
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        channel = Channel(ours)
        with theirs:
            theirs.sendall(b"".join(sent))
            try:
                return await channel.exchange("http", "a", b"", parts.append if expected else None, opened=opened)
            except MalformedReplyError as error:
                return error
            finally:
                channel.close()

    return parts, asyncio.run(run())


def test_parts_come_before_the_last_reply() -> None:
    sent = [pack(Reply(number=1, size=1, more=True), part) for part in (b"a", b"b")]
    assert exchange_parts(*sent, pack(Reply(number=1))) == ([b"a", b"b"], (Reply(number=1), b""))


def test_parts_that_nobody_expects_or_too_much_of_them_are_malformed(monkeypatch: pytest.MonkeyPatch) -> None:
    part = pack(Reply(number=1, size=2, more=True), b"ab")
    assert isinstance(exchange_parts(part, expected=False)[1], MalformedReplyError)
    monkeypatch.setattr("localcloud.fc.instances.channel.MAX_RESULT", 3)
    parts, end = exchange_parts(part, part)
    assert (parts, type(end)) == ([b"ab"], MalformedReplyError)


def test_the_end_of_the_bootstrap_ends_every_request_that_waits() -> None:
    first = Reply(number=1)
    got = exchange(pack(first), closed=True)
    assert got[0] == (first, b"")
    assert isinstance(got[1], EOFError)


def test_an_answer_that_is_cut_anywhere_is_no_answer() -> None:
    whole = pack(Reply(size=3), b"abc")
    for size in range(len(whole)):
        with pytest.raises(EOFError):
            receive(whole[:size])


def test_a_head_or_a_result_that_is_too_long_is_refused_before_it_is_received() -> None:
    with pytest.raises(MalformedReplyError):
        receive(struct.pack(">I", MAX_HEAD + 1))
    with pytest.raises(MalformedReplyError):
        receive(pack(Reply(size=MAX_RESULT + 1)))
    largest = {"number": 1, "size": MAX_RESULT, "failure": None}
    assert read_reply(json.dumps(largest).encode()) == Reply(number=1, size=MAX_RESULT)


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"no JSON", b"\xff", b"1" * 5000, b"[" * 60000, b"[]", b"null", b"{}", b'{"size": 1}', b'{"failure": null}'),
        *(b'{"size": -1, "failure": null}', b'{"size": 1.5, "failure": null}', b'{"size": "1", "failure": null}'),
        *(b'{"number": 1, "size": true, "failure": null}', b'{"number": 1, "size": 0, "failure": {}}'),
        *(b'{"number": 1, "size": 0, "failure": "m"}', b'{"size": 0, "failure": null}'),
        b'{"number": "1", "size": 0, "failure": null}',
        *(
            json.dumps({"number": 1, "failure": {**FAILURE, **changed}, "size": size}).encode()
            for changed, size in (
                ({"during_import": 1}, 0),
                ({"message": 1}, 0),
                ({"trace": [1]}, 0),
                ({"trace": [[1]]}, 0),
                ({"handled": 1}, 0),
            )
        ),
    ],
)  # fmt: skip
def test_a_malformed_head_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedReplyError):
        read_reply(text)
