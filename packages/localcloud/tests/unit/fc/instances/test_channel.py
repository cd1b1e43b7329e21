"""The channel to a bootstrap: what it takes for an answer."""

from __future__ import annotations

import asyncio
import json
import socket
import struct

import pytest

from localcloud.fc.instances.channel import MAX_RESULT, Channel, MalformedReplyError, read_reply
from localcloud.fc.instances.messages import MAX_HEAD, Failure, Reply, pack

FAILURE = {"during_import": True, "message": "m", "kind": "E", "trace": [["line\n"]]}


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
    assert read_reply(json.dumps({"size": MAX_RESULT, "failure": None}).encode()) == Reply(size=MAX_RESULT)


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"no JSON", b"\xff", b"1" * 5000, b"[" * 60000, b"[]", b"null", b"{}", b'{"size": 1}', b'{"failure": null}'),
        *(b'{"size": -1, "failure": null}', b'{"size": 1.5, "failure": null}', b'{"size": "1", "failure": null}'),
        *(b'{"size": true, "failure": null}', b'{"size": 0, "failure": {}}', b'{"size": 0, "failure": "m"}'),
        json.dumps({"failure": FAILURE, "size": 1}).encode(),
        json.dumps({"failure": {**FAILURE, "during_import": 1}, "size": 0}).encode(),
        json.dumps({"failure": {**FAILURE, "message": 1}, "size": 0}).encode(),
        json.dumps({"failure": {**FAILURE, "trace": [1]}, "size": 0}).encode(),
        json.dumps({"failure": {**FAILURE, "trace": [[1]]}, "size": 0}).encode(),
    ],
)  # fmt: skip
def test_a_malformed_head_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedReplyError):
        read_reply(text)
