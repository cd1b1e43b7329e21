"""SLS as a service of the embedded cloud."""

from __future__ import annotations

from localcloud.kernel.service import Context, Definition, Service
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
        serves=context.serves,
    )

    async def close() -> None:
        services.close()

    return Service(domain=sls, application=application, close=close)


_ENDPOINTS = ("{region}.log", "{region}-intranet.log")
SERVICE = Definition(
    name="sls",
    title="SLS",
    hosts=(*_ENDPOINTS, *(f"*.{endpoint}" for endpoint in _ENDPOINTS)),
    create=create,
    all_accounts=True,
)
