"""The code of the guides, run as it stands there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from wsgiref.types import StartResponse
from wsgiref.util import request_uri
from wsgiref.validate import validator

import oss2
import pytest

from localcloud.fc.operations.http_triggers import HttpRequest, HttpResponse, make_event, read_response
from tests.support.instance import Instance
from tests.support.loading import Packed, pack
from tests.support.paths import ROOT

CONTEXTS = {
    "python3.10": "SimpleNamespace(credentials=SimpleNamespace(access_key_id=KEY, access_key_secret=SECRET, security_token=''))",
    "python3.12": "SimpleNamespace(logger=None)",
}


def code_of(page: str, word: str = "") -> str:
    """Return the first block of Python of a page that has a word."""
    blocks: list[str] = re.findall(
        r"^```python\n(.*?)^```", (ROOT / "docs" / page).read_text(encoding="utf-8"), re.M | re.S
    )
    return next(block for block in blocks if word in block)


@pytest.fixture(scope="session")
def model() -> Packed:
    return pack({"words.json": b'{"heavy": 1, "light": 1}'})


@pytest.mark.parametrize("runtime", CONTEXTS)
def test_the_handler_of_the_guide_runs_with_the_context_of_each_runtime(
    instance: Instance, cloud: Any, upload: oss2.Bucket, runtime: str
) -> None:
    (instance.code / "guide.py").write_text(code_of("handler.md"))
    upload.put_object("text", b"heavy light other heavy")
    keys = {name: value for name, value in instance.environment.items() if name.startswith("ALIBABA_CLOUD_")}
    environment = {name: value for name, value in instance.environment.items() if name not in keys}
    if runtime == "python3.12":  # whose context holds none
        environment |= keys
    script = f"""
    from types import SimpleNamespace
    KEY, SECRET = {cloud.access_key_id!r}, {cloud.access_key_secret!r}
    context = {CONTEXTS[runtime]}
    loader.initializer(context)
    print("answer", loader.handler(b'{{"key": "text"}}', context))
    """
    outcome = replace(instance, environment={**environment, "HandlerModule": "guide.handler"}).run(script)
    assert outcome.code == 0, outcome.errors
    assert outcome.answers == ['answer {"words": 3}']
    assert upload.get_object("counts/text").read() == b"3"


@pytest.mark.parametrize(
    ("method", "body", "status", "answer"),
    [
        ("GET", b"", 400, {"error": "POST a file to /pictures?name=…"}),
        ("POST", "é".encode(), 200, {"name": "cat", "bytes": 2}),
        ("POST", b"\xff\xd8\xff", 200, {"name": "cat", "bytes": 3}),
    ],
)
def test_the_handler_of_the_guide_answers_requests_from_the_web(
    method: str, body: bytes, status: int, answer: object
) -> None:
    names: dict[str, Any] = {}
    exec(code_of("handler.md", "statusCode"), names)
    response = ask(names["handler"], method=method, path="/pictures", body=body)
    assert (response.status, json.loads(response.body)) == (status, answer)


@pytest.mark.parametrize("body", ["é".encode(), b"\xff\xd8\xff"])
def test_a_wsgi_application_answers_by_the_handler_of_the_guide(monkeypatch: pytest.MonkeyPatch, body: bytes) -> None:
    def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        start_response("201 Created", [("Content-Type", "application/octet-stream"), ("X-Mine", "1")])
        asked = f"{environ['REQUEST_METHOD']} {request_uri(environ)} {environ['HTTP_X_ASKED']} "
        return [asked.encode(), environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))]

    monkeypatch.setitem(sys.modules, "shop", SimpleNamespace(app=validator(app)))
    names: dict[str, Any] = {}
    exec(code_of("handler.md", "wsgi"), names)
    response = ask(names["handler"], method="POST", path="/a%20b/%C3%A9", body=body)
    assert response.status == 201
    assert ("X-Mine", "1") in response.headers
    assert response.body == b"POST https://id.cn-hangzhou.fcapp.run/a%20b/%C3%A9?name=cat yes " + body


def ask(handler: Callable[[bytes, object], str], *, method: str, path: str, body: bytes) -> HttpResponse:
    """Have a handler answer a request as an HTTP trigger sends it."""
    request = HttpRequest(
        method=method,
        host="id.cn-hangzhou.fcapp.run",
        prefix="",
        path=path,
        query_string="name=cat",
        query=[("name", "cat")],
        headers={"content-type": "a/b", "host": "id.cn-hangzhou.fcapp.run", "x-asked": "yes"},
        body=body,
        source_ip="127.0.0.1",
        protocol="HTTP/1.1",
    )
    return read_response(handler(make_event(request, account_id="1", request_id="2", now=0.0), None).encode())


def test_the_unit_test_of_the_guide_passes(tmp_path: Path) -> None:
    (tmp_path / "test_guide.py").write_text(code_of("testing.md"))
    options = ["-q", "--rootdir", str(tmp_path), "-o", f"pythonpath={ROOT}"]
    command = [sys.executable, "-m", "pytest", *options, str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
