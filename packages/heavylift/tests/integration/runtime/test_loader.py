"""Starts of an instance against the embedded OSS: what arrives, and what the caller gets when something fails."""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import oss2
import pytest

from heavylift.contracts.packaged import PACKAGED_NAME, dump_packaged
from heavylift.contracts.startlog import find_starts
from heavylift.runtime.ahead import LIST_NAME, dump_list
from heavylift.runtime.credentials import Credentials
from heavylift.runtime.destination import MARKER
from heavylift.runtime.download import OssStore
from heavylift.runtime.patterns import TABLE_NAME, dump_table
from heavylift.runtime.settings import read_settings
from localcloud import state
from localcloud.ram import RamService
from localcloud.sts.operations.sessions import StsService
from tests.support.loading import Packed, reader_of
from tests.support.paths import CODE_PATH, HEAVYLIFT
from tests.support.waiting import wait_for

READ = "loader.initializer(None)\nprint(loader.handler(b'x', None))"
RESET = {"kind": "reset", "prefix": "applib/", "times": -1, "after": 5_000_000}


def test_the_initializer_does_the_work_and_requests_find_it_done(instance: Any, applib: Packed, model: Packed) -> None:
    outcome = instance.run(READ + "\nprint(loader.handler(b'y', None))")
    assert (outcome.code, outcome.answers) == (0, ["42 1 x", "42 1 y"]), outcome.errors
    (start,) = find_starts(outcome.output.splitlines())
    assert (start.mode, start.error, start.retries) == ("initializer", None, 0)
    assert start.unpacked == applib.index.content.size + model.index.content.size
    assert start.fetched <= len(applib.data) + len(model.data)
    assert {span.phase for span in start.spans} == {
        "credentials",
        "fetch",
        "inflate",
        "verify",
        "write",
        "import",
        "wait",
        "warmup",
    }
    assert instance.left == ["applib", "model"]
    assert (instance.folder / "model/model.bin").read_bytes() == b"weights" * 1000


def test_an_initializer_imports_and_warms_up_while_the_rest_is_on_its_way(instance: Any, link: Any) -> None:
    link.set(bandwidth=16e6)
    module, warm = instance.code / "user.py", instance.code / "warm"
    module.write_text(module.read_text().replace("warm.append(1)", f"warm.append(open({str(warm)!r}, 'w'))"))
    with instance.popen(READ) as process:
        wait_for(warm.exists)
        link.set()  # the rest, at once
        output, errors = process.communicate(timeout=60)
    (start,) = find_starts(output.splitlines())
    ends = {(span.phase, span.item): span.end for span in start.spans}
    assert ends["import", "user"] <= ends["warmup", "user"] < ends["fetch", "applib"] < start.seconds, errors


@pytest.mark.parametrize("script", ["loader.initializer(None)", "loader.handler(b'', None)"])
def test_a_function_that_does_not_use_oss_does_not_import_its_client(instance: Any, script: str) -> None:
    outcome = instance.run(f"import sys\n{script}\nprint('oss2' in sys.modules)")
    assert outcome.answers == ["False"], outcome.errors
    (start,) = find_starts(outcome.output.splitlines())
    assert [span.item for span in start.spans if span.phase == "import"] == ["user"]


def test_the_loaders_process_imports_nothing_that_its_first_request_need_not_wait_for() -> None:
    program = (
        "import sys; from heavylift.runtime import worker, load, demand; "
        "print({'logging', 'http', 'email', 'ssl'} & sys.modules.keys() or 'none')"
    )
    command = [sys.executable, "-S", "-c", program]  # a `.pth` file of this machine may import anything
    environment = {"PYTHONPATH": os.pathsep.join(sys.path)}
    assert subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout == "none\n"


