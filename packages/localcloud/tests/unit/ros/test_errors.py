"""The codes of errors."""

from __future__ import annotations

import pytest

from localcloud.ros.errors import RosError, TemplateError


def test_a_code_decides_the_status() -> None:
    assert RosError("StackNotFound", "").status == 404
    assert TemplateError("").status == 400


def test_an_unknown_code_fails_where_it_is_raised() -> None:
    with pytest.raises(ValueError, match="StackMissing is not among the codes of RosError"):
        RosError("StackMissing", "")
