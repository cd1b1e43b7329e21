"""Functions that mislead what measures them or what receives their answers: it is they that fail, never the embedded cloud."""

from __future__ import annotations

import json
import textwrap
import time
from collections.abc import Callable
from typing import Any

import psutil
import pytest

Running = Any  # the running cloud of tests/support/cloud.py
MakeEvent = Callable[..., bytes]

FUNCTION = textwrap.dedent(
    """
    import ctypes, json, mmap, os, socket, struct, threading, time

    LIBC = ctypes.CDLL(None, use_errno=True)


    def handler(event, context):
        order = json.loads(event or b'{"do": "nothing"}')
        return globals()["do_" + order.pop("do")](**order)


    def do_nothing():
        return "nothing"


    def take_name(name):
        assert LIBC.prctl(15, name.encode("latin-1"), 0, 0, 0) == 0  # PR_SET_NAME


    def do_sleep(name, seconds):
        take_name(name)
        time.sleep(seconds)


    def do_memory(name, megabytes):
        take_name(name)
        kept = []
        for _ in range(megabytes):
            kept.append(b"x" * (1 << 20))
            time.sleep(0.002)
        time.sleep(3)  # until it is measured


    def do_memory_file(name, megabytes):
        file = os.memfd_create(name)
        os.truncate(file, megabytes << 20)
        mapped = mmap.mmap(file, megabytes << 20)
        os.close(file)
        for place in range(0, megabytes << 20, mmap.PAGESIZE):
            mapped[place] = 1
        time.sleep(3)


    def do_leave_to_a_thread(what, megabytes):
        def take():
            time.sleep(0.3)
            if what == "memory":
                kept = [b"x" * (1 << 20) for _ in range(megabytes)]
            elif what == "file":
                file = os.memfd_create("big")
                for _ in range(megabytes):
                    os.write(file, b"x" * (1 << 20))
            else:
                with open("/dev/shm/big", "wb") as file:
                    for _ in range(megabytes):
                        file.write(b"x" * (1 << 20))
            time.sleep(60)

        threading.Thread(target=take).start()
        LIBC.pthread_exit(None)  # the process goes on, and its first thread has ended


    def do_raise(message):
        raise ValueError(message)


    def do_raise_deep():
        def even(number):
            return odd(number - 1)

        def odd(number):
            return even(number - 1)

        even(0)


    def do_return(text):
        return text


    def do_print(text):
        print(text)
        return "printed"


    def do_return_megabytes(megabytes):
        return bytes(megabytes << 20)


    def channel():
        for name in os.listdir("/proc/self/fd"):
            try:
                if os.readlink("/proc/self/fd/" + name).startswith("socket:"):
                    return socket.socket(fileno=os.dup(int(name)))
            except OSError:
                continue


    def do_answer(head, megabytes=0, length=None):
        head, zeros = head.encode(), bytes(1 << 20)
        with channel() as platform:
            platform.sendall(struct.pack(">I", len(head) if length is None else length) + head)
            for _ in range(megabytes):
                platform.sendall(zeros)
        time.sleep(60)
    """
)


@pytest.fixture
def invoke(client: Any, zip_of: Any, make_event: MakeEvent) -> Callable[..., Any]:
    """Run one of the functions above in an instance with 128 MB and 5 seconds."""
    client.create("f", code=zip_of({"index.py": FUNCTION}), memorySize=128, timeout=5)
    return lambda do, **arguments: client.invoke("f", make_event(do, **arguments))


# What the kernel says of a process


@pytest.mark.parametrize("name", ["\x0cRssAnon:x", "\x0cThreads:x", "\x0c"])
def test_a_process_name_with_a_line_end_does_not_switch_off_the_timeout(invoke: Callable[..., Any], name: str) -> None:
    begin = time.monotonic()
    answer = invoke("sleep", name=name, seconds=60)
    assert answer.json["errorMessage"].startswith("Function timed out after 5 seconds")
    assert time.monotonic() - begin < 40


def test_a_process_name_cannot_make_memory_smaller(invoke: Callable[..., Any]) -> None:
    answer = invoke("memory", name="\x0cRssAnon:-99999", megabytes=190)
    assert "out of memory, the limit is 128 MB" in answer.json["errorMessage"]


@pytest.mark.parametrize("name", ["a\x0cb", "a\x0c\x0cb", "a\u2028b", "a\x1c\x1d\x1e\x85b"])
def test_the_name_of_a_memory_file_cannot_hide_it(invoke: Callable[..., Any], name: str) -> None:
    answer = invoke("memory_file", name=name, megabytes=250)
    assert "out of memory, the limit is 128 MB" in answer.json["errorMessage"]


