"""Runs a ROS CDK app as `ros-cdk` does, and reads the cloud assembly that it writes.

Stages: `read_project` reads cdk.json; `synthesize` runs the app in a process of its own, which writes to the output folder;
`read_assembly` turns that folder into values. Nothing here reaches a cloud.

Sources: ros-cdk's `exec.ts` (the command and its variables) and `@alicloud/ros-cdk-assembly-schema` (manifest.json, assets.json).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from heavylift.clouds.documents import read_object
from heavylift.clouds.node import with_node
from heavylift.contracts.app import ACCOUNT, CONTEXT, LOCAL_BUILD, OUTPUT
from heavylift.contracts.jsii import ROOM
from heavylift.contracts.platform import MB
from heavylift.contracts.texts import is_text
from heavylift.errors import HeavyliftError

STACK = "aliyun:ros:stack"
ASSETS = "cdk:asset-manifest"
DESTINATION = "current_account-current_region"  # the one that the CDK writes (asset-manifest-builder.js)
REGION = "${ALIYUN::Region}"
PACKAGINGS = ("file", "zip")
END_SECONDS = 2  # for an app to end in, once it is told to
SHOWN = 200  # characters of a command in a message


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    """The project that cdk.json describes."""

    folder: Path
    app: str  # a command for the shell
    context: Mapping[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asset:
    """A file or folder that the stack's resources need, and the object that it becomes."""

    path: Path
    packaging: str  # "file" or "zip"
    bucket: str  # its name, in which REGION stands for the region
    key: str  # names the content


@dataclass(frozen=True, kw_only=True, slots=True)
class SynthesizedStack:
    """One stack of the app."""

    name: str
    template: str  # JSON
    tags: Mapping[str, str]
    assets: tuple[Asset, ...]


def read_project(folder: Path) -> Project:
    """Read `cdk.json`.

    Raises:
        HeavyliftError: there is none, or it cannot be used.
    """
    path = folder / "cdk.json"
    record = read_object(path, f"{path} does not exist: run this in the folder of a ROS CDK app, or give --project")
    app, context = record.get("app"), record.get("context", {})
    if isinstance(app, list) and all(isinstance(word, str) for word in app):
        app = " ".join(app)
    if not isinstance(app, str) or not app.strip():
        found = "has no `app`" if not app else f"has {app!r:.40} as `app`, which is no command"
        raise HeavyliftError(f"{path} {found}: name the one that synthesizes, such as `python -m infra.app`")
    if not is_text(app):
        raise HeavyliftError(f"`app` in {path} holds a NUL or half a character: no command has these; remove them")
    if not isinstance(context, dict):
        raise HeavyliftError(f"`context` in {path} is no object: write names and values")
    return Project(folder=folder, app=app, context=context)


def synthesize(
    project: Project, settings: Mapping[str, str], facts: Mapping[str, str], out: Path
) -> tuple[SynthesizedStack, ...]:
    """Run the app and return its stacks.

    Args:
        project: the app.
        settings: context values that go before those of cdk.json (`-c key=value`).
        facts: variables that tell the app about the cloud it is for (`app_facts`).
        out: the folder for the cloud assembly.

    Raises:
        HeavyliftError: the app failed (its own message came before), or what it wrote cannot be used.
    """
    manifest = out / "manifest.json"
    manifest.unlink(missing_ok=True)  # an old one must not pass for the app's work
    # What another command knew of another cloud is not true here.
    environment = with_node({name: value for name, value in os.environ.items() if name not in (ACCOUNT, LOCAL_BUILD)})
    environment |= {
        **facts,
        # The interpreter that runs this comes first, so that `python` in `app` finds the libraries that are installed here.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{environment.get('PATH', os.defpath)}",
        OUTPUT: str(out),
        CONTEXT: json.dumps({**project.context, **settings}),
    }
    room = shutil.disk_usage(tempfile.gettempdir()).free // MB  # before it has used it up
    try:
        code = _run(project, environment)
    except OSError as error:
        raise HeavyliftError(
            f"the app (`{project.app[:SHOWN]}`) cannot be run: {error.strerror}; a list that is too long is `app`, or the context"
        ) from error
    if code:
        folder = tempfile.gettempdir()
        scarce = (
            f"; {folder} had {room} MB of room, and the CDK needs {ROOM}: make some, or name another folder in TMPDIR"
        )
        raise HeavyliftError(
            f"the app failed (`{project.app}`, exit code {code}); its message is above{scarce if room < ROOM else ''}"
        )
    if not manifest.exists():
        raise HeavyliftError(f"the app (`{project.app}`) wrote no {manifest}; it must end with `app.synth()`")
    return read_assembly(out)


def _run(project: Project, environment: Mapping[str, str]) -> int:
    """Run the app, in a session of its own, and return its exit code.

    A terminal's Ctrl-C comes to this process alone, which ends the app and all that it has started: an app in Python would
    else print where it was.
    """
    # A shell runs it, as it does in ros-cdk: `app` may hold quotes and variables. It is the project's own file.
    with subprocess.Popen(  # noqa: S602
        project.app, shell=True, cwd=project.folder, env=environment, stdout=sys.stderr, start_new_session=True
    ) as app:
        try:
            with _watched(app):
                return app.wait()
        except BaseException:
            _end(app)
            raise


