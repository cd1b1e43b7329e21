"""Archives that mean harm to the loader: the laws of loading hold for any seed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import hypothesis
import pytest

from packages.heavylift.tests.property.runtime import test_loading as laws
from tests.torture.sweep import Sweep

LAWS: list[Any] = [
    laws.test_no_damaged_byte_gets_through,
    laws.test_no_damaged_byte_of_an_ordinary_zip_gets_through,
    laws.test_damage_that_nobody_pinned_is_refused_in_words_or_harmless,
    laws.test_an_index_with_any_field_replaced_is_refused_or_safe,
    laws.test_bytes_that_are_no_index_are_refused,
    laws.test_a_wrong_digest_of_any_block_is_refused,
]


def test_hostile_archives(sweep: Sweep, monkeypatch: pytest.MonkeyPatch) -> None:
    """The laws of loading, each with a seed of its own again and again."""
    for law in LAWS:
        monkeypatch.setattr(law.hypothesis, "inner_test", _counted(law.hypothesis.inner_test, sweep))
    while sweep.goes_on():
        law, seed = sweep.random.choice(LAWS), sweep.random.randrange(2**32)
        try:
            hypothesis.seed(seed)(law)()
        except Exception as error:  # noqa: BLE001 - whatever a law ends with, it was broken
            sweep.accepted(f"broken: {law.__name__}", f"hypothesis seed {seed}: {type(error).__name__} {error}")


def _counted(law: Callable[..., None], sweep: Sweep) -> Callable[..., None]:
    @functools.wraps(law)
    def counted(*args: Any, **kwargs: Any) -> None:
        sweep.tally.mutations += 1
        law(*args, **kwargs)
        sweep.tally.refused += 1

    return counted
