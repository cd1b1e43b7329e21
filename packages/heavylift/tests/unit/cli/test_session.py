from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from heavylift.clouds.embedded import SERVICES, Endpoints, is_loopback, read_endpoints
from heavylift.clouds.session import cloud_session, find_credentials, local_session
from heavylift.errors import HeavyliftError

ID, SECRET, TOKEN = "ID-of-a-key", "secret-of-a-key", "token-of-a-key"
ENVIRONMENT = {"ALIBABA_CLOUD_ACCESS_KEY_ID": ID, "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET}


@pytest.mark.parametrize("url", ["http://127.0.0.1:80", "http://127.8.9.1", "https://localhost:1", "http://[::1]:5"])
def test_loopback(url: str) -> None:
    assert is_loopback(url)


@pytest.mark.parametrize(
    "url",
    ["https://ros.aliyuncs.com", "http://localhost.evil.example", "http://10.0.0.1", "http://127.0.0.1@b.example", ""],
)
def test_anything_else_is_not_loopback(url: str) -> None:
    assert not is_loopback(url)


def announce(data: Path, **changes: str) -> dict[str, object]:
    account = {"account_id": "1234567890123456", "access_key_id": ID, "access_key_secret": SECRET}
    (data / "account.json").write_text(json.dumps(account))
    urls = dict.fromkeys(SERVICES, "http://127.0.0.1:4000")
    return {**urls, "account_id": account["account_id"], "region": "cn-hangzhou", "authority": "/ca.pem", **changes}


def test_endpoints_come_with_the_accounts_key(tmp_path: Path) -> None:
    endpoints = read_endpoints(tmp_path, announce(tmp_path))
    assert (endpoints.ros, endpoints.access_key_secret) == ("http://127.0.0.1:4000", SECRET)
    assert SECRET not in repr(endpoints)


@pytest.mark.parametrize("service", SERVICES)
def test_an_endpoint_off_loopback_is_refused(tmp_path: Path, service: str) -> None:
    with pytest.raises(HeavyliftError, match=f"puts {service} at https://x.aliyuncs.com, which is not on loopback"):
        read_endpoints(tmp_path, announce(tmp_path, **{service: "https://x.aliyuncs.com"}))


def test_endpoints_of_another_version_are_explained(tmp_path: Path) -> None:
    record = announce(tmp_path)
    del record["gateway"]
    with pytest.raises(HeavyliftError, match=r"names no 'gateway'.*heavylift local stop"):
        read_endpoints(tmp_path, record)


def test_a_local_session_uses_no_proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    endpoints: Endpoints = read_endpoints(tmp_path, announce(tmp_path))
    for name in ("HTTP_PROXY", "https_proxy"):
        monkeypatch.setenv(name, "http://proxy.example:3128")
    session = local_session(endpoints, tmp_path)
    assert not {"HTTP_PROXY", "https_proxy"} & set(os.environ)
    assert session.is_local
    assert session.fc2("1") == session.fc3 == "http://127.0.0.1:4000"


def test_a_cloud_session_uses_the_public_endpoints() -> None:
    session = cloud_session("cn-shanghai", profile=None, environment=ENVIRONMENT)
    assert not session.is_local
    assert session.oss == "https://oss-cn-shanghai.aliyuncs.com"
    assert session.fc2("42") == "https://42.cn-shanghai.fc.aliyuncs.com"
    assert {session.ros[:8], session.sts[:8], session.fc3[:8]} == {"https://"}
    assert SECRET not in repr(session)


@pytest.mark.parametrize("region", ["evil.example/", "Cn-Hangzhou", "", "a b", "cn-hangzhou.x"])
def test_what_is_no_region_is_refused(region: str) -> None:
    with pytest.raises(HeavyliftError, match="names no region"):
        cloud_session(region, profile=None, environment=ENVIRONMENT)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with the aliyun CLI's configuration, in three modes."""
    keys: dict[str, Any] = {"access_key_id": "ID-of-profile", "access_key_secret": SECRET}
    profiles = [
        {"name": "plain", "mode": "AK", **keys},
        {"name": "session", "mode": "StsToken", "sts_token": TOKEN, **keys},
        {"name": "empty", "mode": "AK", "access_key_id": "", "access_key_secret": ""},
        {"name": "odd", "mode": "Carrier", **keys},
    ]
    (tmp_path / ".aliyun").mkdir()
    (tmp_path / ".aliyun" / "config.json").write_text(json.dumps({"current": "plain", "profiles": profiles}))
    return tmp_path


def key(profile: str | None, environment: dict[str, str]) -> tuple[str, str | None]:
    found = find_credentials(profile, environment).get_credential()
    return found.access_key_id, found.security_token


def test_the_environment_goes_before_the_cli(home: Path) -> None:
    assert key(None, {**ENVIRONMENT, "HOME": str(home)}) == (ID, None)
    assert key(None, {**ENVIRONMENT, "ALIBABA_CLOUD_SECURITY_TOKEN": TOKEN}) == (ID, TOKEN)


def test_a_named_profile_goes_before_the_environment(home: Path) -> None:
    assert key("session", {**ENVIRONMENT, "HOME": str(home)}) == ("ID-of-profile", TOKEN)


def test_the_current_profile_is_the_last_resort(home: Path) -> None:
    assert key(None, {"HOME": str(home)}) == ("ID-of-profile", None)


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ("nobody", "profile nobody of .*config.json gives no credentials: .*'nobody'"),
        ("odd", "profile odd of .*config.json gives no credentials: unsupported profile mode 'Carrier'"),
        ("empty", "profile empty"),
    ],
)
def test_a_bad_profile_is_explained_without_secrets(home: Path, profile: str, said: str) -> None:
    with pytest.raises(HeavyliftError, match=said) as caught:
        find_credentials(profile, {"HOME": str(home)})
    assert SECRET not in str(caught.value)


def test_no_credentials_at_all(tmp_path: Path) -> None:
    with pytest.raises(HeavyliftError, match="there are no credentials: set ALIBABA_CLOUD_ACCESS_KEY_ID and"):
        find_credentials(None, {"HOME": str(tmp_path)})


def test_half_a_key_is_refused(home: Path) -> None:
    with pytest.raises(HeavyliftError, match="only ALIBABA_CLOUD_ACCESS_KEY_ID is set"):
        find_credentials(None, {"ALIBABA_CLOUD_ACCESS_KEY_ID": ID, "HOME": str(home)})
