"""What the documents say about commands and settings is what these are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from heavylift.cdk.settings import SETTINGS
from heavylift.cli.main import make_parser
from tests.support.paths import ROOT

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").glob("*/*.md"))]


def commands() -> Iterator[tuple[str, str]]:
    for document in DOCUMENTS:
        for block in re.findall(r"^```\w*\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                text = line.strip().removeprefix("$ ").partition("  #")[0]
                if text.startswith("heavylift ") and not re.search(r"[|…\[]", text):
                    yield document.relative_to(ROOT).as_posix(), text


@pytest.mark.parametrize(("document", "command"), sorted(set(commands())))
def test_a_command_of_the_documents_is_one_that_exists(document: str, command: str) -> None:
    make_parser().parse_args(shlex.split(command)[1:])


def test_every_setting_is_described() -> None:
    text = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(SETTINGS)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8")):
        assert (document.parent / target).exists(), target
