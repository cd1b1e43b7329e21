"""Paths in this repository."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAVYLIFT = ROOT / "packages" / "heavylift" / "src"
HANDLER = HEAVYLIFT / "heavylift" / "cdk" / "deployment_handler"
CODE_PATH = (
    f"{HEAVYLIFT}{os.pathsep}{ROOT / 'function'}"  # PYTHONPATH of a process that is an instance: a code package's parts
)
