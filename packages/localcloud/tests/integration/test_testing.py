"""The plugin of pytest, in projects of somebody's own: pytest runs there as its user runs it."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import oss2
import pytest

from localcloud.kernel.errors import LocalCloudError
from localcloud.ros.template.evaluation import Evaluator
from localcloud.testing import run_cloud
from tests.support.paths import ROOT
from tests.support.waiting import wait_for

README = (ROOT / "packages" / "localcloud" / "README.md").read_text()
ONE_TEST = """
def test_it_runs(localcloud):
    import os
    from pathlib import Path
    assert localcloud.endpoints["oss"].startswith("http://127.0.0.1:")
    with Path("accounts").open("a") as file:
        file.write(f"{localcloud.account_id} {localcloud.data} {os.environ.get('PYTEST_XDIST_WORKER')}\\n")
"""
KEYS = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "real", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": "secret"}


def run_pytest(folder: Path, *arguments: str, code: int = 0) -> str:
    """Run pytest in a folder as a user does, on whom no variable of these tests' own run has a say."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(
        line,
        cwd=folder,
        env=own | KEYS | {"PYTEST_DEBUG_TEMPROOT": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout


def accounts(folder: Path) -> list[list[str]]:
    return [line.split() for line in (folder / "accounts").read_text().splitlines()]


def test_the_tests_of_the_readme_pass(tmp_path: Path) -> None:
    tests = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "(localcloud)" in block)
    (tmp_path / "test_readme.py").write_text(tests)
    assert "4 passed" in run_pytest(tmp_path, "-W", "ignore")


def test_unittest_runs_what_the_readme_shows(tmp_path: Path) -> None:
    shown = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "unittest" in block)
    (tmp_path / "test_notes.py").write_text(shown)
    command = [sys.executable, "-W", "ignore", "-m", "unittest"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    assert "Ran 1 test" in done.stderr, done.stderr
    assert done.returncode == 0, done.stderr


def test_each_run_has_an_account_of_its_own_and_none_is_left_running(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(ONE_TEST)
    run_pytest(tmp_path)
    run_pytest(tmp_path)
    first, second = accounts(tmp_path)
    assert first[0] != second[0]
    for _, data, _ in first, second:
        pid = json.loads((Path(data) / "endpoints.json").read_text())["pid"]
        assert not Path(f"/proc/{pid}").exists()
        assert "real" not in (Path(data) / "account.json").read_text()


def test_a_test_may_have_it_emptied(tmp_path: Path) -> None:
    (tmp_path / "test_empty.py").write_text(
        "import oss2, pytest\n"
        "@pytest.mark.parametrize('time', range(3))\n"
        "def test_its_bucket_is_new(empty_localcloud, localcloud, time):\n"
        "    assert empty_localcloud is localcloud\n"
        "    auth = oss2.AuthV4(localcloud.access_key_id, localcloud.access_key_secret)\n"
        "    assert not oss2.Service(auth, localcloud.endpoints['oss'], region=localcloud.region).list_buckets().buckets\n"
        "    oss2.Bucket(auth, localcloud.endpoints['oss'], 'kept', region=localcloud.region).create_bucket()\n"
    )
    assert "3 passed" in run_pytest(tmp_path, "-W", "ignore")


def test_state_is_kept_from_one_run_to_the_next_where_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(ONE_TEST)
    for _ in range(2):
        run_pytest(tmp_path, "--localcloud-data", "kept")
    first, second = accounts(tmp_path)
    assert first[:2] == second[:2] == [first[0], str(tmp_path / "kept")]


def test_each_process_of_xdist_has_a_cloud_of_its_own(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"test_{name}.py").write_text(ONE_TEST)
    run_pytest(tmp_path, "--numprocesses", "2", "--dist", "each", "--localcloud-data", "kept")
    assert {(data, worker) for _, data, worker in accounts(tmp_path)} == {
        (str(tmp_path / "kept" / worker), worker) for worker in ("gw0", "gw1")
    }


def test_files_of_the_folder_in_which_it_runs_are_no_modules_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("select", "json", "localcloud"):
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('a file of the user')")
    monkeypatch.chdir(tmp_path)
    with run_cloud(tmp_path / "data") as cloud:
        auth = oss2.AuthV4(cloud.access_key_id, cloud.access_key_secret)
        bucket = oss2.Bucket(auth, cloud.endpoints["oss"], "kept", region=cloud.region)
        bucket.create_bucket()
        bucket.put_object("a.csv", "1,2\n")
        assert bucket.select_object("a.csv", "select _2 from ossobject").read() == b"2\n"

    async def evaluate() -> int:
        evaluator = Evaluator()
        try:
            return await evaluator("", len, "template")
        finally:
            await evaluator.close()

    assert asyncio.run(evaluate()) == 8


def test_a_run_without_the_fixture_starts_nothing(tmp_path: Path) -> None:
    (tmp_path / "test_none.py").write_text(
        "import sys\ndef test_nothing():\n    assert not {'aiohttp', 'localcloud.server'} & {*sys.modules}\n"
    )
    run_pytest(tmp_path, "--localcloud-data", "kept")
    assert not (tmp_path / "kept").exists()


def test_a_folder_that_is_in_use_is_told(tmp_path: Path) -> None:
    (tmp_path / "test_one.py").write_text(ONE_TEST)
    with run_cloud(tmp_path / "kept"):
        assert "is in use by another embedded cloud" in run_pytest(tmp_path, "--localcloud-data", "kept", code=1)


def test_an_account_is_made_by_its_name(tmp_path: Path) -> None:
    with run_cloud(tmp_path / "cloud") as cloud:
        other = cloud.account("other")
        assert other == cloud.account("other") == other.account("other")
        assert len({each.account_id for each in (cloud, other, cloud.account("third"))}) == 3
        with pytest.raises(LocalCloudError, match="the name of an account has 1 to 64"):
            cloud.account("no name")


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with (
        pytest.raises(LocalCloudError, match=r"cannot use .*file.*File exists.*choose another"),
        run_cloud(tmp_path / "file"),
    ):
        pass


def test_a_full_disk_is_told_although_nothing_can_be_logged(tmp_path: Path) -> None:
    script = 'mkdir small && mount -t tmpfs -o size=64k tmpfs small && head -c 100k /dev/zero >small/full; exec "$@"'
    program = "from pathlib import Path\nfrom localcloud.testing import run_cloud\nwith run_cloud(Path('small')): pass"
    enclosed = [
        "unshare",
        "--user",
        "--map-root-user",
        "--mount",
        "sh",
        "-c",
        script,
        "sh",
        sys.executable,
        "-c",
        program,
    ]
    done = subprocess.run(enclosed, cwd=tmp_path, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip("no namespaces here")
    assert "there is no room on the disk of small; make some, or choose another --data; its log is" in done.stderr


def test_a_run_that_is_killed_leaves_no_cloud(tmp_path: Path) -> None:
    (tmp_path / "test_endless.py").write_text("import signal\ndef test_it(localcloud):\n    signal.pause()\n")
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--localcloud-data", "kept"]
    ready = tmp_path / "kept" / "endpoints.json"
    own = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    with subprocess.Popen(line, cwd=tmp_path, env=own, stdout=subprocess.DEVNULL) as running:
        wait_for(ready.exists)
        pid = json.loads(ready.read_text())["pid"]
        running.kill()
    wait_for(lambda: not Path(f"/proc/{pid}").exists())