def test_modules_that_its_list_names_are_imported_while_nothing_of_the_applib_is_there(
    instance: Any, link: Any
) -> None:
    link.set(latency=0.5)
    code = instance.folder.parent / "listed"
    shutil.copytree(HEAVYLIFT / "heavylift", code / "heavylift", ignore=shutil.ignore_patterns("__pycache__"))
    (code / LIST_NAME).write_bytes(dump_list(instance.environment["AppLibObject"], ["colorsys", "user"]))
    outcome = instance.with_variables(PYTHONPATH=f"{code}:{CODE_PATH}:{instance.code}").run(
        f"{READ}\nimport sys\nprint('colorsys' in sys.modules)"
    )
    assert outcome.answers == ["42 1 x", "True"], outcome.errors
    (start,) = find_starts(outcome.output.splitlines())
    ends = {(span.phase, span.item): span.end for span in start.spans}
    assert ends["import", "ahead"] < ends["wait", "names"] < ends["import", "user"]


@pytest.mark.parametrize("local", ["", "1"])
def test_patterns_that_its_table_holds_are_not_compiled_while_it_starts(instance: Any, local: str) -> None:
    instance.run()  # so that the archives lie there
    code = instance.folder.parent / "patterns"
    shutil.copytree(HEAVYLIFT / "heavylift", code / "heavylift", ignore=shutil.ignore_patterns("__pycache__"))
    (code / TABLE_NAME).write_bytes(dump_table([("(?P<held>a+)b", 0)]))
    (instance.code / "user.py").write_text(
        "import re\n"
        + "".join(f"re.compile({p!r})\n" for p in ("(?P<held>a+)b", "c+"))
        + ("def handler(event, context):\n    re.purge()\n    return re.match('(?P<held>a+)b', 'aab')['held']\n")
    )
    outcome = instance.with_variables(PYTHONPATH=f"{code}:{CODE_PATH}:{instance.code}", local=local).run(
        "from heavylift.runtime.patterns import compiler\ncompiled, original = [], compiler.compile\n"
        "compiler.compile = lambda pattern, flags=0: compiled.append(pattern) or original(pattern, flags)\n"
        "loader.initializer(None)\n"
        "print([pattern for pattern in compiled if pattern in ('(?P<held>a+)b', 'c+')])\n"
        "print(loader.handler(b'', None), '(?P<held>a+)b' in compiled)"
    )
    assert outcome.answers == ["['c+']", "aa True"], outcome.errors


@pytest.mark.parametrize("of", ["this archive", "another"])
def test_the_index_of_the_applib_is_taken_from_the_code_package_that_has_it(
    instance: Any, link: Any, applib: Packed, of: str
) -> None:
    code = instance.folder.parent / "packaged"
    shutil.copytree(HEAVYLIFT / "heavylift", code / "heavylift", ignore=shutil.ignore_patterns("__pycache__"))
    digest = applib.digest if of == "this archive" else "0" * 64
    (code / PACKAGED_NAME).write_bytes(dump_packaged(digest, applib.placed) or b"")
    variables = {"PYTHONPATH": f"{code}:{CODE_PATH}:{instance.code}", "ModelObject": ""}
    instance = instance.with_variables(**variables)
    link.set({"kind": "status", "status": 403, "prefix": "applib/", "times": -1})
    (start,) = find_starts(instance.run().output.splitlines())
    assert start.error
    # Files are made before the store has answered, if it is not the store that tells which.
    assert ("write" in {span.phase for span in start.spans}) == (of == "this archive")
    link.set()
    assert instance.run(READ).answers == ["42 1 x"]


def test_a_request_imports_when_all_is_there(instance: Any, link: Any) -> None:
    link.set(bandwidth=80e6)
    (start,) = find_starts(instance.run("print(loader.handler(b'x', None))").output.splitlines())
    begin = min(span.start for span in start.spans if (span.phase, span.item) == ("import", "user"))
    assert begin > max(span.end for span in start.spans if span.phase == "write")


def test_a_second_start_finds_the_directories_complete(instance: Any) -> None:
    instance.run()
    again = instance.run(READ)
    assert again.answers == ["42 1 x"]
    assert again.starts[0]["bytes"] == {"fetched": 0, "unpacked": 0}


def test_without_an_initializer_the_first_request_starts_once(instance: Any) -> None:
    outcome = instance.run(
        """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(4) as pool:
            print(*sorted(pool.map(lambda n: loader.handler(str(n).encode(), None), range(4))), sep="\\n")
        """
    )
    assert outcome.answers == [f"42 1 {number}" for number in range(4)], outcome.errors
    (start,) = outcome.starts
    assert start["mode"] == "request"


