"""`heavylift`: run `heavylift --help` for what it does."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from heavylift.errors import HeavyliftError


def main(arguments: list[str] | None = None) -> int:
    """Run one command and return the process's exit code: 0 for success, 1 for an error, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="heavylift", description="Run heavy Python functions on Function Compute.")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    demo = commands.add_parser("demo", help="build, run and measure the example function on the embedded cloud")
    demo.add_argument("--root", type=Path, default=Path.cwd(), help="the project's folder (default: this one)")
    options = parser.parse_args(arguments)
    try:
        # Imported when it runs: the SDKs that it needs take a second, and `--help` should not.
        from rich.console import Console

        from heavylift import demo as demo_command

        demo_command.run(options.root.resolve(), Console())
    except HeavyliftError as error:
        if options.debug:
            raise
        print(f"heavylift: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("heavylift: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
