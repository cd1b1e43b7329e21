"""Composition: makes the services, gives each a listener on loopback, and ends them in order."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from localcloud import state
from localcloud.errors import LocalCloudError
from localcloud.fc.routes import Api
from localcloud.fc.routes import create_app as create_fc_app
from localcloud.fc.service import FcService, Settings
from localcloud.oss.link import Link, Shape
from localcloud.oss.routes import create_app as create_oss_app
from localcloud.oss.service import OssService
from localcloud.ram import RamService
from localcloud.ram.routes import create_ram_app, create_sts_app
from localcloud.signatures import Authenticator

HOST = "127.0.0.1"
SERVICES = ("oss", "sts", "ram", "fc", "ros")  # with --port N, the first listens on N, the second on N + 1, …


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
        settings = Settings(
            region=options.region,
            account_id=account.account_id,
            python=options.python,
            idle=options.idle,
            max_instances=options.instances,
        )
        fc = FcService(options.data / "fc", settings=settings, roles=ram, objects=oss, clock=time.time)
        oss.subscribe(fc.on_object_event)
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
            ),
            "sts": create_sts_app(ram, authenticator),
            "ram": create_ram_app(ram, authenticator),
            "fc": create_fc_app(
                Api(
                    fc,
                    settings,
                    authenticator=authenticator,
                    credentials=ram,
                    authorizer=ram,
                    admin_token=account.access_key_secret,
                    clock=time.time,
                )
            ),
        }
        runners: list[web.AppRunner] = []
        try:
            await fc.open()
            endpoints = {}
            for name, application in applications.items():
                port = options.port + SERVICES.index(name) if options.port else 0
                endpoints[name] = await _listen(application, port, runners)
            _announce(options, account.account_id, endpoints)
            await _until_told_to_stop()
        finally:
            for runner in runners:
                await runner.cleanup()
            await fc.close()
            oss.close()


async def _listen(application: web.Application, port: int, runners: list[web.AppRunner]) -> str:
    # Without a signal handler of its own, and closing connections soon: clients keep them open for minutes.
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=2.0, handle_signals=False)
    await runner.setup()
    runners.append(runner)
    try:
        await web.TCPSite(runner, HOST, port, backlog=512).start()
    except OSError as error:
        raise LocalCloudError(
            f"port {port} is taken ({error.strerror}); choose another --port, or 0 for free ones"
        ) from error
    return f"http://{HOST}:{runner.addresses[0][1]}"


def _announce(options: Options, account_id: str, endpoints: dict[str, str]) -> None:
    line = json.dumps({"account_id": account_id, "region": options.region, **endpoints, "pid": os.getpid()})
    state.write_private(options.data / "endpoints.json", line.encode() + b"\n")
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def _until_told_to_stop() -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
