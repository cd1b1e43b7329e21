"""RAM as a service of the embedded cloud. Its domain is made before all others: it says who may do what."""

from __future__ import annotations

from localcloud.kernel.service import Context, Definition, Service
from localcloud.ram.api.routes import create_app
from localcloud.ram.operations.directory import Directory


def create(context: Context) -> Service:
    """Make RAM."""
    directory = context.domain(Directory)
    application = create_app(directory, context.authenticator, admin_token=context.admin_token, serves=context.serves)
    return Service(domain=directory, application=application)


SERVICE = Definition(name="ram", title="RAM", hosts=("ram",), create=create, all_accounts=True)
