"""Wishes of those outside: told when they are met, and met once."""

from __future__ import annotations

import asyncio
import socket

from localcloud.orders import Orders


def test_whoever_asks_before_it_is_empty_is_told_then_and_it_is_emptied_once() -> None:
    async def run() -> list[bytes]:
        orders, clients = Orders(), []
        for _ in range(2):  # the second while the services end, for the first
            client, ours = socket.socketpair()
            client.settimeout(1)
            clients.append(client)
            orders.reset(ours)
        met = asyncio.ensure_future(orders.wait())
        await asyncio.sleep(0)
        assert not met.done(), "what they have made since stays"
        answers = [client.recv(1000) for client in clients]
        orders.stop()
        await met
        await orders.wait()  # it stays stopped
        for client in clients:
            assert client.recv(1) == b"", "the answer is over"
            client.close()
        return answers

    first, second = asyncio.run(run())
    assert first == second
    assert first.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_client_that_has_gone_holds_nobody_up() -> None:
    async def run() -> None:
        orders = Orders()
        client, ours = socket.socketpair()
        client.close()
        orders.reset(ours)
        met = asyncio.ensure_future(orders.wait())
        await asyncio.sleep(0)
        orders.stop()
        await met

    asyncio.run(run())
