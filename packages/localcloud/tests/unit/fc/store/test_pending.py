"""Accepted invocations on disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from localcloud.fc.model import Pending
from localcloud.fc.store.pending import PendingInvocations
from localcloud.kernel.errors import LocalCloudError


def test_accepted_invocations_are_kept_until_they_are_done(tmp_path: Path) -> None:
    one = Pending(request_id="1-a", function="functions/f", payload=b"\x00\xff", accepted=1.5, due=61.5)
    two = Pending(request_id="1-b", function="functions/g", payload=b"")
    kept = PendingInvocations(tmp_path / "pending")
    kept.add(two)
    kept.add(one)
    assert PendingInvocations(tmp_path / "pending").all() == [one, two]
    kept.remove("1-a")
    assert kept.all() == [two]
    (tmp_path / "pending" / "1-c.json").write_text("{}")
    with pytest.raises(LocalCloudError, match=r"1-c\.json cannot be read"):
        kept.all()
