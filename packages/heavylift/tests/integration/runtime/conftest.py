"""Fixtures of starts whose library comes page by page."""

from __future__ import annotations

from typing import Any

import oss2
import pytest

from tests.support.loading import Packed
from tests.support.paged import HOT_FUNCTIONS, USER, pack_paged


@pytest.fixture(scope="session")
def paged() -> Packed:
    return pack_paged(HOT_FUNCTIONS)


@pytest.fixture
def paged_instance(instance: Any, upload: oss2.Bucket, paged: Packed) -> Any:
    """An instance in mode working-set, whose archive has the library."""
    upload.put_object("applib/paged.zip", paged.data)
    (instance.code / "user.py").write_text(USER)
    return instance.with_variables(AppLibObject="applib/paged.zip", AppLibDigest=paged.digest, LoadMode="working-set")
