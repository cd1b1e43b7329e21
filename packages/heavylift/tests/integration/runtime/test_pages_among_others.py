"""The helper in C beside code that does as it likes: unloads libraries, installs handlers, closes descriptors, cancels threads."""

from __future__ import annotations

import signal
import textwrap
from pathlib import Path

import pytest

from heavylift.runtime.pages import find_helper
from tests.support.paging import can_compile, run_scenario

pytestmark = pytest.mark.skipif(not can_compile() or find_helper() is None, reason="there is no C compiler")

SERVED = """
from tests.support.page_server import *
holes = Holes(original, target)
worker = holes.serve()
library = ctypes.CDLL(str(target))
"""
# Ends the C source of a program that has `call`, `right` and `work`: compiles it, and runs `work` in a thread.
RUN_IN_A_THREAD = """
    int run(int (*function)(int)) {
        pthread_t thread;
        call = function;
        pthread_create(&thread, NULL, work, NULL);
        pthread_join(thread, NULL);
        return right;
    }
''')
import subprocess
made = source.with_suffix(".so")
subprocess.run(["cc", "-shared", "-fPIC", "-o", made, source, "-lpthread"], check=True)
print(ctypes.CDLL(str(made)).run(library.call))
"""
# A handler of SIGSEGV in C, which says its name and hands the signal to the one that was there before it.
CHAINED = """
def chained(name):
    source = target.with_name(f"{name}.c")
    source.write_text('''
        #include <signal.h>
        #include <unistd.h>
        static struct sigaction before;
        static void told(int number, siginfo_t *info, void *context) {
            if (write(1, NAME, 1) != 1) _exit(3);
            if (before.sa_flags & SA_SIGINFO) before.sa_sigaction(number, info, context);
            else { sigaction(number, &before, 0); }
        }
        void enter(void) {
            struct sigaction mine = {.sa_sigaction = told, .sa_flags = SA_SIGINFO | SA_NODEFER};
            sigaction(SIGSEGV, &mine, &before);
        }
        void leave(void) { sigaction(SIGSEGV, &before, 0); }
    ''')
    made = source.with_suffix(".so")
    subprocess.run(["cc", "-shared", "-fPIC", f'-DNAME="{name}"', "-o", made, source], check=True)
    return ctypes.CDLL(str(made))
import subprocess
"""


