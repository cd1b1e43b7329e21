"""Starts whose library comes page by page, against the embedded OSS: what is there when, and what happens when it is not."""

from __future__ import annotations

import json
import re
import signal
import textwrap
from pathlib import Path
from typing import Any

import pytest

from heavylift.contracts.loading import code_blocks
from heavylift.runtime.pages import find_helper
from heavylift.runtime.worker import HOLD
from tests.support.loading import Packed
from tests.support.paged import FUNCTIONS, HOT_FUNCTIONS, USER, large_library, pack_paged
from tests.support.paging import can_compile, segments_of

pytestmark = pytest.mark.skipif(not can_compile() or find_helper() is None, reason="there is no C compiler")

START = "import os, time, sys, signal\nloader.initializer(None)\n"
REQUEST = "print(loader.handler(b'range(5)', None))\n"
ALL = f"print(loader.handler(b'range({FUNCTIONS})', None))\n"
WAIT = """
def whole():
    with open(path, "rb") as file: return file.read() == original
path = os.path.join(os.environ["AppLibDir"], "heavy", "libcode.so")
original = open(ORIGINAL, "rb").read()
def closed():
    return sum(line.split()[1] == "---p" and line.rstrip().endswith("libcode.so") for line in open("/proc/self/maps"))
def opened():  # what has arrived is opened a moment later
    import time
    end = time.monotonic() + 10
    while closed() and time.monotonic() < end: time.sleep(0.01)
    return closed() == 0
"""


