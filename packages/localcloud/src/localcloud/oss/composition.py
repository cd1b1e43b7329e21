"""OSS as a service of the embedded cloud."""

from __future__ import annotations

from argparse import ArgumentParser

from localcloud.kernel.hourly import Hourly
from localcloud.kernel.options import number
from localcloud.kernel.service import Context, Definition, Network, Service
from localcloud.kms.model import State
from localcloud.kms.operations.service import KmsServices
from localcloud.oss.api.routes import create_app
from localcloud.oss.link import Link, Shape
from localcloud.oss.operations.service import OssService


def add_options(parser: ArgumentParser) -> None:
    """Add the options of OSS to the command line."""
    parser.add_argument(
        "--oss-bandwidth", type=number(0), default=0.0, metavar="BITS", help="of the OSS link, in bits per second"
    )
    parser.add_argument(
        "--oss-latency", type=number(0), default=0.0, metavar="SECONDS", help="to the first byte of each OSS response"
    )


def create(context: Context) -> Service:
    """Make OSS.

    Raises:
        LocalCloudError: its state cannot be read.
    """
    kms = context.domain(KmsServices)

    def key_state(owner: str, key: str) -> State | None:
        return kms.of(owner).state(key)

    oss = OssService(context.data / "oss", account_id=context.account_id, clock=context.clock, key_state=key_state)
    shape = Shape(bandwidth=context.options.oss_bandwidth, latency=context.options.oss_latency)
    application = create_app(
        oss,
        credentials=context.credentials,
        authorizer=context.authorizer,
        admin_token=context.admin_token,
        region=context.region,
        link=Link(shape),
        clock=context.clock,
        serves=context.serves,
    )

    lifecycle = Hourly(oss.lifecycle.apply, "a run of the lifecycle rules")

    async def begin(network: Network) -> None:
        lifecycle.begin()

    async def close() -> None:
        oss.close()

    return Service(domain=oss, application=application, open=begin, stop=lifecycle.end, close=close)


SERVICE = Definition(
    name="oss",
    title="OSS",
    hosts=(
        *("oss-{region}", "*.oss-{region}", "oss-{region}-internal", "*.oss-{region}-internal"),
        *("oss-accelerate", "*.oss-accelerate"),
        *("s3.oss-{region}", "*.s3.oss-{region}", "s3.oss-{region}-internal", "*.s3.oss-{region}-internal"),
    ),
    create=create,
    add_options=add_options,
    needs=("kms",),
    all_accounts=True,
)
