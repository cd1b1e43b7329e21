"""The documents describe the commands and settings that there are."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from heavylift.cdk.settings import SETTINGS
from heavylift.cli.options import make_parser
from tests.support.paths import HEAVYLIFT, ROOT

DOCUMENTS = [
    *(ROOT / name for name in ("README.md", "README.zh-CN.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "examples").glob("*/*.md")),
]


def commands() -> Iterator[tuple[str, str]]:
    for document in DOCUMENTS:
        for block in re.findall(r"^```\w*\n(.*?)^```", document.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL):
            for line in block.replace("\\\n", " ").splitlines():
                for part in line.strip().partition("  #")[0].split("&&"):
                    text = part.strip().removeprefix("$ ")
                    if text.startswith("heavylift ") and not re.search(r"[|…\[]", text):
                        yield document.relative_to(ROOT).as_posix(), text


@pytest.mark.parametrize(("document", "command"), sorted(set(commands())))
def test_a_command_of_the_documents_is_one_that_exists(document: str, command: str) -> None:
    make_parser().parse_args(shlex.split(command)[1:])


def test_every_setting_is_described() -> None:
    text = (ROOT / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(SETTINGS)


def test_every_event_of_json_is_described() -> None:
    rooms = ("cli", "clouds", "measure")
    sources = [path.read_text(encoding="utf-8") for room in rooms for path in HEAVYLIFT.glob(f"heavylift/{room}/*.py")]
    text = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    described = text.partition("each with an `event`: ")[2].partition("\n\n")[0]
    emitted = {name for source in sources for name in re.findall(r'"event": "(\w+)"', source)}
    assert set(re.findall(r"`(\w+)`", described)) == emitted


def places(document: Path) -> set[str]:
    """Return the anchors of a document's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(document: Path) -> None:
    for target, place in re.findall(r"\]\(([^)#:]*)(?:#([^)]*))?\)", document.read_text(encoding="utf-8")):
        linked = document.parent / target if target else document
        assert linked.exists(), target
        assert not place or place in places(linked), f"{target}#{place}"


PATH = re.compile(r"(?<![\w./<{-])(?:packages|function|layers_build|infra|tests|bench|docs|examples)/[\w./-]*")


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md", "docs/architecture.md"])
def test_paths_that_are_named_exist(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    named = {path for code in re.findall(r"`([^`\n]+)`", text) for path in PATH.findall(code)}
    assert sorted(path for path in named if not (ROOT / path).exists()) == []
    assert named


SOURCES = ("*.py", "src/**/*.py", "native/*.c")
MODULES = {path.name for pattern in SOURCES for path in ROOT.glob(f"packages/*/{pattern}")}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_modules_that_are_named_exist(document: Path) -> None:
    named = {*re.findall(r"`(\w+\.(?:py|c))`", document.read_text(encoding="utf-8"))}
    assert named <= MODULES


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_tables_are_whole(document: Path) -> None:
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        rows = [len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()]
        assert len(rows) > 2, table  # a row, a heading and a line between them
        assert len({*rows}) == 1, table
