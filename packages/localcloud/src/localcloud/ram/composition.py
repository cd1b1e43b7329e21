"""RAM as a service of the embedded cloud. Its domain is made before all others: it says who may do what."""

from __future__ import annotations

from localcloud.kernel.service import Context, Definition, Service
from localcloud.ram.api.routes import create_app
from localcloud.ram.operations.service import RamService


def create(context: Context) -> Service:
    """Make RAM."""
    ram = context.domain(RamService)
    return Service(domain=ram, application=create_app(ram, context.authenticator, serves=context.serves))


SERVICE = Definition(name="ram", title="RAM", hosts=("ram",), create=create)
