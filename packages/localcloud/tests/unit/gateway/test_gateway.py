"""The gateway's pure parts: names, what comes first on a connection, and whom its authority can vouch for."""

from __future__ import annotations

import asyncio
import datetime
import ssl
from pathlib import Path

import pytest

from localcloud.gateway import certificates
from localcloud.gateway.authority import authority_of, is_good
from localcloud.gateway.certificates import make_authority, make_server_context
from localcloud.gateway.gateway import Gateway, read_head, server_name
from localcloud.gateway.names import find_service, known_names, served_names
from localcloud.gateway.redirect import is_redirected
from localcloud.kernel.errors import LocalCloudError
from localcloud.kernel.places import Places
from localcloud.services import SERVICES

NAMES = served_names(SERVICES.values(), region="cn-hangzhou")
NOW = datetime.datetime(2026, 11, 23, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("oss-cn-hangzhou.aliyuncs.com", "oss"),
        ("BUCKET.oss-cn-hangzhou-internal.aliyuncs.com", "oss"),
        ("bucket.oss-cn-hangzhou.aliyuncs.com.", "oss"),
        ("bucket.oss-accelerate.aliyuncs.com", "oss"),
        ("sts.aliyuncs.com", "sts"),
        ("sts.cn-hangzhou.aliyuncs.com", "sts"),
        ("sts.cn-shanghai.aliyuncs.com", "sts"),
        ("sts-vpc.eu-central-1.aliyuncs.com", "sts"),
        ("ram.aliyuncs.com", "ram"),
        ("ros.aliyuncs.com", "ros"),
        ("1234.cn-hangzhou.fc.aliyuncs.com", "fc"),
        ("1234.cn-hangzhou-internal.fc.aliyuncs.com", "fc"),
        ("fcv3.cn-hangzhou.aliyuncs.com", "fc"),
        ("oss-cn-beijing.aliyuncs.com", "oss"),
        ("bucket.oss-cn-beijing-internal.aliyuncs.com", "oss"),
        ("bucket.s3.oss-cn-beijing.aliyuncs.com", "oss"),
        ("cn-beijing.oss.aliyuncs.com", "oss"),
        ("bucket.cn-beijing.oss.aliyuncs.com", "oss"),
        ("bucket.oss-accelerate-overseas.aliyuncs.com", "oss"),
        ("oss.aliyuncs.com", "oss"),
        ("bucket.oss-internal.aliyuncs.com", "oss"),
        ("oss-nowhere-1.aliyuncs.com", None),
        ("kms.cn-beijing.aliyuncs.com", None),
        ("1234.cn-beijing.fc.aliyuncs.com", None),
        ("sts.nowhere-1.aliyuncs.com", None),
        ("5678.cn-hangzhou.fc.aliyuncs.com", "fc"),
        ("ecs.aliyuncs.com", None),
        ("a.b.oss-cn-hangzhou.aliyuncs.com", None),
        ("evil-oss-cn-hangzhou.aliyuncs.com", None),
        ("oss-cn-hangzhou.aliyuncs.com.example.org", None),
        ("example.org", None),
        ("*.oss-cn-hangzhou.aliyuncs.com", "oss"),
        ("", None),
    ],
)
def test_which_service_answers_to_a_name(host: str, service: str | None) -> None:
    assert find_service(host, NAMES) == service


@pytest.mark.parametrize(
    ("host", "service"),
    [
        ("kms.cn-beijing.aliyuncs.com", "kms"),
        ("1234.cn-beijing.fc.aliyuncs.com", "fc"),
        ("project.cn-beijing.log.aliyuncs.com", "sls"),
        ("id.cn-beijing.fcapp.run", "fc"),
        ("kms.nowhere-1.aliyuncs.com", None),
        ("ecs.cn-beijing.aliyuncs.com", None),
    ],
)
def test_a_name_in_another_region_leads_to_its_service_which_says_that_it_is_not_there(
    host: str, service: str | None
) -> None:
    assert find_service(host, known_names(SERVICES.values(), region="cn-hangzhou")) == service


