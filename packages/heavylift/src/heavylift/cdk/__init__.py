"""Constructs of the ROS CDK: heavy functions, and the app and stack that they stand in.

The CDK starts a Node process when it is imported: only what needs it imports it here, on its first use.
"""

from __future__ import annotations

import importlib
import os
import shutil
from typing import TYPE_CHECKING

from heavylift.cdk.errors import InfraError, SettingsError
from heavylift.cdk.room import explain_room
from heavylift.contracts import jsii

if TYPE_CHECKING:
    from heavylift.cdk.function import HeavyFunction
    from heavylift.cdk.stack import HeavyApp, HeavyStack
    from heavylift.cdk.storage import PrivateBucket

__all__ = ["HeavyApp", "HeavyFunction", "HeavyStack", "InfraError", "PrivateBucket", "SettingsError"]

_CONSTRUCTS = {"HeavyApp": "stack", "HeavyFunction": "function", "HeavyStack": "stack", "PrivateBucket": "storage"}


def __getattr__(name: str) -> object:
    if name not in _CONSTRUCTS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if shutil.which(os.environ.get("JSII_NODE", "node")) is None:
        raise InfraError(
            "there is no Node.js on PATH, which the CDK needs: install it, or say pip install 'heavylift[node]' and run this "
            "through `heavylift`"
        )
    for variable, value in jsii.VARIABLES.items():
        os.environ.setdefault(variable, value)
    try:
        importlib.import_module(f"{__name__}.loading").load_one_at_a_time()
        importlib.import_module(f"{__name__}.tokens").write_tokens_in_texts()
        return getattr(importlib.import_module(f"{__name__}.{_CONSTRUCTS[name]}"), name)
    except (OSError, RuntimeError) as error:  # of jsii, in Python or in Node.js
        if told := explain_room(error):
            raise told from None
        raise
