"""The variables of jsii, on which the CDK for Python runs, and its room: both the command line and the constructs know them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

# Source: jsii's bin/jsii-runtime.js. Each warning is ten lines at every run, about a Node.js that works; one that is at its end is
# silenced by this sentence alone.
_END_OF_LIFE = (
    "Node14 is now end of life (EOL) as of April 30, 2023. Support of EOL runtimes are only guaranteed for 30 days after EOL. "
    "By silencing this warning you acknowledge that you are using an EOL version of Node and will upgrade to a supported version "
    "as soon as possible."
)
VARIABLES: Mapping[str, str] = MappingProxyType(
    {
        "JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION": "1",
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": _END_OF_LIFE,
        "JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1",
    }
)

ROOM = 64  # MB of temporary files for the CDK's packages, measured: 40 are too few
