"""The process of the loader: a fork where that is safe, and never more of the function's process than it needs."""

from __future__ import annotations

from typing import Any

import pytest

FORKS = "import os, sys, threading\nos.register_at_fork(before=lambda: print('forked', flush=True))\n"
ANOTHER_THREAD = "threading.Thread(target=threading.Event().wait, daemon=True).start()\n"
START = "import loader\nloader.initializer(None)\n"
READ = "print(loader.handler(b'x', None))\n"


def test_it_is_a_fork_of_a_process_with_one_thread(instance: Any) -> None:
    outcome = instance.run(FORKS + START + READ)
    assert outcome.answers == ["forked", "42 1 x"], outcome.errors


def test_it_is_an_interpreter_of_its_own_where_another_thread_may_hold_a_lock(instance: Any) -> None:
    outcome = instance.run(FORKS + ANOTHER_THREAD + START + READ)
    assert outcome.answers == ["42 1 x"], outcome.errors


@pytest.mark.parametrize(
    "exchange",
    [
        "import socket\ndef create_connection(*_): raise OSError\nsocket.create_connection = create_connection\n",
        "import _thread\ndef start_new_thread(*_): raise RuntimeError\n_thread.start_new_thread = start_new_thread\n",
        "sys.setprofile(lambda *_: None)\n",
        "threading.settrace(lambda *_: None)\n",
    ],
    ids=["socket", "thread", "profile", "trace"],
)
def test_it_is_an_interpreter_of_its_own_where_the_functions_code_would_run_in_a_fork(
    instance: Any, exchange: str
) -> None:
    """As gevent and eventlet, tracers and profilers have it."""
    outcome = instance.run(FORKS + exchange + START + READ)
    assert outcome.answers == ["42 1 x"], outcome.errors


def test_a_function_that_ignores_the_end_of_its_processes_starts(instance: Any) -> None:
    outcome = instance.run("import signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\n" + START + READ)
    assert outcome.answers == ["42 1 x"], outcome.errors


def test_what_customizes_the_functions_python_customizes_an_interpreter_of_its_own_too(instance: Any) -> None:
    (instance.code / "sitecustomize.py").write_text(
        "import os, sys\nos.write(2, f'customized {os.getpid()}\\n'.encode())\n"
    )
    outcome = instance.run(FORKS + ANOTHER_THREAD + START + READ)
    assert outcome.answers == ["42 1 x"], outcome.errors
    assert len({line for line in outcome.errors.splitlines() if line.startswith("customized")}) == 2


def test_what_customizes_the_programs_that_a_function_starts_customizes_an_interpreter_of_its_own_too(
    instance: Any,
) -> None:
    """As the embedded cloud has them trust its certificates: by a folder that PYTHONPATH names since the function's Python runs."""
    folder = instance.folder.parent / "preload"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text("import os\nos.write(2, b'customized\\n')\n")
    outcome = instance.run(f"{FORKS}{ANOTHER_THREAD}os.environ['PYTHONPATH'] = {str(folder)!r}\n{START}{READ}")
    assert outcome.answers == ["42 1 x"], outcome.errors
    assert outcome.errors.splitlines().count("customized") == 1


def test_it_keeps_no_file_of_the_function_open(paged_instance: Any, link: Any) -> None:
    link.set(bandwidth=1e6)
    outcome = paged_instance.run(
        "import os\nreading, writing = os.pipe()\nos.set_inheritable(writing, True)\n"
        + START
        + "os.close(writing)\nimport select\nprint(select.select([reading], [], [], 2)[0] == [reading], flush=True)\nos._exit(0)"
    )
    assert outcome.answers == ["True"], outcome.errors


@pytest.mark.parametrize("prologue", ["", ANOTHER_THREAD], ids=["fork", "interpreter"])
def test_what_the_function_does_on_a_signal_it_does_not(paged_instance: Any, link: Any, prologue: str) -> None:
    link.set(bandwidth=1e6)
    handle = "signal.signal(signal.SIGTERM, lambda *_: os.write(1, b'handled\\n'))\n"
    kill = (
        "(worker,) = map(int, open(f'/proc/self/task/{os.getpid()}/children').read().split())\n"
        "os.kill(worker, signal.SIGTERM)\n"
        "while os.path.exists(f'/proc/{worker}'): time.sleep(0.01)\n"
        "print('ended', flush=True)\nos._exit(0)\n"
    )
    outcome = paged_instance.run("import os, signal, threading, time\n" + handle + prologue + START + kill)
    assert outcome.answers == ["ended"], outcome.errors


def test_what_its_process_cannot_do_is_in_the_functions_log(instance: Any) -> None:
    """A module of the user's that hides one of the worker's."""
    (instance.code / "hmac.py").write_text("raise RuntimeError('hidden')\n")
    outcome = instance.run(FORKS + START)
    assert outcome.code == 1
    assert "RuntimeError: hidden" in outcome.errors
