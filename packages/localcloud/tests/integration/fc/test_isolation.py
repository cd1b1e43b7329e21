"""Isolation of instances: what is out of reach, limits that hold however they are strained, the gaps without a sandbox."""

from __future__ import annotations

import contextlib
import errno
import http.client
import os
import shutil
import signal
import socket
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

from tests.support.cloud import few_descriptors
from tests.support.waiting import wait_for

Running = Any  # the running cloud of tests/support/cloud.py
MakeEvent = Callable[..., bytes]

FUNCTION = textwrap.dedent(
    """
    import ctypes, json, mmap, os, socket, subprocess, sys, threading, time, urllib.request

    KEPT = []
    DAEMON = "import os, time\\nif os.fork(): os._exit(0)\\nos.setsid()\\nif os.fork(): os._exit(0)\\n"


    def handler(event, context):
        order = json.loads(event)
        return globals()["do_" + order.pop("do")](**order)


    def failure(call, *arguments):
        try:
            call(*arguments)
        except OSError as error:
            return error.errno
        return None


    def do_open(paths):
        # Opened, never written: what a test opens by mistake must stay as it is.
        return {path: failure(lambda: os.close(os.open(path, os.O_WRONLY))) for path in paths}


    def do_say(text):
        for path in ("/dev/stdout", "/dev/stderr", "/proc/self/fd/1"):
            with open(path, "a") as file:
                file.write(text + " by " + path + "\\n")


    def do_create(folders):
        return {folder: failure(lambda: open(folder + "/made", "w").close()) for folder in folders}


    def do_read(paths):
        return {path: failure(lambda: open(path, "rb").read(1)) for path in paths}


    def do_environment():
        return dict(os.environ)


    def do_status():
        fields = dict(line.split(":", 1) for line in open("/proc/self/status").read().splitlines())
        return {"uid": os.getresuid(), "capabilities": [fields[name].strip() for name in fields if name.startswith("Cap")],
                "privileges": fields["NoNewPrivs"].strip(), "namespace": os.readlink("/proc/self/ns/user")}


    def do_namespace():
        libc = ctypes.CDLL(None, use_errno=True)
        return ctypes.get_errno() if libc.unshare(0x10000000) else None  # CLONE_NEWUSER


    def do_connect(port):
        return failure(lambda: socket.create_connection(("127.0.0.1", port), timeout=5).close())


    def do_route():
        return failure(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("192.0.2.1", 9)))


    def do_get(url):
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code


    def do_run(words):
        done = subprocess.run(words, capture_output=True, text=True)
        return [done.returncode, done.stdout, done.stderr]


    def do_hold(port, processes, count):
        for _ in range(processes):
            if not os.fork():
                for _ in range(count):
                    KEPT.append(socket.create_connection(("127.0.0.1", port), timeout=5))
                    KEPT[-1].sendall(b"GET / HTTP/1.1\\r\\n")
                time.sleep(60)
                os._exit(0)
        time.sleep(2)


    def do_serve():
        server = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=lambda: server.accept()[0].sendall(b"mine"), daemon=True).start()
        return {"received": socket.create_connection(server.getsockname(), timeout=5).recv(4).decode()}


    def do_take(what, megabytes):
        part = os.urandom(1 << 20)
        if what == "memfd":
            file = os.memfd_create("big")
            for _ in range(megabytes):
                os.write(file, part)
            KEPT.append(file)
        elif what == "closed memfd":
            file = os.memfd_create("big")
            os.truncate(file, megabytes << 20)
            KEPT.append(mmap.mmap(file, megabytes << 20))
            os.close(file)
        elif what == "shared mapping":
            KEPT.append(mmap.mmap(-1, megabytes << 20))
        elif what in ("/dev/shm", "/tmp"):
            with open(what + "/big", "w+b") as file:
                file.truncate(megabytes << 20)
                KEPT.append(mmap.mmap(file.fileno(), megabytes << 20))
        if what != "memfd":
            for place in range(megabytes):
                KEPT[-1][place << 20 : (place + 1) << 20] = part
                time.sleep(0.001)
        time.sleep(0.3)


    def do_fork(megabytes, processes):
        kept = os.urandom(1 << 20) * megabytes
        for _ in range(processes):
            if not os.fork():
                time.sleep(1)
                os._exit(0)
        for _ in range(processes):
            os.wait()


    def do_multiply():
        made = 0
        try:
            while made < 1500:
                threading.Thread(target=time.sleep, args=(2,)).start()
                made += 1
        except RuntimeError:
            return {"threads": made, "fork": failure(os.fork)}


    def do_print(seconds):
        end, line = time.monotonic() + seconds, b"x" * 99 + b"\\n"
        while time.monotonic() < end:
            os.write(1, line * 600)
        print("the end")


    def do_daemon(path):
        # Three generations away and in a session of its own, it goes on when its parents have ended.
        count = f"import time\\nwhile True:\\n    open({path!r}, 'a').write('x')\\n    time.sleep(0.01)\\n"
        subprocess.run([sys.executable, "-c", DAEMON + count], check=True)
        while not os.path.exists(path):
            time.sleep(0.01)


    def do_size(path):
        return os.path.getsize(path)


    def do_list_installed():
        program = "import os, site; print(*[name for path in site.getsitepackages() for name in os.listdir(path)])"
        return subprocess.check_output([sys.executable, "-c", program], text=True).split()
    """
)