@pytest.mark.parametrize("what", ["memory", "file", "/dev/shm"])
def test_memory_counts_when_the_first_thread_of_the_process_has_ended(invoke: Callable[..., Any], what: str) -> None:
    answer = invoke("leave_to_a_thread", what=what, megabytes=200)
    assert "out of memory, the limit is 128 MB" in answer.json["errorMessage"]


# Text that is no text


def test_an_exception_with_a_lone_surrogate_is_the_functions_failure(invoke: Callable[..., Any]) -> None:
    answer = invoke("raise", message="bad \ud800 text")
    assert answer.error_type == "UnhandledInvocationError"
    assert answer.json["errorMessage"] == "bad \ud800 text"
    assert b"bad \\ud800 text" in answer.body
    assert "bad \\ud800 text" in answer.log
    assert invoke("nothing").headers["x-fc-instance-id"] == answer.headers["x-fc-instance-id"]


def test_a_returned_lone_surrogate_is_the_functions_failure(invoke: Callable[..., Any]) -> None:
    answer = invoke("return", text="\ud800")
    assert (answer.error_type, answer.json["errorType"]) == ("UnhandledInvocationError", "UnicodeEncodeError")


def test_a_printed_lone_surrogate_is_escaped(invoke: Callable[..., Any]) -> None:
    answer = invoke("print", text="bad \ud800 text")
    assert answer.body == b"printed"
    assert "bad \\ud800 text" in answer.log


# The channel


@pytest.mark.parametrize(
    "head",
    [
        "no JSON",
        "[" * 60000,
        "[]",
        "{}",
        '{"ok": true}',
        '{"ok": true, "size": -1}',
        '{"ok": true, "size": 1.5}',
        '{"ok": "yes", "size": 0}',
        '{"ok": true, "size": 1000000000000}',
        '{"ok": false, "size": 0}',
        '{"ok": false, "kind": "other", "error": {}, "size": 0}',
        '{"ok": false, "kind": "exception", "error": {"errorMessage": 1, "errorType": "E", "stackTrace": []}, "size": 0}',
        '{"ok": false, "kind": "exception", "error": {"errorMessage": "m", "errorType": "E", "stackTrace": [1]}, "size": 0}',
    ],
)
def test_a_malformed_answer_is_the_functions_failure(invoke: Callable[..., Any], cloud: Running, head: str) -> None:
    before = (cloud.data / "stderr.log").read_text().count("Traceback")
    answer = invoke("answer", head=head)
    assert answer.error_type == "UnhandledInvocationError"
    assert answer.json["errorMessage"].startswith("Process exited unexpectedly before completing request")
    assert answer.json["errorMessage"].endswith("its answer to the platform was malformed")
    assert (cloud.data / "stderr.log").read_text().count("Traceback") == before
    assert invoke("nothing").body == b"nothing"


def test_an_endless_answer_does_not_fill_the_memory_of_the_embedded_cloud(
    invoke: Callable[..., Any], cloud: Running
) -> None:
    invoke("nothing")
    before = psutil.Process(cloud.process.pid).memory_info().rss
    for arguments in ({"head": '{"ok": true, "size": 400000000}'}, {"head": "", "length": 400_000_000}):
        answer = invoke("answer", megabytes=380, **arguments)
        assert answer.json["errorMessage"].endswith("its answer to the platform was malformed")
    assert psutil.Process(cloud.process.pid).memory_info().rss - before < 30 << 20


def test_a_result_of_32_mb_is_the_longest(client: Any, zip_of: Any, make_event: MakeEvent) -> None:
    client.create("f", code=zip_of({"index.py": FUNCTION}), memorySize=512, timeout=30)
    assert len(client.invoke("f", make_event("return_megabytes", megabytes=32)).body) == 32 << 20
    answer = client.invoke("f", make_event("return_megabytes", megabytes=33))
    assert answer.error_type == "UnhandledInvocationError"
    assert answer.json["errorMessage"] == "the result has 34603008 bytes; at most 33554432 are allowed"


def test_a_long_exception_is_cut_not_lost(invoke: Callable[..., Any]) -> None:
    answer = invoke("raise", message="\U0001f40d" * 20_000)  # as JSON, twelve bytes each
    assert (answer.error_type, answer.json["errorType"]) == ("UnhandledInvocationError", "ValueError")
    assert answer.json["errorMessage"].startswith("\U0001f40d" * 1000)
    assert "do_raise" in json.dumps(answer.json["stackTrace"])
    deep = invoke("raise_deep").json
    assert deep["errorType"] == "RecursionError"
    assert deep["stackTrace"][-1][2] in {"in even", "in odd"}
