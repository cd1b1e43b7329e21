"""Several requests at a time in one instance, for the runtimes that permit it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

# Each answers once as many requests are there as its event says; alone, a request would wait for ever.
MEETING = {
    "custom": {
        "server.py": textwrap.dedent(
            """
            import http.server, os, threading

            DOOR = threading.Condition()
            INSIDE = 0


            class Handler(http.server.BaseHTTPRequestHandler):
                def do_POST(self):
                    global INSIDE
                    body = self.rfile.read(int(self.headers["Content-Length"]))
                    if body == b"exit":
                        os._exit(3)
                    with DOOR:
                        INSIDE += 1
                        DOOR.notify_all()
                        DOOR.wait_for(lambda: INSIDE >= int(body))
                    self.send_response(200)
                    self.end_headers()
                    self.wfile.write(self.headers["x-fc-request-id"].encode())

                def log_message(self, *_):
                    pass


            http.server.ThreadingHTTPServer(("0.0.0.0", 9000), Handler).serve_forever()
            """
        )
    },
    "nodejs20": {
        "index.js": textwrap.dedent(
            """
            let inside = 0;
            const waiting = [];
            exports.handler = async (event, context) => {
              if (event.toString() === 'exit') process.exit(3);
              inside += 1;
              if (inside >= Number(event)) waiting.forEach((open) => open());
              else await new Promise((open) => waiting.push(open));
              console.log('served');
              return context.requestId;
            };
            """
        )
    },
}
SETTINGS: dict[str, dict[str, Any]] = {
    "custom": {"customRuntimeConfig": {"command": ["python3", "server.py"]}},
    "nodejs20": {},
}


@pytest.mark.parametrize("runtime", list(MEETING))
def test_requests_share_an_instance_up_to_its_concurrency(
    client: Any, zip_of: Callable[..., bytes], runtime: str
) -> None:
    settings = SETTINGS[runtime]
    client.create("f", code=zip_of(MEETING[runtime]), runtime=runtime, timeout=20, instanceConcurrency=3, **settings)
    assert client.get("f")["instanceConcurrency"] == 3
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: client.invoke("f", b"3"), range(3)))
    assert [answer.error_type for answer in answers] == [None] * 3
    assert len({answer.headers["x-fc-instance-id"] for answer in answers}) == 1
    assert sorted(answer.body for answer in answers) == sorted(
        answer.headers["x-fc-request-id"].encode() for answer in answers
    )
    assert "x-fc-log-result" not in answers[0].headers  # the log belongs to no single request
    client.update("f", InstanceConcurrency=1)  # as this client writes it
    assert client.get("f")["instanceConcurrency"] == 1
    assert "x-fc-log-result" in client.invoke("f", b"0").headers


def test_one_request_more_than_its_seats_gets_another_instance(client: Any, zip_of: Callable[..., bytes]) -> None:
    client.create("f", code=zip_of(MEETING["nodejs20"]), runtime="nodejs20", timeout=5, instanceConcurrency=2)
    with ThreadPoolExecutor(3) as pool:
        answers = list(pool.map(lambda _: client.invoke("f", b"2"), range(3)))
    # Two have met; the third one waits in an instance of its own until its time is over.
    assert sorted(str(answer.error_type) for answer in answers) == ["None", "None", "UnhandledInvocationError"]
    assert len({answer.headers["x-fc-instance-id"] for answer in answers}) == 2


def test_the_end_of_an_instance_fails_all_of_its_requests(client: Any, zip_of: Callable[..., bytes]) -> None:
    client.create("f", code=zip_of(MEETING["nodejs20"]), runtime="nodejs20", timeout=20, instanceConcurrency=3)
    assert client.invoke("f", b"0").error_type is None
    with ThreadPoolExecutor(3) as pool:
        waiting = [pool.submit(client.invoke, "f", b"100") for _ in range(2)]
        ended = pool.submit(client.invoke, "f", b"exit")
        assert ended.result().json["errorMessage"].startswith("Process exited unexpectedly")
        answered = client.invoke("f", b"0")  # by a new instance
        assert answered.error_type is None
        done = [each for each in waiting if each.done() or each.result(timeout=25)]
    assert all(each.result().error_type == "UnhandledInvocationError" for each in done)


@pytest.mark.parametrize(("runtime", "number"), [("python3.10", 2), ("nodejs20", 201), ("custom", 0)])
def test_a_number_that_its_runtime_does_not_permit_is_refused(
    client: Any, code: bytes, refused: Any, runtime: str, number: int
) -> None:
    with pytest.raises(refused, match="instanceConcurrency is") as error:
        client.create("f", code=code, runtime=runtime, instanceConcurrency=number)
    assert (error.value.status, error.value.code) == (400, "InvalidArgument")