@pytest.fixture
def code(zip_of: Callable[[Mapping[str, str]], bytes]) -> bytes:
    """The code package of the function that tries."""
    return zip_of({"index.py": FUNCTION})


@pytest.fixture
def sandboxed(cloud: Running) -> None:
    """Skip where there is no sandbox."""
    if cloud.endpoints["isolation"] != "bubblewrap":
        pytest.skip("bubblewrap is missing or not permitted here")


@pytest.fixture
def try_to(client: Any, code: bytes, make_event: MakeEvent) -> Callable[..., Any]:
    """Run one of the functions above in an instance of the shared cloud and return its answer."""
    client.create("f", code=code, timeout=60, memorySize=512)

    def run(do: str, **arguments: Any) -> Any:
        answer = client.invoke("f", make_event(do, **arguments))
        assert answer.error_type is None, answer.body
        return answer.json

    return run


pytestmark = pytest.mark.usefixtures("sandboxed")

# The kernel


def test_no_kernel_setting_can_be_opened_for_writing(try_to: Callable[..., Any]) -> None:
    settings = ["core_pattern", "modprobe", "hotplug", "hostname", "sysrq", "perf_event_paranoid"]
    paths = [f"/proc/sys/kernel/{name}" for name in settings if Path("/proc/sys/kernel", name).exists()]
    paths += ["/proc/sys/vm/drop_caches", "/proc/sys/user/max_user_namespaces", "/proc/sysrq-trigger", "/proc/irq"]
    opened = [path for path, problem in try_to("open", paths=paths).items() if problem is None]
    assert opened == []


def test_a_function_is_nobody_without_capabilities_in_a_user_namespace_of_its_own(try_to: Callable[..., Any]) -> None:
    status = try_to("status")
    assert 0 not in status["uid"]
    assert set(status["capabilities"]) == {"0" * 16}
    assert status["privileges"] == "1"
    assert status["namespace"] != str(Path("/proc/self/ns/user").readlink())


def test_a_function_that_root_runs_is_not_root_on_this_machine(
    client: Any, code: bytes, make_event: MakeEvent, cloud: Running, instances_of: Callable[..., Any]
) -> None:
    client.create("f", code=code)
    answer = client.invoke("f", make_event("status"))
    mine = next(each for each in instances_of(cloud) if each["id"] == answer.headers["x-fc-instance-id"])
    assert 0 not in psutil.Process(mine["pid"]).uids()


def test_a_function_cannot_make_another_user_namespace(try_to: Callable[..., Any]) -> None:
    assert try_to("namespace") in (errno.EPERM, errno.ENOSPC)


def test_a_function_can_open_its_output_by_name(client: Any, code: bytes, make_event: MakeEvent) -> None:
    client.create("f", code=code)
    answer = client.invoke("f", make_event("say", text="hello"))
    assert answer.error_type is None, answer.body
    assert answer.log.count("hello by /") == 3


