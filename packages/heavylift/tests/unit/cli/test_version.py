from __future__ import annotations

import re

import pytest

from heavylift.cli.options import make_parser


def test_versions_are_told_without_a_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        make_parser().parse_args(["--version"])
    assert ended.value.code == 0
    assert re.fullmatch(r"heavylift [\d.]+, aliyun-localcloud [\d.]+, Python 3\.[\d.]+\n", capsys.readouterr().out)
