"""Descriptions without HTTP: they survive a restart, and an older state without any is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from localcloud.sls.errors import SlsError
from localcloud.sls.model import DescriptionKind
from localcloud.sls.operations import descriptions as limits
from localcloud.sls.operations.service import SlsService
from tests.support.clock import Clock

P, BOARD, GROUP, CONFIG = (
    "project",
    DescriptionKind.DASHBOARD,
    DescriptionKind.MACHINE_GROUP,
    DescriptionKind.CONFIG,
)
MACHINES = {"machineIdentifyType": "ip", "machineList": []}
INPUT = {"inputType": "file", "inputDetail": {}}


def test_descriptions_survive_a_restart(sls: SlsService, clock: Clock, tmp_path: Path) -> None:
    sls.create_description(P, BOARD, "board", {"charts": []})
    sls.create_description(P, GROUP, "group", MACHINES)
    sls.create_description(P, CONFIG, "config", INPUT)
    sls.apply_config(P, "group", "config")
    again = SlsService(tmp_path, clock=clock)
    assert again.description(P, BOARD, "board") == sls.description(P, BOARD, "board")
    assert again.description(P, GROUP, "group").applied == ("config",)


def test_an_older_state_has_none(sls: SlsService, clock: Clock, tmp_path: Path) -> None:
    path = tmp_path / "sls.json"
    state = json.loads(path.read_text())
    del state["descriptions"]
    path.write_text(json.dumps(state))
    assert SlsService(tmp_path, clock=clock).descriptions(P, BOARD) == []


def test_a_project_has_so_many_of_a_kind_at_most(sls: SlsService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_DESCRIPTIONS", 2)
    for name in ("first", "second"):
        sls.create_description(P, BOARD, name, {})
    with pytest.raises(SlsError, match="2 of the kind dashboard at most"):
        sls.create_description(P, BOARD, "third", {})
    sls.create_description(P, GROUP, "third", MACHINES)


def test_a_change_is_noted_by_its_time(sls: SlsService, clock: Clock) -> None:
    made = sls.create_description(P, BOARD, "board", {})
    clock.now += 10
    sls.update_description(P, BOARD, "board", {"charts": []})
    changed = sls.description(P, BOARD, "board")
    assert (changed.created, changed.modified) == (made.created, made.created + 10)
