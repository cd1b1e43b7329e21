"""The helper in C, executed: each test runs a process whose library lacks its code."""

from __future__ import annotations

import shutil
import signal
import subprocess
import textwrap
from pathlib import Path

import pytest

from heavylift.runtime.pages import PAGE, Segment, find_helper
from tests.support.page_server import Holes
from tests.support.paging import FUNCTIONS, can_compile, code_library, run_scenario
from tests.support.paths import ROOT

pytestmark = pytest.mark.skipif(not can_compile() or find_helper() is None, reason="there is no C compiler")

SUPPORT = ROOT / "tests" / "support"
HOLES = """
from tests.support.page_server import *
holes = Holes(original, target)
"""
SERVED = HOLES + "worker = holes.serve()\nlibrary = ctypes.CDLL(str(target))\n"


def output(program: str, folder: Path, seconds: float = 60) -> str:
    done = run_scenario(program, folder, seconds=seconds)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_code_that_is_absent_is_brought_when_it_is_executed_and_no_other(tmp_path: Path) -> None:
    program = SERVED + "before = holes.missing(); print(library.call(17), before - holes.missing())"
    value, brought = output(program, tmp_path).split()
    assert int(value) == 3 * 17 + 1
    assert int(brought) == 1


def test_what_has_arrived_stays_when_the_block_that_it_is_of_is_lost_later(tmp_path: Path) -> None:
    program = """
    import mmap
    from heavylift.runtime.pages import FAILED, PAGE, PRESENT, PagePlan, Segment, find_helper, plan_size
    segments = [Segment(str(original), 0, 4 * PAGE, 5, 0)]
    plan = PagePlan(mmap.mmap(-1, plan_size(segments)), segments)
    plan.write()
    plan.set_absent(0, 4)
    helper = find_helper()
    helper.attach(plan.memory)
    helper.arrived(1, 2)
    helper.failed(0, 4, "the store is down")
    print([plan.state(number) for number in range(4)] == [FAILED, PRESENT, PRESENT, FAILED])
    """
    assert output(program, tmp_path) == "True\n"


@pytest.mark.parametrize("order", ["numbers", "random.sample(numbers, len(numbers))", "numbers[::-1]"])
def test_every_page_forced_in_any_order_gives_the_original_file(tmp_path: Path, order: str) -> None:
    program = f"""
    numbers = list(range(FUNCTIONS))
    assert all(library.call(n) == 3 * n + 1 for n in {order})
    holes.bring_all()
    assert holes.helper.open_all() == 0
    holes.helper.remove()
    assert all(library.call(n) == 3 * n + 1 for n in numbers)
    assert original.read_bytes() == target.read_bytes()
    print([line.split()[1] for line in open("/proc/self/maps") if line.rstrip().endswith(str(target))])
    """
    assert "---p" not in output(SERVED + textwrap.dedent(program), tmp_path)


def test_sixty_four_threads_that_fault_at_once_all_go_on(tmp_path: Path) -> None:
    program = """
    start = threading.Barrier(64)
    wrong = []
    def work(seed):
        numbers = random.Random(seed).sample(range(FUNCTIONS), FUNCTIONS)
        start.wait()
        for n in numbers:
            if library.call(n) != 3 * n + 1: wrong.append(n)
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(64)]
    for each in threads: each.start()
    for each in threads: each.join()
    print(len(wrong), holes.missing() < FUNCTIONS, faults(holes.plan.memory).absent >= FUNCTIONS)
    """
    assert output(SERVED + textwrap.dedent(program), tmp_path) == "0 True True\n"


def test_segments_that_the_kernel_lists_as_one_are_told_apart(tmp_path: Path) -> None:
    program = """
    from tests.support.page_server import *
    holes = Holes(original, target, gap=3)
    worker = holes.serve()
    library = ctypes.CDLL(str(target))
    numbers = [*range(100), *range(FUNCTIONS - 100, FUNCTIONS)]  # the gap lies in the middle
    assert all(library.call(n) == 3 * n + 1 for n in random.sample(numbers, len(numbers)))
    holes.bring_all()
    assert holes.helper.open_all() == 0
    holes.helper.remove()
    assert all(library.call(n) == 3 * n + 1 for n in numbers)
    lines = [line.split() for line in open("/proc/self/maps") if line.rstrip().endswith(str(target))]
    closed = [line[0].split("-") for line in lines if line[1] == "---p"]
    print([(int(high, 16) - int(low, 16)) // PAGE for low, high in closed])
    """
    assert output(textwrap.dedent(program), tmp_path) == "[3]\n"


