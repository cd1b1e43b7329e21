"""Custom resources with real functions, without a stack: what a function is told, and what becomes of each answer it may give."""

from __future__ import annotations

import asyncio
import sys
import textwrap
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from localcloud.fc.model import Function, Service, Settings
from localcloud.fc.operations.service import FcService
from localcloud.kernel.acceptor import Server
from localcloud.kernel.identity import Credential, Identity
from localcloud.kernel.places import Places
from localcloud.oss.operations.service import OssService
from localcloud.ram import RamService
from localcloud.ros.api.callbacks import Callbacks
from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.custom import CustomResource
from localcloud.ros.resources.fc_code import read_code
from localcloud.ros.resources.provider import Context, Outcome
from localcloud.ros.resources.schema import check_properties
from localcloud.sls.operations.service import SlsService
from localcloud.sts.operations.sessions import StsService

ACCOUNT = "1" * 16
FC2 = f"acs:fc:cn-hangzhou:{ACCOUNT}:services/makers/functions/maker"
FC3 = f"acs:fc:cn-hangzhou:{ACCOUNT}:functions/maker"
CONTEXT = Context(
    stack_id="stack-1",
    stack_name="photos",
    logical_id="Thing",
    type="Custom::Maker",
    region="cn-hangzhou",
    account_id=ACCOUNT,
    timeout=60.0,
)
# A function that answers what its parameters say, with the ids of its request.
MAKER = textwrap.dedent(
    """
    import json, os, time, urllib.error, urllib.request


    def handler(event, context):
        request = json.loads(event)
        order = request["ResourceProperties"]
        if "exit" in order:
            os._exit(order["exit"])
        if order.get("raise"):
            raise ValueError(order["raise"])
        time.sleep(order.get("sleep", 0))
        if order.get("silent"):
            return "nothing to say"
        answer = {name: request[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
        answer.update(Status="SUCCESS", PhysicalResourceId=request.get("PhysicalResourceId", "made-1"))
        answer.update(order.get("answer", {}))
        if order.get("tell"):
            answer["Data"] = {"request": {**request, "ResponseURL": None, "IntranetResponseURL": None}}
        answer = {name: value for name, value in answer.items() if value != "(none)"}
        body = order.get("body", json.dumps(answer)).encode()
        headers = {"Content-type": "application/json", "Date": "Tue, 26 Nov 2019 08:46:44 GMT"}
        if order.get("pieces"):  # one byte in each of HTTP's chunks
            headers["Transfer-Encoding"], body = "chunked", [bytes([each]) for each in body]
        post = urllib.request.Request(request[order.get("url", "ResponseURL")], data=body, headers=headers)
        try:
            with urllib.request.urlopen(post) as response:
                response.read()
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{error.code} {error.read().decode()}") from None
        time.sleep(order.get("linger", 0))
    """
)


class Ask:
    """Asks a custom resource of one function."""

    def __init__(self, kind: CustomResource, fc: FcService) -> None:
        self.kind = kind
        self.fc = fc

    def _check(self, given: Mapping[str, object]) -> dict[str, object]:
        return check_properties(self.kind.properties, {"ServiceToken": FC2, **given})

    async def create(self, **given: object) -> Outcome:
        return await self.kind.create(CONTEXT, self._check(given))

    async def update(self, previous: Mapping[str, object], **given: object) -> Outcome:
        return await self.kind.update(CONTEXT, "made-1", self._check(given), self._check(previous))

    async def delete(self, **given: object) -> None:
        await self.kind.delete(CONTEXT, "made-1", self._check(given))


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[Ask]:
    """Serve the function, and the URLs that it reports to."""
    key = Credential(access_key_id="k", access_key_secret="s", identity=Identity(account_id=ACCOUNT))
    oss = OssService(folder / "oss", account_id=ACCOUNT, region="cn-hangzhou", clock=time.time)
    ram = RamService(folder / "ram", account=key, clock=time.time)
    settings = Settings(
        region="cn-hangzhou", account_id=ACCOUNT, gateway=("127.0.0.1", 9), authority="", python=Path(sys.executable)
    )
    sts = StsService(folder / "sessions", account_id=ACCOUNT, roles=ram, clock=time.time)
    fc = FcService(
        folder / "fc",
        settings=settings,
        roles=sts,
        objects=oss.objects,
        buckets=oss.buckets,
        logstores=SlsService(folder / "sls", clock=time.time),
        deliver=lambda *_: None,
        clock=time.time,
    )
    callbacks, application = Callbacks(), web.Application()
    callbacks.add_routes(application)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    port = runner.addresses[0][1]
    callbacks.base = f"http://127.0.0.1:{port}"
    assert runner.server
    fc.ports.open(
        {port: Server(make_protocol=runner.server).serve}, known=lambda _: False, places=Places(8), rooms=Places(32)
    )
    await fc.open()
    try:
        fc.services.create(Service(name="makers"))
        maker = Function(service="makers", name="maker", runtime="python3.10", handler="index.handler", timeout=30)
        code = read_code({"Code": {"SourceCode": MAKER}})
        await fc.functions.create(maker, code)
        await fc.functions.create(replace(maker, service=""), code)
        yield Ask(CustomResource(fc, callbacks), fc)
    finally:
        await fc.close()
        await runner.cleanup()
        oss.close()