def test_a_failed_start_is_tried_again_by_the_next_call(instance: Any) -> None:
    outcome = instance.run(
        """
        import os
        key, os.environ["AppLibObject"] = os.environ["AppLibObject"], "applib/missing.zip"
        try:
            loader.initializer(None)
        except Exception as error:
            print(type(error).__name__)
        os.environ["AppLibObject"] = key
        print(loader.handler(b"x", None))
        """
    )
    assert outcome.answers == ["ObjectNotFoundError", "42 1 x"], outcome.errors
    assert ["error" in start for start in outcome.starts] == [True, False]


@pytest.mark.parametrize(
    ("variables", "kind", "words"),
    [
        ({"AppLibObject": "applib/none.zip"}, "ObjectNotFoundError", ["NoSuchKey", "/applib/none.zip", "upload"]),
        ({"Bucket": "nobody-has-this-bucket"}, "ObjectNotFoundError", ["NoSuchBucket", "Endpoint"]),
        ({"ALIBABA_CLOUD_ACCESS_KEY_SECRET": "wrong"}, "AccessDeniedError", ["SignatureDoesNotMatch", "secret"]),
        ({"ALIBABA_CLOUD_ACCESS_KEY_ID": "nobody"}, "AccessDeniedError", ["InvalidAccessKeyId"]),
        ({"ALIBABA_CLOUD_SECURITY_TOKEN": "forged"}, "AccessDeniedError", ["403"]),
        ({"ALIBABA_CLOUD_ACCESS_KEY_ID": ""}, "ConfigurationError", ["role"]),
        ({"AppLibDigest": "0" * 64}, "DigestMismatchError", ["0" * 64, "deploy again"]),
        ({"ModelDigest": "0" * 64}, "DigestMismatchError", ["model/m.zip"]),
        ({"Region": ""}, "ConfigurationError", ["Region"]),
        ({"Endpoint": ""}, "ConfigurationError", ["Endpoint"]),
        ({"Bucket": "Not_A_Bucket"}, "ConfigurationError", ["Bucket"]),
        ({"HandlerModule": "user.nothing"}, "ConfigurationError", ["HandlerModule", "nothing"]),
        ({"HandlerModule": "missing.handler"}, "ModuleNotFoundError", ["missing"]),
    ],
)
def test_what_is_wrong_is_said_at_once(instance: Any, variables: dict[str, str], kind: str, words: list[str]) -> None:
    begin = time.monotonic()
    outcome = instance.with_variables(**variables).run()
    assert time.monotonic() - begin < 20
    assert outcome.code == 1
    assert outcome.error["type"] == kind, outcome.error
    for word in words:
        assert word in outcome.error["message"]
    assert kind in outcome.errors
    for secret in (instance.environment["ALIBABA_CLOUD_ACCESS_KEY_SECRET"], "forged"):
        assert secret not in outcome.output + outcome.errors
    assert not any(".partial-" in name for name in instance.left)


def test_an_expired_token_is_named(start_cloud: Callable[..., Any], tmp_path: Path, instance: Any) -> None:
    data = tmp_path / "cloud"
    data.mkdir()
    account = state.open_account(data, {})
    an_hour_ago = time.time() - 3600
    ram = RamService(data / "ram", account=account.credential, clock=lambda: an_hour_ago)
    sessions = data / "ram" / "sessions"
    sts = StsService(sessions, account_id=account.account_id, roles=ram, clock=lambda: an_hour_ago)
    trust = {"Action": "sts:AssumeRole", "Effect": "Allow", "Principal": {"Service": ["fc.aliyuncs.com"]}}
    ram.create_role("reader", trust_policy=json.dumps({"Version": "1", "Statement": [trust]}))
    role = f"acs:ram::{account.account_id}:role/reader"
    expired = sts.assume_role_for_service(role, service="fc.aliyuncs.com", session_name="x1", duration=900)
    cloud = start_cloud(data)
    cloud.bucket(instance.environment["Bucket"]).create_bucket()
    outcome = instance.with_variables(
        Endpoint=cloud.endpoints["oss"],
        ALIBABA_CLOUD_ACCESS_KEY_ID=expired.access_key_id,
        ALIBABA_CLOUD_ACCESS_KEY_SECRET=expired.access_key_secret,
        ALIBABA_CLOUD_SECURITY_TOKEN=expired.security_token or "",
    ).run()
    assert outcome.error["type"] == "AccessDeniedError"
    assert "SecurityTokenExpired" in outcome.error["message"]
    assert (expired.security_token or "?") not in outcome.output + outcome.errors
    assert expired.access_key_secret not in outcome.output + outcome.errors


