"""The options of the command line (docs/reference/cli.md)."""

from __future__ import annotations

import argparse
import math
import platform
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from heavylift.cli.init import EXAMPLES
from heavylift.contracts.platform import OLDEST_PYTHON

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

DATA = Path(".heavylift") / "cloud"  # of the embedded cloud


def make_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line; its help names the commands in this order."""
    parser = argparse.ArgumentParser(prog="heavylift", description="Run heavy Python functions on Function Compute.")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.add_argument(
        "--version", action=_Version, nargs=0, help="show the versions of heavylift and of what it runs on"
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_init(commands)
    _add_demo(commands)
    _add_build(commands)
    _add_deploy(commands)
    _add_others_of_stacks(commands)
    _add_calls(commands)
    _add_push(commands)
    _add_report(commands)
    _add_local(commands.add_parser("local", help="run a command whose Alibaba Cloud clients reach the embedded cloud"))
    return parser


class _Version(argparse.Action):
    """Shows versions, and ends the process."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib.metadata import version

        packages = ", ".join(f"{name} {version(name)}" for name in ("heavylift", "aliyun-localcloud"))
        print(f"{packages}, Python {platform.python_version()}")
        parser.exit()


def _add_init(commands: Commands) -> None:
    about = "write a small function with all that it needs: a project to begin with"
    init = commands.add_parser("init", help=about, description=about)
    init.add_argument("folder", nargs="?", type=Path, default=Path(), metavar="DIR", help="where to (default: here)")
    init.add_argument("--example", choices=EXAMPLES, default=EXAMPLES[0], help="which one (default: %(default)s)")


def _add_demo(commands: Commands) -> None:
    demo = commands.add_parser("demo", help="build, run and measure the example function on the embedded cloud")
    demo.add_argument("--root", type=Path, default=Path.cwd(), help="the project's folder (default: this one)")


def _add_build(commands: Commands) -> None:
    build = _add(commands, "build", "build what the app's functions need, as far as it has changed", stack=False)
    build.add_argument("--python", type=_version, metavar="X.Y", help="to build for (default: each function's runtime)")
    build.add_argument("--platform", metavar="TAG", help="to build for (default: the one that every runtime runs)")
    build.add_argument("--no-prune", action="store_true", help="keep every file")
    build.add_argument("--no-strip", action="store_true", help="keep the symbols of shared libraries")
    build.add_argument(
        "--record",
        nargs="*",
        type=Path,
        metavar="EVENT.json",
        help="start each function, send it these events, and add the code that it executes to what comes first with a start",
    )


def _add_deploy(commands: Commands) -> None:
    deploy = _add(
        commands, "deploy", "build what has changed, then create the stack, or update it to what the app says"
    )
    deploy.add_argument(
        "--parameter", action="append", default=[], type=_pair, metavar="KEY=VALUE", help="a parameter of the template"
    )
    deploy.add_argument(
        "--timeout", type=_whole(1440), default=60, metavar="MINUTES", help="of the operation (default: 60)"
    )
    deploy.add_argument(
        "--no-rollback", dest="rollback", action="store_false", help="leave a failed creation as it is, to look at it"
    )
    deploy.add_argument(
        "--replace", action="store_true", help="make resources anew whose change needs it (what they hold is lost)"
    )
    deploy.add_argument(
        "--unchecked",
        action="append_const",
        dest="context",
        const=("unchecked", "true"),
        help="to a region: also a build that no Python has imported (the setting `unchecked`)",
    )


def _add_others_of_stacks(commands: Commands) -> None:
    diff = _add(commands, "diff", "show what a deploy would change")
    diff.add_argument("--exit-code", action="store_true", help="exit with 2 when there are changes")
    destroy = _add(commands, "destroy", "delete the stack, and the bucket with its assets")
    destroy.add_argument("--yes", action="store_true", help="do not ask (the embedded cloud never asks)")
    _add(commands, "status", "show a stack and its resources, or all stacks", app=False)
    outputs = _add(commands, "outputs", "show the stack's outputs")
    outputs.add_argument("--key", metavar="NAME", help="only the value of this one")
    _add(commands, "events", "show what happened to the stack")


