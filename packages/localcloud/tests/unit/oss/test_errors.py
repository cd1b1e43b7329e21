"""Codes of errors."""

from __future__ import annotations

import pytest

from localcloud.oss.errors import STATUS, OssError


def test_a_code_decides_the_status() -> None:
    assert {code: OssError(code, "").status for code in STATUS} == STATUS


def test_a_code_that_oss_does_not_have_cannot_be_raised() -> None:
    with pytest.raises(ValueError, match="NoSuchCode is not among the codes of OssError"):
        OssError("NoSuchCode", "")
