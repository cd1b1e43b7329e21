"""The errors of a start, as one small hierarchy.

A message says what was expected, what was found and what to do. It may be shown to the function's caller, so it never
holds a secret.
"""

from __future__ import annotations


class LoadError(Exception):
    """A start cannot go on. Its directories are as they were before."""


class ConfigurationError(LoadError):
    """The function's environment lacks something or says something impossible."""


class InvalidArchiveError(LoadError):
    """An archive is damaged, or it asks for something that no honest archive asks for."""


def invalid_archive(where: str, found: str, wanted: str) -> InvalidArchiveError:
    """Return the error about a field of an archive: what was found there, and what an archive has, or what to do."""
    return InvalidArchiveError(f"{where}: {found}; {wanted}")


class DigestMismatchError(LoadError):
    """The bytes received are not the bytes that the digest names."""


class DiskFullError(LoadError):
    """The archive's content does not fit on the instance's disk."""


class DeadlineError(LoadError):
    """The time that the platform gives a start is used up."""


class StoreError(LoadError):
    """The object store refused a request, and asking again would not help."""


class ObjectNotFoundError(StoreError):
    """The bucket or the object does not exist."""


class EmptyObjectError(StoreError):
    """The object holds no bytes."""


class AccessDeniedError(StoreError):
    """The credentials are wrong or expired, or their policies do not allow the request."""


class ObjectChangedError(StoreError):
    """The object was replaced while it was being read."""


class TransientStoreError(StoreError):
    """The connection or the store failed in a way that may not happen again."""
