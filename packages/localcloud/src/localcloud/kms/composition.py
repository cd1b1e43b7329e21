"""KMS as a service of the embedded cloud."""

from __future__ import annotations

from localcloud.kernel.service import Context, Definition, Service
from localcloud.kms.api.routes import create_app
from localcloud.kms.operations.service import KmsServices


def create(context: Context) -> Service:
    """Make KMS.

    Raises:
        LocalCloudError: its state cannot be read.
    """
    kms = KmsServices(context.folders, clock=context.clock)
    kms.of(context.account_id)  # which fails here, if it has to
    application = create_app(
        kms,
        context.authenticator,
        authorizer=context.authorizer,
        region=context.region,
        account_id=context.account_id,
        serves=context.serves,
    )
    return Service(domain=kms, application=application)


SERVICE = Definition(
    name="kms", title="KMS", hosts=("kms.{region}", "kms-vpc.{region}"), create=create, all_accounts=True
)