def middle_of_code(paged: Packed) -> int:
    """Return a place in the archive in the middle of its blocks of code."""
    codes = [each.block for each in code_blocks(paged.index.content, paged.index.content.libraries)]
    return paged.origin + paged.index.layout[codes[len(codes) // 2]].offset + 20


def helpers() -> str:
    return WAIT.replace("ORIGINAL", repr(str(large_library())))


def test_complete_everything_is_whole_and_ordinary_when_the_initializer_returns(paged_instance: Any) -> None:
    script = START + helpers() + "print(whole(), closed(), 'SIGSEGV', signal.getsignal(signal.SIGSEGV))\n" + ALL
    outcome = paged_instance.with_variables(LoadMode="").run(script)
    assert outcome.answers == ["True 0 SIGSEGV 0", "True"], outcome.errors
    assert outcome.errors == ""
    (start,) = outcome.starts
    assert start["pages"]["later"] == 0  # whether the import met closed code depends on which of two comes first


def test_complete_a_library_comes_whole_where_little_is_imported_behind_it(paged_instance: Any, upload: Any) -> None:
    packed = pack_paged(HOT_FUNCTIONS, bytecode=0)
    upload.put_object("applib/whole.zip", packed.data)
    whole = paged_instance.with_variables(
        AppLibObject="applib/whole.zip", AppLibDigest=packed.digest, LoadMode="complete"
    )
    outcome = whole.run(START + ALL)
    assert outcome.answers == ["True"], outcome.errors
    (start,) = outcome.starts
    assert "pages" not in start
    later = whole.with_variables(LoadMode="working-set", AppLibDir=f"{whole.folder}/other").run(START + ALL)
    assert later.answers == ["True"], later.errors
    assert later.starts[0]["pages"]["later"] > 0


def test_the_working_set_is_enough_for_the_initializer_and_the_rest_follows(
    paged_instance: Any, link: Any, paged: Packed
) -> None:
    link.set(bandwidth=2e6)  # what is fetched while the index is read is little then
    script = START + helpers() + REQUEST + "print(closed() > 0, whole(), opened())\n" + REQUEST + ALL
    outcome = paged_instance.run(script)
    assert outcome.answers == ["True", "True True True", "True", "True"], outcome.errors
    (start,) = outcome.starts
    assert 0 < start["bytes"]["fetched"] < len(paged.data) - start["pages"]["later"] + 600_000
    assert start["pages"]["later"] > 0


def test_the_rest_leaves_the_machine_to_the_import_until_the_start_has_ended(paged_instance: Any) -> None:
    warmup = """
    def warmup():
        import os, time
        time.sleep(0.5)  # the link has no limit: by now, all would have come
        status = os.stat(heavy.path)
        print(status.st_blocks * 512 < status.st_size)
    """
    (paged_instance.code / "user.py").write_text(USER + textwrap.dedent(warmup))
    outcome = paged_instance.run(START + helpers() + "print(whole())\n" + ALL)
    assert outcome.answers == ["True", "True", "True"], outcome.errors


def test_a_start_that_needs_the_rest_has_it_brought(paged_instance: Any) -> None:
    (paged_instance.code / "user.py").write_text(f"{USER}\nfrom heavy.later import answer\nprint(answer)\n")
    outcome = paged_instance.run(START + ALL)
    assert outcome.answers == ["42", "True"], outcome.errors
    (start,) = outcome.starts
    assert start["seconds"] < HOLD


IMPATIENT = "import socket\nsocket.setdefaulttimeout(0.01)\n"  # all sockets are non-blocking then, as gevent's are
THREAD = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"


@pytest.mark.parametrize(
    "prologue", ["", IMPATIENT, IMPATIENT + THREAD], ids=["", "impatient", "impatient interpreter"]
)
def test_code_that_no_recording_saw_is_brought_at_once_and_told(paged_instance: Any, link: Any, prologue: str) -> None:
    link.set(bandwidth=4e6)
    number = FUNCTIONS - 10
    script = prologue + START + f"begin = time.monotonic()\nprint(loader.handler(b'[{number}]', None))\n"
    script += "print(time.monotonic() - begin)\n" + helpers() + "whole()"
    outcome = paged_instance.run(script)
    answer, seconds = outcome.answers
    assert answer == "True", outcome.errors
    (line,) = [json.loads(each) for each in outcome.errors.splitlines() if each.startswith("{")]
    assert (line["event"], line["library"]) == ("heavylift.pages", "heavy/libcode.so")
    assert float(seconds) < 1  # the block alone takes 0.1 s, what is behind it 4 s


def test_every_cold_page_forced_in_random_order_gives_the_original(paged_instance: Any, link: Any) -> None:
    link.set(bandwidth=8e6)
    script = f"import random; numbers = random.sample(range({FUNCTIONS}), {FUNCTIONS})\n"
    script += START + helpers() + "print(loader.handler(repr(numbers).encode(), None), whole(), closed())\n" + REQUEST
    outcome = paged_instance.run(script)
    assert outcome.answers == ["True True 0", "True"], outcome.errors


def test_threads_that_fault_at_once_are_all_served(paged_instance: Any, link: Any) -> None:
    link.set(bandwidth=20e6)
    script = f"""
    import random
    from concurrent.futures import ThreadPoolExecutor
    def request(seed):
        return loader.handler(repr(random.Random(seed).sample(range({FUNCTIONS}), {FUNCTIONS})).encode(), None)
    with ThreadPoolExecutor(16) as pool:
        print(list(pool.map(request, range(16))) == [True] * 16)
    """
    outcome = paged_instance.run(START + textwrap.dedent(script))
    assert outcome.answers == ["True"], outcome.errors


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ({"kind": "reset", "prefix": "applib/", "times": -1, "after": 0}, "gave up after 8 tries"),
        ({"kind": "corrupt", "prefix": "applib/", "times": -1}, "DigestMismatchError"),
    ],
    ids=["down", "corrupt"],
)
def test_a_store_that_fails_ends_the_process_with_a_line_and_never_with_wrong_code(
    paged_instance: Any, link: Any, paged: Packed, what: dict[str, object], reason: str
) -> None:
    script = START + "print('ready', flush=True); sys.stdin.readline()\n"
    script += f"for n in range({FUNCTIONS}): print(loader.handler(b'[%d]' % n, None), flush=True)"
    link.set(bandwidth=1e6)
    with paged_instance.popen(script, stdin=-1) as process:
        while process.stdout.readline() != "ready\n":
            pass
        if what["kind"] == "corrupt":
            link.set(what | {"after": middle_of_code(paged)})
        else:  # what is on its way already must not bring everything before the tries are over
            link.set(what, bandwidth=1e3)
        output, errors = process.communicate("go\n", timeout=100)
    assert process.returncode == -signal.SIGSEGV, errors
    assert set(output.split()) == {"True"}
    (line,) = [each for each in errors.splitlines() if "the process ends" in each]
    assert re.search(
        r"heavy/libcode\.so: the code at byte \d+ of the file was executed and cannot be brought: .*", line
    )
    assert reason in line


