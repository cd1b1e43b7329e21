"""The folders of the code package that this module lies in."""

from __future__ import annotations

from pathlib import Path

CODE = Path(__file__).resolve().parents[2]
VENDOR = str(CODE / "vendor")  # packages that the loader brings along