def test_a_functions_variables_reach_the_function_and_nothing_before_it(
    client: Any, code: bytes, make_event: MakeEvent
) -> None:
    odd = "it's \n$(id) `id` \\ \"ü"
    client.create("f", code=code, environmentVariables={"LD_PRELOAD": "/code/missing.so", "ODD": odd, "IFS": "x"})
    answer = client.invoke("f", make_event("environment"))
    assert answer.error_type is None, answer.body
    assert (answer.json["ODD"], answer.json["IFS"]) == (odd, "x")
    # The linker complains in each program that is told to load it: the function's own, and none that sets up the sandbox.
    assert answer.log.count("from LD_PRELOAD cannot be preloaded") == 1


# The network


def test_programs_in_any_language_reach_the_embedded_cloud_under_its_names(
    client: Any, code: bytes, make_event: MakeEvent, cloud: Running
) -> None:
    client.create("f", code=code)
    oss = f"oss-{cloud.region}-internal.aliyuncs.com"
    curl = ["curl", "-sS", "-m", "20", "-o", "/dev/null", "-w", "%{http_code}"]
    urls = [f"http://no-such-bucket.{oss}/", f"https://{oss}/", "https://ecs.aliyuncs.com/", "https://example.com/"]
    answers = [client.invoke("f", make_event("run", words=[*curl, url])).json[:2] for url in urls]
    # curl: 35 the TLS handshake is refused, 6 no such host
    assert answers == [[0, "404"], [0, "403"], [35, "000"], [6, "000"]]


