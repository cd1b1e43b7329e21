"""The names under which an app is told what the command knows that runs it: the cloud, and the way to build.

Source of the first two: ros-cdk's `exec.ts`. The others are heavylift's own; in the context a colon tells them from a project's
settings.
"""

from __future__ import annotations

# Variables.
OUTPUT = "CDK_OUTDIR"  # the folder for the cloud assembly
CONTEXT = "CDK_CONTEXT_JSON"  # cdk.json's context, and that of `-c key=value`
ACCOUNT = "HEAVYLIFT_ACCOUNT"  # the account's number
LOCAL_BUILD = (
    "HEAVYLIFT_LOCAL_BUILD"  # set: for the embedded cloud, which runs what was built for this machine's Python
)

# Of the context.
PYTHON, PLATFORM = "heavylift:python", "heavylift:platform"  # to build for
PRUNE, STRIP = "heavylift:prune", "heavylift:strip"  # whether the build does
RECORD = "heavylift:record"  # files with events to record
DEPLOYS = "heavylift:deploys"  # whether what is built is deployed
