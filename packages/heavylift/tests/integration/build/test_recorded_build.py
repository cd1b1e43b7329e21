"""A build that records a start of the function, with a real library of some megabytes."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from heavylift.build.build import build
from heavylift.build.errors import BuildError
from heavylift.build.machine import find_interpreter
from heavylift.build.options import Options
from heavylift.build.patterns import patterns_table
from heavylift.build.plan import folder_digest
from heavylift.build.recording import Recording, read_recording
from heavylift.build.reporter import Reporter
from heavylift.contracts.archive import BYTECODE_NAME, INDEX_NAME, Content
from heavylift.contracts.index import parse_index
from heavylift.contracts.manifest import Manifest
from heavylift.contracts.packaged import PACKAGED_NAME, parse_packaged
from heavylift.contracts.platform import DEFAULT_PLATFORM, LOCAL_PYTHON, RUNTIMES, Target
from heavylift.runtime.ahead import LIST_NAME
from heavylift.runtime.archivefile import read_index
from heavylift.runtime.bytecode import TABLE_NAME
from heavylift.runtime.patterns import TABLE_NAME as PATTERNS_NAME
from heavylift.runtime.patterns import patterns_of
from tests.support.loading import read_entry
from tests.support.wheels import make_wheel

FUNCTION = """
import colorsys
import os
import re
import signal
import sys
import xml.dom.minidom
import colorama
import numpy
import numpy.polynomial

class Posing:  # as what cffi puts there
    __class__ = type(os)

sys.modules["posing"] = Posing()
WORD = re.compile("hello[, ]+(?P<whom>heavylift+)", re.I)
SECRET = re.compile(re.escape(os.environ.get("LIBRARY_TOKEN", "none")) + "$")

def warmup():
    assert os.environ["GREETING"] == "hello"
    assert not {"OPENBLAS_CORETYPE", "ONEDNN_MAX_CPU_ISA"} & os.environ.keys()  # of whoever builds
    assert os.listdir(os.environ["HOME"]) == []
    assert re.match("(?:warm)+$", "warm")
    kept = os.path.join(os.path.dirname(colorama.__file__), "__pycache__", "index.f-19.py311.nbi")
    with open(kept, "w"):  # as numba keeps there what it has compiled
        pass

def handler(event, context):
    re.compile(re.escape(event.decode("latin-1")))
    if event == b"fails":
        raise ValueError("as it should")
    if event == b"replaces":
        signal.signal(signal.SIGSEGV, signal.SIG_DFL)  # as a handler of a library's own that passes nothing on
        import mailbox  # what a handler imports or opens comes upon it
        numpy.linalg.qr(numpy.random.default_rng(0).normal(size=(9, 9)))
    if event == b"blocks":
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGSEGV})
        numpy.linalg.svd(numpy.ones((3, 3)))
    return float(numpy.linalg.det(numpy.random.default_rng(0).normal(size=(9, 9))))
"""
NAME = f"applib-{Target(LOCAL_PYTHON, DEFAULT_PLATFORM)}.json"


class Project:
    """A project in a folder; its builds tell what they said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "function").mkdir(parents=True)
        (folder / "function" / "index.py").write_text(FUNCTION)
        (folder / "layers_build").mkdir()
        (folder / "layers_build" / "applib.txt").write_text("numpy\ncolorama\n")

    def build(self, *, record: tuple[Path, ...] | None = None, output: str = "dist") -> tuple[Manifest, str]:
        said = io.StringIO()
        options = Options(
            root=self.folder,
            record=record,
            environment={"GREETING": "hello"},
            output=self.folder / output,
            work=self.folder / "work",
        )
        manifest = build(options, Reporter(said))
        return manifest, " ".join(said.getvalue().split())

    @property
    def recording(self) -> Recording:
        return read_recording(self.folder / "layers_build" / "recordings" / NAME)


def content_of(manifest: Manifest) -> Content:
    assert manifest.applib is not None
    with zipfile.ZipFile(manifest.applib.path) as archive:
        assert archive.testzip() is None
        return parse_index(read_entry(archive, INDEX_NAME)).content


