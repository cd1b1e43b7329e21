"""Turns a process into a command whose Alibaba Cloud clients reach an embedded cloud.

Nothing is installed and no file of the user's is read or changed. Where this machine permits it, the command runs in a network of
its own, in which names under aliyuncs.com lead to the embedded cloud and no other name or address exists: no program reaches a
real account, whatever it is written in. Elsewhere, and where other hosts are allowed, Node.js and Python connect those names to the
gateway by a hook that is loaded first; elsewhere Go and others use the gateway as a proxy, as far as they follow proxy variables.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn
from urllib.parse import urlsplit

import localcloud.gateway
from localcloud.cloud import Cloud
from localcloud.gateway import enclosure
from localcloud.gateway.adoption import ADOPTION
from localcloud.kernel.errors import LocalCloudError

PRELOAD = Path(localcloud.gateway.__file__).parent / "preload"
NOT_FOUND, NOT_EXECUTABLE = 127, 126  # exit codes, as shells have them
OTHER_CLOUD = ("ALIBABA_CLOUD_", "ALIBABACLOUD_", "ALICLOUD_")  # beginnings of variables that name an account
# Likewise, names.
OSSUTIL = ("OSS_ACCESS_KEY_ID", "OSS_ACCESS_KEY_SECRET", "OSS_SESSION_TOKEN", "OSS_ENDPOINT", "OSS_REGION")
ROS_CDK = ("ACCESS_KEY_ID", "ACCESS_KEY_SECRET", "SECURITY_TOKEN", "REGION_ID")
# The certificates that programs trust: Go and OpenSSL, curl, Python's requests and botocore, the vendor's SDK core, git.
TRUST = ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE", "ALIBABA_CLOUD_CA_BUNDLE", "GIT_SSL_CAINFO")
AWS_TRUST = "AWS_CA_BUNDLE"  # left out: botocore prefers it, and programs in Go with a transport of their own, as rclone, end at it
PROXIED = ("HTTP_PROXY", "HTTPS_PROXY")


class CommandError(LocalCloudError):
    """A command that cannot be run; `code` is the exit code that shells have for it."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def become(words: Sequence[str], cloud: Cloud, base: Mapping[str, str], *, allow_network: bool) -> NoReturn:
    """Become a command: signals, the terminal and the exit code are its own. The process must have no other thread.

    Args:
        words: the command and its arguments.
        cloud: the running embedded cloud that its clients reach.
        base: the environment to begin with; what names another account is left out.
        allow_network: let it reach other hosts, too.

    Raises:
        CommandError: it is not on PATH, or cannot be run.
        LocalCloudError: it could not be enclosed, or nothing can be written into the data folder.
    """
    enclosed = not allow_network and enclosure.permitted()
    environment = client_environment(cloud, base, enclosed=enclosed, allow_network=allow_network)
    program = find_command(words[0], environment)
    if enclosed:
        enclosure.enter(cloud.data / ADOPTION, cloud.authority)
    sys.stdout.flush()
    try:
        os.execve(program, list(words), environment)  # noqa: S606 - no shell, on purpose
    except OSError as error:
        raise CommandError(f"{program} cannot be run: {error.strerror}", NOT_EXECUTABLE) from error


def find_command(word: str, environment: Mapping[str, str]) -> str:
    """Return the path of the program that a command's first word names.

    Raises:
        CommandError: it is not on PATH.
    """
    program = shutil.which(word, path=environment.get("PATH", os.defpath))
    if program is None:
        raise CommandError(f"there is no command {word!r} on PATH", NOT_FOUND)
    return program


def client_environment(cloud: Cloud, base: Mapping[str, str], *, enclosed: bool, allow_network: bool) -> dict[str, str]:
    """Return the variables under which a command's clients reach an embedded cloud, and only that.

    Args:
        cloud: the embedded cloud. In its data folder a file is written that ros-cdk reads in place of the user's settings.
        base: the environment to begin with; what names another account is left out.
        enclosed: the command's network has the embedded cloud and nothing else, so that a proxy would only be in the way.
        allow_network: the command reaches other hosts as it likes. Without either, HTTP goes through the gateway as a proxy.
    """
    authority = str(cloud.authority)
    environment = {
        name: value
        for name, value in base.items()
        if not name.startswith(OTHER_CLOUD)
        and name not in (*OSSUTIL, *ROS_CDK)
        and (allow_network or name != AWS_TRUST)
    }
    environment |= {
        "LOCALCLOUD_GATEWAY": urlsplit(cloud.endpoints["gateway"]).netloc,
        "LOCALCLOUD_AUTHORITY": authority,
        "LOCALCLOUD_SETTINGS": str(_write_settings(cloud)),
        # Node.js
        "NODE_OPTIONS": f"{base.get('NODE_OPTIONS', '')} --require {_quoted(PRELOAD / 'redirect.cjs')}".strip(),
        "NODE_EXTRA_CA_CERTS": authority,
        # Python
        "PYTHONPATH": os.pathsep.join(filter(None, (str(PRELOAD), base.get("PYTHONPATH", "")))),
        **({} if allow_network else dict.fromkeys(TRUST, authority)),
        # keys and region: the SDKs' names, then ros-cdk's
        "ALIBABA_CLOUD_ACCESS_KEY_ID": cloud.access_key_id,
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": cloud.access_key_secret,
        "ALIBABA_CLOUD_REGION_ID": cloud.region,
        "ALIBABA_CLOUD_ECS_METADATA_DISABLED": "true",
        "ACCESS_KEY_ID": cloud.access_key_id,
        "ACCESS_KEY_SECRET": cloud.access_key_secret,
        "REGION_ID": cloud.region,
    }
    return environment if allow_network else _with_proxy(environment, None if enclosed else cloud.endpoints["gateway"])


def _write_settings(cloud: Cloud) -> Path:
    """Write the file that ros-cdk reads in place of the user's settings: the region, and no credentials; return its folder."""
    folder = cloud.data / "ros-cdk" / hashlib.sha256(str(Path.cwd()).encode()).hexdigest()[:16]
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        (folder / "account.config.json").write_text(json.dumps({"regionId": cloud.region}), encoding="utf-8")
    except OSError as error:
        raise LocalCloudError(f"cannot write into {folder}: {error.strerror}") from error
    return folder


def _with_proxy(base: Mapping[str, str], proxy: str | None) -> dict[str, str]:
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
