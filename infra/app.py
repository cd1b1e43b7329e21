"""`python -m infra.app`: synthesizes the stack, as `ros-cdk` and `heavylift` ask for it; parts that changed are built first.

Settings come from cdk.json's context and `-c key=value` (docs/reference/settings.md).
"""

from __future__ import annotations

import os
import sys

from heavylift.cdk.facts import read_context
from heavylift.cdk.settings import read_settings
from heavylift.errors import HeavyliftError


def main() -> int:
    """Synthesize, and return the process's exit code."""
    try:
        settings = read_settings(read_context(os.environ))
        # The CDK takes a second to import: only once all is well.
        from heavylift.cdk import HeavyApp
        from infra.stack import FunctionStack

        app = HeavyApp()
        FunctionStack(app, settings)
        app.synth()
    except HeavyliftError as error:
        print(f"infra: {error}", file=sys.stderr)  # noqa: T201 - a command prints
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
