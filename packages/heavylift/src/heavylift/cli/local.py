"""`heavylift local`: runs a command whose Alibaba Cloud clients reach the embedded cloud, and controls that cloud.

How a command reaches it, and nothing else, is `localcloud.command`'s matter.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from heavylift.cli.output import tell_started
from heavylift.clouds import background
from heavylift.clouds.assembly import app_facts
from heavylift.clouds.embedded import SERVICES
from heavylift.clouds.node import with_node
from heavylift.errors import HeavyliftError
from localcloud.cloud import find_cloud
from localcloud.command import CommandError, become, find_command
from localcloud.kernel.errors import LocalCloudError


def main(options: argparse.Namespace) -> int:
    """Run `heavylift local start|stop|status` or `heavylift local CMD …`."""
    words, data = list(options.words), options.data.resolve()
    match words:
        # argparse leaves what follows a word to the command
        case ["start" | "stop" | "status" as verb, "--data", folder, *rest]:
            words, data = [verb, *rest], Path(folder).resolve()
    match words:
        case ["start", *arguments]:
            return _start(data, arguments)
        case ["stop"]:
            said = "stopped; its state stays" if background.stop(data) else "it does not run"
            print(f"the embedded cloud on {data}: {said}")
            return 0
        case ["status"]:
            return _status(data)
        case ["--", *rest]:
            words = rest
    base = with_node(os.environ)
    try:
        find_command(words[0], base)  # nothing is started for one that is not there
        endpoints, started = background.ensure_running(data)
        if started:
            tell_started(data)
        base |= app_facts(account_id=endpoints.account_id, is_local=True)  # for an app that the command synthesizes
        cloud = find_cloud(data)
        if cloud is None:
            raise HeavyliftError(f"the embedded cloud on {data} has ended; its log is {data}/localcloud.log")
        become(words, cloud, base, allow_network=options.allow_network)
    except CommandError as error:
        print(f"heavylift: {error}", file=sys.stderr)
        return error.code
    except LocalCloudError as error:
        raise HeavyliftError(str(error)) from error


def _start(data: Path, arguments: list[str]) -> int:
    if {"-h", "--help"} & {*arguments}:
        return subprocess.run([sys.executable, "-P", "-m", "localcloud", "--help"], check=False).returncode
    endpoints, started = background.ensure_running(data, arguments)
    if not started and arguments:
        raise HeavyliftError(
            f"the embedded cloud on {data} runs already, with other options perhaps: `heavylift local stop` first"
        )
    print(f"the embedded cloud on {data}: {'started' if started else 'it runs already'}, gateway {endpoints.gateway}")
    return 0


def _status(data: Path) -> int:
    endpoints = background.find_running(data)
    if endpoints is None:
        print(f"the embedded cloud on {data}: it does not run")
        return 1
    print(f"the embedded cloud on {data}: it plays {endpoints.region}, account {endpoints.account_id}")
    for name in SERVICES:
        print(f"  {name:<{max(map(len, SERVICES))}} {getattr(endpoints, name)}")
    return 0
