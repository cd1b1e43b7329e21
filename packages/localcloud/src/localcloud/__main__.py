"""`localcloud start`, or `python -m localcloud`: run the embedded cloud; it prints one line of JSON when it is ready.

`localcloud run CMD` runs a command beside one.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import sys
from pathlib import Path

from localcloud.kernel.errors import LocalCloudError
from localcloud.kernel.postponed import postpone
from localcloud.kernel.postponed_methods import postponed_methods

# Objects made until those that refer to each other are looked for, and such looks until older ones are. Python's own (700, 10, 10)
# has a request looked at in its middle.
CYCLES = (10_000, 20, 20)


def main(arguments: list[str] | None = None) -> int:
    """Run the server, or a command beside one, and return the process's exit code."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        if words[:1] == ["run"]:
            from localcloud import run

            return run.main(words[1:])
        _serve(words)
    except LocalCloudError as error:
        print(f"localcloud: {error}", file=sys.stderr)
        return 1
    return 0


def _serve(words: list[str]) -> None:
    gc.disable()  # what is imported stays: looking it through again and again takes an eighth of the start
    postpone("aiohttp")
    with postponed_methods("localcloud"):
        from localcloud.kernel.options import region, whole
        from localcloud.server import Options, serve
        from localcloud.services import GATEWAY, SERVICES

    gc.freeze()
    gc.set_threshold(*CYCLES)
    gc.enable()
    parser = argparse.ArgumentParser(
        prog="localcloud",
        description="An embedded Alibaba Cloud on loopback.",
        epilog="`localcloud run CMD` runs a command beside one that ends with it: see `localcloud run --help`.",
    )
    parser.add_argument("command", nargs="?", choices=["start"], help="run it until it is interrupted (the default)")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(".localcloud"),
        metavar="DIR",
        help="the folder that keeps its state (default: %(default)s)",
    )
    parser.add_argument(
        "--port",
        type=whole(0, 65535 - max(*SERVICES, GATEWAY)),
        default=0,
        help="of OSS; the other services follow (default: free ones)",
    )
    parser.add_argument(
        "--region", type=region, default="cn-hangzhou", help="the region that it plays (default: %(default)s)"
    )
    parser.add_argument(
        "--until-end-of",
        type=whole(1),
        metavar="PID",
        help="end when that process has ended, however it did (default: go on)",
    )
    for service in SERVICES.values():
        service.add_options(parser)
    given = parser.parse_args(words)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    options = Options(
        data=given.data.resolve(), port=given.port, region=given.region, services=given, owner=given.until_end_of
    )
    asyncio.run(serve(options))


if __name__ == "__main__":
    sys.exit(main())
