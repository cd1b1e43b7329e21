"""XML: what is rendered can be parsed, and what clients send is parsed with care."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from localcloud.kernel.xml import render, serialize
from localcloud.oss.errors import OssError
from localcloud.oss.xml import parse, text_of

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


DOCTYPE = '<?xml version="1.0" encoding="utf-16"?><!DOCTYPE Delete [<!ENTITY a "aaaa">]><Delete>&a;</Delete>'


@pytest.mark.parametrize(
    "body",
    [
        DOCTYPE.encode("utf-16"),
        DOCTYPE.replace("utf-16", "utf-8").encode(),
        b'<?xml version="1.0" encoding="none-such"?><Delete/>',
        b'<?xml version="1.0" encoding="rot13"?><Delete/>',
        b'<?xml version="1.0" encoding="gb18030"?><Delete/>',
        b'<?xml version="1.0" encoding="idna"?><Delete/>',
        b"<Delete>\0</Delete>",
        b"<Delete>&#0;</Delete>",
        b"\xff\xfe",
        b"",
        b"<!DOCTYPE Delete><Delete></Delete>",
        b"<Delete>" * 100_000,
        b"<Delete>" * 33 + b"</Delete>" * 33,
        b"<Other/>",
    ],
)
def test_hostile_xml_is_malformed(body: bytes) -> None:
    with pytest.raises(OssError, match="MalformedXML"):
        parse(body, "Delete")


def test_a_document_as_deep_as_any_of_oss_is_read() -> None:
    parse(b"<Delete>" * 32 + b"</Delete>" * 32, "Delete")


@settings(deadline=None)
@given(body=st.binary(max_size=50) | st.text("<>/&;ab \"'=!?[]", max_size=50).map(str.encode))
def test_any_bytes_are_a_document_or_malformed(body: bytes) -> None:
    try:
        parse(body, "a")
    except OssError as error:
        assert error.code == "MalformedXML"  # noqa: PT017 - either outcome is right


def test_a_document_is_kept_as_utf8_without_namespaces_whatever_it_came_in() -> None:
    text = '<?xml version="1.0" encoding="utf-16"?><Tagging xmlns="x"><Key>ü</Key></Tagging>'
    kept = '<?xml version="1.0" encoding="UTF-8"?>\n<Tagging><Key>ü</Key></Tagging>'
    assert serialize(parse(text.encode("utf-16"), "Tagging")) == kept


def test_a_required_child_that_is_missing_is_named() -> None:
    with pytest.raises(OssError, match=r"MalformedXML: .*Delete has no Key"):
        text_of(parse(b"<Delete/>", "Delete"), "Key")


@pytest.mark.parametrize("written", [b"\x0c", b"&#12;", b"&#x0C;", b"&#xc;"])
def test_control_characters_in_keys_are_read_however_they_are_written(written: bytes) -> None:
    assert text_of(parse(b"<Delete><Key>a%sb&#10;</Key></Delete>" % written, "Delete"), "Key") == "a\x0cb\n"
