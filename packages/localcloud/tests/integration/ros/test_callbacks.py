"""The URLs to which custom resources report: who knows one may answer once, while somebody waits; nobody can guess or read it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import pytest
from aiohttp import web

from localcloud.ros.api.callbacks import PATH, Callbacks

Scenario = Callable[[Callbacks, aiohttp.ClientSession], Awaitable[None]]


def run(scenario: Scenario) -> None:
    """Run a scenario with URLs that are served."""

    async def serve() -> None:
        callbacks, application = Callbacks(), web.Application()
        callbacks.add_routes(application)
        runner = web.AppRunner(application, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        callbacks.base = f"http://127.0.0.1:{runner.addresses[0][1]}"
        try:
            async with aiohttp.ClientSession() as session:
                await scenario(callbacks, session)
        finally:
            await runner.cleanup()

    asyncio.run(serve())


async def post(session: aiohttp.ClientSession, url: str, body: bytes = b"{}") -> int:
    async with session.post(url, data=body) as response:
        assert urlsplit(url).path.rpartition("/")[2] not in await response.text()
        return response.status


def test_a_url_takes_one_answer_and_is_gone_afterwards() -> None:
    async def scenario(callbacks: Callbacks, session: aiohttp.ClientSession) -> None:
        with callbacks.open() as (url, answer):
            assert await post(session, url, b'{"one": 1}') == 200
            assert await post(session, url, b'{"two": 2}') == 404
            assert await answer == {"one": 1}
        assert await post(session, url) == 404

    run(scenario)


def test_of_two_answers_at_once_one_is_taken_and_the_other_is_told() -> None:
    async def scenario(callbacks: Callbacks, session: aiohttp.ClientSession) -> None:
        with callbacks.open() as (url, _):
            statuses = await asyncio.gather(*(post(session, url, b" " * 4000 + b"{}") for _ in range(8)))
        assert sorted(statuses) == [200] + [404] * 7

    run(scenario)


def test_a_url_cannot_be_guessed_from_others() -> None:
    async def scenario(callbacks: Callbacks, session: aiohttp.ClientSession) -> None:
        with callbacks.open() as (one, _), callbacks.open() as (other, _):
            tokens = {urlsplit(url).path.removeprefix(f"{PATH}/") for url in (one, other)}
            assert {len(token) for token in tokens} == {43}  # 256 bits
            assert len(tokens) == 2
            for wrong in (
                one[:-1],
                f"{one}A",
                one.swapcase(),
                f"{callbacks.base}{PATH}/%00",
                f"{callbacks.base}{PATH}/ü%ff",
            ):
                assert await post(session, wrong) == 404

    run(scenario)


@pytest.mark.parametrize(
    "body",
    [b"", b"[" * 4000, b"[1]", b'{"a": NaN}', b'{"a": 1e999}', b'{"a": "\\ud800"}', b"\xff\xfe\x00", b"9" * 4096],
    ids=["empty", "deep", "list", "nan", "infinite", "half-a-character", "no-text", "digits"],
)
def test_an_answer_that_no_stack_can_keep_is_refused_and_another_may_follow(body: bytes) -> None:
    async def scenario(callbacks: Callbacks, session: aiohttp.ClientSession) -> None:
        with callbacks.open() as (url, answer):
            assert await post(session, url, body) == 400
            assert await post(session, url) == 200
            assert await answer == {}

    run(scenario)


def test_where_a_function_reports_is_in_no_event(cloud: Any, ros: Any, bucket: Any) -> None:
    """A function that fails with its URL in the message, or returns it, does not show it to who lists events."""
    for body in ('raise ValueError(json.loads(event)["ResponseURL"])', 'return json.loads(event)["ResponseURL"]'):
        source = f"import json\n\n\ndef handler(event, context):\n    {body}\n"
        name = f"teller-{bucket.bucket_name[-6:]}-{len(body)}"
        function = {
            "Type": "ALIYUN::FC3::Function",
            "Properties": {
                "FunctionName": name,
                "Handler": "index.handler",
                "Runtime": "python3.10",
                "Code": {"SourceCode": source},
            },
        }
        token = {"Fn::Sub": f"acs:fc:${{ALIYUN::Region}}:${{ALIYUN::AccountId}}:functions/{name}"}
        custom = {
            "Type": "Custom::Teller",
            "DependsOn": "Function",
            "Properties": {"ServiceToken": token, "Timeout": 20},
        }
        stack = ros.deployed(
            {"ROSTemplateFormatVersion": "2015-09-01", "Resources": {"Function": function, "Custom": custom}}
        )
        assert stack.status == "CREATE_ROLLBACK_COMPLETE"
        assert "…" in stack.status_reason
        assert PATH not in stack.status_reason
