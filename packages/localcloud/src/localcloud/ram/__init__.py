"""RAM and STS of the embedded cloud: roles, policies, sessions, and who may do what."""

from localcloud.ram.errors import RamError
from localcloud.ram.service import RamService

__all__ = ["RamError", "RamService"]
