"""Clients that speak to names under aliyuncs.com, through the gateway: as a proxy, as a server, and from inside an instance."""

from __future__ import annotations

import io
import json
import socket
import ssl
import struct
import sysconfig
import textwrap
import uuid
import zipfile
from base64 import b64encode
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import oss2
import pytest
import requests
from alibabacloud_fc20230330 import models
from alibabacloud_fc20230330.client import Client
from botocore.config import Config
from botocore.exceptions import ClientError
from darabonba.runtime import RuntimeOptions

Running = Any  # the running cloud of tests/support/cloud.py


@pytest.fixture
def through_proxy(cloud: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables that make clients use the gateway and trust its authority."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, cloud.endpoints["gateway"])
        monkeypatch.setenv(name.lower(), cloud.endpoints["gateway"])
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for name in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(name, cloud.endpoints["authority"])


@pytest.mark.usefixtures("through_proxy")
@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("auth", [oss2.Auth, oss2.AuthV4], ids=["v1", "v4"])
def test_oss2_on_a_public_endpoint(cloud: Running, scheme: str, auth: Any) -> None:
    endpoint = f"{scheme}://oss-{cloud.region}.aliyuncs.com"
    name = "gateway-" + uuid.uuid4().hex[:12]
    bucket = oss2.Bucket(auth(cloud.access_key_id, cloud.access_key_secret), endpoint, name, region=cloud.region)
    bucket.create_bucket()
    content = bytes(range(256)) * 20_000
    bucket.put_object("some/key", content)
    assert bucket.get_object("some/key").read() == content
    assert cloud.bucket(name).get_object("some/key").read() == content
    with pytest.raises(oss2.exceptions.NoSuchKey):
        bucket.get_object("other")


def s3_client(cloud: Running, style: str) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=f"https://s3.oss-{cloud.region}.aliyuncs.com",
        region_name=cloud.region,
        aws_access_key_id=cloud.access_key_id,
        aws_secret_access_key=cloud.access_key_secret,
        verify=cloud.endpoints["authority"],
        config=Config(s3={"addressing_style": style}, request_checksum_calculation="when_required"),
    )


@pytest.mark.usefixtures("through_proxy")
def test_the_s3_protocol_at_its_own_names(cloud: Running) -> None:
    client, by_path = s3_client(cloud, "virtual"), s3_client(cloud, "path")
    name = "s3-" + uuid.uuid4().hex[:12]
    with pytest.raises(ClientError, match="SecondLevelDomainForbidden"):
        by_path.create_bucket(Bucket=name)
    by_path.close()
    client.create_bucket(Bucket=name)
    client.put_object(Bucket=name, Key="a b", Body=io.BytesIO(b"hello"))
    assert client.get_object(Bucket=name, Key="a b")["Body"].read() == b"hello"
    client.close()


@pytest.mark.usefixtures("through_proxy")
@pytest.mark.parametrize(
    "url", ["http://ecs.aliyuncs.com/", "https://ecs.cn-beijing.aliyuncs.com/", "http://example.org/"]
)
def test_names_that_are_not_served_are_refused(url: str) -> None:
    host = str(urlsplit(url).hostname)
    if url.startswith("https"):
        with pytest.raises(requests.exceptions.ProxyError, match="403 Forbidden"):
            requests.get(url, timeout=20)
    else:
        response = requests.put(url, data=bytes(5_000_000), timeout=20)
        assert response.status_code == 403
        assert response.text.startswith(f"{host}:80 is not served by the embedded cloud")


@pytest.mark.usefixtures("through_proxy")
def test_two_hosts_on_one_connection_reach_their_own_services(cloud: Running) -> None:
    with requests.Session() as session:
        for _ in range(2):
            assert session.get(f"http://oss-{cloud.region}.aliyuncs.com/", timeout=20).headers["Server"] == "AliyunOSS"
            assert "MissingAccessKeyId" in session.get("http://sts.aliyuncs.com/", timeout=20).text


def connect(cloud: Running) -> socket.socket:
    return socket.create_connection(("127.0.0.1", urlsplit(cloud.endpoints["gateway"]).port or 0), timeout=20)


