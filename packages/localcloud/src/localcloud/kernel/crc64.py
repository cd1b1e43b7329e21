"""CRC-64/XZ (ECMA-182, reflected), the checksum of OSS objects and of code packages.

Source: OSS, "Check data transmission integrity by using CRC-64".
"""

import crcmod

update_crc64 = crcmod.mkCrcFun(0x142F0E1EBA9EA3693, 0, True, 0xFFFFFFFFFFFFFFFF)
