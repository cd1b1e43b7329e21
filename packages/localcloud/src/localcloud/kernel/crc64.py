"""CRC-64/XZ (ECMA-182, reflected), the checksum of OSS objects and of code packages.

Source: OSS, "Check data transmission integrity by using CRC-64".
"""

from fastcrc.crc64 import xz as update_crc64

__all__ = ["update_crc64"]
