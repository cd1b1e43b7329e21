"""Mode working-set where something is in its way: the n-th request of the store, children, debuggers, limits, a frozen instance."""

from __future__ import annotations

import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import oss2
import pytest

from heavylift.contracts.index import content_digest
from heavylift.runtime.pages import find_helper
from tests.support.paged import FUNCTIONS, pack_paged
from tests.support.paging import can_compile

pytestmark = pytest.mark.skipif(not can_compile() or find_helper() is None, reason="there is no C compiler")

START = "import os, time, sys, signal\nloader.initializer(None)\n"
ALL = f"print(loader.handler(b'range({FUNCTIONS})', None))\n"
PROGRAM = f"import heavy; assert heavy.right(range({FUNCTIONS}))"
PY_SPY = Path(sys.executable).with_name("py-spy")
CODE_PAGES = 200  # in a block: few blocks, few requests


@pytest.fixture
def small_instance(paged_instance: Any, upload: oss2.Bucket) -> Any:
    """An instance whose archive has few blocks."""
    packed = pack_paged(code_pages=CODE_PAGES)
    upload.put_object("applib/small.zip", packed.data)
    return paged_instance.with_variables(
        AppLibObject="applib/small.zip", AppLibDigest=content_digest(packed.index.content)
    )


@pytest.mark.parametrize(
    ("fault", "persistent"),
    [({"kind": "reset", "after": 1000}, False), ({"kind": "status", "status": 403}, True)],
    ids=["once", "from-then-on"],
)
def test_the_nth_request_fails_and_is_made_again_or_told(
    small_instance: Any, link: Any, fault: dict[str, object], persistent: bool
) -> None:
    for n in itertools.count():
        shutil.rmtree(small_instance.folder)
        small_instance.folder.mkdir()
        times = -1 if persistent else 1
        link.set(fault | {"prefix": "applib/small.zip", "skip": n, "times": times}, bandwidth=40e6)
        outcome = small_instance.run(START + ALL)
        struck = link.faults == [] if not persistent else link.faults[0]["skip"] == 0
        if not persistent or not struck:
            assert (outcome.answers, outcome.code) == (["True"], 0), (n, outcome.errors)
        elif outcome.starts[0].get("error"):
            assert outcome.error["type"] == "AccessDeniedError", n
        elif outcome.code:
            assert (outcome.answers, outcome.code) == ([], -signal.SIGSEGV), n
            assert "AccessDeniedError" in next(
                each for each in outcome.errors.splitlines() if "process ends" in each
            ), n
        else:
            assert outcome.answers == ["True"], n  # what came from the stream, or before it failed, was enough
        if not struck:
            break
    assert n >= 3


STARTER = """
#include <spawn.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
extern char **environ;
static int ended(int child) { int status; waitpid(child, &status, 0); return status; }
int by_fork(char **words) {
    int child = fork();
    if (!child) { execv(words[0], words); _exit(9); }
    return ended(child);
}
int by_spawn(char **words) {
    pid_t child;
    return posix_spawn(&child, words[0], 0, 0, words, environ) ? 9 : ended(child);
}
int by_system(char **words) { return system(words[0]); }
"""


@pytest.fixture
def starter(tmp_path: Path) -> Path:
    """A library that starts programs without Python's knowing."""
    (tmp_path / "starter.c").write_text(STARTER)
    made = tmp_path / "starter.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", made, tmp_path / "starter.c"], check=True)
    return made


def started(starter: Path, name: str, words: list[bytes]) -> str:
    """Return a script that starts a program, and prints how it ended."""
    return f"""
import ctypes
print(ctypes.CDLL({str(starter)!r}).{name}((ctypes.c_char_p * {len(words) + 1})(*{words!r})), flush=True)
"""


@pytest.mark.parametrize("name", ["by_fork", "by_spawn", "by_system"])
def test_a_python_program_that_c_code_starts_by_itself_finds_libraries_whole(
    paged_instance: Any, link: Any, starter: Path, name: str
) -> None:
    link.set(bandwidth=10e6)
    words = [sys.executable.encode(), b"-c", PROGRAM.encode()]
    if name == "by_system":
        words = [f"{sys.executable} -c '{PROGRAM}'".encode()]
    outcome = paged_instance.run(START + started(starter, name, words))
    assert outcome.answers == ["0"], outcome.errors


def test_a_program_that_c_code_starts_when_the_worker_was_killed_says_why_it_cannot_run(
    paged_instance: Any, link: Any, starter: Path
) -> None:
    link.set(bandwidth=1e6)
    program = started(starter, "by_spawn", [sys.executable.encode(), b"-c", PROGRAM.encode()])
    outcome = paged_instance.run(START + KILL + program)
    assert outcome.answers == [str(127 << 8)], outcome.errors
    assert "are not whole, and will not be: the loader's process has ended" in outcome.errors