@pytest.mark.parametrize("host", ["aliyuncs.com", "OSS-x.AliyunCS.com", b"ecs.aliyuncs.com", "ros.aliyuncs.com."])
def test_names_under_the_domain_are_redirected_served_or_not(host: object) -> None:
    assert is_redirected(host)


@pytest.mark.parametrize("host", ["notaliyuncs.com", "aliyuncs.com.example.org", "127.0.0.1", "", None, b"\xff"])
def test_other_names_are_left_alone(host: object) -> None:
    assert not is_redirected(host)


def test_request_to_a_server_is_forwarded_as_it_is() -> None:
    head = b"GET /key?x=1 HTTP/1.1\r\nX: y\r\nHOST:  b.oss-cn-hangzhou.aliyuncs.com \r\nConnection: keep-alive\r\n\r\n"
    read = read_head(head)
    assert (read.host, read.port, read.tunnel) == ("b.oss-cn-hangzhou.aliyuncs.com", 80, False)
    assert read.forward == head


@pytest.mark.parametrize("end", [b"\rx", b"x y"])
def test_white_space_without_end_holds_nobody_up(end: bytes) -> None:
    head = b"GET / HTTP/1.1\r\nHost:" + b" " * 60_000 + end + b"\r\n\r\n"  # tried in every way, it would take hours
    assert read_head(head).host in {"", "x y"}


def test_request_to_a_proxy_loses_what_is_for_the_proxy() -> None:
    read = read_head(
        b"PUT http://B.oss.aliyuncs.com:8080/k%20y?x=1 HTTP/1.1\r\nHost: B.oss.aliyuncs.com\r\nProxy-Authorization: Basic x\r\n"
        b"Proxy-Connection: Keep-Alive\r\nConnection: Keep-Alive\r\nContent-Length: 3\r\n\r\n"
    )
    assert (read.host, read.port, read.tunnel) == ("b.oss.aliyuncs.com", 8080, False)
    assert read.forward == (
        b"PUT /k%20y?x=1 HTTP/1.1\r\nConnection: close\r\nHost: B.oss.aliyuncs.com\r\nContent-Length: 3\r\n\r\n"
    )


def test_tunnel_names_its_host_and_port() -> None:
    read = read_head(b"CONNECT sts.aliyuncs.com:443 HTTP/1.1\r\nHost: other.example.org\r\n\r\n")
    assert (read.host, read.port, read.tunnel) == ("sts.aliyuncs.com", 443, True)


@pytest.mark.parametrize("head", [b"\r\n\r\n", b"GET /\r\n\r\n", b"SSH-2.0-x y z\r\n\r\n", b"GET http://[/ HTTP/1.1\r\n\r\n",
                                  b"CONNECT a:99999 HTTP/1.1\r\n\r\n"])  # fmt: skip
def test_what_is_no_request(head: bytes) -> None:
    with pytest.raises(ConnectionError):
        read_head(head)


def client_hello(name: str | None) -> bytes:
    outgoing = ssl.MemoryBIO()
    context = ssl.create_default_context()
    context.check_hostname = False
    connection = context.wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        connection.do_handshake()
    return outgoing.read()


def test_server_name_in_a_hello_that_arrives_bit_by_bit() -> None:
    hello = client_hello("sts.aliyuncs.com")
    assert {server_name(hello[:size]) for size in range(1, len(hello))} == {None}
    assert server_name(hello) == "sts.aliyuncs.com"


def test_hello_without_a_name_and_what_is_no_hello() -> None:
    assert server_name(client_hello(None)) == ""
    with pytest.raises(ConnectionError):
        server_name(b"\x16\x03\x01\x00\x04abcd")


