"""The clock that tests move."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from pathlib import Path

import pytest

from localcloud.kernel.clock import MAX_AHEAD, Clock, OnMachineTime
from localcloud.kernel.errors import LocalCloudError
from localcloud.kernel.identity import Credential, Identity


def test_it_is_this_machines_until_it_is_moved_and_stays_ahead_after_a_restart(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock.json")
    assert abs(clock() - time.time()) < 1
    assert not (tmp_path / "clock.json").exists()
    clock.advance(3600)
    clock.advance(0.5)
    assert clock.ahead == Clock(tmp_path / "clock.json").ahead == 3600.5
    assert abs(clock() - time.time() - 3600.5) < 1


@pytest.mark.parametrize("seconds", [-1, math.nan, math.inf, MAX_AHEAD])
def test_it_goes_ahead_only_and_not_for_ever(tmp_path: Path, seconds: float) -> None:
    clock = Clock(tmp_path / "clock.json")
    clock.advance(1)
    with pytest.raises(LocalCloudError, match="it goes ahead only"):
        clock.advance(seconds)
    assert clock.ahead == 1


def test_a_key_expires_by_it_whoever_compares_with_this_machines_clock(tmp_path: Path) -> None:
    clock = Clock(tmp_path / "clock.json")
    session = Credential(access_key_id="s", access_key_secret="", expires_at=5000.0, identity=Identity(account_id="1"))
    lasting = replace(session, access_key_id="l", expires_at=None)
    kept = {"s": session, "l": lasting}

    class Store:
        def find(self, access_key_id: str) -> Credential | None:
            return kept.get(access_key_id)

    store = OnMachineTime(Store(), clock)
    assert store.find("s") == session
    clock.advance(3600)
    assert store.find("s") == replace(session, expires_at=1400.0)
    assert store.find("l") == lasting
    assert store.find("nobody") is None
