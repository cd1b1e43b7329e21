"""Pieces of a report in Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Return the lines of a table."""
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(str(cell) for cell in line) + " |" for line in lines]


def paragraphs(texts: Iterable[str]) -> list[str]:
    """Return the lines of paragraphs, an empty line before each."""
    return [line for text in texts for line in ("", text)]


def left_out(reasons: Mapping[str, str]) -> list[str]:
    """Return a paragraph for each thing that was not measured, with the reason."""
    return paragraphs(f"Not measured: {label}: {reason}." for label, reason in reasons.items())