def test_ports_of_this_machine_are_out_of_reach(try_to: Callable[..., Any]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert try_to("connect", port=server.getsockname()[1]) == errno.ECONNREFUSED
    assert try_to("route") == errno.ENETUNREACH


def test_every_service_of_the_embedded_cloud_is_reached_under_its_port(
    try_to: Callable[..., Any], cloud: Running
) -> None:
    for name in ("oss", "sts", "ram", "fc", "ros"):
        assert 400 <= try_to("get", url=cloud.endpoints[name]) < 500  # unsigned: refused by the service itself
    assert try_to("connect", port=urlsplit(cloud.endpoints["gateway"]).port) is None
    assert try_to("get", url="https://oss-cn-hangzhou-internal.aliyuncs.com/") == 403


def test_a_python_that_a_function_starts_sees_nothing_that_is_installed_on_this_machine(
    try_to: Callable[..., Any],
) -> None:
    assert try_to("list_installed") == []


def test_the_systems_files_that_programs_expect_can_be_read(try_to: Callable[..., Any]) -> None:
    present = [path for path in ("/etc/hosts", "/etc/passwd", "/etc/ssl/openssl.cnf") if Path(path).exists()]
    assert try_to("read", paths=present) == dict.fromkeys(present)


def test_a_function_has_servers_of_its_own_on_loopback(try_to: Callable[..., Any]) -> None:
    assert try_to("serve") == {"received": "mine"}


def test_a_function_that_holds_connections_leaves_places_to_the_others(
    start_cloud: Any, tmp_path: Path, client_of: Any, code: bytes, make_event: MakeEvent
) -> None:
    with few_descriptors(200):
        cloud = start_cloud(tmp_path / "data")
    client, log = client_of(cloud), cloud.data / "stderr.log"
    for name in ("f", "g"):
        client.create(name, code=code, timeout=20)
    address = urlsplit(cloud.endpoints["oss"])
    for port in (address.port, urlsplit(cloud.endpoints["gateway"]).port):
        before, size = cloud.cpu_seconds, log.stat().st_size
        assert client.invoke("f", make_event("hold", port=port, processes=3, count=150)).error_type is None
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", address.port, timeout=5)) as outside:
            outside.request("GET", "/")
            assert outside.getresponse().status == 403
        assert client.invoke("g", make_event("get", url=cloud.endpoints["oss"])).json == 403
        assert cloud.cpu_seconds - before < 2
        assert log.stat().st_size - size < 10_000
        client.delete("f")  # its connections end with it
        client.create("f", code=code, timeout=20)


# Limits


def test_nothing_but_tmp_and_shared_memory_can_be_written(try_to: Callable[..., Any]) -> None:
    folders = ["/", "/code", "/dev", "/etc", "/opt", "/proc", "/root", "/usr", "/var", "/var/fc", "/var/tmp", "/run"]
    made = try_to("create", folders=[*folders, "/tmp", "/dev/shm"])
    assert {folder for folder, problem in made.items() if problem is None} == {"/tmp", "/dev/shm"}


@pytest.mark.parametrize("what", ["memfd", "closed memfd", "shared mapping", "/dev/shm"])
def test_memory_that_is_shared_counts(client: Any, code: bytes, make_event: MakeEvent, what: str) -> None:
    client.create("f", code=code, memorySize=256, timeout=60)
    little = client.invoke("f", make_event("take", what=what, megabytes=60))
    assert little.error_type is None
    answer = client.invoke("f", make_event("take", what=what, megabytes=400))
    assert "out of memory, the limit is 256 MB" in answer.json["errorMessage"]


def test_mapped_files_on_the_disk_are_no_memory(client: Any, code: bytes, make_event: MakeEvent) -> None:
    client.create("f", code=code, memorySize=256, timeout=60)
    answer = client.invoke("f", make_event("take", what="/tmp", megabytes=400))
    assert answer.error_type is None
    assert float(answer.headers["x-fc-max-memory-usage"]) < 100


def test_memory_that_forked_processes_share_counts_once(client: Any, code: bytes, make_event: MakeEvent) -> None:
    client.create("f", code=code, memorySize=256, timeout=60)
    assert client.invoke("f", make_event("fork", megabytes=100, processes=5)).error_type is None
    answer = client.invoke("f", make_event("fork", megabytes=300, processes=1))
    assert "out of memory, the limit is 256 MB" in answer.json["errorMessage"]


def test_processes_and_threads_end_at_1024(try_to: Callable[..., Any]) -> None:
    answer = try_to("multiply")
    assert 1000 < answer["threads"] < 1024
    assert answer["fork"] == errno.EAGAIN


def test_a_function_that_prints_without_end_fills_neither_memory_nor_disk(
    client: Any, code: bytes, make_event: MakeEvent, cloud: Running
) -> None:
    client.create("f", code=code, timeout=60)
    client.invoke("f", make_event("status"))
    before = psutil.Process(cloud.process.pid).memory_info().rss
    answer = client.invoke("f", make_event("print", seconds=3))
    assert "\nthe end\nFC Invoke End RequestId: " in answer.log
    assert psutil.Process(cloud.process.pid).memory_info().rss - before < 50 << 20
    log = cloud.data / "fc" / "logs" / f"services.{client.service}.functions.f.log"
    assert log.stat().st_size < 5 << 20
    assert "FC Note: more than 4,194,304 bytes of output; the rest is not kept" in log.read_text()


# Daemons


def check_daemon(client: Any, make_event: MakeEvent, path: str, daemons: Callable[[], list[Any]]) -> None:
    assert client.invoke("f", make_event("daemon", path=path)).error_type is None
    (daemon,) = daemons()
    assert daemon.status() == psutil.STATUS_STOPPED
    before = client.invoke("f", make_event("size", path=path)).json
    wait_for(lambda: client.invoke("f", make_event("size", path=path)).json > before)  # it goes on during requests
    client.delete("f")
    psutil.wait_procs([daemon], timeout=10)
    assert not daemon.is_running()


def daemons_of(cloud: Running, path: str) -> list[psutil.Process]:
    found = []
    for each in psutil.Process(cloud.process.pid).children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):  # its parents end about now
            if path in " ".join(each.cmdline()):
                found.append(each)
    return found


def test_a_daemon_is_frozen_and_ended_with_its_instance(
    client: Any, code: bytes, make_event: MakeEvent, cloud: Running
) -> None:
    client.create("f", code=code, timeout=20)
    path = f"/tmp/{client.service}"
    check_daemon(client, make_event, path, lambda: daemons_of(cloud, path))


# Less of a sandbox, and none