def pages(recording: Recording) -> int:
    return sum(run.count for library in recording.libraries.values() for run in library.touched)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    made = Project(tmp_path_factory.mktemp("recorded"))
    with pytest.MonkeyPatch.context() as shell:
        shell.setenv("LIBRARY_TOKEN", "se-cr-et-token")
        shell.setenv("OPENBLAS_CORETYPE", "Haswell")
        shell.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
        manifest, said = made.build()
    assert f"recorded in layers_build/recordings/{NAME}; commit it" in said
    assert content_of(manifest).libraries
    return made


def test_a_first_build_records_the_start_and_the_next_one_changes_nothing(project: Project) -> None:
    first = project.recording
    assert {Path(path).name.split(".")[0].split("-")[0] for path in first.libraries} == {
        "_multiarray_umath",
        "libscipy_openblas64_",
    }
    assert 0 < pages(first) < 3000
    manifest, said = project.build()
    again, _ = project.build(output="other")
    assert "record" not in said
    assert project.recording == first
    assert manifest.applib is not None
    assert again.applib is not None
    assert again.applib.digest == manifest.applib.digest


def test_what_only_the_function_imports_comes_with_the_start_too(project: Project) -> None:
    module = f"numpy/polynomial/__pycache__/__init__.cpython-{LOCAL_PYTHON.replace('.', '')}.pyc"
    assert module in project.recording.opened  # `import numpy` alone leaves it out
    manifest, _ = project.build()
    content = content_of(manifest)
    assert manifest.applib is not None
    with zipfile.ZipFile(manifest.applib.path) as archive:
        chunk, _, _ = json.loads(read_entry(archive, TABLE_NAME))["modules"][module]
    assert content.used is not None
    assert f"{BYTECODE_NAME}/{chunk}.bin" in [file.path for file in content.files[: content.used]]


def test_what_a_start_keeps_beside_the_bytecode_is_none_and_does_not_stay(project: Project) -> None:
    manifest, _ = project.build()
    assert not [file.path for file in content_of(manifest).files if file.path.endswith(".nbi")]


def test_libraries_come_in_the_order_in_which_the_function_imports_them(project: Project) -> None:
    manifest, _ = project.build()
    assert manifest.applib is not None
    with zipfile.ZipFile(manifest.applib.path) as archive:
        places = json.loads(read_entry(archive, TABLE_NAME))["modules"]
    first = [path.partition("/")[0] for path in sorted(places, key=places.__getitem__)]
    assert first.index("colorama") < first.index("numpy")  # the requirements name it last


def test_the_code_package_imports_ahead_what_the_start_imported_of_the_standard_library(project: Project) -> None:
    ahead = project.recording.ahead
    assert {"colorsys", "xml.dom.minidom"} <= set(ahead.modules)
    assert not [name for name in ahead.modules if name.partition(".")[0] in ("numpy", "index", "loader", "json")]
    manifest, _ = project.build()
    assert manifest.applib is not None
    assert manifest.code is not None
    listed = json.loads((manifest.code.path / LIST_NAME).read_bytes())
    assert listed == {"applib": manifest.applib.key, "modules": list(ahead.modules)}
    assert folder_digest(manifest.code.path) == manifest.code.digest


def test_the_code_package_holds_the_patterns_that_the_start_compiled(project: Project) -> None:
    recorded = project.recording.patterns
    assert {("hello[, ]+(?P<whom>heavylift+)", int(re.I)), ("(?:warm)+$", 0)} <= set(recorded)
    assert re.escape("se-cr-et-token") + "$" not in [pattern for pattern, _ in recorded]  # of whoever builds
    manifest, _ = project.build()
    assert manifest.code is not None
    table = (manifest.code.path / PATTERNS_NAME).read_bytes()
    assert patterns_of(table) == set(recorded)
    again, _ = project.build(output="other")
    assert again.code is not None
    assert (again.code.path / PATTERNS_NAME).read_bytes() == table


