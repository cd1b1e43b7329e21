"""Errors of APIs: each code is in its API's table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import pytest

from localcloud.kernel.errors import ApiError


class ShopError(ApiError):
    codes: ClassVar[Mapping[str, int]] = {"NotFound": 404, "Invalid": 400, "Invalid.Size": 413}


@pytest.mark.parametrize(("code", "status"), [("NotFound", 404), ("Invalid.Name", 400), ("Invalid.Size", 413)])
def test_the_table_says_the_status_of_a_code_or_of_its_family(code: str, status: int) -> None:
    assert ShopError(code, "message").status == status


@pytest.mark.parametrize("code", ["Unknown", "NotFoundHere", ""])
def test_a_code_that_is_not_in_the_table_fails_where_it_is_made(code: str) -> None:
    with pytest.raises(ValueError, match="is not among the codes of ShopError"):
        ShopError(code, "message")