Run = Callable[[Callable[[Ask], Coroutine[Any, Any, Any]]], Any]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Run a test against a function that is being served."""

    def start(test: Callable[[Ask], Coroutine[Any, Any, Any]]) -> Any:
        async def serve() -> Any:
            async with serving(tmp_path) as ask:
                return await test(ask)

        return asyncio.run(serve())

    return start


async def reason(call: Coroutine[Any, Any, object]) -> str:
    with pytest.raises(ResourceError) as caught:
        await call
    assert caught.value.physical_id == ""
    return str(caught.value)


@pytest.mark.parametrize("token", [FC2, FC3])
def test_a_function_is_told_what_is_documented(run: Run, token: str) -> None:
    async def test(ask: Ask) -> None:
        common = {
            "ResponseURL": None,
            "IntranetResponseURL": None,
            "StackId": "stack-1",
            "StackName": "photos",
            "ResourceOwnerId": ACCOUNT,
            "CallerId": ACCOUNT,
            "RegionId": "cn-hangzhou",
            "ResourceType": "Custom::Maker",
            "LogicalResourceId": "Thing",
        }
        old = {"ServiceToken": token, "Parameters": {"tell": True, "size": 1, "nested": ["ü", {"a": None}]}}
        created = (await ask.create(**old)).attributes["request"]
        assert isinstance(created, dict)
        assert created.pop("RequestId")
        assert created == {**common, "RequestType": "Create", "ResourceProperties": old["Parameters"]}
        new = {"tell": True, "size": 2}
        updated = (await ask.update(old, ServiceToken=token, Parameters=new)).attributes["request"]
        assert isinstance(updated, dict)
        assert updated.pop("RequestId")
        assert updated == {
            **common,
            "RequestType": "Update",
            "PhysicalResourceId": "made-1",
            "ResourceProperties": new,
            "OldResourceProperties": old["Parameters"],
        }
        await ask.delete(ServiceToken=token)

    run(test)


def test_data_become_attributes(run: Run) -> None:
    data = {"Url": "http://x", "Count": 2}
    outcome = run(lambda ask: ask.create(Parameters={"answer": {"Data": data}, "url": "IntranetResponseURL"}))
    assert outcome == Outcome(physical_id="made-1", attributes={**data, "Outputs": data})


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"answer": {"Status": "FAILED", "Reason": "no space"}}, "no space"),
        ({"answer": {"Status": "FAILED"}}, "the function answered FAILED without a Reason"),
        ({"answer": {"Status": "DONE"}}, "the function answered the Status 'DONE', neither SUCCESS nor FAILED"),
        ({"answer": {"Status": "(none)"}}, "the function answered the Status None"),
        ({"answer": {"StackId": "other"}}, "the function answered the StackId 'other', not 'stack-1'"),
        ({"answer": {"RequestId": "1"}}, "the function answered the RequestId '1', not "),
        ({"answer": {"LogicalResourceId": "(none)"}}, "the function answered the LogicalResourceId None, not 'Thing'"),
        (
            {"answer": {"PhysicalResourceId": ""}},
            "the function answered the PhysicalResourceId ''; expected text of 1 ",
        ),
        ({"answer": {"PhysicalResourceId": "(none)"}}, "the function answered the PhysicalResourceId None"),
        ({"answer": {"PhysicalResourceId": "é" * 128}}, "the function answered the PhysicalResourceId 'é"),
        ({"answer": {"Data": ["a"]}}, "the function answered Data that is no JSON object"),
        ({"body": "SUCCESS"}, "the function failed before it answered: RuntimeError: 400 "),
        ({"raise": "out of luck"}, "the function failed before it answered: ValueError: out of luck"),
        ({"exit": 3}, "the function failed before it answered: UnhandledInvocationError: Process exited unexpectedly "),
    ],
)
def test_what_went_wrong_is_the_reason(run: Run, order: dict[str, object], expected: str) -> None:
    assert run(lambda ask: reason(ask.create(Parameters=order))).startswith(expected)


def test_an_answer_of_4096_bytes_is_the_largest(run: Run) -> None:
    async def test(ask: Ask) -> None:
        assert (await ask.create(Parameters={"answer": {"Data": {"a": "x" * 3800}}})).physical_id == "made-1"
        assert "413" in await reason(ask.create(Parameters={"answer": {"Data": {"a": "x" * 3990}}}))

    run(test)


def test_an_answer_may_come_in_pieces(run: Run) -> None:
    assert run(lambda ask: ask.create(Parameters={"pieces": True})).physical_id == "made-1"


def test_a_function_that_does_not_answer_is_waited_for_until_the_timeout(run: Run) -> None:
    async def test(ask: Ask) -> None:
        await (
            ask.create()
        )  # from now on there is an instance, which a busy machine takes more than the timeout to start
        began = time.monotonic()
        told = await reason(ask.create(Parameters={"silent": True}, Timeout=2))
        assert told == "no answer came to ResponseURL within 2 seconds; the function returned 'nothing to say'"
        assert 2 <= time.monotonic() - began < 20

    run(test)


def test_a_function_that_takes_too_long_is_ended(run: Run) -> None:
    async def test(ask: Ask) -> None:
        told = await reason(ask.create(Parameters={"sleep": 20}, Timeout=1))
        assert told == "no answer came to ResponseURL within 1 seconds; the function still runs"
        assert ask.fc.instances == []

    run(test)


def test_a_function_may_go_on_after_its_answer(run: Run) -> None:
    async def test(ask: Ask) -> None:
        began = time.monotonic()
        await ask.create(Parameters={"linger": 60})
        assert time.monotonic() - began < 60
        assert [each.alive for each in ask.fc.instances] == [True]

    run(test)


def test_a_cancelled_request_ends_the_function(run: Run) -> None:
    async def test(ask: Ask) -> None:
        asking = asyncio.create_task(ask.create(Parameters={"sleep": 20}))
        while not ask.fc.instances:
            await asyncio.sleep(0.01)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        assert ask.fc.instances == []

    run(test)


def test_an_update_keeps_the_physical_id(run: Run) -> None:
    other = {"answer": {"PhysicalResourceId": "made-2"}}
    told = run(lambda ask: reason(ask.update({}, Parameters=other)))
    assert told.startswith("the function answered the PhysicalResourceId 'made-2' to an update of 'made-1'")


def test_a_deletion_needs_no_physical_id(run: Run) -> None:
    run(lambda ask: ask.delete(Parameters={"answer": {"PhysicalResourceId": "(none)"}}))


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("web:http://127.0.0.1/", "Property ServiceToken: not implemented: web:"),
        (f"acs:mns:cn-hangzhou:{ACCOUNT}:queues/q", "Property ServiceToken: not implemented: acs:mns:"),
        (
            FC3.replace("hangzhou", "beijing"),
            "Property ServiceToken: not implemented: functions outside of cn-hangzhou",
        ),
        (FC3.replace("1111", "2222"), "Property ServiceToken: not implemented: functions outside of cn-hangzhou"),
        (FC3 + "s", "FunctionNotFound: "),
        (FC2.replace("makers", "none"), "ServiceNotFound: "),
    ],
)
def test_a_service_token_that_names_no_function_here_is_refused(run: Run, token: str, expected: str) -> None:
    assert run(lambda ask: reason(ask.create(ServiceToken=token))).startswith(expected)