def test_pages_that_are_there_are_opened_together_by_the_first_fault(tmp_path: Path) -> None:
    program = """
    from tests.support.page_server import *
    holes = Holes(original, target, keep=frozenset(range(10000)))
    worker = holes.serve()
    library = ctypes.CDLL(str(target))
    assert [library.call(n) for n in range(FUNCTIONS)] == [3 * n + 1 for n in range(FUNCTIONS)]
    print(faults(holes.plan.memory))
    """
    assert output(program, tmp_path) == "Faults(present=1, absent=0, waited=0.0)\n"


def test_a_recording_names_the_pages_that_were_executed(tmp_path: Path) -> None:
    program = """
    import shutil
    shutil.copy(original, target)
    segments = segments_of(target)
    with recording(segments) as plan:
        library = ctypes.CDLL(str(target))
        none = plan.touched()[str(target)]
        for n in (5, 250, 5): library.call(n)
    assert target.read_bytes() == original.read_bytes()
    assert library.call(100) == 301
    touched = set(plan.touched()[str(target)]) - set(none)
    from elftools.elf.elffile import ELFFile
    symbols = ELFFile(open(target, "rb")).get_section_by_name(".dynsym")
    expected = {symbols.get_symbol_by_name(name)[0]["st_value"] // 4096 for name in ("f5", "f250", "call")}
    print(touched == expected, len(none) < 5)
    """
    assert output(program, tmp_path) == "True True\n"


def test_a_page_that_fails_ends_the_process_with_library_place_and_reason(tmp_path: Path) -> None:
    program = """
    from tests.support.page_server import *
    holes = Holes(original, target)
    def answer(holes, count, number):
        holes.bring(number) if count < 3 else holes.helper.failed(number, 1, "the store has gone")
    holes.serve(answer)
    library = ctypes.CDLL(str(target))
    for n in range(FUNCTIONS): print(library.call(n), flush=True)
    """
    done = run_scenario(program, tmp_path)
    assert done.returncode == -signal.SIGSEGV
    (line,) = done.stderr.splitlines()
    assert f"{tmp_path}/libcode.so: the code at byte " in line
    assert int(line.split("at byte ")[1].split()[0]) % PAGE == 0
    assert "the store has gone" in line
    printed = [int(each) for each in done.stdout.split()]
    assert printed == [3 * n + 1 for n in range(len(printed))]  # never wrong code
    assert 0 < len(printed) < 4


def test_whichever_page_fails_the_process_ends_and_executes_no_wrong_code(tmp_path: Path) -> None:
    program = """
    import itertools
    from tests.support.page_server import *
    for n in itertools.count():
        child = os.fork()
        if not child:
            os.dup2(os.open("/dev/null", os.O_WRONLY), 2)
            holes = Holes(original, target.with_name(f"{n}.so"))
            def answer(holes, count, number, n=n):
                holes.helper.failed(number, 1, "refused") if count == n else holes.bring(number)
            holes.serve(answer)
            library = ctypes.CDLL(str(holes.target))
            os._exit(any(library.call(i) != 3 * i + 1 for i in range(12)))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(code, end=" ")
        if code != -signal.SIGSEGV: break
    """
    *failed, last = output(textwrap.dedent(program), tmp_path).split()
    assert len(failed) >= 12
    assert last == "0"  # the n-th page was never asked for


def test_a_request_for_a_page_that_was_lost_is_made_again(tmp_path: Path) -> None:
    program = """
    from tests.support.page_server import *
    holes = Holes(original, target)
    def answer(holes, count, number):
        if count != 3: holes.bring(number)
    holes.serve(answer)
    library = ctypes.CDLL(str(target))
    print(all(library.call(n) == 3 * n + 1 for n in range(20)))
    """
    assert output(textwrap.dedent(program), tmp_path) == "True\n"


def test_the_end_of_the_worker_is_told_not_waited_out(tmp_path: Path) -> None:
    program = """
    assert library.call(1) == 4
    os.kill(worker, signal.SIGKILL); os.waitpid(worker, 0)
    assert library.call(1) == 4
    library.call(2)
    """
    done = run_scenario(SERVED + textwrap.dedent(program), tmp_path)
    assert done.returncode == -signal.SIGSEGV
    assert "the loader's process has ended" in done.stderr


def test_a_worker_that_is_frozen_while_a_page_is_awaited_goes_on_afterwards(tmp_path: Path) -> None:
    program = """
    os.kill(worker, signal.SIGSTOP)
    threading.Timer(1.5, os.kill, (worker, signal.SIGCONT)).start()
    begin = time.monotonic()
    print(library.call(7), time.monotonic() - begin > 1, faults(holes.plan.memory).waited > 1)
    """
    assert output(SERVED + textwrap.dedent(program), tmp_path) == "22 True True\n"


