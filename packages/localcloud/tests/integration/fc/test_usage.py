"""The usage of processes: read from the kernel's text, in which a process chooses its own name."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from localcloud.fc.instances.usage import (
    Usage,
    are_all,
    find_tree,
    list_tree,
    open_memory_files,
    read_proportional,
    read_shared,
    read_usage,
)

NAMED = "import ctypes, os, sys; ctypes.CDLL(None).prctl(15, os.fsencode(sys.argv[1]), 0, 0, 0); "
NAMES = ["plain", "\x0cRssAnon:x", "\x0cRssAnon:-9", "\x0cThreads:-9", "\n\x85\u2028", "x) S 1 (", ") (", "\udcff"]


@contextmanager
def running(name: str, then: str = "") -> Iterator[int]:
    """Run a process of that name which has done something, and yield its id."""
    command = [sys.executable, "-I", "-S", "-c", NAMED + then + "\nprint(flush=True); input()", name]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        yield process.pid
        process.communicate(b"\n")


@pytest.mark.parametrize("name", NAMES)
def test_the_name_of_a_process_changes_nothing_of_what_it_uses(name: str) -> None:
    with running(name) as pid:
        usage = read_usage([pid])
        assert usage.tasks == 1
        assert 1 << 20 < usage.anonymous < 100 << 20
        assert find_tree(os.getpid()).count(pid) == 1
        assert list_tree(os.getpid()).count(pid) == 1
        assert 1 << 20 < read_proportional([pid]).anonymous < 100 << 20


@pytest.mark.parametrize("name", ["plain", "a\x0cb", "a\x0b\x0c\x1c\x1d\x1e\x85b", "\u2028", "\nPss: 0 kB"])
def test_the_name_of_a_memory_file_changes_nothing_of_its_size(name: str) -> None:
    then = (
        "\nimport mmap; file = os.memfd_create(sys.argv[1]); os.truncate(file, 1 << 20); kept = mmap.mmap(file, 1 << 20)"
        "\nkept[:] = bytes(range(256)) * 4096; again = os.dup(file); os.close(file)"
    )
    with running(name, then) as pid:
        files = open_memory_files([pid])
        assert list(files.values()) == [1 << 20]
        assert read_shared([pid], counted=()) == 1 << 20
        assert read_shared([pid], counted=files) == 0


def test_a_process_whose_first_thread_has_ended_uses_what_it_used() -> None:
    then = (
        "\nimport _thread, time; file = os.memfd_create('m'); os.write(file, bytes(1 << 20))"
        "\n_thread.start_new_thread(lambda: (time.sleep(0.1), print(flush=True), input(), os._exit(0)), ())"
        "\nctypes.CDLL(None).pthread_exit(None)"
    )
    with running("alive", then) as pid:
        assert read_usage([pid]).anonymous > 1 << 20
        assert read_proportional([pid]).anonymous > 1 << 20
        assert list(open_memory_files([pid]).values()) == [1 << 20]


def test_a_memory_file_counts_that_one_thread_alone_has_open() -> None:
    then = (
        "\nimport _thread, time; ready = _thread.allocate_lock(); ready.acquire()"
        "\ndef own():"
        "\n    assert ctypes.CDLL(None).unshare(0x400) == 0  # CLONE_FILES"
        "\n    file = os.memfd_create('m'); os.write(file, bytes(1 << 20)); ready.release(); time.sleep(60)"
        "\n_thread.start_new_thread(own, ()); ready.acquire()"
    )
    with running("alive", then) as pid:
        assert list(open_memory_files([pid]).values()) == [1 << 20]


def test_a_process_that_has_ended_uses_nothing() -> None:
    with running("gone") as pid:
        pass
    assert (read_usage([pid]), read_proportional([pid])) == (Usage(), Usage())
    assert (open_memory_files([pid]), read_shared([pid], counted=())) == ({}, 0)


def test_what_cannot_be_looked_at_for_want_of_descriptors_is_not_taken_for_ended() -> None:
    code = (
        "import os, resource, sys; sys.path.insert(0, sys.argv[1])\n"
        "from localcloud.fc.instances.usage import find_tree, list_tree, read_usage, open_memory_files\n"
        "used = max(map(int, os.listdir('/proc/self/fd')))\n"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (used, used)); kept = []\n"
        "try:\n    while True: kept.append(os.dup(0))\nexcept OSError: pass\n"
        "for look in (read_usage, open_memory_files, lambda pids: find_tree(pids[0]), lambda pids: list_tree(pids[0])):\n"
        "    try: look([os.getpid()])\n    except OSError as error: print(error.errno)\n"
    )
    root = str(Path(__file__).parents[2])
    done = subprocess.run([sys.executable, "-c", code, root], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["24", "24", "24", "24"]  # EMFILE


def test_the_processes_below_one_are_listed_whichever_thread_started_them() -> None:
    code = (
        "import subprocess, sys, threading\n"
        "sleeper = 'import sys; print(flush=True); sys.stdin.read()'\n"
        "nested = f'import subprocess, sys; subprocess.run([sys.executable, \"-c\", {sleeper!r}])'\n"
        "for _ in range(3): threading.Thread(target=subprocess.run, args=([sys.executable, '-c', nested],)).start()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        for _ in range(3):
            process.stdout.readline()
        listed = list_tree(process.pid)
        assert sorted(listed) == sorted(find_tree(process.pid))
        assert len(listed) == 1 + 3 * 2
        process.communicate()


@pytest.mark.skipif(shutil.which("bwrap") is None, reason="bubblewrap is not installed")
def test_whether_processes_are_all_of_a_sandbox_is_told() -> None:
    program = "sleep 60 & sleep 60 & (sleep 60 &) ; echo; wait"
    sandbox = ("bwrap", "--unshare-pid", "--die-with-parent", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc")
    with subprocess.Popen([*sandbox, "sh", "-c", program], stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        pids = find_tree(process.pid)
        assert len(pids) == 6  # bubblewrap twice, the shell, and three others
        assert are_all(pids)
        assert not are_all(pids[:-1])
        with running("outside") as other:
            assert not are_all([*pids, other])
        assert not are_all([*pids[:-1], other])  # which has ended
        process.kill()


def test_processes_without_a_sandbox_are_never_known_to_be_all() -> None:
    with running("inside") as pid:
        assert not are_all([os.getpid()])
        assert not are_all([os.getpid(), pid])
