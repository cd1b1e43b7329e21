"""The README in both languages says the same, and its figures are those that were measured."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.support.paths import ROOT

ENGLISH, CHINESE = (ROOT / name for name in ("README.md", "README.zh-CN.md"))
BLOCK = re.compile(r"^```\w*\n.*?^```\n", re.MULTILINE | re.DOTALL)
MEASURED = re.compile(r"(\d+\.\d+) s\b")


def texts() -> tuple[str, str]:
    return ENGLISH.read_text(encoding="utf-8"), CHINESE.read_text(encoding="utf-8")


def prose(text: str) -> str:
    return BLOCK.sub("", text)


def sections(text: str) -> list[str]:
    """Return the parts of a text, each with its heading."""
    return re.split(r"^(?=#+ )", prose(text), flags=re.MULTILINE)[1:]


def test_headings_are_of_the_same_levels_in_the_same_order() -> None:
    levels = [[section.partition(" ")[0] for section in sections(text)] for text in texts()]
    assert levels[0] == levels[1]


def test_commands_are_the_same() -> None:
    english, chinese = map(BLOCK.findall, texts())
    assert english == chinese


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?<![\w.])\d[\d,.]*(?![\w.])",  # figures
        r"`[^`]+`",  # names
        r"\]\(([^)]+)\)",  # links
    ],
    ids=["figures", "names", "links"],
)
def test_each_section_has_the_same(pattern: str) -> None:
    # A name in another script may touch a Latin letter or a figure: `re.ASCII` takes it for no letter.
    found = [[Counter(re.findall(pattern, section, re.ASCII)) for section in sections(text)] for text in texts()]
    found[0][0].pop("README.zh-CN.md", None)
    found[1][0].pop("README.md", None)
    assert found[0] == found[1]


def test_seconds_are_those_of_the_bench() -> None:
    measured = (ROOT / "docs" / "bench" / "README.md").read_text(encoding="utf-8")
    said = MEASURED.findall(prose(texts()[0]))
    assert said
    assert [figure for figure in said if f"{figure} (" not in measured] == []


def test_the_count_of_packages_is_that_of_the_matrix() -> None:
    (found,) = re.findall(
        r"\*\*(\d+ of \d+) work here\*\*", (ROOT / "docs/reference/packages.md").read_text(encoding="utf-8")
    )
    assert f"{found} builds" in texts()[0]
