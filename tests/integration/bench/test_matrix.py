"""Small ones of the matrix's packages: built, deployed and used, in turn on each Python of the platform that this machine has.

`make matrix` tries each package on each.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import cycle

import pytest

from bench.matrix.cases import PYTHONS, read_cases
from bench.matrix.rows import read_pins
from bench.matrix.workshop import Workshop, workshop
from heavylift.build.machine import find_interpreter
from heavylift.contracts.platform import DEFAULT_PLATFORM, Target
from tests.support.paths import ROOT

# numpy's test modules are imported by numpy; a driver of duckdb needs a package that duckdb does not bring; sentencepiece names
# its module `sentencepiece/__init__`; cryptography is one large extension; pillow's libraries lie beside it in `pillow.libs`.
SMALL = ("shapely", "duckdb", "sentencepiece", "cryptography", "pillow")


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    with workshop(ROOT, tmp_path_factory.mktemp("matrix")) as made:
        yield made


@pytest.mark.parametrize(("name", "python"), list(zip(SMALL, cycle(PYTHONS), strict=False)))
def test_a_package_works_on_the_python_that_it_was_built_for(shop: Workshop, name: str, python: str) -> None:
    if find_interpreter(Target(python, DEFAULT_PLATFORM)) is None:
        pytest.skip(f"there is no Python {python} on this machine")
    (case,) = (case for case in read_cases() if case.name == name)
    row = shop.measure(case, python, read_pins(ROOT)[name, python], runs=1)
    assert row.failure == ""
    assert row.ran_on.startswith(f"{python}.")
    assert row.versions[name] == read_pins(ROOT)[name, python][name]