def test_a_process_that_is_frozen_while_it_awaits_a_page_goes_on_afterwards(tmp_path: Path) -> None:
    program = """
    from tests.support.page_server import *
    holes = Holes(original, target)
    worker = holes.serve(slowly)
    library = ctypes.CDLL(str(target))
    child = os.fork()
    if not child:
        os._exit(any(library.call(n) != 3 * n + 1 for n in range(FUNCTIONS)))
    for _ in range(20):
        time.sleep(0.03); os.kill(child, signal.SIGSTOP); time.sleep(0.01); os.kill(child, signal.SIGCONT)
    print(os.waitpid(child, 0)[1])
    """
    assert output(textwrap.dedent(program), tmp_path) == "0\n"


def test_children_forked_while_other_threads_fault_are_served_too(tmp_path: Path) -> None:
    program = """
    import warnings; warnings.simplefilter("ignore")
    def work():
        for n in range(FUNCTIONS): library.call(n)
    threads = [threading.Thread(target=work) for _ in range(8)]
    for each in threads: each.start()
    codes = []
    for seed in range(8):
        child = os.fork()
        if not child:
            numbers = random.Random(seed).sample(range(FUNCTIONS), FUNCTIONS)
            os._exit(any(library.call(n) != 3 * n + 1 for n in numbers))
        codes.append(os.waitpid(child, 0)[1])
    print(codes == [0] * 8)
    """
    assert output(SERVED + textwrap.dedent(program), tmp_path) == "True\n"


BEFORE, AFTER = "faulthandler.enable()\n" + HOLES + "worker = holes.serve()\n", SERVED + "faulthandler.enable()\n"


@pytest.mark.parametrize("looks", ["", "holes.helper.look_after()\n"])
@pytest.mark.parametrize("prologue", [BEFORE, AFTER], ids=["before", "after"])
def test_pages_are_brought_under_the_fault_handler_of_python(tmp_path: Path, prologue: str, looks: str) -> None:
    program = f"import faulthandler\n{prologue}{looks}library = ctypes.CDLL(str(target))\nprint(library.call(3), library.call(4))"
    assert output(program, tmp_path) == "10 13\n"


@pytest.mark.parametrize("looks", ["", "holes.helper.look_after()\n"])
@pytest.mark.parametrize("prologue", [BEFORE, AFTER], ids=["before", "after"])
@pytest.mark.parametrize("crash", ["ctypes.string_at(0)", "os.kill(os.getpid(), signal.SIGSEGV); time.sleep(0.2)"])
def test_a_crash_is_told_by_the_fault_handler_of_python_and_ends_the_process(
    tmp_path: Path, prologue: str, looks: str, crash: str
) -> None:
    program = f"import faulthandler\n{prologue}{looks}library = ctypes.CDLL(str(target))\nprint(library.call(3))\n"
    done = run_scenario(program + f"{crash}\n{crash}\n", tmp_path)
    assert done.returncode == -signal.SIGSEGV
    assert "Fatal Python error: Segmentation fault" in done.stderr


def test_a_handler_of_others_gets_what_is_not_ours_and_is_put_back(tmp_path: Path) -> None:
    program = """
    from tests.support.page_server import *
    mine = []
    signal.signal(signal.SIGSEGV, lambda *given: mine.append(given))
    before = signal.getsignal(signal.SIGSEGV)
    holes = Holes(original, target)
    worker = holes.serve()
    library = ctypes.CDLL(str(target))
    library.call(3)
    os.kill(os.getppid(), 0)
    sender = os.fork()
    if not sender:
        os.kill(os.getppid(), signal.SIGSEGV); os._exit(0)
    os.waitpid(sender, 0)
    print(len(mine))
    holes.bring_all(); holes.helper.open_all(); holes.helper.remove()
    os.kill(os.getpid(), signal.SIGSEGV)
    print(len(mine), library.call(9))
    """
    assert output(textwrap.dedent(program), tmp_path) == "1\n2 28\n"


def test_a_write_into_code_is_a_crash_as_ever(tmp_path: Path) -> None:
    program = "library.call(3)\nctypes.memset(ctypes.cast(library.f3, ctypes.c_void_p), 0, 1)"
    done = run_scenario(SERVED + program, tmp_path)
    assert done.returncode == -signal.SIGSEGV
    assert done.stderr == ""