def test_a_link_that_resets_every_few_megabytes_is_survived(instance: Any, link: Any) -> None:
    link.set(RESET)
    outcome = instance.run(READ)
    assert outcome.answers == ["42 1 x"], outcome.errors
    assert outcome.starts[0]["retries"] >= 3


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "truncate", "after": 700_000, "times": 3},
        {"kind": "status", "status": 503, "times": 3},
        {"kind": "status", "status": 429, "times": 3},
        {"kind": "reset", "after": 0, "times": 3},
    ],
    ids=str,
)
def test_a_passing_fault_is_survived(instance: Any, link: Any, fault: dict[str, object]) -> None:
    link.set({"prefix": "applib/", **fault})
    outcome = instance.run(READ)
    assert outcome.answers == ["42 1 x"], outcome.errors
    assert 1 <= outcome.starts[0]["retries"] <= 3


def test_a_corrupted_byte_is_refused(instance: Any, link: Any) -> None:
    link.set({"kind": "corrupt", "prefix": "applib/", "after": 9_000_000, "times": -1})
    outcome = instance.run()
    assert outcome.error["type"] in ("DigestMismatchError", "InvalidArchiveError")
    assert "block" in outcome.error["message"]
    assert instance.left == ["model"]
    link.set()
    assert instance.run(READ).answers == ["42 1 x"]


def test_a_store_that_stays_away_uses_up_the_time_and_no_more(instance: Any, link: Any) -> None:
    link.set({"kind": "status", "status": 503, "prefix": "applib/", "times": -1})
    outcome = instance.with_variables(InitializationTimeout="5").run()
    assert outcome.error["type"] in ("DeadlineError", "StoreError")
    assert "503" in outcome.error["message"]
    assert outcome.starts[0]["seconds"] < 6
    assert instance.left == ["model"]


def test_a_slow_link_ends_with_a_sentence_before_the_platform_ends_the_instance(instance: Any, link: Any) -> None:
    link.set(bandwidth=20e6)
    outcome = instance.with_variables(InitializationTimeout="3").run()
    assert outcome.error["type"] == "DeadlineError"
    assert "InitializationTimeout" in outcome.error["message"]
    assert outcome.starts[0]["seconds"] < 3.5
    assert "applib" not in instance.left
    link.set()
    assert instance.run(READ).answers == ["42 1 x"]
    assert instance.left == ["applib", "model"]  # nor anything of a loader's process that had no time to tidy up


def test_a_start_that_is_killed_leaves_nothing_that_is_taken_for_good(instance: Any, link: Any) -> None:
    link.set(bandwidth=80e6)
    with instance.popen("loader.initializer(None)") as process:
        wait_for(lambda: has_content(instance.folder / "applib/heavy"))
        process.send_signal(signal.SIGKILL)
    assert instance.left == ["applib", "model"]
    assert not (instance.folder / "applib" / MARKER).exists()
    link.set()
    outcome = instance.run(READ)
    assert outcome.answers == ["42 1 x"], outcome.errors
    assert instance.left == ["applib", "model"]


def has_content(folder: Path) -> bool:
    """Return whether some of a library's bytes are there: a file exists, at its full size, before that."""
    return any(path.stat().st_blocks for path in folder.glob("lib*.so"))


