"""Composition: makes the services of an embedded cloud, has them serve, and ends them in order."""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from localcloud.gateway.gateway import HOST, Backend, Gateway
from localcloud.gateway.names import find_service
from localcloud.gateway.tls import ServerTls
from localcloud.kernel.acceptor import Server
from localcloud.kernel.accounts import Account
from localcloud.kernel.clock import Clock, OnMachineTime
from localcloud.kernel.identity import Credentials, OneAccount
from localcloud.kernel.listener import Listener
from localcloud.kernel.service import Context, Network, Reset, Service
from localcloud.kernel.signatures import Authenticator
from localcloud.ram import Directory
from localcloud.services import SERVICES, in_order
from localcloud.state import CLOCK
from localcloud.sts.operations.sessions import StsService


@dataclass(frozen=True, kw_only=True, slots=True)
class Front:
    """The part of an embedded cloud that its clients know, which stays when its services are made anew."""

    listeners: Mapping[str, Listener]  # of each service, by its name
    gateway: Gateway
    tls: ServerTls
    network: Network
    names: Mapping[str, str]  # the service behind each name under aliyuncs.com
    known: Mapping[str, str]  # likewise, of all regions
    authority: str  # the certificate (PEM) that clients of the gateway's TLS trust


@asynccontextmanager
async def serving(
    front: Front, *, data: Path, region: str, account: Account, options: Namespace, reset: Reset
) -> AsyncIterator[Mapping[str, str]]:
    """Make all services of what the data folder holds, and have them serve while the context lasts.

    Args:
        front: where they serve.
        data: the data folder.
        region: the home region.
        account: the first account.
        options: the services' own options.
        reset: see `Context`.

    Yields:
        What else the ready line says, by name.

    Raises:
        LocalCloudError: the state of a service cannot be read.
    """
    context = _context(front, data=data, region=region, account=account, options=options, reset=reset)
    async with AsyncExitStack() as stack:  # what is made last ends first
        services = await _make(context, front.names, stack)
        for listener in front.listeners.values():
            stack.push_async_callback(listener.leave)
        stack.callback(front.gateway.leave)
        for service in services.values():
            await service.open(front.network)
            stack.push_async_callback(service.stop)
        for name, listener in front.listeners.items():
            await listener.open(services[name].application)
        backends = {name: _backend(each.server, front.tls, services[name]) for name, each in front.listeners.items()}
        front.gateway.open(names=front.known, backends=backends)
        yield {name: fact for service in services.values() for name, fact in service.facts.items()}


def _context(front: Front, *, data: Path, region: str, account: Account, options: Namespace, reset: Reset) -> Context:
    """Return the context of the first service: the accounts and their identities come before all services, which ask them."""
    clock = Clock(data / CLOCK)
    directory = Directory(data, account, clock=clock)
    sts = StsService(data / "ram" / "sessions", account_id=account.account_id, roles=directory, clock=clock)
    credentials = Credentials((directory, OnMachineTime(sts, clock)))
    return Context(
        data=data,
        region=region,
        account_id=account.account_id,
        folders=directory.folders,
        admin_token=account.access_key_secret,
        clock=clock,
        machine_clock=time.time,
        reset=reset,
        credentials=credentials,
        authorizer=directory,
        authenticator=Authenticator(credentials, clock=time.time),
        serves=lambda _: False,
        gateway=(HOST, front.gateway.port),
        authority=front.authority,
        options=options,
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


def _backend(server: Server, tls: ServerTls, service: Service) -> Backend:
    def limited(host: str) -> Server | None:
        limits = service.tls_limits(host)
        return None if limits is None else replace(server, tls=partial(tls, limits))

    return Backend(plain=server, tls=replace(server, tls=tls), names=service.names, limited=limited)
