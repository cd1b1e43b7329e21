"""The bootstrap on every Python that a runtime may name: it runs in the function's Python, not in the embedded cloud's."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from localcloud.fc.instances.instance import Host, Instance
from localcloud.fc.instances.interpreters import Interpreter
from localcloud.fc.instances.logs import InvocationLog
from localcloud.fc.instances.messages import Reply
from localcloud.fc.instances.network import Ports
from localcloud.fc.instances.unsandboxed import Folder
from localcloud.fc.instances.wire import INITIALIZE, INVOKE
from localcloud.fc.model import Function
from localcloud.fc.platform import RUNTIMES
from localcloud.fc.releases import Release
from localcloud.interpreters import find_python

HANDLER = """
import sys

MODULES = sorted(sys.modules)
SEEN = []


def initializer(context):
    SEEN.append(context.function.initializer)


def handler(event, context):
    if event == b"fail":
        raise KeyError("é\\ud800")
    python = "python%d.%d" % sys.version_info[:2]
    answer = {"python": python, "seen": SEEN, "event": event.decode(), "context": sorted(vars(context))}
    return {**answer, "modules": MODULES}
"""


@dataclass(frozen=True)
class Answered:
    """The replies of one instance."""

    initialized: Reply
    invoked: tuple[Reply, bytes]
    failed: Reply


async def make_environment() -> dict[str, str]:
    return {"PATH": "/usr/bin:/bin", "FC_REGION": "r", "FC_ACCOUNT_ID": "1"}


async def run(folder: Path, python: Path, runtime: str) -> Answered:
    (folder / "code").mkdir()
    (folder / "code" / "index.py").write_text(HANDLER)
    host = Host(
        folder=folder / "instances",
        isolation=Folder("this is a test"),
        cpu_groups=None,
        ports=Ports(),
        gateway=("127.0.0.1", 9),
        authority="",
    )
    log = InvocationLog(folder / "f.log")
    function = Function(service="", name="f", runtime=runtime, handler="index.handler", initializer="index.initializer")
    instance = Instance(Release(function=function, service=None), host=host)
    try:
        interpreter = Interpreter(path=python, note=None)
        await instance.start(code=folder / "code", interpreter=interpreter, environment=make_environment(), log=log)
        initialized, _ = await instance.call(INITIALIZE, b"", request_id="1", limit=60, log=log)
        invoked = await instance.call(INVOKE, b"e", request_id="2", limit=60, log=log)
        failed, _ = await instance.call(INVOKE, b"fail", request_id="3", limit=60, log=log)
    finally:
        instance.close()
    return Answered(initialized=initialized, invoked=invoked, failed=failed)


@pytest.mark.parametrize("name", ["python3.9", "python3.10", "python3.11", "python3.12", "python3.13"])
def test_bootstrap_answers_on(name: str, tmp_path: Path) -> None:
    python = find_python(name)
    if python is None:
        pytest.skip(f"{name} is not installed here")
    runtime = name if name in RUNTIMES else "python3.12"
    answered = asyncio.run(run(tmp_path, python, runtime))
    assert answered.initialized == Reply(number=1)
    told = json.loads(answered.invoked[1])
    assert (told["python"], told["seen"], told["event"]) == (name, ["index.initializer"], "e")
    slow = {"dataclasses", "http", "pathlib", "socket", "ssl", "typing"}  # to import, before the function's module is
    assert not slow & {*told["modules"]}
    assert ("credentials" in told["context"]) is RUNTIMES[runtime].context_credentials
    assert ("logger" in told["context"]) is RUNTIMES[runtime].context_logger
    assert answered.failed.failure is not None
    assert (answered.failed.failure.kind, answered.failed.failure.during_import) == ("KeyError", False)
    assert "in handler" in answered.failed.failure.trace[0]