def _add_calls(commands: Commands) -> None:
    logs = _add(commands, "logs", "show what the stack's function wrote")
    logs.add_argument("--lines", type=_whole(10**9), default=100, metavar="N", help="the last N lines (default: 100)")
    invoke = _add(commands, "invoke", "call the stack's function")
    _add_event(invoke)
    invoke.add_argument("--log", action="store_true", help="show the end of the log as well")
    invoke.add_argument(
        "--timeout", type=_whole(86_400), default=600, metavar="SECONDS", help="to wait for (default: 600)"
    )
    measure = _add(
        commands,
        "measure",
        "start the function cold, ours and the way of the article, in a stack that is removed again",
    )
    measure.add_argument(
        "--starts", type=_whole(100), default=10, metavar="N", help="of each way (default: %(default)s)"
    )
    _add_event(measure)
    for command in (logs, invoke, measure):
        command.add_argument("--function", metavar="NAME", help="the function's logical id or name")


def _add_push(commands: Commands) -> None:
    push = _add(
        commands,
        "push",
        "upload the build's archives to a bucket that deployments take them from",
        stack=False,
        app=False,
    )
    push.add_argument("--bucket", required=True, help="made when it does not exist")
    push.add_argument("--dist", type=Path, default=Path("dist"), metavar="DIR", help="the build (default: dist)")


def _add_report(commands: Commands) -> None:
    about = "draw the last start that a function's log tells of"
    report = commands.add_parser("start-report", help=about, description=about)
    report.add_argument("log", type=Path, metavar="LOG", help="the log; - is the standard input")
    report.add_argument("--output", type=Path, default=Path(), metavar="DIR", help="for start.png and start.html")
    report.add_argument(
        "--bandwidth", type=_positive, metavar="GBIT", help="of the instance, in Gbit/s: for the limit of the start"
    )
    report.add_argument(
        "--cores", type=_positive, metavar="N", help="CPUs of the instance: for the limit, if the log does not say"
    )
    report.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def _add(commands: Commands, name: str, about: str, *, stack: bool = True, app: bool = True) -> argparse.ArgumentParser:
    """Add a command that reaches a cloud.

    Args:
        commands: all so far.
        name: of the command.
        about: what it does.
        stack: it takes the name of a stack.
        app: it takes settings of the app.
    """
    command = commands.add_parser(name, help=about, description=about)
    _add_common(command)
    if app:
        command.add_argument(
            *("-c", "--context"),
            action="append",
            default=[],
            type=_pair,
            metavar="KEY=VALUE",
            help="a setting of the app",
        )
    if stack:
        command.add_argument("stack", nargs="?", metavar="STACK", help="the stack's name (default: the app's only one)")
    return command


def _add_event(command: argparse.ArgumentParser) -> None:
    event = command.add_mutually_exclusive_group()
    event.add_argument("--payload", default="", metavar="TEXT", help="the event (default: an empty one)")
    event.add_argument("--file", type=Path, metavar="FILE", help="a file with the event; - is the standard input")


def _add_common(command: argparse.ArgumentParser) -> None:
    command.add_argument("--cloud", metavar="REGION", help="use this region of Alibaba Cloud, not the embedded cloud")
    command.add_argument("--profile", metavar="NAME", help="of the aliyun CLI (default: the environment's key)")
    command.add_argument(
        "--project", type=Path, default=Path(), metavar="DIR", help="with cdk.json (default: this one)"
    )
    command.add_argument("--json", action="store_true", help="print one JSON object a line")
    _add_everywhere(command)


def _add_everywhere(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--data", type=Path, default=DATA, metavar="DIR", help=f"of the embedded cloud (default: {DATA})"
    )
    command.add_argument("--debug", action="store_true", default=argparse.SUPPRESS, help=argparse.SUPPRESS)


def _add_local(command: argparse.ArgumentParser) -> None:
    command.description = "`local start|stop|status` control the embedded cloud; `local CMD …` runs any other command."
    _add_everywhere(command)
    command.add_argument(
        "--allow-network",
        action="store_true",
        help="CMD reaches other hosts, too; names of Alibaba Cloud lead to the embedded one in Python and Node.js only",
    )
    command.add_argument(
        "words",
        nargs=argparse.REMAINDER,
        metavar="CMD …",
        help="start [OPTIONS OF localcloud] | stop | status | a command",
    )


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise argparse.ArgumentTypeError(f"{text!r} is not KEY=VALUE")
    return key, value


def _version(text: str) -> str:
    if not re.fullmatch(r"3\.\d{1,2}", text) or int(text[2:]) < int(OLDEST_PYTHON[2:]):
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no version of Python from {OLDEST_PYTHON} on")
    return text


def _whole(most: int) -> Callable[[str], int]:
    def read(text: str) -> int:
        try:
            number = int(text)
        except ValueError:
            number = 0
        if not 1 <= number <= most:
            raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number from 1 to {most:,}")
        return number

    return read


def _positive(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number