def test_a_start_that_fails_in_a_page_is_a_failed_start_as_any(paged_instance: Any, link: Any, paged: Packed) -> None:
    link.set({"kind": "corrupt", "prefix": "applib/", "times": -1, "after": middle_of_code(paged)})
    outcome = paged_instance.with_variables(LoadMode="complete").run()
    assert outcome.code == 1
    assert outcome.error["type"] == "DigestMismatchError"


def test_a_killed_worker_is_told_and_ends_the_process_where_code_is_absent(paged_instance: Any, link: Any) -> None:
    link.set(bandwidth=1e6)
    script = (
        START
        + """
(worker,) = map(int, open(f"/proc/self/task/{os.getpid()}/children").read().split())
os.kill(worker, signal.SIGKILL)
time.sleep(0.2)
"""
        + REQUEST
        + ALL
    )
    outcome = paged_instance.with_variables(PYTHONUNBUFFERED="1").run(script)
    assert outcome.answers == ["True"]
    assert outcome.code == -signal.SIGSEGV
    assert "will not come: the loader's process was killed by signal 9" in outcome.errors
    assert "the loader's process has ended; the process ends" in outcome.errors


@pytest.mark.parametrize(
    "child",
    [
        "pid = os.fork()\nif not pid: os._exit(check())\ncode = os.waitpid(pid, 0)[1]",
        "import subprocess\ncode = subprocess.run([sys.executable, '-c', PROGRAM]).returncode",
        "import multiprocessing\nprocess = multiprocessing.get_context('fork').Process(target=check)\n"
        "process.start(); process.join(); code = process.exitcode",
        "pid = os.posix_spawn(sys.executable, [sys.executable, '-c', PROGRAM], os.environ)\ncode = os.waitpid(pid, 0)[1]",
        "code = os.system(f'{sys.executable} -c \"{PROGRAM}\"')",
    ],
    ids=["fork", "subprocess", "multiprocessing", "spawn", "system"],
)
def test_children_find_libraries_whole(paged_instance: Any, link: Any, child: str) -> None:
    link.set(bandwidth=20e6)
    prologue = f"""
PROGRAM = "import heavy; assert heavy.right(range({FUNCTIONS}))"
def check():
    import heavy
    return 0 if heavy.right(range({FUNCTIONS})) else 1
"""
    outcome = paged_instance.run(START + prologue + child + "\nprint(code)\n")
    assert outcome.answers == ["0"], outcome.errors


def test_an_image_of_the_process_that_is_replaced_finds_libraries_whole(paged_instance: Any, link: Any) -> None:
    link.set(bandwidth=20e6)
    program = f"import heavy; print(heavy.right(range({FUNCTIONS})))"
    outcome = paged_instance.run(START + f"os.execv(sys.executable, [sys.executable, '-c', {program!r}])")
    assert outcome.answers == ["True"], outcome.errors


def test_an_instance_that_is_frozen_goes_on_when_it_is_thawed(paged_instance: Any, link: Any) -> None:
    link.set(bandwidth=4e6)
    script = START + "print('ready', flush=True)\n" + ALL
    with paged_instance.popen(script, start_new_session=True) as process:
        import os
        import time

        while process.stdout.readline() != "ready\n":
            pass
        os.killpg(process.pid, signal.SIGSTOP)
        time.sleep(1.0)
        os.killpg(process.pid, signal.SIGCONT)
        output, errors = process.communicate(timeout=60)
    assert output.split() == ["True"], errors
    assert process.returncode == 0