def shake(server: ssl.SSLContext, client: ssl.SSLContext, name: str) -> None:
    """Shake hands in memory."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for end in [*ends, *ends]:
        try:
            end.do_handshake()
        except ssl.SSLWantReadError:
            continue


def trusting(pem: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cadata=pem)
    return context


def test_certificate_is_good_for_the_served_names(tmp_path: Path) -> None:
    now = datetime.datetime.now(datetime.UTC)
    authority = make_authority(tmp_path, now=now)
    server = make_server_context(authority, NAMES, now=now)
    shake(server, trusting(authority.pem), "bucket.oss-cn-hangzhou-internal.aliyuncs.com")
    shake(server, trusting(authority.pem), "1234.cn-hangzhou.fc.aliyuncs.com")
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        shake(server, trusting(authority.pem), "ecs.aliyuncs.com")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(server, ssl.create_default_context(), "sts.aliyuncs.com")


def test_authority_cannot_vouch_for_other_names(tmp_path: Path) -> None:
    now = datetime.datetime.now(datetime.UTC)
    authority = make_authority(tmp_path, now=now)
    server = make_server_context(authority, ["example.org"], now=now)
    with pytest.raises(ssl.SSLCertVerificationError, match="permitted subtree violation"):
        shake(server, trusting(authority.pem), "example.org")


def test_authority_is_kept_private_and_renewed_in_time(tmp_path: Path) -> None:
    assert not is_good(authority_of(tmp_path), now=NOW)
    made = make_authority(tmp_path, now=NOW)
    make_server_context(made, NAMES, now=NOW)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["authority.pem", "ca.pem"]
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}
    assert "PRIVATE" not in made.pem
    assert is_good(made, now=NOW + datetime.timedelta(days=700))
    assert not is_good(made, now=NOW + datetime.timedelta(days=800))


def test_authority_that_cannot_vouch_for_all_names_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certificates, "DOMAINS", ("aliyuncs.com",))  # as an earlier release has made it
    assert not is_good(make_authority(tmp_path, now=NOW), now=NOW)


@pytest.mark.parametrize("content", ["", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n"])
def test_damaged_authority_is_refused_with_a_sentence(tmp_path: Path, content: str) -> None:
    (tmp_path / "authority.pem").write_text(content)
    with pytest.raises(LocalCloudError, match=r"authority\.pem cannot be read .*; remove it"):
        is_good(authority_of(tmp_path), now=NOW)


def test_authority_whose_key_is_anothers_is_refused(tmp_path: Path) -> None:
    made, other = (make_authority(tmp_path / name, now=NOW) for name in "ab")
    key = other.both.read_text().removeprefix(other.pem)
    made.both.write_text(made.pem + key)
    with pytest.raises(LocalCloudError, match="cannot be read"):
        is_good(made, now=NOW)


class Broken(dict[str, str]):
    """Names whose look-up fails as nobody expects."""

    def __contains__(self, _: object) -> bool:
        raise ZeroDivisionError("the secret reason")


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        (b"GET / HTTP/1.1\r\nHost: sts.aliyuncs.com\r\n\r\n", b"HTTP/1.1 500 "),
        (b"CONNECT sts.aliyuncs.com:443 HTTP/1.1\r\n\r\n", b"HTTP/1.1 500 "),
    ],
)
def test_unexpected_exception_is_answered_and_logged_once(
    sent: bytes, answered: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async def scenario() -> bytes:
        gateway = Gateway(0, places=Places(1))
        gateway.open(names=Broken(), backends={})
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(sent)
        received = await reader.read()
        writer.close()
        gateway.close()
        return received

    answer = asyncio.run(scenario())
    assert answer.startswith(answered)
    assert b"secret" not in answer
    [record] = caplog.records
    request_id = record.getMessage().rpartition(" ")[2].rstrip(")")
    assert request_id.encode() in answer


def test_refusal_of_a_name_that_is_not_ascii_has_the_right_length() -> None:
    async def scenario() -> bytes:
        gateway = Gateway(0, places=Places(1))
        gateway.open(names={}, backends={})
        reader, writer = await asyncio.open_connection("127.0.0.1", gateway.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: \xe4\xf6.example\r\n\r\n")
        received = await reader.read()
        writer.close()
        gateway.close()
        return received

    head, _, body = asyncio.run(scenario()).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}\r\n".encode() in head + b"\r\n"