def test_tls_straight_to_the_port_is_dispatched_by_its_server_name(cloud: Running) -> None:
    context = ssl.create_default_context(cafile=cloud.endpoints["authority"])
    with connect(cloud) as raw, context.wrap_socket(raw, server_hostname="sts.aliyuncs.com") as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: sts.aliyuncs.com\r\nConnection: close\r\n\r\n")
        with connection.makefile("rb") as file:
            assert b"MissingAccessKeyId" in file.read()
    with (
        connect(cloud) as raw,
        pytest.raises(ssl.SSLError, match="UNRECOGNIZED_NAME"),
        context.wrap_socket(raw, server_hostname="ecs.aliyuncs.com"),
    ):
        pass


def test_a_bucket_takes_the_tls_that_it_is_configured_for(cloud: Running) -> None:
    limited, other = (f"{kind}-{uuid.uuid4().hex[:12]}" for kind in ("limited", "other"))
    for name in (limited, other):
        cloud.bucket(name).create_bucket()

    def spoken(name: str, version: ssl.TLSVersion, ciphers: str = "DEFAULT") -> str | None:
        """Return the version of a connection, or None where the handshake fails."""
        context = ssl.create_default_context(cafile=cloud.endpoints["authority"])
        context.minimum_version = context.maximum_version = version
        context.set_ciphers(ciphers)
        host = f"{name}.oss-{cloud.region}.aliyuncs.com"
        try:
            with connect(cloud) as raw, context.wrap_socket(raw, server_hostname=host) as connection:
                connection.sendall(f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
                assert connection.recv(8) == b"HTTP/1.1"
                return connection.version()
        except ssl.SSLError:
            return None

    def configure(content: str) -> None:
        body = f"<HttpsConfiguration>{content}</HttpsConfiguration>"
        cloud.bucket(limited)._do("PUT", limited, "", params={"httpsConfig": ""}, data=body)

    old, new = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
    assert [spoken(limited, old), spoken(limited, new)] == ["TLSv1.2", "TLSv1.3"]
    configure("<TLS><Enable>true</Enable><TLSVersion>TLSv1.3</TLSVersion></TLS>")
    assert [spoken(limited, old), spoken(limited, new), spoken(other, old)] == [None, "TLSv1.3", "TLSv1.2"]
    suites = "<CustomCipherSuite>ECDHE-ECDSA-AES128-GCM-SHA256</CustomCipherSuite>"
    configure(f"<TLS><Enable>false</Enable></TLS><CipherSuite><Enable>true</Enable>{suites}</CipherSuite>")
    assert spoken(limited, old, "ECDHE-ECDSA-AES128-GCM-SHA256") == "TLSv1.2"
    assert spoken(limited, old, "ECDHE-ECDSA-AES256-GCM-SHA384") is None
    suites = "<CustomCipherSuite>none of them</CustomCipherSuite>"
    configure(f"<TLS><Enable>false</Enable></TLS><CipherSuite><Enable>true</Enable>{suites}</CipherSuite>")
    assert [spoken(limited, old), spoken(limited, new)] == [None, "TLSv1.3"]


def test_a_client_that_leaves_an_answer_over_tls_half_read_leaves_nothing_in_the_log(cloud: Running) -> None:
    name, context = "left-" + uuid.uuid4().hex[:12], ssl.create_default_context(cafile=cloud.endpoints["authority"])
    bucket, log = cloud.bucket(name), cloud.data / "stderr.log"
    bucket.create_bucket("public-read")
    bucket.put_object("big", bytes(16_000_000))
    host, before = f"{name}.oss-{cloud.region}.aliyuncs.com", log.stat().st_size
    request = f"GET /big HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()

    def read(size: int) -> None:
        with connect(cloud) as raw:
            # closed with no time to linger, a socket sends RST instead of FIN (socket(7), SO_LINGER)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            with context.wrap_socket(raw, server_hostname=host) as connection:
                connection.sendall(request)
                while size > 0:
                    size -= len(connection.recv(65536))

    for size in (1, 1, 1_000_000, 1_000_000, 16_000_000):  # the last waits for what the others have left
        read(size)
    assert log.read_bytes()[before:] == b""


@pytest.mark.parametrize(
    "sent", [b"\x16\x03\x01\x00\x04abcd", b"nonsense\r\n\r\n", b"CONNECT sts.aliyuncs.com:22 HTTP/1.1\r\n\r\n"]
)
def test_nonsense_ends_the_connection_and_nothing_else(cloud: Running, sent: bytes) -> None:
    with connect(cloud) as raw:
        raw.sendall(sent)
        raw.shutdown(socket.SHUT_WR)
        with raw.makefile("rb") as file:
            assert file.read().partition(b"\r\n")[0] in (b"", b"HTTP/1.1 403 Forbidden")
    assert requests.get(cloud.endpoints["gateway"], headers={"Host": "sts.aliyuncs.com"}, timeout=20).status_code == 400


def test_refused_upload_gets_its_answer(cloud: Running) -> None:
    size = 20_000_000
    with connect(cloud) as raw:
        raw.sendall(b"PUT /key HTTP/1.1\r\nHost: ecs.aliyuncs.com\r\nContent-Length: %d\r\n\r\n" % size)
        raw.sendall(bytes(size))
        with raw.makefile("rb") as file:
            assert file.readline() == b"HTTP/1.1 403 Forbidden\r\n"


VENDOR = textwrap.dedent(
    """
    import json, socket, subprocess, sys

    import requests  # with its own list of authorities


    def outcome(call):
        try:
            return call()
        except Exception as error:
            return type(error).__name__ + ": " + str(error)


    def handler(event, context):
        order = json.loads(event)
        answers = [outcome(lambda: requests.get(url, timeout=20).text) for url in order["urls"]]
        answers.append(outcome(lambda: socket.create_connection(("example.org", 80), timeout=20).close()))
        program = "import sys, requests; sys.stdout.write(requests.get(sys.argv[1], timeout=20).text)"
        answers += [
            subprocess.run([sys.executable, "-c", program, url], capture_output=True, text=True).stdout
            for url in order["urls"][:2]
        ]
        return json.dumps(answers)
    """
)


@pytest.fixture
def code() -> str:
    """A code package with requests and what it needs, as vendors ship them; base64 of the zip."""
    site = Path(sysconfig.get_paths()["purelib"])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("index.py", VENDOR)
        for package in ("requests", "urllib3", "idna", "certifi", "charset_normalizer"):
            for path in sorted((site / package).rglob("*")):
                if path.suffix in {".py", ".pem"}:
                    archive.write(path, path.relative_to(site))
    return b64encode(buffer.getvalue()).decode()


@pytest.mark.parametrize("runtime", ["python3.10", "python3.12"])
def test_unmodified_code_in_an_instance(cloud: Running, bucket: oss2.Bucket, code: str, runtime: str) -> None:
    bucket.put_object("some key", b"from oss")
    internal = f"oss-{cloud.region}-internal.aliyuncs.com"
    auth = oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret)
    signed = [
        oss2.Bucket(auth, f"{scheme}://{internal}", bucket.bucket_name, region=cloud.region)
        .sign_url("GET", "some key", 600)
        for scheme in ("http", "https")
    ]  # fmt: skip
    assert urlsplit(signed[1]).hostname == f"{bucket.bucket_name}.{internal}"

    client = Client(cloud.config("fc"))
    name = "vendor-" + uuid.uuid4().hex[:10]
    function = models.CreateFunctionInput(
        function_name=name,
        runtime=runtime,
        handler="index.handler",
        timeout=60,
        code=models.InputCodeLocation(zip_file=code),
    )
    client.create_function(models.CreateFunctionRequest(body=function))
    event = json.dumps({"urls": [*signed, "https://ecs.aliyuncs.com/", "http://ecs.aliyuncs.com/"]})
    request = models.InvokeFunctionRequest(body=io.BytesIO(event.encode()))
    answer = client.invoke_function_with_options(name, request, models.InvokeFunctionHeaders(), RuntimeOptions())
    plain, secure, refused_secure, refused_plain, outside, *of_a_child = json.loads(answer.body.read())
    assert plain == secure == "from oss"
    assert of_a_child == ["from oss", "from oss"]
    assert "unrecognized name" in refused_secure.lower().replace("_", " ")
    assert refused_plain.startswith("ecs.aliyuncs.com:80 is not served by the embedded cloud")
    assert outside.startswith("gaierror")
