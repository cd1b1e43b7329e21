"""Composition and lifetime: makes the services, gives each a listener on loopback, and ends them in order."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from aiohttp import web

from localcloud import state
from localcloud.gateway.adoption import ADOPTION, Adoption
from localcloud.gateway.authority import Authority
from localcloud.gateway.gateway import HOST, Backend, Gateway
from localcloud.gateway.names import find_service, known_names, names_in, served_names
from localcloud.gateway.tls import ServerTls, open_authority
from localcloud.kernel.acceptor import Server
from localcloud.kernel.accounts import Account
from localcloud.kernel.clock import Clock, OnMachineTime
from localcloud.kernel.documents import write_private
from localcloud.kernel.door import tell_bad_requests_briefly
from localcloud.kernel.errors import LocalCloudError
from localcloud.kernel.identity import Credentials, OneAccount
from localcloud.kernel.listener import Listener
from localcloud.kernel.places import Places
from localcloud.kernel.service import Context, Names, Network, Service
from localcloud.kernel.signatures import Authenticator
from localcloud.kernel.tasks import begin_requests_at_once
from localcloud.ram import Directory
from localcloud.services import GATEWAY, SERVICES, in_order
from localcloud.sts.operations.sessions import StsService

CLOCK = "clock.json"  # in the data folder
OUTSIDE = 0.5  # of all places: for connections from outside


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
    with state.locked(options.data):
        account = state.open_account(options.data, os.environ)
        names = served_names(SERVICES.values(), region=options.region)
        known = known_names(SERVICES.values(), region=options.region)
        authority = open_authority(options.data / "gateway", now=datetime.now(UTC))
        gateway = _open_gateway(_port(options, GATEWAY))
        context = _context(options, account, gateway=gateway, authority=authority)
        places = Places.of_process()
        outside = places.part(OUTSIDE)
        logging.getLogger("aiohttp.server").addFilter(tell_bad_requests_briefly)
        async with AsyncExitStack() as stack:  # what is made last ends first
            services = await _make(context, names, stack)
            tls = ServerTls(authority, names_in(SERVICES.values(), region=options.region), known)
            listeners = await _listen(options, services, outside, stack)
            stack.callback(gateway.close)
            network = _network(services, listeners, gateway, places)
            for service in services.values():
                await service.open(network)
                stack.push_async_callback(service.stop)
            for listener in listeners.values():
                await listener.open()
            backends = {name: _backend(listener.server, tls, services[name]) for name, listener in listeners.items()}
            gateway.open(names=known, backends=backends, places=outside)
            adoption = Adoption(
                options.data / ADOPTION,
                served=network.served,
                gateway=gateway.serve,
                known=network.known,
                places=outside,
            )
            stack.push_async_callback(adoption.close)
            stopped = _stop_on_signals()  # before anybody knows that there is something to stop
            facts = {name: fact for service in services.values() for name, fact in service.facts.items()}
            own = {"gateway": f"http://{HOST}:{gateway.port}", "authority": str(authority.path)}
            _announce(options, account.account_id, {**network.endpoints, **own, **facts})
            if options.owner:
                _stop_with(options.owner, stopped)
            await stopped.wait()


async def _listen(
    options: Options, services: Mapping[str, Service], places: Places, stack: AsyncExitStack
) -> dict[str, Listener]:
    """Return a listener for each service, whose connections wait until it is opened, and have the stack close them."""
    listeners = {}
    for number, definition in SERVICES.items():
        listener = await _bind(services[definition.name].application, _port(options, number), places)
        stack.push_async_callback(listener.close)
        listeners[definition.name] = listener
    return listeners


def _network(
    services: Mapping[str, Service], listeners: Mapping[str, Listener], gateway: Gateway, places: Places
) -> Network:
    served = {listener.port: listener.server.serve for listener in listeners.values()}
    return Network(
        endpoints={name: f"http://{HOST}:{listener.port}" for name, listener in listeners.items()},
        served=served | {gateway.port: gateway.serve},
        gateway=gateway.serve,
        known=partial(_is_known, [service.names for service in services.values() if service.names]),
        places=places,
    )


def _context(options: Options, account: Account, *, gateway: Gateway, authority: Authority) -> Context:
    """Return the context of the first service: the accounts and their identities come before all services, which ask them."""
    clock = Clock(options.data / CLOCK)
    directory = Directory(options.data, account, clock=clock)
    sts = StsService(options.data / "ram" / "sessions", account_id=account.account_id, roles=directory, clock=clock)
    credentials = Credentials((directory, OnMachineTime(sts, clock)))
    return Context(
        data=options.data,
        region=options.region,
        account_id=account.account_id,
        folders=directory.folders,
        admin_token=account.access_key_secret,
        clock=clock,
        machine_clock=time.time,
        credentials=credentials,
        authorizer=directory,
        authenticator=Authenticator(credentials, clock=time.time),
        serves=lambda _: False,
        gateway=(HOST, gateway.port),
        authority=authority.pem,
        options=options.services,
        domains=(directory, directory.first, sts),
    )


async def _make(context: Context, names: Mapping[str, str], stack: AsyncExitStack) -> dict[str, Service]:
    """Make all services, each after those that it needs, and have the stack close them."""
    services: dict[str, Service] = {}
    for definition in in_order([*SERVICES.values()]):
        own = replace(
            context if definition.all_accounts else _of_first_account(context),
            serves=partial(_serves, names, definition.name),
            domains=(*context.domains, *(service.domain for service in services.values())),
        )
        services[definition.name] = service = definition.create(own)
        stack.push_async_callback(service.close)
    return services


def _of_first_account(context: Context) -> Context:
    """Return the context of a service that keeps nothing of the accounts beside the first one."""
    credentials = OneAccount(context.credentials, context.account_id)
    return replace(
        context,
        credentials=credentials,
        authenticator=context.authenticator.of(credentials),
        authorizer=context.domain(Directory).first,
    )


def _serves(names: Mapping[str, str], service: str, host: str) -> bool:
    return find_service(host, names) == service


def _is_known(names: Sequence[Names], host: str) -> bool:
    return any(each.serves(host) for each in names)


def _backend(server: Server, tls: ServerTls, service: Service) -> Backend:
    def limited(host: str) -> Server | None:
        limits = service.tls_limits(host)
        return None if limits is None else replace(server, tls=partial(tls, limits))

    return Backend(plain=server, tls=replace(server, tls=tls), names=service.names, limited=limited)


def _port(options: Options, number: int) -> int:
    return options.port + number if options.port else 0


def _open_gateway(port: int) -> Gateway:
    try:
        return Gateway(port)
    except OSError as error:
        raise _port_taken(port, error) from error


def _port_taken(port: int, error: OSError) -> LocalCloudError:
    reason = os.strerror(error.errno or 0)  # what the error says itself has the address in it, too
    return LocalCloudError(f"port {port} is taken ({reason}); choose another --port, or 0 for free ones")


async def _bind(application: web.Application, port: int, places: Places) -> Listener:
    try:
        return await Listener.bind(application, HOST, port, places=places)
    except OSError as error:
        raise _port_taken(port, error) from error


def _announce(options: Options, account_id: str, facts: Mapping[str, str]) -> None:
    line = json.dumps({"account_id": account_id, "region": options.region, **facts, "pid": os.getpid()})
    write_private(options.data / "endpoints.json", line.encode() + b"\n")
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _stop_on_signals() -> asyncio.Event:
    """Return the event that SIGTERM and SIGINT set."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped


def _stop_with(owner: int, stopped: asyncio.Event) -> None:
    """Set the event when a process has ended, however it did."""
    try:
        descriptor = os.pidfd_open(owner)
    except ProcessLookupError:
        stopped.set()
        return
    loop = asyncio.get_running_loop()

    def end() -> None:
        loop.remove_reader(descriptor)
        os.close(descriptor)
        stopped.set()

    loop.add_reader(descriptor, end)
