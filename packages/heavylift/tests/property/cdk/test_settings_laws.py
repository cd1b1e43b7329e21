"""Laws of the settings: whatever is given, the answer is settings within the limits or a sentence for each problem."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from heavylift.cdk.arguments import fail
from heavylift.cdk.built import check_build, function_environment
from heavylift.cdk.errors import SettingsError
from heavylift.cdk.settings import Settings, read_settings
from heavylift.contracts.manifest import Archive, Build, Code
from heavylift.contracts.platform import CPU_SHARE, CPU_SHARES, DISKS, MEMORY
from tests.support.builds import TARGET, make_applib

ARCHIVE = Archive(key="x.zip", digest="a" * 64, path=Path("x"), packed=1, unpacked=1, files=1, compressor="")
BUILD = Build(
    target=TARGET,
    applib=make_applib(ARCHIVE),
    model=ARCHIVE,
    code=Code(path=Path("code"), digest="c" * 64, packed=1, unpacked=1, files=1),
)
NAMES = [
    *("stackName", "account", "qualifier", "bucketName", "retainBucket", "artifactsBucket", "generation", "runtime"),
    *(
        "localBuild",
        "unchecked",
        "memory",
        "cpu",
        "disk",
        "timeout",
        "initializationTimeout",
        "handlerModule",
        "environment",
    ),
    *("code", "requirements", "model", "pruneRules", "dist"),
    *("endpoint", "trigger", "eventsPrefix", "readPrefixes", "writePrefixes", "logs"),
]
hostile = st.sampled_from(["\0", "\ud800", "in/\ud800", '{"A": "\\ud800"}', "[" * 9_999, "9" * 5_000, "1e400"])
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | hostile,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text() | st.just("A"), inner, max_size=3),
    max_leaves=5,
)
whole = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=9)
contexts = st.dictionaries(st.sampled_from(NAMES) | st.text(), anything, max_size=5)


@given(contexts)
def test_whatever_is_given_the_answer_is_settings_or_sentences(context: dict[str, Any]) -> None:
    settings = outcome(context)
    if isinstance(settings, tuple):
        assert settings
        assert all(": " in problem for problem in settings)
    else:
        assert settings.memory in MEMORY
        assert settings.disk in DISKS
        assert round(settings.cpu / CPU_SHARE) in CPU_SHARES
        for text in function_environment(settings, BUILD, bucket="b", region="r").values():
            text.encode()
        for prefix in (settings.events_prefix, *settings.read_prefixes, *settings.write_prefixes):
            prefix.encode()


def test_a_value_that_is_nested_without_end_is_a_sentence() -> None:
    deep: dict[str, Any] = {}
    inner = deep
    for _ in range(5_000):
        inner["A"] = inner = {}
    for name in NAMES:
        assert isinstance(outcome({name: deep}), tuple)


def test_half_a_character_is_not_taken_for_text() -> None:
    for context in ({"environment": {"A": "\ud800"}}, {"eventsPrefix": "in/\ud800"}, {"environment": {"A": "a\0b"}}):
        assert isinstance(outcome(context), tuple)


@given(
    memory=st.sampled_from(MEMORY),
    share=st.sampled_from(CPU_SHARES),
    disk=st.sampled_from(DISKS),
    trigger=st.booleans(),
    environment=st.dictionaries(st.from_regex(r"X[A-Za-z0-9_]{0,9}", fullmatch=True), whole, max_size=3),
)
def test_text_and_json_mean_the_same(
    memory: int, share: int, disk: int, trigger: bool, environment: dict[str, str]
) -> None:
    values = {"memory": memory, "cpu": share / 20, "disk": disk, "trigger": trigger, "environment": environment}
    as_text = {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}
    assert outcome(values) == outcome(as_text)


def outcome(context: dict[str, Any]) -> Settings | tuple[str, ...]:
    try:
        settings = read_settings({"account": "1" * 16, **context})
        fail(check_build(settings, BUILD, local_build=settings.local_build, unchecked=settings.unchecked))
    except SettingsError as error:
        return error.problems
    return settings
