"""OSS as a service of the embedded cloud."""

from __future__ import annotations

from argparse import ArgumentParser

from localcloud.kernel.hourly import Hourly
from localcloud.kernel.options import number
from localcloud.kernel.service import Context, Definition, Network, Service, TlsLimits
from localcloud.kms.model import State
from localcloud.kms.operations.service import KmsServices
from localcloud.oss.api.application import create_app
from localcloud.oss.api.url import bucket_of
from localcloud.oss.link import Link, Shape
from localcloud.oss.operations.service import OssService
from localcloud.oss.replicator import Replicator
from localcloud.oss.roles import Roles
from localcloud.oss.settings.https import limits_of
from localcloud.ram.operations.directory import Directory


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

    directory = context.domain(Directory)

    def trusts(arn: str, service: str) -> bool:
        role = directory.find_role(arn)
        return role is not None and directory.is_trusted(role, [("Service", service)], {})

    roles = Roles(trusts=trusts, authorizer=context.authorizer, clock=context.clock)
    oss = OssService(
        context.data / "oss",
        account_id=context.account_id,
        region=context.region,
        clock=context.clock,
        key_state=key_state,
        check_writer=roles.check_writer,
        agents=roles.agent_of,
    )
    shape = Shape(bandwidth=context.options.oss_bandwidth, latency=context.options.oss_latency)
    application = create_app(
        oss,
        credentials=context.credentials,
        authorizer=context.authorizer,
        admin_token=context.admin_token,
        region=context.region,
        link=Link(shape),
        clock=context.clock,
        machine_clock=context.machine_clock,
        reset=context.reset,
        serves=context.serves,
    )

    hourly = (
        Hourly(oss.lifecycle.apply, "a run of the lifecycle rules", clock=context.clock),
        Hourly(oss.logs.deliver, "a delivery of access logs", clock=context.clock),
        Hourly(oss.inventories.make, "a run of the inventories", clock=context.clock),
    )

    replicator = Replicator(oss.replication, clock=context.clock)

    async def begin(network: Network) -> None:
        for each in hourly:
            each.begin()
        replicator.begin()
        endpoint = network.endpoints["oss"]
        oss.fetches.begin(lambda host: endpoint if context.serves(host) else None)

    async def stop() -> None:
        await replicator.end()
        oss.inventories.end()
        await oss.fetches.stop()
        for each in hourly:
            await each.end()

    async def close() -> None:
        oss.close()

    def tls_limits(host: str) -> TlsLimits | None:
        bucket = oss.find_bucket(bucket_of(host.lower().rstrip(".")))
        return None if bucket is None else limits_of(bucket)

    return Service(domain=oss, application=application, open=begin, stop=stop, close=close, tls_limits=tls_limits)


# Source: OSS, "Regions and endpoints"; the third is for IPv6, too. The last line is from when there was one region.
_ENDPOINTS = (
    *("oss-{any_region}", "oss-{any_region}-internal", "{any_region}.oss"),
    *("s3.oss-{any_region}", "s3.oss-{any_region}-internal"),
    *("oss", "oss-internal"),
)
SERVICE = Definition(
    name="oss",
    title="OSS",
    hosts=(
        *(f"{before}{host}" for host in _ENDPOINTS for before in ("", "*.")),
        *("oss-accelerate", "*.oss-accelerate", "oss-accelerate-overseas", "*.oss-accelerate-overseas"),
    ),
    create=create,
    add_options=add_options,
    needs=("kms",),
    all_accounts=True,
)
