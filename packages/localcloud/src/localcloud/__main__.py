"""`localcloud start`, or `python -m localcloud`: run the embedded cloud; it prints one line of JSON when it is ready."""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from localcloud.kernel.errors import LocalCloudError
from localcloud.server import Options, serve


def main(arguments: list[str] | None = None) -> int:
    """Run the server and return the process's exit code."""
    parser = argparse.ArgumentParser(prog="localcloud", description="An embedded Alibaba Cloud on loopback.")
    parser.add_argument("command", nargs="?", choices=["start"], help="run it until it is interrupted (the default)")
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(".localcloud"),
        metavar="DIR",
        help="the folder that keeps its state (default: %(default)s)",
    )
    parser.add_argument("--port", type=int, default=0, help="of OSS; the other services follow (default: free ones)")
    parser.add_argument("--region", default="cn-hangzhou", help="the region that it plays (default: %(default)s)")
    parser.add_argument(
        "--oss-bandwidth", type=float, default=0.0, metavar="BITS", help="of the OSS link, in bits per second"
    )
    parser.add_argument(
        "--oss-latency", type=float, default=0.0, metavar="SECONDS", help="to the first byte of each OSS response"
    )
    parser.add_argument(
        "--fc-python",
        type=Path,
        metavar="PATH",
        help="run every function on this Python (default: what its runtime names)",
    )
    parser.add_argument(
        "--fc-idle",
        type=float,
        default=300.0,
        metavar="SECONDS",
        help="end an instance after that time without a request",
    )
    parser.add_argument(
        "--fc-instances", type=int, default=20, metavar="N", help="of one function at most (default: %(default)s)"
    )
    parser.add_argument(
        "--fc-limit-cpu",
        action="store_true",
        help="keep each instance to its function's vCPU, by a control group (needs root, or a group of one's own)",
    )
    parser.add_argument(
        "--fc-unsandboxed",
        action="store_true",
        help="run functions as root where bubblewrap is missing: they can read the account's key and all of this machine",
    )
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    options = Options(
        data=given.data.resolve(),
        port=given.port,
        region=given.region,
        bandwidth=given.oss_bandwidth,
        latency=given.oss_latency,
        python=given.fc_python,
        idle=given.fc_idle,
        instances=given.fc_instances,
        limit_cpu=given.fc_limit_cpu,
        unsandboxed=given.fc_unsandboxed,
    )
    try:
        asyncio.run(serve(options))
    except LocalCloudError as error:
        print(f"localcloud: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
