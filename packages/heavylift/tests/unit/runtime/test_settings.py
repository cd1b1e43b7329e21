"""The function's environment and credentials."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from heavylift.contracts.failures import ConfigurationError
from heavylift.runtime.credentials import Credentials, find_credentials
from heavylift.runtime.settings import Archive, read_settings

KEY = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "id", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret"}
CONTEXT = SimpleNamespace(
    credentials=SimpleNamespace(access_key_id="c-id", access_key_secret="c-secret", security_token="c-token")
)


def test_defaults_are_those_of_the_contract() -> None:
    settings = read_settings({"FC_REGION": "cn-hangzhou"})
    assert (settings.applib, settings.model) == (Path("/tmp/applib"), Path("/tmp/model"))
    assert (settings.handler, settings.region, settings.local) == ("index.handler", "cn-hangzhou", False)
    assert (settings.archives, settings.initializer_limit) == ((), 300)


def test_archives_are_what_has_an_object() -> None:
    environment = {"AppLibObject": "a.zip", "AppLibDigest": "0" * 64, "AppLibDir": "/tmp/x", "ModelObject": "m.zip"}
    assert read_settings(environment).archives == (
        Archive("model", "m.zip", "", Path("/tmp/model")),
        Archive("applib", "a.zip", "0" * 64, Path("/tmp/x")),
    )
    assert read_settings(environment | {"local": "1"}).archives == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AppLibDigest", "0" * 63),
        ("ModelDigest", "G" * 64),
        ("AppLibPython", "2.7"),
        ("AppLibDir", "/tmp/model"),
        ("ModelDir", "/tmp/applib/model"),
        ("AppLibDir", "/tmp"),
        ("HandlerModule", "index"),
        ("HandlerModule", "os;system.x"),
        ("HandlerModule", "loader.handler"),
        ("InitializationTimeout", "0"),
        ("InitializationTimeout", "301"),
        ("InitializationTimeout", "nan"),
        ("InitializationTimeout", "soon"),
    ],
)
def test_a_variable_that_is_wrong_is_named(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        read_settings({name: value})


def test_credentials_come_from_the_context_first() -> None:
    assert find_credentials(CONTEXT, KEY, local=False) == Credentials("c-id", "c-secret", "c-token")


@pytest.mark.parametrize("context", [None, SimpleNamespace(), SimpleNamespace(credentials=None)])
def test_credentials_come_from_the_environment_where_the_context_has_none(context: object) -> None:
    token = {"ALIBABA_CLOUD_SECURITY_TOKEN": "token"}
    assert find_credentials(context, KEY | token, local=False) == Credentials("id", "secret", "token")
    assert find_credentials(context, KEY, local=False) == Credentials("id", "secret", "")


def test_a_local_run_uses_the_plain_key() -> None:
    token = {"ALIBABA_CLOUD_SECURITY_TOKEN": "token"}
    assert find_credentials(CONTEXT, KEY | token, local=True) == Credentials("id", "secret", "")


@pytest.mark.parametrize(("local", "advice"), [(True, "set ALIBABA_CLOUD_ACCESS_KEY_ID"), (False, "a role")])
def test_no_credentials_are_an_error_with_advice(local: bool, advice: str) -> None:
    with pytest.raises(ConfigurationError, match=advice):
        find_credentials(None, {"ALIBABA_CLOUD_ACCESS_KEY_ID": "id"}, local=local)


def test_secrets_are_not_shown() -> None:
    shown = repr(find_credentials(CONTEXT, {}, local=False))
    assert "c-secret" not in shown
    assert "c-token" not in shown
