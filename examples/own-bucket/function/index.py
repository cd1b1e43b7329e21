"""Keeps `index.html` of a bucket: all notes under `notes/`, which are Markdown, on one page."""

from __future__ import annotations

import os

import oss2
from markdown_it import MarkdownIt

from heavylift.runtime.credentials import find_credentials
from heavylift.runtime.oss import open_bucket
from heavylift.runtime.settings import read_settings


def handler(_event: bytes, context: object) -> str:
    """Write the page anew, and return the number of notes on it."""
    settings = read_settings(os.environ)
    bucket = open_bucket(settings, find_credentials(context, os.environ, local=settings.local))
    keys = [each.key for each in oss2.ObjectIterator(bucket, prefix="notes/")]
    notes = [MarkdownIt().render(bucket.get_object(key).read().decode()) for key in keys]
    bucket.put_object("index.html", f"<h1>{os.environ['TITLE']}</h1>\n{''.join(notes)}")
    return str(len(notes))
