"""`localcloud run`: a command beside an embedded cloud that lasts as long as the command, for tests in any language."""

from __future__ import annotations

import argparse
import contextlib
import os
import signal
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from localcloud.cloud import Cloud, find_cloud, run_cloud
from localcloud.command import CommandError, become
from localcloud.kernel.errors import LocalCloudError

SIGNALLED = 128  # the exit code of a command that a signal ended, less the signal's number, as shells have it


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code; 126 or 127 when it could not be run.

    Raises:
        LocalCloudError: no embedded cloud could be started, or used.
    """
    parser = argparse.ArgumentParser(
        prog="localcloud run",
        description="Run a command whose Alibaba Cloud clients reach an embedded cloud, which ends with it.",
    )
    parser.add_argument(
        "--data",
        type=Path,
        metavar="DIR",
        help="the folder that keeps its state; an embedded cloud that runs there is used, and goes on (default: a temporary one)",
    )
    parser.add_argument("--allow-network", action="store_true", help="let the command reach other hosts, too")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="CMD …", help="the command and its arguments")
    options = parser.parse_args(arguments)
    words: list[str] = options.words[1:] if options.words[:1] == ["--"] else options.words
    if not words:
        parser.error("it needs a command to run")
    with contextlib.ExitStack() as stack:
        data = options.data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="localcloud-")))
        cloud = find_cloud(data.resolve()) or stack.enter_context(run_cloud(data.resolve()))
        return _run(words, cloud, allow_network=options.allow_network)


def _run(words: Sequence[str], cloud: Cloud, *, allow_network: bool) -> int:
    """Run a command as a child and return its exit code; what asks this process to end is passed on to it."""
    child = os.fork()
    if child == 0:
        try:
            become(words, cloud, os.environ, allow_network=allow_network)
        except LocalCloudError as error:
            sys.stderr.write(f"localcloud: {error}\n")
            os._exit(error.code if isinstance(error, CommandError) else 1)
        except BaseException:  # noqa: BLE001 - nothing of the child may return into what the parent is about to do
            sys.excepthook(*sys.exc_info())
            os._exit(1)

    def pass_on(number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, number)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    for number in (signal.SIGINT, signal.SIGQUIT):  # the terminal sends these to the command by itself
        signal.signal(number, signal.SIG_IGN)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return SIGNALLED - code if code < 0 else code
