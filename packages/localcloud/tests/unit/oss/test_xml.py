"""XML: what is rendered can be parsed, and what clients send is parsed with care."""

from __future__ import annotations

import pytest

from localcloud.kernel.xml import serialize
from localcloud.oss.errors import OssError
from localcloud.oss.xml import parse, text_of

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
        b"<Delete>" + b"<![CDATA[" * 200_000,
        b"<Delete>" + b"<a/>" * 200_000 + b"</Delete>",
        b"<Delete>" + b"&" * 200_000 + b"</Delete>",
        b"<Delete a" + b" a='>'" * 100_000 + b"></Delete>",
        b"<Other/>",
    ],
)
def test_hostile_xml_is_malformed(body: bytes) -> None:
    with pytest.raises(OssError, match="MalformedXML"):
        parse(body, "Delete")


def test_the_largest_document_of_oss_is_read() -> None:
    part = b"<Part><PartNumber>1</PartNumber><ETag>&quot;D41D8CD98F00B204E9800998ECF8427E&quot;</ETag></Part>"
    body = b"<CompleteMultipartUpload>" + part * 10_000 + b"</CompleteMultipartUpload>"
    assert len(parse(body, "CompleteMultipartUpload")) == 10_000


def test_a_document_as_deep_as_any_of_oss_is_read() -> None:
    parse(b"<Delete>" * 32 + b"</Delete>" * 32, "Delete")


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


@pytest.mark.parametrize("text", ["a & b", "&amp;", "&#12;", "<a>&</a>"])
def test_character_data_stand_for_themselves(text: str) -> None:
    body = f"<Delete><Key><![CDATA[{text}]]></Key><Key>&</Key></Delete>".encode()
    assert [key.text for key in parse(body, "Delete")] == [text, "&"]


def test_an_ampersand_that_begins_no_reference_stands_for_itself() -> None:
    assert text_of(
        parse(b"<Delete><Key>a&&b&c;&amp;&#65;</Key></Delete>".replace(b"&c;", b"& c"), "Delete"), "Key"
    ) == ("a&&b& c&A")
