"""A stack that an earlier version deployed is updated by this one: nothing is replaced, nothing gets another name."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from heavylift.clouds.difference import compare

pytestmark = pytest.mark.node
GENERATIONS = ("2.0", "3.0")
# Properties whose change makes ROS replace a resource of these types, as the pages of the types say.
IDENTITIES = frozenset(
    {"BucketName", "RoleName", "ServiceName", "FunctionName", "TriggerName", "TriggerType", "SourceArn", "Name"}
)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_no_resource_of_the_first_layout_is_renamed_or_removed(
    project: Path, synth: Callable[..., Any], first_layout: Callable[[str], str], generation: str
) -> None:
    before = json.loads(first_layout(generation))
    changes = compare(before, synth(project, generation=generation, logs=True).template)
    renamed = [
        (change.name, change.path)
        for change in changes
        if change.change == "remove" or (len(change.path) > 1 and change.path[1] in IDENTITIES)
    ]
    assert renamed == []
    assert [change.name for change in changes if change.section == "Outputs"] == []
