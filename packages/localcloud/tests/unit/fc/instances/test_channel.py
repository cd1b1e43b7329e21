"""The channel to a bootstrap: what it takes for an answer."""

from __future__ import annotations

import asyncio
import json
import socket
import struct

import pytest

from localcloud.fc.instances.bootstrap import MAX_HEAD
from localcloud.fc.instances.channel import MAX_RESULT, Channel, Failure, MalformedAnswerError, Reply, read_head

ERROR = {"errorMessage": "m", "errorType": "E", "stackTrace": [["line\n"]]}


def receive(sent: bytes) -> Reply:
    async def run() -> Reply:
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


def message(head: object, payload: bytes = b"") -> bytes:
    text = json.dumps(head).encode()
    return struct.pack(">I", len(text)) + text + payload


def test_a_result_and_a_failure_are_received() -> None:
    assert receive(message({"ok": True, "size": 3}, b"abc")) == Reply(result=b"abc", failure=None)
    failure = Failure(during_import=True, message="m", kind="E", trace=[["line\n"]])
    assert receive(message({"ok": False, "kind": "import", "error": ERROR, "size": 0})) == Reply(
        result=b"", failure=failure
    )


def test_an_answer_that_is_cut_anywhere_is_no_answer() -> None:
    whole = message({"ok": True, "size": 3}, b"abc")
    for size in range(len(whole)):
        with pytest.raises(EOFError):
            receive(whole[:size])


def test_a_head_or_a_result_that_is_too_long_is_refused_before_it_is_received() -> None:
    with pytest.raises(MalformedAnswerError):
        receive(struct.pack(">I", MAX_HEAD + 1))
    with pytest.raises(MalformedAnswerError):
        receive(message({"ok": True, "size": MAX_RESULT + 1}))
    assert read_head(json.dumps({"ok": True, "size": MAX_RESULT}).encode()) == (MAX_RESULT, None)


@pytest.mark.parametrize(
    "text",
    [
        *(b"", b"no JSON", b"\xff", b"1" * 5000, b"[" * 60000, b"[]", b"null", b"{}", b'{"ok": true}'),
        *(b'{"ok": true, "size": -1}', b'{"ok": true, "size": 1.5}', b'{"ok": true, "size": "1"}', b'{"ok": 1, "size": 1}'),
        *(b'{"ok": false, "size": 0}', b'{"ok": false, "kind": "exception", "error": {}, "size": 0}'),
        json.dumps({"ok": False, "kind": "other", "error": ERROR, "size": 0}).encode(),
        json.dumps({"ok": False, "kind": "import", "error": ERROR, "size": 1}).encode(),
        json.dumps({"ok": False, "kind": "import", "error": {**ERROR, "errorMessage": 1}, "size": 0}).encode(),
        json.dumps({"ok": False, "kind": "import", "error": {**ERROR, "stackTrace": [1]}, "size": 0}).encode(),
        json.dumps({"ok": False, "kind": "import", "error": {**ERROR, "stackTrace": [[1]]}, "size": 0}).encode(),
    ],
)  # fmt: skip
def test_a_malformed_head_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedAnswerError):
        read_head(text)
