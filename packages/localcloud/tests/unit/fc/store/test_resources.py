"""Services, functions and triggers on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.fc.model import Function, Service, Trigger
from localcloud.fc.store.resources import FcStore
from localcloud.kernel.errors import LocalCloudError

FUNCTION = Function(service="s", name="f", runtime="python3.10", handler="index.handler")
TRIGGER = Trigger(function=FUNCTION.path, name="t", kind="timer", config={})


def test_state_survives_a_restart(tmp_path: Path) -> None:
    store = FcStore(tmp_path)
    store.services["s"] = Service(name="s")
    store.functions[FUNCTION.path] = FUNCTION
    store.triggers[TRIGGER.function, TRIGGER.name] = TRIGGER
    store.save()
    again = FcStore(tmp_path)
    assert again.services == store.services
    assert again.functions == store.functions
    assert again.triggers == store.triggers


def test_damaged_state_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "functions.json").write_text("{")
    with pytest.raises(LocalCloudError, match=r"functions\.json cannot be read"):
        FcStore(tmp_path)
