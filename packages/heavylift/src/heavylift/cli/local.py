"""`heavylift local`: runs a command whose Alibaba Cloud clients reach the embedded cloud, and controls that cloud.

Nothing is installed and no file of the user's is read or changed. Where this machine permits it, the command runs in a network of
its own, in which names under aliyuncs.com lead to the embedded cloud and no other name or address exists: no program reaches a
real account, whatever it is written in. Elsewhere, and with `--allow-network`, Node.js and Python connect those names to the
gateway by a hook that is loaded first; elsewhere Go and others use the gateway as a proxy, as far as they follow proxy variables.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import localcloud.gateway
from heavylift.cli.output import tell_started
from heavylift.clouds import background
from heavylift.clouds.assembly import app_facts
from heavylift.clouds.embedded import SERVICES, Endpoints
from heavylift.clouds.node import with_node
from heavylift.errors import HeavyliftError
from localcloud.gateway import enclosure
from localcloud.gateway.adoption import ADOPTION

PRELOAD = Path(localcloud.gateway.__file__).parent / "preload"
NOT_FOUND, NOT_EXECUTABLE = 127, 126  # exit codes, as shells have them
OTHER_CLOUD = ("ALIBABA_CLOUD_", "ALIBABACLOUD_", "ALICLOUD_")  # beginnings of variables that name an account
# Likewise, names.
OSSUTIL = ("OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN", "OSS_ENDPOINT", "OSS_REGION")
# The certificates that programs trust: Go and OpenSSL, curl, Python's requests, the vendor's SDK core and botocore, git.
TRUST = (
    "SSL_CERT_FILE",
    "CURL_CA_BUNDLE",
    "REQUESTS_CA_BUNDLE",
    "ALIBABA_CLOUD_CA_BUNDLE",
    "AWS_CA_BUNDLE",
    "GIT_SSL_CAINFO",
)
PROXIED = ("HTTP_PROXY", "HTTPS_PROXY")
ROS_CDK = ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN", "REGION_ID")  # likewise, ros-cdk's own


def main(options: argparse.Namespace) -> int:
    """Run `heavylift local start|stop|status` or `heavylift local CMD …`."""
    words, data = list(options.words), options.data.resolve()
    match words:
        case [
            "start" | "stop" | "status" as verb,
            "--data",
            folder,
            *rest,
        ]:  # argparse leaves what follows a word to the command
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
    endpoints, started = background.ensure_running(data)
    if started:
        tell_started(data)
    settings = data / "ros-cdk" / hashlib.sha256(str(Path.cwd()).encode()).hexdigest()[:16]
    write_settings(settings, endpoints.region)
    open_network = bool(options.allow_network)
    enclosed = not open_network and enclosure.permitted()
    environment = client_environment(endpoints, settings, os.environ, enclosed=enclosed, open_network=open_network)
    program = _find(words[0], environment["PATH"])
    if program is None:
        return NOT_FOUND
    if enclosed:
        enclosure.enter(data / ADOPTION, Path(endpoints.authority))
    return _run(program, words, environment)


def _start(data: Path, arguments: list[str]) -> int:
    if {"-h", "--help"} & {*arguments}:
        return subprocess.run([sys.executable, "-m", "localcloud", "--help"], check=False).returncode
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


def write_settings(folder: Path, region: str) -> None:
    """Write the file that ros-cdk reads in place of the user's settings: the region, and no credentials."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    (folder / "account.config.json").write_text(json.dumps({"regionId": region}), encoding="utf-8")


def client_environment(
    endpoints: Endpoints,
    settings: Path,
    base: Mapping[str, str],
    *,
    enclosed: bool = False,
    open_network: bool = False,
) -> dict[str, str]:
    """Return the variables under which a command's clients reach the embedded cloud, and only that.

    Args:
        endpoints: where it is, and the key that opens it.
        settings: the folder that stands for ros-cdk's settings and records.
        base: the environment to begin with; what names another account is left out.
        enclosed: the command's network has the embedded cloud and nothing else, so that a proxy would only be in the way.
        open_network: the command reaches other hosts as it likes. Without either, HTTP goes through the gateway as a proxy.
    """
    gateway = urlsplit(endpoints.gateway).netloc
    environment = {
        name: value
        for name, value in base.items()
        if not name.startswith(OTHER_CLOUD) and name not in (*OSSUTIL, *ROS_CDK)
    }
    environment = with_node(environment) | {
        "LOCALCLOUD_GATEWAY": gateway,
        "LOCALCLOUD_AUTHORITY": endpoints.authority,
        "LOCALCLOUD_SETTINGS": str(settings),
        # Node.js
        "NODE_OPTIONS": f"{base.get('NODE_OPTIONS', '')} --require {_quoted(PRELOAD / 'redirect.cjs')}".strip(),
        "NODE_EXTRA_CA_CERTS": endpoints.authority,
        # Python
        "PYTHONPATH": os.pathsep.join(filter(None, (str(PRELOAD), base.get("PYTHONPATH", "")))),
        **({} if open_network else dict.fromkeys(TRUST, endpoints.authority)),
        # keys and region: the SDKs' names, then ros-cdk's
        "ALIBABA_CLOUD_ACCESS_KEY_ID": endpoints.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": endpoints.access_key_secret,
        "ALIBABA_CLOUD_REGION_ID": endpoints.region,
        "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
        "ACCESS_KEY_ID": endpoints.access_key_id,
        "ACCESS_KEY_SECRET": endpoints.access_key_secret,
        "REGION_ID": endpoints.region,
        # an app that the command synthesizes
        **app_facts(account_id=endpoints.account_id, is_local=True),
    }
    return environment if open_network else environment_of_proxy(environment, None if enclosed else endpoints.gateway)


def environment_of_proxy(base: Mapping[str, str], proxy: str | None) -> dict[str, str]:
    """Return variables with one proxy for what is not on loopback, or with none at all."""
    environment = {
        name: value for name, value in base.items() if name.upper() not in (*PROXIED, "ALL_PROXY", "NO_PROXY")
    }
    if proxy:
        for name, value in {**dict.fromkeys(PROXIED, proxy), "NO_PROXY": "127.0.0.1,localhost,::1"}.items():
            environment[name] = environment[name.lower()] = value
    return environment


def _quoted(path: Path) -> str:
    # NODE_OPTIONS splits at spaces outside double quotes; a backslash keeps what follows (Node.js, "NODE_OPTIONS").
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def _find(word: str, path: str) -> str | None:
    program = shutil.which(word, path=path)
    if program is None:
        print(f"heavylift: there is no command {word!r} on PATH", file=sys.stderr)
    return program


def _run(program: str, words: list[str], environment: Mapping[str, str]) -> int:
    sys.stdout.flush()
    try:
        # In this process's place: signals, the terminal and the exit code are the command's own.
        os.execve(program, words, environment)  # noqa: S606 - no shell, on purpose
    except OSError as error:
        print(f"heavylift: {program} cannot be run: {error.strerror}", file=sys.stderr)
        return NOT_EXECUTABLE