def test_where_the_ports_of_the_web_are_not_permitted_python_finds_the_cloud_and_the_log_says_what_is_missing(
    start_cloud: Any,
    tmp_path: Path,
    client_of: Any,
    code: bytes,
    make_event: MakeEvent,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real, tool = shutil.which("bwrap"), tmp_path / "bin" / "bwrap"
    tool.parent.mkdir()
    tool.write_text(
        f'#!/bin/sh\ncase "$*" in *ip_unprivileged_port_start*) echo "not permitted" >&2; exit 1;; esac\nexec {real} "$@"\n'
    )
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tool.parent}{os.pathsep}{os.environ['PATH']}")
    cloud = start_cloud(tmp_path / "data")
    assert cloud.endpoints["isolation"] == "bubblewrap"
    client = client_of(cloud)
    client.create("f", code=code, timeout=20)
    answer = client.invoke("f", make_event("get", url=f"https://oss-{cloud.region}.aliyuncs.com/"))
    assert answer.json == 403
    assert "only Python and Node.js reach the embedded cloud under its names" in answer.log
    curl = make_event("run", words=["curl", "-sS", "-m", "20", f"https://oss-{cloud.region}.aliyuncs.com/"])
    assert client.invoke("f", curl).json[0] == 6  # no such host


@pytest.fixture
def without_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A PATH that has no bwrap on it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    tool = shutil.which("setpriv")
    assert tool
    (folder / "setpriv").symlink_to(tool)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", str(folder))
        yield


@pytest.mark.skipif(os.geteuid() != 0, reason="for root alone")
@pytest.mark.usefixtures("without_bubblewrap")
def test_root_without_a_sandbox_runs_no_function_and_says_what_to_do(
    start_cloud: Any, tmp_path: Path, client_of: Any, code: bytes, make_event: MakeEvent, refused: type[Exception]
) -> None:
    cloud = start_cloud(tmp_path / "data")
    assert cloud.endpoints["isolation"] == "missing"
    assert "functions are not run: bubblewrap is not installed" in (cloud.data / "stderr.log").read_text()
    client = client_of(cloud)
    client.create("f", code=code)
    with pytest.raises(refused, match=r"InstanceNotAllowed.*bubblewrap.*--fc-unsandboxed"):
        client.invoke("f", make_event("status"))
    assert not list((cloud.data / "fc" / "instances").iterdir())
    assert cloud.stop() == 0


@pytest.mark.usefixtures("without_bubblewrap")
def test_every_log_of_an_unsandboxed_function_says_what_that_means(
    start_cloud: Any, tmp_path: Path, client_of: Any, code: bytes, make_event: MakeEvent
) -> None:
    cloud = start_cloud(tmp_path / "data", "--fc-unsandboxed")
    assert cloud.endpoints["isolation"] == "unsandboxed"
    meaning = "functions run UNSANDBOXED, with all rights of the user who runs the embedded cloud: they can read the account's key"
    assert meaning in (cloud.data / "stderr.log").read_text()
    client = client_of(cloud)
    client.create("f", code=code)
    for _ in range(2):
        assert meaning in client.invoke("f", make_event("status")).log
    assert cloud.stop() == 0


@pytest.mark.usefixtures("without_bubblewrap")
def test_an_unsandboxed_daemon_is_frozen_and_ended_with_its_instance(
    start_cloud: Any, tmp_path: Path, client_of: Any, code: bytes, make_event: MakeEvent
) -> None:
    cloud = start_cloud(tmp_path / "data", "--fc-unsandboxed")
    client = client_of(cloud)
    client.create("f", code=code, timeout=20)
    path = str(tmp_path / "counted")
    check_daemon(client, make_event, path, lambda: daemons_of(cloud, path))
    client.create("g", code=code, timeout=20)
    assert client.invoke("g", make_event("daemon", path=path)).error_type is None
    daemons = daemons_of(cloud, path)
    assert len(daemons) == 1
    cloud.stop(signal.SIGKILL)  # nobody is left to end it but its supervisor
    psutil.wait_procs(daemons, timeout=10)
    assert not daemons[0].is_running()
