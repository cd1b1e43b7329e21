"""RPC-style APIs and large requests: what anybody may send, all services would wait for."""

from __future__ import annotations

import asyncio
import threading
import time
from urllib.parse import urlencode

import pytest
from aiohttp import web

from localcloud.kernel import signatures
from localcloud.kernel.identity import Credential
from localcloud.kernel.rpc import create_app
from localcloud.kernel.signatures import FORM, Authenticator


class Nobody:
    """A store without keys that notes the threads in which they are looked up."""

    def __init__(self) -> None:
        self.threads: list[int] = []

    def find(self, access_key_id: str) -> Credential | None:
        self.threads.append(threading.get_ident())
        return None


def post(keys: Nobody, form: bytes) -> bytes:
    async def scenario() -> bytes:
        authenticator = Authenticator(keys, clock=time.time)
        application = create_app(
            version="1",
            actions={},
            authenticator=authenticator,
            serves=lambda host: False,
            max_body=4 * 1024**2,
            unsigned=frozenset({"ByToken"}),
        )
        runner = web.AppRunner(application, access_log=None, handle_signals=False, shutdown_timeout=1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        reader, writer = await asyncio.open_connection("127.0.0.1", runner.addresses[0][1])
        try:
            head = f"POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {FORM}\r\nConnection: close\r\n"
            writer.write(f"{head}Content-Length: {len(form)}\r\n\r\n".encode() + form)
            return await reader.read()
        finally:
            writer.close()
            await runner.cleanup()

    return asyncio.run(scenario())


def form(**more: str) -> bytes:
    parameters = {
        "AccessKeyId": "nobody",
        "Signature": "s",
        "SignatureNonce": "1",
        "SignatureMethod": "HMAC-SHA1",
        "SignatureVersion": "1.0",
        "Timestamp": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        **more,
    }
    return urlencode(parameters).encode()


def test_large_form_is_read_once_and_not_in_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    decoded: list[int] = []
    decode = signatures.read_query

    def note(text: str | bytes) -> tuple[tuple[str, str], ...]:
        if isinstance(text, bytes):
            decoded.append(threading.get_ident())
        return decode(text)

    monkeypatch.setattr(signatures, "read_query", note)
    keys = Nobody()
    assert b"InvalidAccessKeyId.NotFound" in post(keys, form(Name="é" * 100_000))
    assert len(decoded) == len(keys.threads) == 1
    assert threading.get_ident() not in {*decoded, *keys.threads}


def test_small_form_waits_for_no_thread() -> None:
    keys = Nobody()
    assert b"InvalidAccessKeyId.NotFound" in post(keys, form(Name="é"))
    assert keys.threads == [threading.get_ident()]


def test_form_of_thousands_of_parameters_is_refused() -> None:
    keys = Nobody()
    assert b"more than 1000 parameters" in post(keys, form(**{f"p{number}": "" for number in range(1000)}))
    assert keys.threads == []


def test_an_action_that_nobody_signs_is_refused_by_name_not_for_its_signature() -> None:
    assert b"not implemented: ByToken of version 1." in post(Nobody(), b"Action=ByToken")
    assert b"MissingAccessKeyId" in post(Nobody(), b"Action=Other")
