"""SLS as a service of the embedded cloud."""

from __future__ import annotations

from localcloud.kernel.service import Context, Definition, Service
from localcloud.sls.api.routes import create_app
from localcloud.sls.operations.service import SlsService


def create(context: Context) -> Service:
    """Make SLS.

    Raises:
        LocalCloudError: its state cannot be read.
    """
    sls = SlsService(context.data / "sls", clock=context.clock)
    application = create_app(
        sls,
        credentials=context.credentials,
        authorizer=context.authorizer,
        region=context.region,
        account_id=context.account_id,
        clock=context.clock,
        serves=context.serves,
    )

    async def close() -> None:
        sls.close()

    return Service(domain=sls, application=application, close=close)


_ENDPOINTS = ("{region}.log", "{region}-intranet.log")
SERVICE = Definition(
    name="sls",
    title="SLS",
    hosts=(*_ENDPOINTS, *(f"*.{endpoint}" for endpoint in _ENDPOINTS)),
    create=create,
)
