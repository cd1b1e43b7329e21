"""The header of an entry in a zip, which stands before its data (APPNOTE.TXT 4.3.7)."""

from __future__ import annotations

import struct

LOCAL_HEADER = struct.Struct("<4s5H3L2H")
LOCAL_SIGNATURE = b"PK\3\4"
STORED, DEFLATED = 0, 8  # APPNOTE.TXT 4.4.5: compression methods
