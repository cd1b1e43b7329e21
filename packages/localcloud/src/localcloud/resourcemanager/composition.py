"""Resource Manager as a service of the embedded cloud: its resource groups and service-linked roles."""

from __future__ import annotations

from localcloud.kernel.service import Context, Definition, Service
from localcloud.ram.operations.directory import Directory
from localcloud.resourcemanager.api.routes import create_app
from localcloud.resourcemanager.operations.service import ResourceManagerServices


def create(context: Context) -> Service:
    """Make Resource Manager.

    Raises:
        LocalCloudError: its state cannot be read.
    """
    groups = ResourceManagerServices(context.folders, clock=context.clock)
    groups.of(context.account_id)  # which fails here, if it has to
    application = create_app(
        groups,
        context.authenticator,
        roles_of=context.domain(Directory).of,
        authorizer=context.authorizer,
        region=context.region,
        account_id=context.account_id,
        serves=context.serves,
    )
    return Service(domain=groups, application=application)


SERVICE = Definition(
    name="resourcemanager", title="Resource Manager", hosts=("resourcemanager",), create=create, all_accounts=True
)