def test_a_library_of_which_the_kernel_allows_no_more_mappings_is_opened_whole(tmp_path: Path) -> None:
    program = """
    import mmap
    holes_in_memory = []
    limit = int(open("/proc/sys/vm/max_map_count").read())
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    libc.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
    for n in range(limit):  # protections in turn, so that the kernel cannot merge them
        if libc.mmap(None, 4096, n % 2 + 1, 0x22, -1, 0) in (None, 2**64 - 1): break
    assert all(library.call(n) == 3 * n + 1 for n in range(0, FUNCTIONS, 7))
    print(holes.missing())
    """
    assert output(SERVED + "library.call(0)\n" + textwrap.dedent(program), tmp_path) == "0\n"


@pytest.mark.parametrize("checker", ["threads", "memory"])
def test_sixty_four_threads_that_fault_at_once_pass_the_checkers_of_threads_and_memory(
    tmp_path: Path, checker: str
) -> None:
    program = tmp_path / "stress"
    options = ["-g", "-O1", "-std=gnu11", f"-I{ROOT}/packages/heavylift/native", f"{SUPPORT}/pages_stress.c"]
    sanitizer = ["-fsanitize=thread"] if checker == "threads" else []
    compiled = subprocess.run(["cc", *sanitizer, *options, "-o", program, "-ldl", "-lpthread"], check=False)
    prefix = ["setarch", "-R"]  # ThreadSanitizer wants memory in the places that it knows
    if checker == "memory":
        prefix = ["valgrind", "-q", "--error-exitcode=9", f"--suppressions={SUPPORT}/jumps.supp"]
    if compiled.returncode or not shutil.which(prefix[0]):
        pytest.skip(f"this machine has no checker of {checker}")
    holes = Holes(code_library(), tmp_path / "libcode.so")
    holes.channel.close()
    holes.served.close()
    (tmp_path / "plan").write_bytes(bytes(holes.plan.memory))
    command = [*prefix, *map(str, (program, tmp_path / "plan", holes.target, holes.original, FUNCTIONS))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0 wrong, 0 closed\n", "")


@pytest.mark.skipif(not shutil.which("gdb"), reason="there is no gdb")
def test_a_debugger_that_passes_the_signal_on_may_be_attached(tmp_path: Path) -> None:
    program = """
    import subprocess
    ctypes.CDLL(None).prctl(0x59616d61, ctypes.c_ulong(-1 & 2**64 - 1), 0, 0, 0)
    command = ["gdb", "-q", "-batch", "-p", str(os.getpid()), "-ex", "handle SIGSEGV nostop noprint pass", "-ex", "continue"]
    debugger = subprocess.Popen(command, stdin=-3, stdout=-3, stderr=-3)
    def traced():
        return "TracerPid:\\t0\\n" not in open("/proc/self/status").read()
    while not traced() and debugger.poll() is None: time.sleep(0.01)
    time.sleep(0.3)
    print(all(library.call(n) == 3 * n + 1 for n in range(FUNCTIONS)), traced())
    debugger.kill()
    """
    assert output(SERVED + textwrap.dedent(program), tmp_path) == "True True\n"


def test_errno_is_left_alone(tmp_path: Path) -> None:
    program = """
    library = ctypes.CDLL(str(target), use_errno=True)
    ctypes.set_errno(77)
    library.call(40)
    print(ctypes.get_errno())
    """
    assert output(SERVED + textwrap.dedent(program), tmp_path) == "77\n"


def test_a_library_by_a_long_path_is_found(tmp_path: Path) -> None:
    folder = tmp_path.joinpath(*(["a folder of a long name " * 8] * 12))
    folder.mkdir(parents=True)
    assert output(SERVED + "print(library.call(3))", folder) == "10\n"


def test_a_machine_that_lets_code_be_opened_says_so_and_one_that_does_not_gives_the_reason(tmp_path: Path) -> None:
    helper = find_helper()
    assert helper is not None
    assert helper.probe(tmp_path) == ""
    program = """
    from tests.support.seccomp import refuse_executable_memory
    refuse_executable_memory()
    print(find_helper().probe(target.parent))
    """
    done = run_scenario("find_helper()\n" + textwrap.dedent(program), tmp_path)
    assert done.stdout == "Permission denied\n", done.stderr


def test_pages_count_from_the_one_that_the_segment_begins_in() -> None:
    assert Segment("a", 4096 * 3 + 64, 4096, 5, 0).pages == range(3, 5)
    assert Segment("a", 4096 * 3, 4096, 5, 0).pages == range(3, 4)
