"""A function's `Code` property: where the code package comes from. Pure.

Source: ros-cdk-fc 1.15.0, `CodeProperty`: ZipFile goes before SourceCode, and that before the object in OSS.
"""

from __future__ import annotations

import base64
import binascii
import io
import zipfile

from localcloud.fc.model import Code
from localcloud.ros.errors import ResourceError
from localcloud.ros.resources.calls import Given
from localcloud.ros.resources.provider import Property

CODE = {
    "ZipFile": Property(kind="string"),
    "SourceCode": Property(kind="string", maximum=4096),
    "OssBucketName": Property(kind="string"),
    "OssObjectName": Property(kind="string"),
}
SOURCE = "index.py"  # where ROS puts SourceCode


def read_code(properties: Given) -> Code:
    """Return the code package that a function's properties name.

    Raises:
        ResourceError: there is none, or it cannot be read.
    """
    code = properties.get("Code", {})
    if code.get("ZipFile"):
        try:
            return Code(content=base64.b64decode(code["ZipFile"], validate=True))
        except binascii.Error as error:
            raise ResourceError(f"Property Code.ZipFile: not base64: {error}") from error
    if code.get("SourceCode"):
        return Code(content=_zip(code["SourceCode"]))
    if package := code_object(properties):
        return Code(bucket=package[0], key=package[1])
    raise ResourceError("Property Code: give ZipFile, SourceCode, or OssBucketName and OssObjectName")


def code_object(properties: Given) -> tuple[str, str] | None:
    """Return the bucket and key of a code package that lies in OSS."""
    code = properties.get("Code", {})
    if code.get("ZipFile") or code.get("SourceCode") or not (code.get("OssBucketName") and code.get("OssObjectName")):
        return None
    return code["OssBucketName"], code["OssObjectName"]


def _zip(source: str) -> bytes:
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(SOURCE), source)  # with a fixed time: the same source is the same package
    return package.getvalue()
