"""`heavylift`: runs the command that the command line names; `heavylift.cli.options` parses that."""

from __future__ import annotations

import argparse
import io
import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from heavylift.cli.extras import needs_report
from heavylift.cli.options import make_parser
from heavylift.errors import HeavyliftError


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the process's exit code: 0 for success, 1 for an error, 2 for wrong usage.

    `diff --exit-code` also returns 2 for changes, and `local CMD` what CMD returns.
    """
    parser = make_parser()
    options = parser.parse_args(arguments)
    _check_encoding(parser, options)
    if options.command == "local" and options.words in ([], ["--"]):
        parser.error("`heavylift local` needs a command to run, or one of start, stop, status")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # what its encoding does not know, as on stderr
    try:
        with _ended_by_sigterm():
            return _run(options)
    except HeavyliftError as error:
        if options.debug:
            raise
        if getattr(options, "json", False):
            print(json.dumps({"event": "error", "message": str(error)}, ensure_ascii=False))
        sys.stdout.flush()  # what happened before comes before
        print(f"heavylift: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt as interrupt:
        print(f"heavylift: interrupted{f'; {interrupt}' if str(interrupt) else ''}", file=sys.stderr)
        return 128 + (signal.SIGTERM if isinstance(interrupt, _Terminated) else signal.SIGINT)
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output went away; nobody is left to tell
        return 1


class _Terminated(KeyboardInterrupt):
    """SIGTERM came, which ends a command as Ctrl-C does: with what it has started."""


@contextmanager
def _ended_by_sigterm() -> Iterator[None]:
    def end(*_: object) -> None:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _check_encoding(parser: argparse.ArgumentParser, options: argparse.Namespace) -> None:
    """End with a usage error when an option that becomes part of a request is no UTF-8; an event may be any bytes."""
    for name, value in vars(options).items():
        for text in _texts(value) if name not in ("payload", "words") else ():
            try:
                text.encode()
            except UnicodeEncodeError:
                parser.error(f"{name}: {text!r} is no text in UTF-8")


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)


def _run(options: argparse.Namespace) -> int:
    # Imported when they run: the SDKs and libraries that some need take a second, and `--help` should not.
    if options.command == "init":
        from heavylift.cli import init

        return init.main(options)
    if options.command == "local":
        from heavylift.cli import local

        return local.main(options)
    if options.command == "demo":
        with needs_report(options.command):
            from heavylift.cli import demo

        return demo.main(options)
    if options.command == "start-report":
        with needs_report(options.command):
            from heavylift.report import page as report

        return report.main(options)
    from heavylift.cli import commands

    return commands.run(options)
