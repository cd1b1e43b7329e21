"""STS as a service of the embedded cloud. Its domain is made before all others: it knows the keys of sessions."""

from __future__ import annotations

from localcloud.kernel.service import Context, Definition, Service
from localcloud.sts.api.routes import create_app
from localcloud.sts.operations.sessions import StsService


def create(context: Context) -> Service:
    """Make STS."""
    sts = context.domain(StsService)
    return Service(domain=sts, application=create_app(sts, context.authenticator, serves=context.serves))


# Tokens of any endpoint are good in all regions. Source: STS, "Endpoints".
HOSTS = ("sts", "sts.{any_region}", "sts-vpc.{any_region}")
SERVICE = Definition(name="sts", title="STS", hosts=HOSTS, create=create, all_accounts=True)