def test_what_holds_programs_up_leaves_the_environment_when_everything_is_there(paged_instance: Any, link: Any) -> None:
    names = "print(os.environ.get('HEAVYLIFT_PARTIAL') is not None, os.environ.get('LD_PRELOAD', '')[-9:])\n"
    link.set(bandwidth=20e6)
    own = paged_instance.with_variables(LD_PRELOAD="libm.so.6")
    outcome = own.run(START + names + ALL + "import subprocess; subprocess.run(['true'])\n" + ALL + names)
    assert outcome.answers == [
        *("True libm.so.6", "True", "True"),
        "False libm.so.6",
    ], outcome.errors
    complete = paged_instance.with_variables(LoadMode="complete", AppLibDir=f"{paged_instance.folder}/other")
    assert complete.run(START + names).answers == ["False "]


KILL = """
(worker,) = map(int, open(f"/proc/self/task/{os.getpid()}/children").read().split())
os.kill(worker, signal.SIGKILL)
time.sleep(0.2)
"""


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_children_of_multiprocessing_find_libraries_whole(paged_instance: Any, link: Any, method: str) -> None:
    link.set(bandwidth=20e6)
    (paged_instance.code / "work.py").write_text(f"def work():\n    {PROGRAM.replace('; ', chr(10) + '    ')}\n")
    script = f"""
import multiprocessing, work
process = multiprocessing.get_context({method!r}).Process(target=work.work)
process.start(); process.join(); print(process.exitcode)
"""
    outcome = paged_instance.run(START + script)
    assert outcome.answers == ["0"], outcome.errors


def test_a_forked_process_may_handle_the_signal_itself(paged_instance: Any, link: Any) -> None:
    link.set(bandwidth=20e6)
    script = f"""
import os, signal
child = os.fork()
if child == 0:
    signal.signal(signal.SIGSEGV, signal.SIG_DFL)
    os._exit(not heavy.right(range({FUNCTIONS})))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    outcome = paged_instance.run(START + "import heavy\n" + script)
    assert outcome.answers == ["0"], outcome.errors


def test_a_process_that_may_have_no_more_memory_goes_on(paged_instance: Any, link: Any) -> None:
    link.set(bandwidth=20e6)
    script = """
import resource
size = int(open("/proc/self/statm").read().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (size, size))
try: bytearray(64 << 20)
except MemoryError: print("no more")
"""
    outcome = paged_instance.run(START + script + ALL)
    assert outcome.answers == ["no more", "True"], outcome.errors


def test_credentials_that_expired_while_the_instance_was_frozen_in_a_request_are_told_at_once(
    paged_instance: Any, link: Any
) -> None:
    link.set(bandwidth=1e6)
    with paged_instance.popen(START + "print('ready', flush=True)\n" + ALL, start_new_session=True) as process:
        while process.stdout.readline() != "ready\n":
            pass
        time.sleep(0.5)  # the request waits for a page now
        os.killpg(process.pid, signal.SIGSTOP)
        link.set(
            {"kind": "status", "status": 403, "prefix": "applib/", "times": -1},
            {"kind": "reset", "prefix": "applib/", "times": -1},
        )
        time.sleep(0.3)
        os.killpg(process.pid, signal.SIGCONT)
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (-signal.SIGSEGV, ""), errors
    assert "AccessDeniedError" in next(each for each in errors.splitlines() if "the process ends" in each)


def test_a_disk_that_holds_the_working_set_alone_is_refused_before_anything_is_written(paged_instance: Any) -> None:
    bwrap = shutil.which("bwrap")
    assert bwrap, "these tests need bubblewrap: sudo apt-get install bubblewrap"
    mount = ("--dev-bind", "/", "/", "--size", "3000000", "--tmpfs", str(paged_instance.folder), "--die-with-parent")
    outcome = replace(paged_instance, prefix=(bwrap, *mount)).with_variables(ModelObject="", ModelDigest="").run()
    assert outcome.error["type"] == "DiskFullError", outcome
    assert re.search(r"unpacks to \d+\.\d MB, and .* raise the function's disk", outcome.error["message"])


def test_py_spy_may_look_at_the_process_at_any_time(paged_instance: Any, link: Any) -> None:
    link.set(bandwidth=2e6)
    with paged_instance.popen(START + "print('ready', flush=True)\n" + ALL) as process:
        while process.stdout.readline() != "ready\n":
            pass
        looks = [
            subprocess.run(
                [PY_SPY, "dump", *native, "--pid", str(process.pid)], capture_output=True, text=True, check=False
            )
            for native in ([], ["--native"]) * 3
        ]
        output, errors = process.communicate(timeout=60)
    assert (process.returncode, output) == (0, "True\n"), errors
    assert sum("handler" in each.stdout for each in looks) >= 2, looks
