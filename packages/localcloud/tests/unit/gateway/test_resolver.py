from __future__ import annotations

import dns.flags
import dns.message
import dns.rcode
import pytest

from localcloud.gateway.resolver import answer


def known(name: str) -> bool:
    return name == "www.example.org"


def resolve(name: str, kind: str = "A", rdclass: str = "IN") -> tuple[dns.rcode.Rcode, list[str]]:
    """Return the code and the records that a name gets."""
    query = dns.message.make_query(name, kind, rdclass)
    wire = answer(query.to_wire(), known)
    assert wire is not None
    said = dns.message.from_wire(wire)
    assert query.is_response(said)
    return said.rcode(), [record.to_text() for records in said.answer for record in records]


@pytest.mark.parametrize("name", ["aliyuncs.com", "bucket.oss-cn-hangzhou.aliyuncs.com.", "STS.AliyunCS.com"])
def test_names_of_the_cloud_have_the_address_of_loopback(name: str) -> None:
    assert resolve(name) == (dns.rcode.NOERROR, ["127.0.0.1"])


@pytest.mark.parametrize("name", ["example.com", "notaliyuncs.com", "aliyuncs.com.example.com", "localhost", "."])
def test_no_other_name_exists(name: str) -> None:
    assert resolve(name) == (dns.rcode.NXDOMAIN, [])


def test_names_that_users_give_have_it_too() -> None:
    assert resolve("WWW.example.org.") == (dns.rcode.NOERROR, ["127.0.0.1"])


def test_a_name_has_no_other_records_than_an_address() -> None:
    assert resolve("sts.aliyuncs.com", "AAAA") == (dns.rcode.NOERROR, [])


@pytest.mark.parametrize("rdclass", ["CH", "HS", "ANY", "CLASS1234"])
def test_a_name_has_an_address_in_the_internet_alone(rdclass: str) -> None:
    assert resolve("sts.aliyuncs.com", "A", rdclass) == (dns.rcode.NOERROR, [])


@pytest.mark.parametrize(
    "query", [b"", b"\0" * 12, b"\xff" * 40, dns.message.make_query("a.example", "A", id=7).to_wire()[:-3]]
)
def test_what_is_no_query_is_no_reason_to_fail(query: bytes) -> None:
    said = answer(query, known)
    assert said is None or dns.message.from_wire(said).rcode() == dns.rcode.FORMERR


def test_an_answer_gets_no_answer() -> None:
    query = dns.message.make_query("sts.aliyuncs.com", "A")
    query.flags |= dns.flags.QR
    assert answer(query.to_wire(), known) is None