def test_credentials_that_expire_end_the_process_and_newer_ones_of_a_request_do_not(
    paged_instance: Any, link: Any, cloud: Any
) -> None:
    link.set(bandwidth=1e6)
    script = (
        START
        + f"""
from types import SimpleNamespace as N
def context(secret): return N(credentials=N(access_key_id={cloud.access_key_id!r}, access_key_secret=secret, security_token=""))
right, wrong = os.environ["ALIBABA_CLOUD_ACCESS_KEY_SECRET"], "expired"
print(loader.handler(b"range(5)", context(wrong)), flush=True)
time.sleep(0.2)
print(loader.handler(b"range(5)", context(right)), flush=True)
time.sleep(0.2)
print(loader.handler(b"[400]", context(right)), flush=True)
loader.handler(b"range(5)", context(wrong))
time.sleep(0.2)
loader.handler(b"range(100, 600)", context(wrong))
"""
    )
    outcome = paged_instance.run(script)
    assert outcome.answers == ["True"] * 3, outcome.errors
    assert outcome.code == -signal.SIGSEGV
    assert "AccessDeniedError" in next(each for each in outcome.errors.splitlines() if "the process ends" in each)


@pytest.mark.parametrize("mode", ["complete", "working-set"])
@pytest.mark.parametrize("when", ["before", "during", "after"])
def test_the_fault_handler_of_python_may_be_enabled_at_any_time(
    paged_instance: Any, link: Any, mode: str, when: str
) -> None:
    link.set(bandwidth=20e6)
    enable = "import faulthandler; faulthandler.enable()\n"
    (paged_instance.code / "user.py").write_text((enable if when == "during" else "") + USER)
    script = (enable if when == "before" else "") + START + (enable if when == "after" else "")
    script += ALL + helpers() + "print(whole(), closed())\n" + REQUEST
    crash = "sys.stdout.flush(); import ctypes; ctypes.string_at(0)"
    outcome = paged_instance.with_variables(LoadMode=mode).run(script + crash)
    assert outcome.answers == ["True", "True 0", "True"], outcome.errors
    assert outcome.code == -signal.SIGSEGV
    assert "Segmentation fault" in outcome.errors


def test_a_kernel_that_refuses_gets_everything_whole(paged_instance: Any) -> None:
    refuse = "from tests.support.seccomp import refuse_executable_memory; refuse_executable_memory()\n"
    script = "import sys; sys.path.append(ROOT)\n".replace("ROOT", repr(str(Path(__file__).parents[5]))) + refuse
    outcome = paged_instance.run(script + START + helpers() + "print(whole(), closed())\n" + ALL)
    assert outcome.answers == ["True 0", "True"], outcome.errors
    assert "pages" not in outcome.starts[0]


def test_whole_is_a_load_mode_too_and_a_wrong_one_is_refused(paged_instance: Any) -> None:
    outcome = paged_instance.with_variables(LoadMode="whole").run(START + ALL)
    assert outcome.answers == ["True"], outcome.errors
    assert "pages" not in outcome.starts[0]
    assert "LoadMode" in paged_instance.with_variables(LoadMode="some").run().error["message"]


def test_files_that_only_python_opens_come_behind_the_gate(paged_instance: Any, link: Any) -> None:
    link.set(bandwidth=20e6)
    outcome = paged_instance.run(START + "import heavy.later; print(heavy.later.answer)")
    assert outcome.answers == ["42"], outcome.errors


def test_a_first_request_without_an_initializer_loads_whole(paged_instance: Any) -> None:
    outcome = paged_instance.run(ALL)
    assert outcome.answers == ["True"], outcome.errors
    assert "pages" not in outcome.starts[0]


def test_the_library_in_the_archive_is_the_one_that_was_packed(paged: Packed) -> None:
    from io import BytesIO
    from zipfile import ZipFile

    from tests.support.loading import read_entry

    assert read_entry(ZipFile(BytesIO(paged.data)), "heavy/libcode.so") == large_library().read_bytes()
    assert len(segments_of(large_library())) == 1