def test_two_starts_into_the_same_directories_do_the_work_once(instance: Any) -> None:
    with instance.popen(READ) as one, instance.popen(READ) as other:
        outputs = [process.communicate(timeout=60)[0] for process in (one, other)]
    starts = [find_starts(output.splitlines())[0] for output in outputs]
    assert all("42 1 x" in output for output in outputs)
    elsewhere = {name: str(instance.folder / "alone" / name) for name in ("AppLibDir", "ModelDir")}
    (alone,) = find_starts(instance.with_variables(**elsewhere).run(READ).output.splitlines())
    # One may bring the model, the other the applib.
    assert sum(start.unpacked for start in starts) == alone.unpacked > 0


def test_an_ordinary_zip_loads(instance: Any, upload: oss2.Bucket) -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("heavy.py", "answer = 43")
        archive.writestr("noise.bin", bytes(range(256)) * 40_000, zipfile.ZIP_STORED)
    upload.put_object("applib/plain.zip", target.getvalue())
    outcome = instance.with_variables(AppLibObject="applib/plain.zip", AppLibDigest="").run(READ)
    assert outcome.answers == ["43 1 x"], outcome.errors


def test_an_object_that_is_replaced_during_the_load_is_refused(instance: Any, link: Any, upload: oss2.Bucket) -> None:
    link.set(RESET | {"after": 1_000_000}, bandwidth=80e6)  # so that requests are made until the end
    with instance.popen("loader.initializer(None)") as process:
        wait_for(lambda: has_content(instance.folder / "applib/heavy"))
        upload.put_object("applib/a.zip", b"another object")
        link.set()
        output = process.communicate(timeout=60)[0]
    (start,) = [json.loads(line) for line in output.splitlines()]
    assert start["error"]["type"] == "ObjectChangedError"
    assert instance.left == ["model"]


def test_with_local_set_nothing_is_fetched(instance: Any) -> None:
    instance.run()
    nowhere = instance.with_variables(local="1", Endpoint="http://127.0.0.1:1")
    outcome = nowhere.run(READ)
    assert outcome.answers == ["42 1 x"], outcome.errors
    assert outcome.starts[0]["bytes"]["fetched"] == 0


def test_with_local_set_a_missing_applib_is_named(instance: Any) -> None:
    outcome = instance.with_variables(local="1").run()
    assert outcome.error["type"] == "ConfigurationError"
    assert instance.environment["AppLibDir"] in outcome.error["message"]


def test_the_code_package_comes_before_the_applib(instance: Any) -> None:
    outcome = instance.run(
        """
        loader.initializer(None)
        import os, sys
        from heavylift.runtime.codepackage import CODE, VENDOR
        places = [sys.path.index(path) for path in (VENDOR, str(CODE), os.environ["AppLibDir"])]
        print(places == sorted(places), places[1] + 1 == places[2])
        """
    )
    assert outcome.answers == ["True True"], outcome.errors


def test_packages_have_their_pth_files_and_their_programs(instance: Any) -> None:
    instance.run()
    applib = Path(instance.environment["AppLibDir"])
    (applib / "inner").mkdir()
    (applib / "inner" / "deep.py").write_text("value = 7")
    (applib / "a.pth").write_text("inner\n")
    (applib / "bin").mkdir()
    (applib / "bin" / "say").write_text("#!/usr/bin/env python3\nimport deep\nprint('said', deep.value)\n")
    (applib / "bin" / "say").chmod(0o755)
    outcome = instance.with_variables(local="1").run(
        """
        loader.initializer(None)
        import deep, subprocess
        print(deep.value, subprocess.run(["say"], capture_output=True, text=True).stdout.strip())
        """
    )
    assert outcome.answers == ["7 said 7"], outcome.errors


CHILDREN = """
import multiprocessing, os, subprocess, sys
PROGRAM = "import heavy, sys; sys.stdout.write(f'{heavy.answer} ')"
def asked(queue):
    import heavy
    queue.put(heavy.answer)
def work():
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
    os.system(f'{sys.executable} -c "{PROGRAM}"')
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", PROGRAM], os.environ)
    os.waitpid(pid, 0)
    pid = os.fork()
    if not pid:
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM])
    os.waitpid(pid, 0)
    for method in ("fork", "forkserver", "spawn"):
        context = multiprocessing.get_context(method)
        queue = context.SimpleQueue()
        process = context.Process(target=asked, args=(queue,))
        process.start()
        process.join()
        sys.stdout.write(f"{queue.get()} " if not process.exitcode else f"{method} failed ")
        sys.stdout.flush()
"""


