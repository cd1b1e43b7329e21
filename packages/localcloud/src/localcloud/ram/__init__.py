"""RAM of the embedded cloud: roles, policies, and the decision who may do what."""

from localcloud.ram.errors import RamError
from localcloud.ram.operations.directory import Directory
from localcloud.ram.operations.service import RamService

__all__ = ["Directory", "RamError", "RamService"]
