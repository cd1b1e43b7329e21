"""Laws of documents, as they are written and read."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.kernel.xml import render
from localcloud.oss.errors import OssError
from localcloud.oss.xml import parse

# "\r" is not among them: a reader of XML makes a line feed of it.
TEXT = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"))


@settings(deadline=None)
@given(text=TEXT, count=st.integers())
def test_what_is_rendered_is_what_is_read(text: str, count: int) -> None:
    document = render("List", {"Name": text, "Count": count, "Entry": [{"Key": text}, {"Key": "b"}], "Gone": None})
    tree = parse(document, "List")
    assert (tree.findtext("Name"), tree.findtext("Count")) == (text, str(count))
    assert [entry.findtext("Key") for entry in tree.findall("Entry")] == [text, "b"]
    assert tree.find("Gone") is None


@settings(deadline=None)
@given(text=st.text(st.characters()))
def test_any_text_renders_to_a_document_that_can_be_read(text: str) -> None:
    parse(render("Key", text), "Key")


@settings(deadline=None)
@given(body=st.binary(max_size=50) | st.text("<>/&;ab \"'=!?[]", max_size=50).map(str.encode))
def test_any_bytes_are_a_document_or_malformed(body: bytes) -> None:
    try:
        parse(body, "a")
    except OssError as error:
        assert error.code == "MalformedXML"  # noqa: PT017 - either outcome is right
