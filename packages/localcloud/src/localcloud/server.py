"""Lifetime: takes the ports of an embedded cloud, has its services serve there until it is stopped, and empties it on request."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from localcloud import state
from localcloud.composition import Front, serving
from localcloud.gateway.adoption import ADOPTION, Adoption
from localcloud.gateway.authority import Authority
from localcloud.gateway.gateway import HOST, Gateway
from localcloud.gateway.names import known_names, names_in, served_names
from localcloud.gateway.tls import ServerTls, open_authority
from localcloud.kernel.documents import write_private
from localcloud.kernel.door import tell_bad_requests_briefly
from localcloud.kernel.errors import LocalCloudError
from localcloud.kernel.listener import Listener
from localcloud.kernel.places import Places
from localcloud.kernel.service import Network
from localcloud.kernel.tasks import begin_requests_at_once
from localcloud.orders import Orders
from localcloud.services import GATEWAY, SERVICES

NAMES = [service.name for service in SERVICES.values()]
OUTSIDE = 0.5  # of all places: for connections from outside
Bound = TypeVar("Bound")


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """The settings of an embedded cloud."""

    data: Path
    port: int  # of the first service; 0: the kernel chooses all of them
    region: str
    services: Namespace  # the services' own options
    owner: int | None = None  # the process with whose end it ends, too


async def serve(options: Options) -> None:
    """Run the embedded cloud until SIGTERM or SIGINT.

    Raises:
        LocalCloudError: the data folder is in use or unreadable, or a port is taken.
    """
    begin_requests_at_once(asyncio.get_running_loop())
    logging.getLogger("aiohttp.server").addFilter(tell_bad_requests_briefly)
    with state.locked(options.data):
        if state.is_half_empty(options.data):
            state.empty(options.data, NAMES)
        account = state.open_account(options.data, os.environ)
        authority = open_authority(options.data / "gateway", now=datetime.now(UTC))
        orders = Orders()
        async with AsyncExitStack() as stack:
            front = _open_front(options, authority, stack)
            _stop_on_signals(orders)
            if options.owner:
                _stop_with(options.owner, orders)
            announced = False
            while not orders.stopped:
                async with serving(
                    front,
                    data=options.data,
                    region=options.region,
                    account=account,
                    options=options.services,
                    reset=orders.reset,
                ) as facts:
                    if not announced:
                        own = {"gateway": f"http://{HOST}:{front.gateway.port}", "authority": str(authority.path)}
                        _announce(options, account.account_id, {**front.network.endpoints, **own, **facts})
                        announced = True
                    await orders.wait()
                if not orders.stopped:
                    state.empty(options.data, NAMES)


def _open_front(options: Options, authority: Authority, stack: AsyncExitStack) -> Front:
    """Take the ports, where connections wait from now on, and have the stack give them back."""
    names = served_names(SERVICES.values(), region=options.region)
    known = known_names(SERVICES.values(), region=options.region)
    places = Places.of_process()
    outside = places.part(OUTSIDE)
    gateway = _bind(partial(Gateway, places=outside), _port(options, GATEWAY))
    stack.callback(gateway.close)
    listeners = {}
    for number, definition in SERVICES.items():
        listener = _bind(partial(Listener, HOST, places=outside), _port(options, number))
        listeners[definition.name] = listener
        stack.push_async_callback(listener.close)
    network = Network(
        endpoints={name: f"http://{HOST}:{listener.port}" for name, listener in listeners.items()},
        served={**{listener.port: listener.serve for listener in listeners.values()}, gateway.port: gateway.serve},
        gateway=gateway.serve,
        known=gateway.knows,
        places=places,
    )
    adoption = Adoption(
        options.data / ADOPTION, served=network.served, gateway=gateway.serve, known=gateway.knows, places=outside
    )
    stack.push_async_callback(adoption.close)
    return Front(
        listeners=listeners,
        gateway=gateway,
        tls=ServerTls(authority, names_in(SERVICES.values(), region=options.region), known),
        network=network,
        names=names,
        known=known,
        authority=authority.pem,
    )


def _port(options: Options, number: int) -> int:
    return options.port + number if options.port else 0


def _bind(bind: Callable[[int], Bound], port: int) -> Bound:
    try:
        return bind(port)
    except OSError as error:
        reason = os.strerror(error.errno or 0)  # what the error says itself has the address in it, too
        raise LocalCloudError(f"port {port} is taken ({reason}); choose another --port, or 0 for free ones") from error


def _announce(options: Options, account_id: str, facts: Mapping[str, str]) -> None:
    line = json.dumps({"account_id": account_id, "region": options.region, **facts, "pid": os.getpid()})
    write_private(options.data / "endpoints.json", line.encode() + b"\n")
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _stop_on_signals(orders: Orders) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, orders.stop)


def _stop_with(owner: int, orders: Orders) -> None:
    """Stop when a process has ended, however it did."""
    try:
        descriptor = os.pidfd_open(owner)
    except ProcessLookupError:
        orders.stop()
        return
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        orders.stop()

    loop.add_reader(descriptor, end)