def output(program: str, folder: Path) -> str:
    done = run_scenario(textwrap.dedent(program), folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_takes_the_place_of_an_unloaded_library_is_left_alone(tmp_path: Path) -> None:
    program = """
    import _ctypes
    assert library.call(3) == 10
    lines = [line.split() for line in open("/proc/self/maps") if line.rstrip().endswith(str(target))]
    low = min(int(line[0].split("-")[0], 16) for line in lines)
    high = max(int(line[0].split("-")[1], 16) for line in lines)
    _ctypes.dlclose(library._handle)
    assert str(target) not in open("/proc/self/maps").read()
    libc = ctypes.CDLL(None)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
    assert libc.mmap(low, high - low, 0, 0x32, -1, 0) == low  # anonymous, without permissions, at this place
    sys.stdout.flush()
    child = os.fork()
    if not child:
        ctypes.string_at((low + high) // 2)
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    print({line.split()[1] for line in open("/proc/self/maps") if line.startswith(f"{low:x}-")})
    """
    assert output(SERVED + textwrap.dedent(program), tmp_path) == "-11\n{'---p'}\n"


def test_a_library_that_is_loaded_anew_in_the_place_of_another_is_served(tmp_path: Path) -> None:
    program = """
    import _ctypes
    places, kept = set(), []
    for n in range(1, 30):
        assert library.call(n) == 3 * n + 1
        _ctypes.dlclose(library._handle)
        kept.append(mmap.mmap(-1, 10_000 * n))  # so that it does not always come to the same place
        library = ctypes.CDLL(str(target))
        places.add(ctypes.cast(library.call, ctypes.c_void_p).value)
    print(all(library.call(n) == 3 * n + 1 for n in range(FUNCTIONS)), len(places) > 1)
    """
    assert output(SERVED + "import mmap\n" + textwrap.dedent(program), tmp_path) == "True True\n"


@pytest.mark.parametrize("enabled", ["before", "after"])
@pytest.mark.parametrize("looks", ["", "holes.helper.look_after()\n"], ids=["unseen", "seen"])
def test_a_crash_after_the_fault_handler_of_python_was_disabled_ends_the_process(
    tmp_path: Path, enabled: str, looks: str
) -> None:
    enable = f"import faulthandler; faulthandler.enable()\n{looks if enabled == 'after' else ''}"
    program = (enable if enabled == "before" else "") + SERVED + (enable if enabled == "after" else "")
    program += f"print(library.call(3), flush=True)\nfaulthandler.disable()\n{looks}ctypes.string_at(0)\n"
    done = run_scenario(program, tmp_path, seconds=20)
    assert (done.returncode, done.stdout) == (-signal.SIGSEGV, "10\n"), done.stderr


def test_handlers_that_were_put_above_ours_one_after_the_other_all_hear_of_a_crash(tmp_path: Path) -> None:
    program = """
    first, second = chained("a"), chained("b")
    first.enter(); holes.helper.look_after()
    second.enter(); holes.helper.look_after()
    assert library.call(3) == 10
    ctypes.string_at(0)
    """
    done = run_scenario(SERVED + CHAINED + textwrap.dedent(program), tmp_path, seconds=20)
    assert (done.returncode, done.stdout) == (-signal.SIGSEGV, "ba"), done.stderr


def test_a_handler_that_comes_and_goes_with_each_request_is_heard_and_harmless(tmp_path: Path) -> None:
    program = """
    other = chained("a")
    for n in range(40):
        other.enter(); holes.helper.look_after()
        assert library.call(n) == 3 * n + 1
        if n % 3: other.leave(); holes.helper.look_after()
    other.enter(); holes.helper.look_after()
    ctypes.string_at(0)
    """
    done = run_scenario(SERVED + CHAINED + textwrap.dedent(program), tmp_path, seconds=20)
    assert done.returncode == -signal.SIGSEGV, done.stderr
    assert set(done.stdout) == {"a"}


def test_a_fault_that_is_on_its_way_while_everything_is_opened_and_the_handler_goes_is_none(tmp_path: Path) -> None:
    program = """
    source = target.with_name("late.c")
    source.write_text('''
        #include <signal.h>
        static struct sigaction before;
        static int count;
        int (*open_all)(void); void (*leave)(void);
        static void late(int number, siginfo_t *info, void *context) {
            if (count++ == 0) { open_all(); leave(); }
            before.sa_sigaction(number, info, context);
        }
        void enter(void) {
            struct sigaction mine = {.sa_sigaction = late, .sa_flags = SA_SIGINFO | SA_NODEFER};
            sigaction(SIGSEGV, &mine, &before);
        }
    ''')
    import subprocess
    made = source.with_suffix(".so")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", made, source], check=True)
    late, ours = ctypes.CDLL(str(made)), holes.helper._library
    for name, function in (("open_all", ours.pages_open_all), ("leave", ours.pages_remove)):
        ctypes.c_void_p.in_dll(late, name).value = ctypes.cast(function, ctypes.c_void_p).value
    for number in holes.absent: holes.bring(number)
    late.enter()
    print(library.call(9))
    """
    enabled = "import faulthandler; faulthandler.enable()\n"  # beneath ours
    assert output(enabled + SERVED + textwrap.dedent(program), tmp_path) == "28\n"


def test_what_takes_the_number_of_a_closed_descriptor_receives_nothing(tmp_path: Path) -> None:
    program = """
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    os.dup2(theirs.fileno(), holes.channel.fileno())
    mine.setblocking(False)
    child = os.fork()
    if not child: library.call(9)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    try: print(mine.recv(100))
    except BlockingIOError: print("nothing")
    """
    done = run_scenario(SERVED + textwrap.dedent(program), tmp_path)
    assert done.stdout == "-11\nnothing\n", done.stderr
    assert "closed" in done.stderr


def test_a_kernel_that_refuses_to_open_a_page_is_told_before_the_process_ends(tmp_path: Path) -> None:
    program = """
    from tests.support.seccomp import refuse_executable_memory
    refuse_executable_memory()
    library.call(9)
    """
    done = run_scenario(SERVED + textwrap.dedent(program), tmp_path)
    assert done.returncode == -signal.SIGSEGV
    assert f"{tmp_path}/libcode.so: the code at byte " in done.stderr
    assert "mprotect" in done.stderr


def test_a_thread_that_is_to_be_cancelled_is_not_while_it_waits_for_a_page(tmp_path: Path) -> None:
    program = """
    libc = ctypes.CDLL(None)
    source = target.with_name("cancelled.c")
    source.write_text('''
        #include <pthread.h>
        #include <stddef.h>
        static int (*call)(int);
        static int right;
        static void *work(void *unused) {
            pthread_cancel(pthread_self());
            for (int n = 0; n < 50; n++) right += call(n) == 3 * n + 1;
            return unused;
        }
    """
    assert output(SERVED + textwrap.dedent(program) + RUN_IN_A_THREAD, tmp_path) == "50\n"


def test_a_signal_stack_of_the_least_size_is_enough(tmp_path: Path) -> None:
    program = """
    source = target.with_name("small.c")
    source.write_text('''
        #define _GNU_SOURCE
        #include <pthread.h>
        #include <signal.h>
        #include <stddef.h>
        #include <stdint.h>
        #include <string.h>
        #include <sys/auxv.h>
        #include <sys/mman.h>
        #include <unistd.h>
        static int (*call)(int);
        static int right, used;
        static void *work(void *unused) {
            size_t frame = getauxval(51); /* AT_MINSIGSTKSZ */
            size_t size = (frame > 2048 ? frame : 2048) + 1024;
            char *memory = mmap(NULL, 16384 + 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
            mprotect(memory, 16384, PROT_NONE);
            stack_t stack = {.ss_sp = memory + 16384, .ss_size = size};
            memset(stack.ss_sp, 0x5a, size);
            sigaltstack(&stack, NULL);
            for (int n = 0; n < 50; n++) right += call(n) == 3 * n + 1;
            stack.ss_flags = SS_DISABLE;
            sigaltstack(&stack, NULL);
            return unused;
        }
    """
    assert output(SERVED + textwrap.dedent(program) + RUN_IN_A_THREAD, tmp_path) == "50\n"


def test_a_handler_beneath_ours_that_returns_from_a_lost_page_hears_of_it_once(tmp_path: Path) -> None:
    beneath = """
    source = target.with_name("calm.c")
    source.write_text('''
        #include <signal.h>
        #include <unistd.h>
        static void calm(int number) { if (write(1, "r", 1) != 1) _exit(3); }
        void enter(void) { signal(SIGSEGV, calm); }
    ''')
    import subprocess
    made = source.with_suffix(".so")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", made, source], check=True)
    ctypes.CDLL(str(made)).enter()
    from tests.support.page_server import *
    holes = Holes(original, target)
    worker = holes.serve(lambda holes, count, number: holes.helper.failed(number, 1, "it is gone"))
    ctypes.CDLL(str(target)).call(9)
    """
    done = run_scenario(textwrap.dedent(beneath), tmp_path, seconds=20)
    assert (done.returncode, done.stdout) == (-signal.SIGSEGV, "r"), done.stderr
    assert "it is gone" in done.stderr


def test_a_signal_that_was_ignored_before_still_is_when_a_process_sends_it(tmp_path: Path) -> None:
    before = "import os, signal\nsignal.signal(signal.SIGSEGV, signal.SIG_IGN)\n"
    program = "for _ in range(4): os.kill(os.getpid(), signal.SIGSEGV)\nprint(library.call(3))\n"
    assert output(before + SERVED + program, tmp_path) == "10\n"


def test_what_the_kernel_does_not_open_in_the_end_is_counted(tmp_path: Path) -> None:
    program = """
    for number in holes.absent: holes.bring(number)
    from tests.support.seccomp import refuse_executable_memory
    refuse_executable_memory()
    print(holes.helper.open_all())
    """
    assert output(SERVED + textwrap.dedent(program), tmp_path) == "1\n"
