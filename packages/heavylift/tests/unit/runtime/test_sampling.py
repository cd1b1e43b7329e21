"""The time of imports by package: who spent it, and that looking changes nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from heavylift.runtime.lazy import postpone
from heavylift.runtime.sampling import sampled
from heavylift.runtime.timeline import Timeline


def test_counting_the_modules_of_a_package_executes_none_that_waits_for_its_first_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    executed: list[ModuleType] = []
    module = ModuleType("heavy_api")
    module.__file__ = str(tmp_path / "heavy" / "api.py")
    module.__spec__ = sys.__spec__
    postpone(module, executed.append)
    monkeypatch.setitem(sys.modules, "heavy.api", module)
    source = "import time\nend = time.perf_counter() + 0.1\nwhile time.perf_counter() < end: pass\n"
    timeline = Timeline()
    with sampled(str(tmp_path), timeline):
        exec(compile(source, str(tmp_path / "heavy" / "__init__.py"), "exec"), {})
    found = json.loads(timeline.line("initializer"))["imports"]
    assert [(each["package"], each["modules"]) for each in found] == [("heavy", 1), ("others", 0)]
    assert executed == []