@pytest.mark.parametrize("python", [runtime.target.python for runtime in RUNTIMES.values()])
def test_patterns_are_compiled_by_the_python_that_a_start_has(project: Project, tmp_path: Path, python: str) -> None:
    interpreter = find_interpreter(Target(python, DEFAULT_PLATFORM))
    if interpreter is None:
        pytest.skip(f"there is no Python {python} here")
    manifest, _ = project.build()
    assert manifest.code is not None
    code = shutil.copytree(manifest.code.path, tmp_path / "code")
    (code / PATTERNS_NAME).write_bytes(b"damaged")  # it is made anew
    program = """if True:
        import sys
        from pathlib import Path
        from heavylift.runtime.patterns import compiler, precompiled
        original, code = compiler.compile, Path(sys.argv[1])
        wanted = original("hello[, ]+(?P<whom>heavylift+)", 2)
        compiler.compile = lambda pattern, flags=0: print(pattern)
        with precompiled(code):
            assert compiler.compile("hello[, ]+(?P<whom>heavylift+)", 2) == wanted
            compiler.compile("other", 0)
    """
    table = patterns_table(project.recording.patterns, code, interpreter)
    assert table
    (code / PATTERNS_NAME).write_bytes(table)
    done = subprocess.run(
        [str(interpreter), "-c", program, str(code)], cwd=code, capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == ("other\n", "")


def test_the_code_package_holds_the_index_of_its_applib(project: Project) -> None:
    manifest, _ = project.build()
    assert manifest.applib is not None
    assert manifest.code is not None
    data = (manifest.code.path / PACKAGED_NAME).read_bytes()
    assert parse_packaged(data, manifest.applib.digest) == read_index(manifest.applib.path)


def test_nothing_is_imported_ahead_once_the_function_has_a_module_of_such_a_name(project: Project) -> None:
    own = project.folder / "function" / "colorsys.py"
    own.touch()
    try:
        manifest, _ = project.build()
        assert manifest.code is not None
        assert not (manifest.code.path / LIST_NAME).exists()
    finally:
        own.unlink()


def test_recorded_requests_are_added_and_one_that_fails_is_told(project: Project, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("{}")
    (tmp_path / "b.json").write_text("fails")
    before = project.recording
    manifest, said = project.build(record=(tmp_path / "a.json", tmp_path / "b.json"))
    assert "b.json ended with ValueError: as it should; recorded is what was executed until then" in said
    assert "fails" not in [
        pattern for pattern, _ in project.recording.patterns
    ]  # what requests hold is no one's to keep
    assert pages(project.recording) > pages(before)
    hot = sum(run.count for library in content_of(manifest).libraries for run in library.hot)
    assert hot == pages(project.recording)


def test_a_thread_that_blocks_the_signal_by_which_code_is_opened_is_told_as_the_likely_reason(
    project: Project, tmp_path: Path
) -> None:
    (tmp_path / "blocks.json").write_text("blocks")
    before = project.recording
    with pytest.raises(BuildError, match=r"ended by SIGSEGV\. A thread that blocks this signal"):
        project.build(record=(tmp_path / "blocks.json",))
    assert project.recording == before


def test_a_handler_of_a_librarys_own_is_looked_after_as_in_an_instance(project: Project, tmp_path: Path) -> None:
    (tmp_path / "replaces.json").write_text("replaces")
    before = project.recording
    _, said = project.build(record=(tmp_path / "replaces.json",))
    assert "all code comes with each start" not in said
    assert pages(project.recording) > pages(before)


# As WebAssembly engines do it, which take faults in code that they have made, and hand on all others.
HANDLING = r"""
#define _GNU_SOURCE
#include <signal.h>
#include <stddef.h>
static struct sigaction before;
__asm__(".text; .fill 6000000, 1, 0x90");
__attribute__((aligned(8192))) static void handle(int number, siginfo_t *info, void *context) {
    before.sa_sigaction(number, info, context);
}
__attribute__((aligned(8192))) int install(void) {
    struct sigaction own = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
    return sigaction(SIGSEGV, &own, &before);
}
"""


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs gcc")
def test_a_library_that_handles_sigsegv_itself_comes_whole_and_the_others_by_pages(tmp_path: Path) -> None:
    library = tmp_path / "engine.so"
    command = ["gcc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(library)]
    subprocess.run(command, input=HANDLING, text=True, check=True)
    loading = (
        "import ctypes\nfrom pathlib import Path\nengine = ctypes.CDLL(str(Path(__file__).with_name('engine.so')))\n"
    )
    wheel = make_wheel(tmp_path, "engine", {"engine/__init__.py": loading, "engine/engine.so": library.read_bytes()})
    project = Project(tmp_path)
    (tmp_path / "function" / "index.py").write_text(
        "import engine\nimport numpy\n\ndef handler(event, context):\n"
        "    assert engine.engine.install() == 0\n    return float(numpy.linalg.svd(numpy.ones((3, 3)))[1][0])\n"
    )
    (tmp_path / "layers_build" / "applib.txt").write_text(f"engine @ {wheel.as_uri()}\nnumpy\n")
    (tmp_path / "event").touch()
    manifest, said = project.build(record=(tmp_path / "event",))
    assert "engine/engine.so: all code comes with each start, since one of these handles SIGSEGV itself" in said
    assert "come whole with each start" not in said  # nothing else does
    assert "engine/engine.so" in project.recording.libraries
    content = content_of(manifest)
    paged = {content.files[library.file].path for library in content.libraries}
    assert paged
    assert "engine/engine.so" not in paged
    assert manifest.applib is not None
    again = project.build(output="again")[0].applib  # of what was recorded
    assert again is not None
    assert again.digest == manifest.applib.digest


def test_a_start_that_cannot_be_recorded_is_told_once_and_without_advice_to_record_it(tmp_path: Path) -> None:
    project = Project(tmp_path)
    source = """
import signal
import numpy

def warmup():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGSEGV})
    numpy.linalg.svd(numpy.ones((3, 3)))

def handler(event, context):
    pass
"""
    (tmp_path / "function" / "index.py").write_text(source)
    manifest, said = project.build()
    assert not content_of(manifest).libraries
    assert "WARNING handler index.handler: nothing is recorded: the process ended by SIGSEGV" in said
    assert "--record" not in said


def test_recording_leaves_the_libraries_of_the_build_as_they_are(project: Project) -> None:
    (staged,) = (path for path in (project.folder / "work").glob("applib-*") if path.is_dir())
    manifest, _ = project.build()
    assert manifest.applib is not None
    with zipfile.ZipFile(manifest.applib.path) as archive:
        for library in project.recording.libraries:
            assert read_entry(archive, library) == (staged / library).read_bytes()
    assert not list((project.folder / "work").glob("recorded-*"))


def test_an_event_that_is_not_there_is_named_before_anything_is_made(tmp_path: Path) -> None:
    project = Project(tmp_path)
    with pytest.raises(BuildError, match=r"--record nowhere\.json: there is no such file"):
        project.build(record=(Path("nowhere.json"),))
    assert not (tmp_path / "layers_build" / "locks").exists()


def test_other_code_is_whole_until_it_is_recorded(project: Project, tmp_path: Path) -> None:
    path = project.folder / "layers_build" / "recordings" / NAME
    kept = path.read_bytes()
    digests = {library.code for library in project.recording.libraries.values()}
    try:
        for digest in digests:
            path.write_text(path.read_text().replace(digest, "0" * 64))
        manifest, said = project.build(output="stale")
        assert "2 of 2 large libraries come whole with each start" in said
        assert not content_of(manifest).libraries
    finally:
        path.write_bytes(kept)


def test_a_function_that_does_not_start_is_packed_with_all_of_its_code(tmp_path: Path) -> None:
    project = Project(tmp_path)
    (tmp_path / "function" / "index.py").write_text("import numpy\nimport os\nos.kill(os.getpid(), 9)\n")
    with pytest.raises(BuildError, match="handler"):  # it is tried as well
        project.build()
    assert not os.path.lexists(tmp_path / "layers_build" / "recordings" / NAME)


def test_a_function_that_can_never_start_fails_before_anything_is_recorded_or_packed(tmp_path: Path) -> None:
    project = Project(tmp_path)
    (tmp_path / "function" / "index.py").write_text("import numpy\nimport misspelt\n")
    with pytest.raises(BuildError, match=r"index\.py, line 2: No module named 'misspelt'; add the package"):
        project.build()
    assert not os.path.lexists(tmp_path / "layers_build" / "recordings" / NAME)
    assert not [*(tmp_path / "dist").glob("applib/*")]


ASKING = """
import os
import subprocess
import talker

def warmup():
    with open(os.path.join(os.path.dirname(talker.__file__), "page.tmpl")) as page:
        print(page.read())

def handler(event, context):
    print(subprocess.run(["talk"], check=True, capture_output=True, text=True).stdout)
    from talker.tests import data
    return data.VALUE
"""


def files_of(manifest: Manifest) -> set[str]:
    return {file.path for file in content_of(manifest).files}


def test_what_a_recorded_function_asks_for_stays(tmp_path: Path) -> None:
    talker = {
        "talker/__init__.py": "",
        "talker/main.py": "def main():\n    print('said')\n",
        "talker/page.tmpl": "page",
        "talker/other.tmpl": "other",
        "talker/tests/__init__.py": "",
        "talker/tests/data.py": "VALUE = 7\n",
        "talker/tests/more.py": "",
        "talker-1.dist-info/entry_points.txt": "[console_scripts]\ntalk = talker.main:main\nwalk = talker.main:main\n",
    }
    wheel = make_wheel(tmp_path, "talker", talker)
    project = Project(tmp_path)
    (tmp_path / "function" / "index.py").write_text(ASKING)
    (tmp_path / "layers_build" / "applib.txt").write_text(f"talker @ {wheel.as_uri()}\n")
    (tmp_path / "event").touch()
    manifest, _ = project.build()
    assert "talker/page.tmpl" not in files_of(manifest)
    manifest, said = project.build(record=(tmp_path / "event",))
    asked = {"bin/talk", "talker/page.tmpl", "talker/tests/__init__.py", "talker/tests/data.py"}
    left = {"bin/walk", "talker/other.tmpl", "talker/tests/more.py"}
    assert asked <= files_of(manifest)
    assert left.isdisjoint(files_of(manifest))
    assert "the function asked for what was pruned: talker/page.tmpl; that stays" in said
    assert "ended with" not in said  # it came to its end
    assert manifest.applib is not None
    elsewhere = Project(tmp_path / "elsewhere")
    for name in ("function", "layers_build"):
        shutil.copytree(tmp_path / name, elsewhere.folder / name, dirs_exist_ok=True)
    again, said = elsewhere.build()
    assert again.applib is not None
    assert again.applib.digest == manifest.applib.digest
    (tmp_path / "layers_build" / "recordings" / NAME).unlink()
    assert "talker/page.tmpl" not in files_of(project.build()[0])


WRITING = """
from pathlib import Path
count = Path(__file__).with_name("count.txt")
count.write_text(str(int(count.read_text()) + 1))
count.with_name("made.txt").write_text("")
"""


def test_libraries_that_write_beside_their_modules_change_nothing_that_is_kept_or_packed(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "scribe", {"scribe/__init__.py": WRITING, "scribe/count.txt": "0"})
    (tmp_path / "event").touch()
    digests = set()
    for name in ("here", "elsewhere"):
        os.utime(wheel, (len(name), len(name)))  # another machine has it of another time
        project = Project(tmp_path / name)
        (project.folder / "function" / "index.py").write_text(
            "import scribe\n\ndef handler(event, context):\n    scribe.count.write_text('9')\n"
        )
        (project.folder / "layers_build" / "applib.txt").write_text(f"scribe @ {wheel.as_uri()}\n")
        manifest, said = project.build(record=(tmp_path / "event",))
        assert "ended with" not in said
        assert "scribe/made.txt" not in files_of(manifest)
        assert manifest.applib is not None
        digests.add(manifest.applib.digest)
        kept = list(project.folder.rglob("count.txt"))
        assert {path.read_text() for path in kept} == {"0"}
        assert kept[0].stat().st_nlink > 1  # the same file in uv's cache
        assert project.build()[1].count("in a clean process") == 0
    assert len(digests) == 1
