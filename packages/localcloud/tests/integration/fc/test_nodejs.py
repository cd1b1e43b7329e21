"""The runtimes of Node.js, on the Node.js of this machine."""

from __future__ import annotations

import http.client
import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from alibabacloud_fc20230330 import models as models3
from alibabacloud_fc_open20210406 import models as models2

from localcloud.fc.instances.bootstrap import GLOBAL

Running = Any  # the running cloud of tests/support/cloud.py
INDEX = textwrap.dedent(
    """
    let initialized = 0;
    exports.initialize = function (context, callback) {
      initialized += 1;
      if (process.env.INIT) callback(new Error(process.env.INIT));
      else callback(null, '');
    };
    exports.handler = function (event, context, callback) {
      const given = event.toString();
      if (given === 'throw') throw new TypeError('oops');
      if (given === 'callback') callback(new RangeError('told'));
      else if (given === 'text') callback('only text');
      else if (given === 'exit') process.exit(3);
      else if (given === 'buffer') callback(null, Buffer.from([0, 255]));
      else if (given === 'number') callback(null, 7);
      else {
        console.log('hello', { a: 1 });
        console.error('bad');
        context.logger.warn('from the context');
        callback(null, { initialized, context, version: process.version, argv: process.argv.slice(1),
          folder: process.cwd(), path: process.env.NODE_PATH });
      }
    };
    exports.promise = async (event) => ({ got: JSON.parse(event) });
    exports.reject = async () => { throw new Error('later'); };
    exports.web = (request, response, context) => {
      const parts = [];
      request.on('data', (part) => parts.push(part));
      request.on('end', () => {
        response.setStatusCode(201);
        response.setHeader('X-Own', '1');
        response.send(JSON.stringify({ method: request.method, path: request.path, queries: request.queries,
          mine: request.headers['x-mine'], body: Buffer.concat(parts).toString(), id: context.requestId }));
      });
    };
    """
)


def test_a_handler_with_a_callback(any_client: Any, zip_of: Callable[..., bytes]) -> None:
    code = zip_of({"index.js": INDEX})
    any_client.create("f", code=code, runtime="nodejs20", initializer="index.initialize", initializationTimeout=20)
    answer = any_client.invoke("f", b"x")
    assert answer.error_type is None, answer.log
    told = answer.json
    assert (told["initialized"], told["path"].partition(":")[0]) == (1, "/opt/nodejs/node_modules")
    context = told["context"]
    assert context["requestId"] == answer.headers["x-fc-request-id"]
    assert (
        context["function"] | {"handler": "index.handler", "initializer": "index.initialize"} == (context["function"])
    )
    assert set(context["credentials"]) == {"accessKeyId", "accessKeySecret", "securityToken"}
    for line in ("[info] hello { a: 1 }", "[error] bad", "[warn] from the context"):
        assert f"{answer.headers['x-fc-request-id']} {line}" in answer.log
    assert any_client.invoke("f", b"buffer").body == b"\0\xff"
    assert any_client.invoke("f", b"number").body == b"7"


def test_errors_are_told_as_their_generation_tells_them(any_client: Any, zip_of: Callable[..., bytes]) -> None:
    any_client.create("f", code=zip_of({"index.js": INDEX}), runtime="nodejs20", timeout=20)
    thrown = any_client.invoke("f", b"throw")
    assert thrown.error_type == "UnhandledInvocationError"
    is_fc3 = "prefix" in vars(any_client)
    kind = "TypeError" if is_fc3 else "FunctionUnhandledError: TypeError"
    assert thrown.json | {"errorMessage": "oops", "errorType": kind} == thrown.json
    assert thrown.json["stackTrace"][0] == "TypeError: oops"
    assert "at exports.handler (/code/index.js:" in thrown.json["stackTrace"][1]
    told = any_client.invoke("f", b"callback")
    assert (told.error_type, told.json["errorType"]) == ("HandledInvocationError", "RangeError")
    assert any_client.invoke("f", b"text").json == {"errorMessage": "only text"}
    ended = any_client.invoke("f", b"exit")
    assert ended.error_type == "UnhandledInvocationError"
    assert ended.json["errorMessage"].startswith("Process exited unexpectedly before completing request")
    assert any_client.invoke("f", b"number").body == b"7"  # by a new instance


@pytest.mark.parametrize(
    ("files", "kind", "message"),
    [
        ({"index.js": "require('absent')"}, "ImportModuleError", "Cannot find module 'absent'"),
        ({"other.js": ""}, "ImportModuleError", "Module '/code/index.js' is missing."),
        ({"index.js": "exports.handler = ("}, "UserCodeSyntaxError", "Unexpected end of input"),
        ({"index.js": "exports.handler = () => JSON.parse('{')"}, "UserCodeSyntaxError", "Expected property name"),
        ({"index.js": "throw new RangeError('at once')"}, "RangeError", "at once"),
    ],
)
def test_a_module_that_cannot_be_loaded_fails_by_the_platforms_names(
    client: Any, zip_of: Callable[..., bytes], files: dict[str, str], kind: str, message: str
) -> None:
    client.create("f", code=zip_of(files), runtime="nodejs20", timeout=20)
    answer = client.invoke("f")
    assert (answer.error_type, answer.json["errorType"]) == (
        "UnhandledInvocationError",
        f"FunctionUnhandledError: {kind}",
    )
    assert answer.json["errorMessage"].startswith(message)


