"""Composition: makes the services, gives each a listener on loopback, and ends them in order."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from aiohttp import web

from localcloud import state
from localcloud.fc.api.routes import create_app as create_fc_app
from localcloud.fc.model import Settings
from localcloud.fc.operations.service import FcService
from localcloud.gateway.authority import make_server_context, open_authority
from localcloud.gateway.gateway import HOST, Backend, Gateway
from localcloud.gateway.names import find_service, served_names
from localcloud.kernel.documents import write_private
from localcloud.kernel.door import tell_bad_requests_briefly
from localcloud.kernel.errors import LocalCloudError
from localcloud.kernel.listener import Places, Server, listen
from localcloud.kernel.signatures import Authenticator
from localcloud.oss.api.routes import create_app as create_oss_app
from localcloud.oss.link import Link, Shape
from localcloud.oss.operations.service import OssService
from localcloud.ram import RamService
from localcloud.ram.routes import create_ram_app, create_sts_app
from localcloud.ros.api.callbacks import Callbacks
from localcloud.ros.api.routes import create_ros_app
from localcloud.ros.model import Account
from localcloud.ros.operations.service import RosService
from localcloud.ros.resources.registry import resource_types
from localcloud.ros.template.evaluation import Evaluator

LISTENERS = (
    "oss",
    "sts",
    "ram",
    "fc",
    "ros",
    "gateway",
)  # with --port N, the first listens on N, the second on N + 1, …
# Of all places; together more than there are, but none of them is left without any.
OUTSIDE = 0.5  # for connections from outside
INSIDE = 0.5  # for connections from instances
INSTANCES = 0.25  # for the instances themselves


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """How the embedded cloud is started."""

    data: Path
    port: int  # of the first service; 0: the kernel chooses all of them
    region: str
    bandwidth: float  # bits per second of the OSS link; 0: unlimited
    latency: float  # seconds to the first byte from OSS
    python: Path | None  # runs every function; None: what its runtime names
    idle: float  # seconds after which an idle instance is ended
    instances: int  # of one function at most
    limit_cpu: bool  # keep an instance to its function's vCPU
    unsandboxed: bool  # as root, run functions even where there is no sandbox


async def serve(options: Options) -> None:
    """Run the embedded cloud until SIGTERM or SIGINT.

    Raises:
        LocalCloudError: the data folder is in use, or a port is taken.
    """
    with state.locked(options.data):
        account = state.open_account(options.data, os.environ)
        ram = RamService(options.data / "ram", account=account.credential, clock=time.time)
        authenticator = Authenticator(ram, clock=time.time)  # one for all: a request sent to two services is a replay
        oss = OssService(options.data / "oss", account_id=account.account_id, clock=time.time)
        link = Link(Shape(bandwidth=options.bandwidth, latency=options.latency))
        now = datetime.now(UTC)
        names = served_names(region=options.region, account_id=account.account_id)
        authority = open_authority(options.data / "gateway", now=now)
        tls = make_server_context(authority, names, now=now)
        gateway = _open_gateway(_port(options, "gateway"))
        settings = Settings(
            region=options.region,
            account_id=account.account_id,
            python=options.python,
            idle=options.idle,
            max_instances=options.instances,
            limit_cpu=options.limit_cpu,
            unsandboxed=options.unsandboxed,
            gateway=(HOST, gateway.port),
            authority=authority.pem,
        )
        fc = FcService(options.data / "fc", settings=settings, roles=ram, objects=oss.objects, clock=time.time)
        oss.subscribe(fc.on_object_event)
        callbacks = Callbacks()
        ros = RosService(
            options.data / "ros",
            types=resource_types(buckets=oss.buckets, ram=ram, fc=fc, callbacks=callbacks, folder=options.data / "ros"),
            account=Account(region=options.region, account_id=account.account_id),
            authorizer=ram,
            evaluate=Evaluator(),
            clock=time.time,
        )
        logging.getLogger("aiohttp.server").addFilter(tell_bad_requests_briefly)

        def serves(service: str) -> Callable[[str], bool]:
            return lambda host: find_service(host, names) == service

        applications = {
            "oss": create_oss_app(
                oss,
                credentials=ram,
                authorizer=ram,
                account_id=account.account_id,
                admin_token=account.access_key_secret,
                region=options.region,
                link=link,
                clock=time.time,
                serves=serves("oss"),
            ),
            "sts": create_sts_app(ram, authenticator, serves=serves("sts")),
            "ram": create_ram_app(ram, authenticator, serves=serves("ram")),
            "fc": create_fc_app(
                fc,
                authenticator=authenticator,
                credentials=ram,
                authorizer=ram,
                admin_token=account.access_key_secret,
                clock=time.time,
                serves=serves("fc"),
            ),
            "ros": create_ros_app(
                ros, authenticator=authenticator, authorizer=ram, callbacks=callbacks, serves=serves("ros")
            ),
        }
        runners: list[web.AppRunner] = []
        try:
            await fc.open()
            places = Places.of_process()
            outside, inside = places.part(OUTSIDE), places.part(INSIDE)
            ports, backends = {}, {}
            for name, application in applications.items():
                runner = await _listen(application, _port(options, name), outside)
                runners.append(runner)
                assert runner.server is not None  # it listens
                ports[name] = runner.addresses[0][1]
                plain = Server(make_protocol=runner.server)
                backends[name] = Backend(plain=plain, tls=replace(plain, tls=tls))
            gateway.open(names=names, backends=backends, places=outside)
            served = {ports[name]: backend.plain.serve for name, backend in backends.items()}
            fc.ports.open(served | {gateway.port: gateway.serve}, places=inside, rooms=places.part(INSTANCES))
            endpoints = {name: f"http://{HOST}:{port}" for name, port in ports.items()}
            callbacks.base = endpoints["ros"]
            ros.open()
            endpoints |= {"gateway": f"http://{HOST}:{gateway.port}", "authority": str(authority.path)}
            stopped = _stop_on_signals()  # before anybody knows that there is something to stop
            _announce(options, account.account_id, endpoints | {"isolation": fc.isolation})
            await stopped.wait()
        finally:
            await ros.close()
            gateway.close()
            for runner in runners:
                await runner.cleanup()
            await fc.close()
            oss.close()


def _port(options: Options, name: str) -> int:
    return options.port + LISTENERS.index(name) if options.port else 0


def _open_gateway(port: int) -> Gateway:
    try:
        return Gateway(port)
    except OSError as error:
        raise _port_taken(port, error) from error


def _port_taken(port: int, error: OSError) -> LocalCloudError:
    return LocalCloudError(f"port {port} is taken ({error.strerror}); choose another --port, or 0 for free ones")


async def _listen(application: web.Application, port: int, places: Places) -> web.AppRunner:
    try:
        return await listen(application, HOST, port, places=places)
    except OSError as error:
        raise _port_taken(port, error) from error


def _announce(options: Options, account_id: str, endpoints: dict[str, str]) -> None:
    line = json.dumps({"account_id": account_id, "region": options.region, **endpoints, "pid": os.getpid()})
    write_private(options.data / "endpoints.json", line.encode() + b"\n")
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _stop_on_signals() -> asyncio.Event:
    """Return what SIGTERM and SIGINT set."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    return stopped