@pytest.mark.parametrize("when", ["handler", "import"])
def test_child_processes_find_the_applib_however_they_are_started(instance: Any, link: Any, when: str) -> None:
    (instance.code / "children.py").write_text(CHILDREN)
    if when == "import":
        link.set(bandwidth=40e6)
        user = instance.code / "user.py"
        user.write_text("import children\nif __name__ == 'user':\n    children.work()\n" + user.read_text())
    outcome = instance.run(
        f"""
        if __name__ == "__main__":
            loader.initializer(None)
            if {when!r} == "handler":
                import children
                children.work()
        """
    )
    assert outcome.output.count("42 ") == 7, outcome.output + outcome.errors


def test_what_the_environment_names_stays_on_the_path_of_child_processes(instance: Any) -> None:
    outcome = instance.run(
        """
        import os
        before = os.environ["PYTHONPATH"].split(":")
        loader.initializer(None)
        after = os.environ["PYTHONPATH"].split(":")
        from heavylift.runtime.codepackage import CODE, VENDOR
        ours = [VENDOR, str(CODE), os.environ["AppLibDir"]]
        print(after == [*ours, *(each for each in before if each not in ours)])
        """
    )
    assert outcome.answers == ["True"], outcome.errors


def test_a_start_needs_little_memory_beside_the_users_libraries(instance: Any) -> None:
    warm = instance.run()
    (start,) = warm.starts
    assert start["memory_before_import"] < 256 * 1024 * 1024


def test_a_disk_that_is_too_small_is_said_before_anything_is_written(instance: Any) -> None:
    small = on_tmpfs(instance, 20_000_000)
    outcome = small.run()
    assert outcome.error["type"] == "DiskFullError", outcome
    assert "10240 MB" in outcome.error["message"]
    assert "30" in outcome.error["message"]


def test_a_disk_that_fills_up_meanwhile_is_named_and_tidied(instance: Any, link: Any) -> None:
    link.set(bandwidth=200e6)
    outcome = on_tmpfs(instance, 45_000_000).run(
        """
        import threading, time, pathlib, os
        disk = pathlib.Path(os.environ["AppLibDir"]).parent
        def fill():
            while not any(path.stat().st_blocks for path in (disk / "applib/heavy").glob("*")):
                time.sleep(0.001)  # until the first content is there
            (disk / "other").write_bytes(bytes(30_000_000))
        threading.Thread(target=fill).start()
        try:
            loader.initializer(None)
        finally:
            print(sorted(path.name for path in disk.iterdir()))
        """
    )
    assert outcome.error["type"] == "DiskFullError", outcome
    assert "something else writes there" in outcome.error["message"]
    assert outcome.answers == ["['applib.lock', 'model', 'model.lock', 'other']"]


def on_tmpfs(instance: Any, size: int) -> Any:
    """Give the instance a disk of its own of that many bytes."""
    bwrap = shutil.which("bwrap")
    assert bwrap, "these tests need bubblewrap: sudo apt-get install bubblewrap"
    mount = ("--dev-bind", "/", "/", "--size", str(size), "--tmpfs", str(instance.folder), "--die-with-parent")
    return replace(instance, prefix=(bwrap, *mount))


def test_a_part_of_an_object_is_read_as_oss_has_it(cloud: Any, bucket: oss2.Bucket) -> None:
    bucket.put_object("k ä+%/x", b"0123456789")
    environment = {"Bucket": bucket.bucket_name, "Endpoint": cloud.endpoints["oss"], "Region": cloud.region}
    credentials = Credentials(cloud.access_key_id, cloud.access_key_secret, "")
    store = OssStore(read_settings(environment), credentials)
    body = store.ask("k ä+%/x", 3, 100, None, 60.0)()
    assert (body.size, b"".join(body.chunks)) == (10, b"3456789")
    reader = reader_of(store, "k ä+%/x")
    assert reader.head(4) == b"0123"
    assert b"".join(reader.read(2, 8)) == b"234567"