def test_asynchronous_handlers_modules_and_initializers(client: Any, zip_of: Callable[..., bytes]) -> None:
    client.create("promise", code=zip_of({"index.js": INDEX}), runtime="nodejs18", handler="index.promise", timeout=20)
    assert client.invoke("promise", b'{"a": 1}').json == {"got": {"a": 1}}
    client.update("promise", handler="index.reject")
    assert client.invoke("promise").json["errorMessage"] == "later"
    client.update("promise", handler="index.absent")
    missing = client.invoke("promise")
    assert missing.error_type == "UnhandledInvocationError"
    assert missing.json == {
        "errorMessage": "Handler 'absent' is missing on module 'index'",
        "errorType": "FunctionUnhandledError: HandlerNotFound",
        "stackTrace": [],
    }
    module = "import os from 'os';\nexport const handler = async (event, context) => 'module ' + event;\n"
    client.create("module", code=zip_of({"sub/index.mjs": module}), runtime="nodejs20", handler="sub/index.handler")
    assert client.invoke("module", b"m").body == b"module m"
    failing = {"environmentVariables": {"INIT": "cannot"}, "initializer": "index.initialize"}
    client.create("init", code=zip_of({"index.js": INDEX}), runtime="nodejs20", timeout=20, **failing)
    failed = client.invoke("init")
    assert (failed.error_type, failed.json["errorMessage"]) == ("InitializationError", "cannot")


@pytest.mark.parametrize("runtime", ["nodejs10", "nodejs20"])  # whichever Node.js each of them runs on
def test_packages_that_are_installed_for_the_machine_stand_for_the_platforms_built_in_ones(
    client: Any, zip_of: Callable[..., bytes], runtime: str
) -> None:
    if not any(Path(folder, "npm").exists() for folder in GLOBAL):
        pytest.skip("this machine has no npm")
    code = "exports.handler = async () => require('npm/package.json').name;"
    client.create("f", code=zip_of({"index.js": code}), runtime=runtime, timeout=20)
    assert client.invoke("f").body == b"npm"


def test_an_older_runtime_says_which_node_answers(client: Any, zip_of: Callable[..., bytes]) -> None:
    client.create("f", code=zip_of({"index.js": INDEX}), runtime="nodejs10", timeout=20)
    answer = client.invoke("f", b"x")
    version = answer.json["version"].removeprefix("v")
    assert f"FC Note: nodejs10 runs on Node.js {version}, because no Node.js 10 is installed here" in answer.log


def test_it_reaches_the_cloud_under_its_names_and_sees_nothing_of_this_machine(
    cloud: Running, client_of: Callable[..., Any], zip_of: Callable[..., bytes]
) -> None:
    index = textwrap.dedent(
        """
        const fs = require('fs');
        const https = require('https');
        exports.handler = (event, context, callback) => {
          const { host, path } = JSON.parse(event);
          let secret = 'unreadable';
          try { secret = fs.readFileSync(path, 'utf8'); } catch (error) { /* as it should be */ }
          https.get({ host, path: '/' }, (answer) => callback(null, { status: answer.statusCode, secret }))
            .on('error', (error) => callback(null, { failed: error.code, secret }));
        };
        """
    )
    client = client_of(cloud)
    client.create("f", code=zip_of({"index.js": index}), runtime="nodejs20", timeout=20)

    def ask(host: str) -> Any:
        return client.invoke("f", json.dumps({"host": host, "path": str(cloud.data / "account.json")}).encode()).json

    assert ask(f"oss-{cloud.region}.aliyuncs.com") == {"status": 403, "secret": "unreadable"}
    assert "failed" in ask("example.com")


@pytest.mark.parametrize("generation", [2, 3])
def test_http_triggers(
    cloud: Running, client_of: Callable[..., Any], zip_of: Callable[..., bytes], generation: int
) -> None:
    event = "exports.web = async (event) => ({ statusCode: 201, headers: { 'X-Own': '1' }, body: event.toString() });"
    client = client_of(cloud, "open2021" if generation == 2 else "fc3")
    code = zip_of({"index.js": INDEX if generation == 2 else event})
    client.create("f", code=code, runtime="nodejs20", handler="index.web", timeout=20)
    config = json.dumps({"methods": ["POST"], "authType": "anonymous"})
    if generation == 2:
        body2 = models2.CreateTriggerRequest(trigger_name="t", trigger_type="http", trigger_config=config)
        url = client.client.create_trigger(client.service, "f", body2).body.url_internet
    else:
        body3 = models3.CreateTriggerInput(trigger_name="t", trigger_type="http", trigger_config=config)
        made = client.client.create_trigger(client.prefix + "f", models3.CreateTriggerRequest(body=body3)).body
        url = made.http_trigger.url_internet
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
    connection.request("POST", f"{parts.path.rstrip('/')}/a%20b?c=d&c=e", b"hello", {"X-Mine": "2"})
    answer = connection.getresponse()
    shown = json.loads(answer.read())
    connection.close()
    assert (answer.status, answer.headers["X-Own"]) == (201, "1"), shown
    assert shown["body"] == "hello"
    if generation == 2:
        assert (shown["method"], shown["path"], shown["mine"]) == ("POST", "/a b", "2")
        assert shown["queries"] == {"c": ["d", "e"]}
