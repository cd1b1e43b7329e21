"""Custom domains: names of a user's own, reached through the gateway."""

from __future__ import annotations

import datetime
import http.client
import json
import socket
import ssl
import textwrap
import uuid
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from alibabacloud_fc20230330 import models as models3
from alibabacloud_fc_open20210406 import models as models2
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support import wire

Running = Any  # the running cloud of tests/support/cloud.py
EVENT = "def handler(event, context):\n    return event\n"
WSGI = textwrap.dedent(
    """
    def handler(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [environ["PATH_INFO"].encode()]
    """
)


def certificate(name: str) -> tuple[str, str]:
    """Return a certificate that vouches for itself, and its key, both in PEM."""
    key, subject = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return made.public_bytes(serialization.Encoding.PEM).decode(), private.decode()


def ask(
    cloud: Running,
    host: str,
    target: str,
    *,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    trust: str = "",
) -> tuple[int, bytes]:
    """Send a request to the gateway, which finds the host by its name; with a certificate to trust, over TLS."""
    connection = http.client.HTTPConnection(host, timeout=30)
    connection.sock = socket.create_connection(wire.address(cloud.endpoints["gateway"]), timeout=30)
    try:
        if trust:
            connection.sock = ssl.create_default_context(cadata=trust).wrap_socket(
                connection.sock, server_hostname=host
            )
        connection.request(method, target, headers=dict(headers or {}))
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


@pytest.fixture
def host() -> str:
    """A domain that no other test has."""
    return f"www.{uuid.uuid4().hex[:12]}.example.com"


def test_a_domain_of_fc_3_leads_to_functions_by_path(
    cloud: Running, client_of: Callable[..., Any], zip_of: Callable[..., bytes], host: str
) -> None:
    client = client_of(cloud, "fc3")
    client.create("f", code=zip_of({"index.py": EVENT}))
    rewrite = {"wildcardRules": [{"match": "^/old/*", "replacement": "/new/$1"}]}
    routes: list[dict[str, Any]] = [
        {"path": "/only", "functionName": client.prefix + "f", "methods": ["POST"]},
        {"path": "/old/*", "functionName": client.prefix + "f", "methods": ["GET"], "rewriteConfig": rewrite},
    ]
    given = {"domainName": host, "protocol": "HTTP", "routeConfig": {"routes": routes}}
    body = models3.CreateCustomDomainInput().from_map(given)
    made = client.client.create_custom_domain(models3.CreateCustomDomainRequest(body=body)).body.to_map()
    assert (made["domainName"], made["protocol"]) == (host, "HTTP")
    assert made["routeConfig"]["routes"][1]["rewriteConfig"]["wildcardRules"] == rewrite["wildcardRules"]
    status, answered = ask(cloud, host, "/old/a?b=c")
    assert status == 200
    event = json.loads(answered)
    assert (event["rawPath"], event["queryParameters"]) == ("/new/a", {"b": "c"})
    assert event["requestContext"]["domainName"] == host
    assert ask(cloud, host, "/only")[0] == 405
    assert ask(cloud, host, "/only", method="POST")[0] == 200
    status, refused = ask(cloud, host, "/")
    assert (status, json.loads(refused)["Code"]) == (404, "DomainRouteNotFound")
    listed = client.client.list_custom_domains(models3.ListCustomDomainsRequest(prefix=host)).body.custom_domains
    assert [each.domain_name for each in listed] == [host]
    client.client.delete_custom_domain(host)
    assert ask(cloud, host, "/old/a")[0] == 403  # by the gateway: nobody has that name any more
    with pytest.raises(Exception, match="does not exist"):
        client.client.get_custom_domain(host)


def test_its_certificate_serves_https_and_its_key_is_never_shown(
    cloud: Running, client_of: Callable[..., Any], zip_of: Callable[..., bytes], host: str
) -> None:
    client = client_of(cloud, "fc3")
    client.create("f", code=zip_of({"index.py": EVENT}))
    chain, key = certificate(host)
    routes = {"routes": [{"path": "/*", "functionName": client.prefix + "f"}]}
    given = {"domainName": host, "protocol": "HTTPS", "routeConfig": routes}
    given["certConfig"] = {"certName": "mine", "certificate": chain, "privateKey": key}
    body = models3.CreateCustomDomainInput().from_map(given)
    made = client.client.create_custom_domain(models3.CreateCustomDomainRequest(body=body)).body.to_map()
    assert made["certConfig"]["certificate"] == chain
    assert key not in json.dumps(made)
    assert ask(cloud, host, "/a", trust=chain)[0] == 200
    status, refused = ask(cloud, host, "/a")
    assert (status, json.loads(refused)["Code"]) == (403, "AccessDenied")
    changed = models3.UpdateCustomDomainInput(protocol="HTTP")
    client.client.update_custom_domain(host, models3.UpdateCustomDomainRequest(body=changed))
    assert ask(cloud, host, "/a")[0] == 200
    with pytest.raises(ssl.SSLError):
        ask(cloud, host, "/a", trust=chain)
    again = models3.UpdateCustomDomainRequest(body=models3.UpdateCustomDomainInput(protocol="HTTPS"))
    with pytest.raises(Exception, match="certConfig is missing"):  # it is not kept
        client.client.update_custom_domain(host, again)


def test_a_domain_that_asks_for_signatures_refuses_strangers(
    cloud: Running, client_of: Callable[..., Any], zip_of: Callable[..., bytes], host: str
) -> None:
    client = client_of(cloud, "fc3")
    client.create("f", code=zip_of({"index.py": EVENT}))
    routes = {"routes": [{"path": "/*", "functionName": client.prefix + "f"}]}
    given = {"domainName": host, "routeConfig": routes, "authConfig": {"authType": "function"}}
    body = models3.CreateCustomDomainInput().from_map(given)
    made = client.client.create_custom_domain(models3.CreateCustomDomainRequest(body=body)).body
    assert (made.protocol, made.auth_config.auth_type) == ("HTTP", "function")
    assert ask(cloud, host, "/a")[0] == 400  # unsigned
    assert ask(cloud, host, "/a", headers={"Authorization": "FC a:b", "Date": "now"})[0] == 403


def test_a_domain_of_fc_2_leads_to_http_functions(
    cloud: Running, client_of: Callable[..., Any], zip_of: Callable[..., bytes], host: str
) -> None:
    client = client_of(cloud)
    client.create("f", code=zip_of({"index.py": WSGI}))
    route = {"path": "/a/*", "serviceName": client.service, "functionName": "f"}
    wildcard = f"*.{host.partition('.')[2]}"
    given = {"domainName": wildcard, "protocol": "HTTP", "routeConfig": {"routes": [route]}}
    made = client.client.create_custom_domain(models2.CreateCustomDomainRequest().from_map(given)).body.to_map()
    assert made["routeConfig"]["routes"][0]["serviceName"] == client.service
    status, refused = ask(cloud, host, "/a/b")
    assert (status, json.loads(refused)["Code"]) == (404, "TriggerNotFound")  # it is no HTTP function yet
    config = json.dumps({"methods": ["GET"], "authType": "anonymous"})
    trigger = models2.CreateTriggerRequest(trigger_name="t", trigger_type="http", trigger_config=config)
    client.client.create_trigger(client.service, "f", trigger)
    assert ask(cloud, host, "/a/b") == (200, b"/a/b")
    assert ask(cloud, host, "/a/b", method="POST")[0] == 405
    client.client.delete_custom_domain(wildcard)