@contextmanager
def _watched(app: subprocess.Popen[bytes]) -> Iterator[None]:
    """Have the app, and all that it has started, end with this process, however that ends."""
    command = ["sh", "-c", 'read -r _ || kill -s KILL -- "-$0"', str(app.pid)]  # the pipe ends with its other side
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True) as watch:
        try:
            yield
        finally:
            watch.kill()


def _end(app: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(app.pid, number)
        with suppress(subprocess.TimeoutExpired):
            app.wait(END_SECONDS)


def app_facts(*, account_id: str, is_local: bool) -> dict[str, str]:
    """Return the variables that tell an app for which cloud it synthesizes.

    Args:
        account_id: the account's number; bucket names are made of it.
        is_local: the embedded cloud, which runs what was built for this machine's Python.
    """
    return {ACCOUNT: account_id, **({LOCAL_BUILD: "true"} if is_local else {})}


def read_assembly(folder: Path) -> tuple[SynthesizedStack, ...]:
    """Read a cloud assembly.

    Raises:
        HeavyliftError: a file is missing or malformed; the message names it.
    """
    manifest = folder / "manifest.json"
    record = read_object(manifest, f"{manifest} does not exist: the folder holds no cloud assembly")
    try:
        artifacts: dict[str, Any] = record["artifacts"]
        return tuple(
            _read_stack(folder, name, artifact, artifacts)
            for name, artifact in artifacts.items()
            if artifact["type"] == STACK
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise HeavyliftError(
            f"{manifest} is no cloud assembly that this version reads ({type(error).__name__}: {error})"
        ) from error


def _read_stack(folder: Path, name: str, artifact: Mapping[str, Any], artifacts: Mapping[str, Any]) -> SynthesizedStack:
    properties = artifact["properties"]
    template = folder / properties["templateFile"]
    read_object(template, f"{template} does not exist, but manifest.json names it")
    assets: list[Asset] = []
    for dependency in artifact.get("dependencies", ()):
        other = artifacts[dependency]
        if other["type"] == ASSETS:
            assets += _read_assets(folder, folder / other["properties"]["file"], template.name)
    return SynthesizedStack(
        name=_text(properties.get("stackName", name), f"stackName of {name}"),
        template=template.read_text(encoding="utf-8"),
        tags={
            _text(key, f"a tag of {name}"): _text(value, f"tag {key!r} of {name}")
            for key, value in (properties.get("tags") or {}).items()
        },
        assets=tuple(assets),
    )


def _read_assets(folder: Path, manifest: Path, template: str) -> list[Asset]:
    record = read_object(manifest, f"{manifest} does not exist, but manifest.json names it")
    if record.get("dockerImages"):
        raise HeavyliftError(f"{manifest} holds container images; only files and folders are published")
    assets = []
    for entry in record.get("files", {}).values():
        source, destination = entry["source"], entry["destinations"][DESTINATION]
        if source["path"] == template:
            continue  # the stack's own template travels in the request
        asset = Asset(
            path=folder / source["path"],
            packaging=source["packaging"],
            bucket=_text(destination["bucketName"], f"bucketName of {source['path']}"),
            key=_text(destination["objectKey"], f"objectKey of {source['path']}"),
        )
        if asset.packaging not in PACKAGINGS:
            raise HeavyliftError(
                f"{manifest}: packaging {asset.packaging!r} of {source['path']}; known are {PACKAGINGS}"
            )
        if not asset.path.exists():
            raise HeavyliftError(f"{asset.path} does not exist, but {manifest.name} names it; synthesize again")
        if not (asset.path.is_file() or asset.path.is_dir()):
            raise HeavyliftError(
                f"{asset.path} is no file and no folder, but {manifest.name} names it; synthesize again"
            )
        assets.append(asset)
    return assets


def _text(value: object, what: str) -> str:
    if not isinstance(value, str) or not value or not is_text(value):
        raise TypeError(f"{what} is {value!r:.100}, not a text")
    return value


def stack_name(settings: Mapping[str, object]) -> str | None:
    """Return the `stackName` of an app's settings; None when they hold none.

    Raises:
        HeavyliftError: it is no text.
    """
    name = settings.get("stackName") or None
    if name is not None and (not isinstance(name, str) or not is_text(name)):
        raise HeavyliftError(
            f"`stackName` in the settings is {name!r:.100}, not a text; mend cdk.json, or name the stack"
        )
    return name


def select(stacks: tuple[SynthesizedStack, ...], name: str | None) -> SynthesizedStack:
    """Return the stack of that name, or the only one there is.

    Raises:
        HeavyliftError: there is no such stack, or several and no name was given.
    """
    names = ", ".join(stack.name for stack in stacks) or "none"
    found = [stack for stack in stacks if name is None or stack.name == name]
    if len(found) == 1:
        return found[0]
    if name is None:
        raise HeavyliftError(f"the app has {len(stacks)} stacks ({names}): name the one you mean")
    raise HeavyliftError(f"the app has no stack {name!r}; its stacks: {names}")
