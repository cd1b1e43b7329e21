"""`deploy --unchecked`: the setting that accepts libraries which no Python has imported."""

from __future__ import annotations

from heavylift.cli.options import make_parser


def test_unchecked_is_a_setting_of_the_app_beside_others() -> None:
    options = make_parser().parse_args(["deploy", "--cloud", "cn-hangzhou", "-c", "memory=1024", "--unchecked"])
    assert dict(options.context) == {"memory": "1024", "unchecked": "true"}


def test_nothing_is_unchecked_unless_that_is_said() -> None:
    assert make_parser().parse_args(["deploy", "--cloud", "cn-hangzhou"]).context == []
    assert make_parser().parse_args(["diff"]).context == []
