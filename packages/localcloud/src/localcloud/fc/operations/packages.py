"""The bytes of code packages: uploaded with a request, or an object in OSS."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from localcloud.fc.errors import FcError
from localcloud.fc.model import Code, Permit
from localcloud.fc.platform import MAX_CODE_API
from localcloud.kernel.crc64 import update_crc64


class Objects(Protocol):
    """Objects in OSS, among which code packages lie."""

    def read(self, bucket: str, key: str, *, permit: Callable[[str, str], None]) -> bytes:
        """Return the bytes of an object, or of the one that a symlink stands for.

        Args:
            bucket: the bucket's name.
            key: the object's key.
            permit: asked with the key and the ACL in effect of each object on the way; raises to refuse.

        Raises:
            Exception: there is no such object, or what `permit` raises.
        """


class PackageReader:
    """Reads code packages.

    Args:
        objects: where they may lie.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def read(self, code: Code, permit: Permit, largest: int) -> bytes:
        """Return a package's bytes.

        Args:
            code: the package.
            permit: asked for the object that the package is, and for the target of a symlink, before anything is said of it.
            largest: bytes that it may have in OSS.

        Raises:
            FcError: InvalidArgument, and what `permit` raises.
        """
        if code.content is not None:
            content, limit, way = code.content, MAX_CODE_API, "through the API"
        elif code.bucket and code.key:
            content, limit, way = self._read_object(code.bucket, code.key, permit), largest, "through OSS"
        else:
            raise FcError("InvalidArgument", "code: give zipFile, or ossBucketName and ossObjectName")
        if len(content) > limit:
            raise FcError(
                "InvalidArgument", f"code: the package has {len(content)} bytes; at most {limit} are allowed {way}"
            )
        if code.checksum and code.checksum != (found := str(update_crc64(content))):
            raise FcError(  # the code is assumed
                "InvalidArgument", f"code: the checksum is {code.checksum[:40]}, the package's CRC-64 is {found}"
            )
        return content

    def _read_object(self, bucket: str, key: str, permit: Permit) -> bytes:
        try:
            return self._objects.read(bucket, key, permit=lambda key, acl: permit(bucket, key))
        except FcError:  # of `permit`
            raise
        except Exception as error:
            raise FcError("InvalidArgument", f"code: oss://{bucket}/{key} cannot be read: {error}") from error
