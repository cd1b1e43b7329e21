"""`localcloud run CMD`: tests in any language, beside an embedded cloud of their own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from localcloud.cloud import run_cloud
from tests.support.waiting import wait_for

BY_NAME = textwrap.dedent("""
    import os, sys
    import oss2

    auth = oss2.AuthV4(os.environ["ALIBABA_CLOUD_ACCESS_KEY_ID"], os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"])
    bucket = oss2.Bucket(auth, "https://oss-cn-hangzhou.aliyuncs.com", "by-name", region="cn-hangzhou")
    bucket.create_bucket()
    bucket.put_object("words", " ".join(sys.argv[1:]))
    print(bucket.get_object("words").read().decode(), os.environ.get("OSS_ENDPOINT"))
    sys.exit(7)
""")
ACCOUNT = "import json, os; print(os.environ['ALIBABA_CLOUD_ACCESS_KEY_ID'], os.environ['LOCALCLOUD_SETTINGS'])"
REAL = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "real", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret", "OSS_ENDPOINT": "real"}


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "localcloud", "run", *words]


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run the command line as users do, whose shells hold a key of a real account."""
    environment = {**os.environ, **REAL, "TMPDIR": str(cwd)}
    return subprocess.run(command(*words), cwd=cwd, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("network", [[], ["--allow-network"]])
def test_a_command_reaches_it_by_name_and_its_words_and_exit_code_are_its_own(
    tmp_path: Path, network: list[str]
) -> None:
    done = run(*network, sys.executable, "-c", BY_NAME, "--data", "x", cwd=tmp_path)
    assert done.stdout == "--data x None\n", done.stderr
    assert done.returncode == 7
    assert not list(tmp_path.iterdir()), "the cloud's folder is gone with it"


def test_the_state_stays_in_a_folder_that_is_named(tmp_path: Path) -> None:
    first, second = (run("--data", "state", sys.executable, "-c", ACCOUNT, cwd=tmp_path) for _ in range(2))
    assert first.stdout == second.stdout
    assert not first.stdout.startswith("real")
    pid = json.loads((tmp_path / "state" / "endpoints.json").read_text())["pid"]
    assert not Path(f"/proc/{pid}").exists()


def test_one_that_runs_already_is_used_and_goes_on(tmp_path: Path) -> None:
    with run_cloud(tmp_path / "state") as cloud:
        done = run("--data", "state", sys.executable, "-c", ACCOUNT, cwd=tmp_path)
        assert done.stdout.split()[0] == cloud.access_key_id
        assert Path(f"/proc/{json.loads((cloud.data / 'endpoints.json').read_text())['pid']}").exists()


def test_what_asks_it_to_end_reaches_the_command(tmp_path: Path) -> None:
    said = tmp_path / "said"
    script = f"trap 'echo asked > {said}; exit 3' TERM; touch {tmp_path}/ready; while :; do sleep 0.05; done"
    process = subprocess.Popen(command("sh", "-c", script), cwd=tmp_path)
    wait_for((tmp_path / "ready").exists)
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 3
    assert said.read_text() == "asked\n"


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ([], 2, "needs a command to run"),
        (["no-such-command"], 127, "localcloud: there is no command 'no-such-command' on PATH"),
        (["--data", "/dev/null", "true"], 1, "localcloud: "),
        (["sh", "-c", "kill -KILL $$"], 137, ""),
    ],
)
def test_what_cannot_be_run_is_told_in_a_sentence(tmp_path: Path, words: list[str], code: int, message: str) -> None:
    done = run(*words, cwd=tmp_path)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
