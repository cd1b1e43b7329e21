"""Function Compute as a service of the embedded cloud."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path

from localcloud.fc.api.routes import create_app
from localcloud.fc.model import Settings
from localcloud.fc.operations.deliveries import LogstoreDelivery
from localcloud.fc.operations.service import FcService
from localcloud.gateway.adoption import WEB
from localcloud.kernel.options import number, whole
from localcloud.kernel.service import Context, Definition, Network, Service
from localcloud.oss.operations.service import OssService
from localcloud.sls.operations.service import SlsService
from localcloud.sts.operations.sessions import StsService

# Of all places of connections. Together with those from outside they are more than there are, but nobody is left without any.
INSIDE = 0.5  # for connections from instances
INSTANCES = 0.25  # for the instances themselves


def add_options(parser: ArgumentParser) -> None:
    """Add the options of Function Compute to the command line."""
    parser.add_argument(
        "--fc-python",
        type=Path,
        metavar="PATH",
        help="run every function on this Python (default: what its runtime names)",
    )
    parser.add_argument(
        "--fc-idle",
        type=number(0),
        default=300.0,
        metavar="SECONDS",
        help="end an instance after that time without a request",
    )
    parser.add_argument(
        "--fc-instances", type=whole(1), default=20, metavar="N", help="of one function at most (default: %(default)s)"
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


def create(context: Context) -> Service:
    """Make Function Compute.

    Raises:
        LocalCloudError: see `FcService`.
    """
    oss, sts, sls = context.domain(OssService), context.domain(StsService), context.domain(SlsService)
    settings = _settings(context)
    fc = FcService(
        context.data / "fc",
        settings=settings,
        roles=sts,
        objects=oss.objects_of(context.account_id),
        buckets=oss.buckets,
        logstores=sls,
        deliver=LogstoreDelivery(
            sls,
            sts,
            authorizer=context.authorizer,
            region=context.region,
            account_id=context.account_id,
            clock=context.clock,
        ),
        clock=context.clock,
    )
    oss.subscribe(fc.on_object_event)
    application = create_app(
        fc,
        authenticator=context.authenticator,
        credentials=context.credentials,
        authorizer=context.authorizer,
        admin_token=context.admin_token,
        clock=context.machine_clock,
        serves=lambda host: context.serves(host) or fc.domains.serves(host),
    )

    async def open_instances(network: Network) -> None:
        places = network.places
        served = {**network.served, **dict.fromkeys(WEB, network.gateway)}
        fc.ports.open(served, known=network.known, places=places.part(INSIDE), rooms=places.part(INSTANCES))
        await fc.open()

    return Service(
        domain=fc,
        application=application,
        open=open_instances,
        names=fc.domains,
        stop=fc.stop,
        close=fc.close,
        facts={"isolation": fc.isolation},
    )


def _settings(context: Context) -> Settings:
    options = context.options
    return Settings(
        region=context.region,
        account_id=context.account_id,
        gateway=context.gateway,
        authority=context.authority,
        python=options.fc_python,
        idle=options.fc_idle,
        max_instances=options.fc_instances,
        limit_cpu=options.fc_limit_cpu,
        unsandboxed=options.fc_unsandboxed,
    )


SERVICE = Definition(
    name="fc",
    title="Function Compute",
    hosts=("fcv3.{region}", "*.{region}.fc", "*.{region}-internal.fc"),  # of any account: each is refused by itself
    create=create,
    apps=("*.{region}", "*.{region}-vpc"),
    needs=("oss", "sts", "sls"),
    add_options=add_options,
)
