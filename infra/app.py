"""`python -m infra.app`: synthesizes the stack, as `ros-cdk` and `heavylift` ask for it.

They give the settings in CDK_CONTEXT_JSON (cdk.json's context and `-c key=value`) and the folder for the cloud assembly in
CDK_OUTDIR (ros-cdk-cxapi, `cxapi.js` and `app.js`). The build of the working folder is what is deployed.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from heavylift.cdk.errors import InfraError, SettingsError
from heavylift.cdk.settings import read_settings
from heavylift.contracts.manifest import read_build
from heavylift.errors import HeavyliftError

CONTEXT, OUTPUT = "CDK_CONTEXT_JSON", "CDK_OUTDIR"
DEFAULT_OUTPUT = "cdk.out"
# What `heavylift` knows of the cloud that it deploys to, and says to the app that it runs, itself or through `ros-cdk`.
FROM_ENVIRONMENT = {"HEAVYLIFT_ACCOUNT": "account", "HEAVYLIFT_LOCAL_BUILD": "localBuild"}


def main() -> int:
    """Synthesize, and return the process's exit code."""
    try:
        synthesize(os.environ)
    except HeavyliftError as error:
        print(f"infra: {error}", file=sys.stderr)  # noqa: T201 - a command prints
        return 1
    return 0


def synthesize(environment: Mapping[str, str]) -> None:
    """Write the cloud assembly.

    Args:
        environment: the process's variables.

    Raises:
        HeavyliftError: there is no build, settings are wrong, or there is no Node.js.
    """
    context = _read_context(environment)
    build = read_build(Path(str(context.pop("dist", "dist"))))
    settings = read_settings(context, build)
    if not build.applib.imported:
        print(  # noqa: T201 - a command prints
            f"infra: WARNING: no Python {build.target.python} has imported these libraries; the build's last line says what to do",
            file=sys.stderr,
        )
    if shutil.which(environment.get("JSII_NODE", "node")) is None:
        raise InfraError("Node.js is not on PATH, which the CDK needs: run this through `heavylift`, which brings one")
    os.environ.setdefault("JSII_RUNTIME_PACKAGE_CACHE", "enabled")  # else each run unpacks all of the CDK anew: 3 s
    # The CDK starts a Node process when it is imported: only once all is well.
    from ros_cdk_core import App

    from infra.stack import FunctionStack

    # Stack traces would put this machine's paths into the assembly.
    app = App(outdir=environment.get(OUTPUT, DEFAULT_OUTPUT), stack_traces=False)
    FunctionStack(app, settings=settings, build=build)
    app.synth()


def _read_context(environment: Mapping[str, str]) -> dict[str, object]:
    text = environment.get(CONTEXT, "{}")
    try:
        context = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise SettingsError([f"{CONTEXT}: is no JSON that can be read ({error})"]) from error
    if not isinstance(context, dict):
        raise SettingsError([f"{CONTEXT}: is no JSON object"])
    given = {setting: environment[name] for name, setting in FROM_ENVIRONMENT.items() if name in environment}
    return {**given, **context}


if __name__ == "__main__":
    sys.exit(main())
