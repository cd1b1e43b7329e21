"""XML of nested values."""

from __future__ import annotations

import pytest

from localcloud.kernel.xml import HEAD, Elements, render


def test_the_form_of_a_document() -> None:
    document = render("List", {"Prefix": "", "IsTruncated": False, "Key": "a<&>b"})
    assert document == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b"<List><Prefix></Prefix><IsTruncated>false</IsTruncated><Key>a&lt;&amp;&gt;b</Key></List>"
    )


def test_a_list_repeats_its_element_and_none_leaves_it_out() -> None:
    values = {"Gone": None, "None": [], "Size": 1.5, "Name": ["a", "b"], "Entry": ({"Key": key} for key in "cd")}
    elements = "<Size>1.5</Size><Name>a</Name><Name>b</Name><Entry><Key>c</Key></Entry><Entry><Key>d</Key></Entry>"
    assert render("List", values).decode() == f"{HEAD}<List>{elements}</List>"


def test_elements_come_in_their_order_whatever_their_names() -> None:
    values = Elements([("A", 1), ("B", {"C": True}), ("A", "2"), ("B", None)])
    assert render("List", values).decode() == f"{HEAD}<List><A>1</A><B><C>true</C></B><A>2</A></List>"


@pytest.mark.parametrize("character", ["\0", "\x1f", "\ud800", "\ufffe", "\uffff"])
def test_a_character_that_xml_cannot_write_is_replaced(character: str) -> None:
    assert render("Key", f"a{character}\t\n\U00010000") == f"{HEAD}<Key>a\ufffd\t\n\U00010000</Key>".encode()


def test_control_characters_are_written_as_references_to_them_on_request() -> None:
    assert render("Key", "a\x01\x0c\n&", references=True).endswith(b"<Key>a&#x1;&#xC;\n&amp;</Key>")
    assert render("Key", "\0\ufffe", references=True).endswith("<Key>\ufffd\ufffd</Key>".encode())  # which nobody reads
