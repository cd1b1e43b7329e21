"""The work of the process of an analysis, without one: the logs that a search finds, as far as they are kept and there is time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from localcloud.sls.analysis import worker
from localcloud.sls.analysis.process import Analysis
from localcloud.sls.errors import SlsError
from localcloud.sls.model import DAY, NANOSECONDS, Log, LogGroup, LogstoreSettings, ProjectSettings
from localcloud.sls.operations import analyses
from localcloud.sls.operations.logs import Search
from localcloud.sls.operations.service import SlsService
from tests.support.clock import Clock

P, S = "project", "store"
INDEX: dict[str, Any] = {"line": {"token": [" "]}, "keys": {"n": {"type": "long", "doc_value": True}}}
EVER: dict[str, Any] = {"begin": 0, "end": 2**32 * NANOSECONDS}


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    def analyze(asked: Mapping[str, Any]) -> Analysis:
        return Analysis(**worker.answer(asked))  # type: ignore[arg-type]

    monkeypatch.setattr(analyses, "analyze", analyze)


def make(sls: SlsService, *, mode: str = "standard") -> None:
    sls.create_logstore(P, S, LogstoreSettings(ttl=7, shard_count=1, mode=mode))
    sls.create_index(P, S, INDEX)


def put(sls: SlsService, *numbers: int, topic: str = "") -> None:
    logs = [
        Log(time=number * NANOSECONDS, contents=(("n", str(number)), ("text", f"no {number}"))) for number in numbers
    ]
    sls.put_logs(P, S, LogGroup(topic=topic, source="here", logs=logs))


def total(sls: SlsService, **search: Any) -> str:
    ((value,),) = sls.analyze(P, Search(**{**EVER, **search}), "SELECT sum(n)", logstore=S).rows
    return value


def test_what_a_search_finds_is_analyzed(sls: SlsService) -> None:
    make(sls)
    put(sls, 1, 2, 4)
    put(sls, 8, topic="web")
    assert total(sls) == "15"
    assert total(sls, topic="web") == "8"
    assert total(sls, query="no not 2") == "13"
    assert total(sls, begin=2 * NANOSECONDS, end=8 * NANOSECONDS) == "6"
    analysis = sls.analyze(P, Search(**EVER), "SELECT n, n AS m LIMIT 3", logstore=S)
    assert (analysis.columns, analysis.types) == (["n", "m"], ["bigint", "bigint"])
    assert (analysis.limit, analysis.examined, analysis.complete) == (3, 4, True)


def test_what_has_expired_is_not(sls: SlsService, clock: Clock) -> None:
    make(sls)
    put(sls, 1)
    clock.now += 8 * DAY
    put(sls, 2)
    assert total(sls) == "2"


def test_a_look_at_logs_that_takes_too_long_is_incomplete(sls: SlsService, monkeypatch: pytest.MonkeyPatch) -> None:
    make(sls)
    put(sls, 1, 2)
    monkeypatch.setattr(worker, "MAX_SCAN", -1.0)
    analysis = sls.analyze(P, Search(**EVER), "SELECT count(*)", logstore=S)
    assert (analysis.rows, analysis.examined, analysis.complete) == ([["0"]], 0, False)


def test_logs_of_a_logstore_for_queries_alone_are_not_analyzed(sls: SlsService) -> None:
    make(sls, mode="query")
    with pytest.raises(SlsError, match="of a mode whose logs are not analyzed"):
        total(sls)
    with pytest.raises(SlsError, match="LogStore \\(store\\) is not found"):
        sls.analyze(P, Search(**EVER), f"SELECT 1 FROM {S}", among=[S])


def test_the_folder_may_have_any_name(tmp_path: Path, clock: Clock) -> None:
    folder = tmp_path / "a?mode=rwc#b%41 ü"
    folder.mkdir()
    service = SlsService(folder, clock=clock)
    service.create_project(P, ProjectSettings())
    make(service)
    put(service, 3)
    assert total(service) == "3"
    service.close()
