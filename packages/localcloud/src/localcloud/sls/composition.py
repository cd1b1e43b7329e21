"""SLS as a service of the embedded cloud."""

from __future__ import annotations

from localcloud.kernel.hourly import Hourly
from localcloud.kernel.service import Context, Definition, Network, Service
from localcloud.sls.api.routes import create_app
from localcloud.sls.operations.service import SlsServices


def create(context: Context) -> Service:
    """Make SLS.

    Raises:
        LocalCloudError: its state cannot be read.
    """
    services = SlsServices(context.folders, clock=context.clock)
    sls = services.of(context.account_id)
    services.all()  # whose projects have names that are taken
    application = create_app(
        services,
        credentials=context.credentials,
        authorizer=context.authorizer,
        region=context.region,
        clock=context.clock,
        machine_clock=context.machine_clock,
        serves=context.serves,
    )

    expiry = Hourly(services.tidy, "the removal of expired logs", clock=context.clock)

    async def begin(network: Network) -> None:
        expiry.begin()

    async def close() -> None:
        services.close()

    return Service(domain=sls, application=application, open=begin, stop=expiry.end, close=close)


_ENDPOINTS = ("{region}.log", "{region}-intranet.log")
SERVICE = Definition(
    name="sls",
    title="SLS",
    hosts=(*_ENDPOINTS, *(f"*.{endpoint}" for endpoint in _ENDPOINTS)),
    create=create,
    all_accounts=True,
)
