"""The build as users run it, with small real packages from the registry."""

from __future__ import annotations

import _ctypes
import functools
import hashlib
import io
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pytest

from heavylift.build.accesses import record_imports
from heavylift.build.build import build
from heavylift.build.errors import BuildError
from heavylift.build.machine import find_interpreter
from heavylift.build.options import Options
from heavylift.build.reporter import Reporter
from heavylift.contracts.manifest import Manifest
from heavylift.contracts.platform import DEFAULT_PLATFORM, LOCAL_PYTHON, Target
from heavylift.runtime.bytecode import TABLE_NAME
from tests.support.home import move_home
from tests.support.loading import read_files
from tests.support.paths import HEAVYLIFT, ROOT
from tests.support.wheels import make_wheel


def run(project: Path, *arguments: str, path: str = os.environ["PATH"]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "layers_build", *arguments],
        cwd=project,
        env={**os.environ, "COLUMNS": "200", "PATH": path, "UV_PYTHON_DOWNLOADS": "never"},
        capture_output=True,
        text=True,
        check=False,
    )


def built(project: Path, *arguments: str) -> dict[str, dict[str, object]]:
    done = run(project, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    manifest: dict[str, dict[str, object]] = json.loads((project / "dist" / "manifest.json").read_text())
    return manifest


def make_project(folder: Path) -> Path:
    for part in ("function/pic", "layers_build"):
        shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__", ".mypy_cache"))
    (folder / "function" / "index.py").write_text(
        "import six\n\ndef handler(event, context):\n    return six.__version__\n"
    )
    (folder / "layers_build" / "applib.txt").write_text("markupsafe==3.0.2\nsix==1.17.0\n")
    (folder / "weights").mkdir()
    (folder / "weights" / "model.bin").write_bytes(b"model" * 100)
    return folder


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_project(tmp_path_factory.mktemp("project"))
    built(folder, "--model", "weights")
    return folder


@pytest.fixture
def own_project(project: Path, tmp_path: Path) -> Path:
    """A copy of the built project that a test may spoil."""
    return Path(shutil.copytree(project, tmp_path / "project", symlinks=True))


def test_the_manifest_names_what_was_built(project: Path) -> None:
    manifest = json.loads((project / "dist" / "manifest.json").read_text())
    applib = manifest["applib"]
    assert applib["versions"] == {"MarkupSafe": "3.0.2", "six": "1.17.0"}
    assert applib["bytecode"] is True
    assert applib["key"] == f"applib/{applib['digest']}.zip"
    archive = project / "dist" / applib["path"]
    assert archive.stat().st_size == applib["packed"]
    with zipfile.ZipFile(archive) as file:
        names = set(read_files(file))
        assert file.testzip() is None
    assert {"six.py", "markupsafe/__init__.py", TABLE_NAME} <= names
    assert not [name for name in names if name.endswith((".pyc", ".pyi", ".c", "RECORD"))]
    assert {rule["rule"] for rule in applib["pruned"]} >= {"type-stubs", "records"}


def test_the_code_package_holds_the_loader_and_what_it_needs(project: Path) -> None:
    code = project / "dist" / "code"
    assert (code / "loader.py").is_file()
    assert (code / "heavylift" / "runtime" / "load.py").is_file()
    assert (code / "vendor" / "oss2" / "__init__.py").is_file()
    assert (code / "pic" / "e2.jpg").is_file()
    assert not list(code.rglob("applib.txt"))


def test_bytecode_is_valid_whatever_the_times(project: Path, tmp_path: Path) -> None:
    manifest = json.loads((project / "dist" / "manifest.json").read_text())
    with zipfile.ZipFile(project / "dist" / manifest["applib"]["path"]) as file:
        for name, content in read_files(file).items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(content)
    (tmp_path / "six.py").write_text("raise SystemExit('the source was read')\n")
    code = f"""
import pathlib, sys
sys.path[:0] = [{str(tmp_path)!r}, {str(project / "dist" / "code")!r}]
from heavylift.runtime.bytecode import install
install(pathlib.Path({str(tmp_path)!r}))
import six
print(six.__version__)
"""
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "1.17.0", done.stderr


def test_the_same_inputs_give_the_same_bytes_in_another_folder(project: Path, tmp_path: Path) -> None:
    again = make_project(tmp_path)
    assert built(again, "--model", "weights") == json.loads((project / "dist" / "manifest.json").read_text())
    first = {path.relative_to(project): path.read_bytes() for path in (project / "dist").rglob("*.zip")}
    second = {path.relative_to(again): path.read_bytes() for path in (again / "dist").rglob("*.zip")}
    assert first == second


def test_an_unchanged_build_makes_nothing(own_project: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (own_project / "dist").rglob("*")}
    done = run(own_project, "--model", "weights")
    assert done.returncode == 0
    assert done.stdout.count("unchanged") == 3
    assert {path: path.stat().st_mtime_ns for path in (own_project / "dist").rglob("*")} == before


def test_a_changed_requirement_gives_a_new_archive_and_the_old_one_goes(own_project: Path) -> None:
    before = set((own_project / "dist" / "applib").iterdir())
    (own_project / "layers_build" / "applib.txt").write_text("six==1.17.0\n")
    manifest = built(own_project, "--model", "weights")
    assert manifest["applib"]["versions"] == {"six": "1.17.0"}
    assert not before & set((own_project / "dist" / "applib").iterdir())


def test_code_of_ones_own_takes_the_place_of_the_example(own_project: Path) -> None:
    own = own_project / "mine"
    (own / "package").mkdir(parents=True)
    (own / "main.py").write_text("def handler(event, context): return b''\n")
    (own / "package" / "data.txt").write_text("data\n")
    built(own_project, "code", "--code", "mine", "--handler", "main.handler")
    code = own_project / "dist" / "code"
    assert (code / "loader.py").is_file()
    assert (code / "main.py").is_file()
    assert (code / "package" / "data.txt").is_file()
    assert not (code / "index.py").exists()


def test_code_that_holds_all_of_the_project_packs_the_code_alone(own_project: Path) -> None:
    own = own_project / "mine"
    shutil.copytree(own_project / "weights", own / "weights")
    (own / "main.py").write_text("def handler(event, context): return b''\n")
    (own / "applib.txt").write_text("six==1.17.0\n")
    words = ["--code", "mine", "--model", "mine/weights", "--requirements", "mine/applib.txt", "--output", "mine/dist"]
    words += ["--handler", "main.handler"]
    for made in ("built", "unchanged"):
        done = run(own_project, *words)
        assert done.returncode == 0, done.stderr
        assert done.stdout.count(f" {made} ") == 3
    names = {path.name for path in (own / "dist" / "code").iterdir()}
    assert names == {"main.py", "loader.py", "heavylift", "vendor", "__pycache__"}


def test_a_model_that_the_build_writes_into_is_refused(own_project: Path) -> None:
    done = run(own_project, "--model", "dist")
    assert done.returncode == 1
    assert "model: dist is what the build writes to" in done.stderr


def test_a_build_of_other_inputs_than_the_apps_says_that_a_deployment_makes_it_anew(own_project: Path) -> None:
    said = (
        "a deployment makes dist anew, as the app says and without --model; to deploy this build, write it to a folder"
    )
    assert said not in run(own_project, "--model", "weights").stdout  # there is no app
    settings = own_project / "cdk.json"
    settings.write_text(json.dumps({"app": "python app.py", "context": {"runtime": "python3.11"}}))
    assert said in run(own_project, "--model", "weights").stdout
    settings.write_text(json.dumps({"app": "python app.py", "context": {"runtime": "python3.11", "dist": "dist"}}))
    assert said not in run(own_project, "--model", "weights").stdout


def test_what_the_loader_only_brings_along_has_the_version_of_the_functions_lock(own_project: Path) -> None:
    (own_project / "layers_build" / "applib.txt").write_text("six==1.16.0\nzstandard==0.23.0\n")
    done = run(own_project, "code")
    assert done.returncode == 0, done.stderr
    vendored = own_project / "dist" / "code" / "vendor"
    assert '__version__ = "1.16.0"' in (vendored / "six.py").read_text()
    assert (vendored / "oss2" / "__init__.py").is_file()
    assert re.search(
        r"the function gets zstandard==[\d.]+, not zstandard==0.23.0: the loader", done.stdout + done.stderr
    )


def test_code_of_ones_own_cannot_replace_the_loader(own_project: Path) -> None:
    own = own_project / "mine"
    own.mkdir()
    (own / "loader.py").write_text("")
    done = run(own_project, "code", "--code", "mine")
    assert done.returncode == 1
    assert "loader.py would replace the loader" in done.stderr


def test_a_changed_function_changes_the_code_alone(own_project: Path) -> None:
    before = json.loads((own_project / "dist" / "manifest.json").read_text())
    with (own_project / "function" / "index.py").open("a") as file:
        file.write("\n# changed\n")
    (vendored,) = (own_project / ".cache" / "heavylift").glob("vendor-*")
    prepared = vendored.stat().st_ino
    after = built(own_project, "--model", "weights")
    assert after["code"]["digest"] != before["code"]["digest"]
    assert vendored.stat().st_ino == prepared  # the loader's packages are those of the last build
    assert after["applib"] == before["applib"]


@pytest.mark.parametrize("seconds", [0.3, 0.8, 1.5, 2.5])
def test_a_killed_build_leaves_the_last_one_and_the_next_completes(own_project: Path, seconds: float) -> None:
    manifest = (own_project / "dist" / "manifest.json").read_text()
    (own_project / "layers_build" / "applib.txt").write_text("six==1.17.0\nidna==3.10\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "layers_build", "--model", "weights"],
        cwd=own_project,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    time.sleep(seconds)  # wherever the build is then
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    left = (own_project / "dist" / "manifest.json").read_text()
    named = json.loads(left)["applib"]
    assert (own_project / "dist" / named["path"]).stat().st_size == named["packed"]
    if "idna" not in named["versions"]:
        assert left == manifest
    assert set(built(own_project, "--model", "weights")["applib"]["versions"]) == {"six", "idna"}  # type: ignore[call-overload]


def test_a_build_killed_before_its_manifest_does_not_pass_for_finished(own_project: Path) -> None:
    before = shutil.copytree(own_project / "dist", own_project / "before")
    (own_project / "layers_build" / "applib.txt").write_text("six==1.17.0\n")
    built(own_project, "--model", "weights")
    # What a kill between the last two writes leaves: the new state beside the old manifest and its archive.
    shutil.copytree(before / "applib", own_project / "dist" / "applib", dirs_exist_ok=True)
    shutil.copyfile(before / "manifest.json", own_project / "dist" / "manifest.json")
    assert built(own_project, "--model", "weights")["applib"]["versions"] == {"six": "1.17.0"}


def test_a_package_whose_hash_is_another_is_refused(own_project: Path) -> None:
    manifest = (own_project / "dist" / "manifest.json").read_text()
    (lock,) = (own_project / "layers_build" / "locks").glob(
        f"applib-cp{sys.version_info.major}{sys.version_info.minor}-*"
    )
    head, _, rest = lock.read_text().partition("six==")
    version, *_ = rest.splitlines()
    lock.write_text(f"{head}six=={version}\n    --hash=sha256:{'0' * 64}\n")
    done = run(own_project, "--model", "weights")
    assert done.returncode == 1
    assert "ash" in done.stderr
    assert "Traceback" not in done.stderr
    assert (own_project / "dist" / "manifest.json").read_text() == manifest


def test_a_package_that_somebody_has_edited_in_uvs_cache_is_fetched_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    project = make_project(tmp_path / "project")
    requirements = project / "layers_build" / "applib.txt"
    requirements.write_text("six==1.17.0\n")
    before = built(project, "applib")["applib"]
    (shared,) = (tmp_path / "cache").rglob("six.py")  # the package that was prepared of it has the same file
    with shared.open("a") as file:
        file.write("print('edited')\n")
    requirements.write_text("six==1.17.0  # again\n")
    assert built(project, "applib")["applib"]["digest"] == before["digest"]
    assert shared.read_text().endswith("print('edited')\n")  # uv's cache is not a build's to mend


def test_a_package_of_the_loaders_that_somebody_has_edited_in_uvs_cache_is_fetched_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    before = built(make_project(tmp_path / "project"), "code")["code"]
    for shared in (tmp_path / "cache").rglob("certifi/cacert.pem"):
        shared.write_text(shared.read_text() + "edited\n")  # as those do who add the certificate of their company
    assert built(make_project(tmp_path / "another"), "code")["code"]["digest"] == before["digest"]


def test_requirements_that_nothing_satisfies_are_refused(own_project: Path) -> None:
    (own_project / "layers_build" / "applib.txt").write_text("# libraries\nmarkupsafe\nSix==0.0.0.1\n")
    done = run(own_project, "applib")
    assert done.returncode == 1
    assert "layers_build/applib.txt, line 3 cannot be resolved" in done.stderr
    assert "Traceback" not in done.stderr


def test_missing_requirements_are_named(own_project: Path) -> None:
    done = run(own_project, "applib", "--requirements", "nowhere.txt")
    assert done.returncode == 1
    assert "nowhere.txt does not exist" in done.stderr


def test_a_build_that_cannot_import_fails(own_project: Path) -> None:
    manifest = (own_project / "dist" / "manifest.json").read_text()
    (own_project / "rules.toml").write_text('[mistake]\nwhy = "a mistake"\nglobs = ["markupsafe/_*"]\n')
    done = run(own_project, "applib", "--prune", "rules.toml")
    assert done.returncode == 1
    assert "cannot import markupsafe" in done.stderr
    assert "prune rule" in done.stderr
    assert (own_project / "dist" / "manifest.json").read_text() == manifest


def test_a_target_without_interpreter_is_built_with_a_loud_warning(
    own_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Interpreters are found on PATH and in the home folder: here are none but the environment's own
    monkeypatch.setenv("UV_CACHE_DIR", os.environ.get("UV_CACHE_DIR", str(Path.home() / ".cache" / "uv")))
    move_home(monkeypatch, own_project / "home")
    done = run(own_project, "applib", "--python", "3.10", "--output", "other", path="/usr/bin:/bin")
    assert done.returncode == 0, done.stderr
    manifest = json.loads((own_project / "other" / "manifest.json").read_text())
    assert manifest["target"]["python"] == "3.10"
    assert manifest["applib"]["bytecode"] is False
    assert "WARNING" in done.stdout
    assert "WITHOUT bytecode" in done.stdout
    assert "each module of markupsafe, six anew" in " ".join(done.stdout.split())
    assert manifest["applib"]["imported"] is False
    last = done.stdout.splitlines()[-1]
    assert last.startswith("WARNING: NOT CHECKED: no Python 3.10")
    assert "`heavylift deploy --cloud` refuses it without --unchecked" in last


def test_an_interpreter_of_pyenvs_is_found_whatever_its_shims_say(
    own_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, shims = own_project / "home", own_project / "shims"
    place = home / ".pyenv" / "versions" / f"{sys.version_info.major}.{sys.version_info.minor + 1}.0" / "bin"
    name = f"python{sys.version_info.major}.{sys.version_info.minor + 1}"
    for folder, text in ((shims, "exit 127"), (place, f"echo {place / name}; echo {name}")):
        folder.mkdir(parents=True)
        (folder / name).write_text(f"#!/bin/sh\n{text}\n")
        (folder / name).chmod(0o755)
    move_home(monkeypatch, home)
    monkeypatch.setenv("PATH", f"{shims}:/usr/bin:/bin")
    assert find_interpreter(Target(name.removeprefix("python"), DEFAULT_PLATFORM)) == place / name


def test_what_a_start_opens_is_never_pruned(own_project: Path, tmp_path: Path) -> None:
    source = """
import importlib, pathlib
here = pathlib.Path(__file__).parent
if (here / ("kern" + "el.tm" + "pl")).exists():  # no name that anybody could read in the source
    KERNEL = (here / ("kern" + "el.tm" + "pl")).read_text()
importlib.import_module(__name__ + ".te" + "sts.help" + "er")
"""
    files = {
        "lib/__init__.py": source,
        "lib/tests/__init__.py": "",
        "lib/tests/helper.py": "from lib.tests import more",
    }
    files |= {"lib/kernel.tmpl": "", "lib/tests/more.py": "", "lib/unused.tmpl": "", "lib/tests/test_lib.py": ""}
    wheel = make_wheel(tmp_path, "lib", files)
    (own_project / "layers_build" / "applib.txt").write_text(f"lib @ {wheel.as_uri()}\n")
    manifest = built(own_project, "applib")
    assert manifest["applib"]["imported"] is True
    with zipfile.ZipFile(own_project / "dist" / str(manifest["applib"]["path"])) as archive:
        found = read_files(archive)
    assert {name for name in found if name.startswith("lib/")} == files.keys() - {
        "lib/unused.tmpl",
        "lib/tests/test_lib.py",
    }
    modules = json.loads(found[TABLE_NAME])["modules"]
    assert [name for name in modules if "/helper." in name]  # what was brought back is compiled, too


def test_what_lazy_modules_name_comes_after_what_a_start_imports(own_project: Path, tmp_path: Path) -> None:
    files = {
        "lib/__init__.py": "from lib import api, plain\n\ndef call():\n    return api.heavy\n",
        "lib/api.py": "from lib.heavy import heavy as heavy\n",
        "lib/heavy.py": "heavy = 1\n",
        "lib/plain.py": "plain = 1\n",
    }
    wheel = make_wheel(tmp_path, "lib", files)
    (own_project / "layers_build" / "applib.txt").write_text(f"lib @ {wheel.as_uri()}\n")
    (own_project / "cdk.json").write_text(json.dumps({"app": "none", "context": {"lazyImports": ["lib", "six"]}}))
    done = run(own_project, "applib", "--python", LOCAL_PYTHON)
    assert done.returncode == 0, done.stderr
    assert "lazy_imports: six: a start imports no module below it that only names others" in done.stdout + done.stderr
    [archive] = (own_project / "dist" / "applib").iterdir()
    with zipfile.ZipFile(archive) as file:
        table = json.loads(read_files(file)[TABLE_NAME])
    assert table["lazy"] == ["lib/api.py"]
    chunks = {Path(name).name.partition(".")[0]: place[0] for name, place in table["modules"].items()}
    assert chunks == {"__init__": 0, "api": 1, "heavy": 1, "plain": 0}


def test_a_wrong_name_of_a_package_is_one_sentence(own_project: Path) -> None:
    (own_project / "cdk.json").write_text(json.dumps({"app": "none", "context": {"lazyImports": ["1x"]}}))
    done = run(own_project, "applib", "--python", LOCAL_PYTHON)
    assert done.returncode == 1
    assert done.stderr == (
        "build: lazyImports: ['1x'] is not allowed; set the name of a package as one imports it, such as tensorflow\n"
    )


def test_code_that_somebody_changed_in_the_output_is_made_again(own_project: Path) -> None:
    (own_project / "dist" / "code" / "index.py").write_text("raise SystemExit\n")
    built(own_project, "--model", "weights")
    assert (own_project / "dist" / "code" / "index.py").read_text() == (
        own_project / "function" / "index.py"
    ).read_text()


def in_process(project: Path) -> Manifest:
    return build(Options(root=project, model=project / "weights"), Reporter())


def test_code_over_the_limit_is_refused_and_the_last_build_stays(
    own_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in (own_project / "dist").rglob("*") if path.is_file()}
    with (own_project / "function" / "index.py").open("a") as file:
        file.write("\n# changed\n")
    monkeypatch.setattr("heavylift.build.parts.MAX_CODE", 1024**2)
    with pytest.raises(
        BuildError, match=r"the code package is [\d.]+ MB over the 1.0 MB .*move libraries to .*applib\.txt"
    ):
        in_process(own_project)
    assert {path: path.read_bytes() for path in before} == before


def test_archives_over_the_disk_are_refused_and_the_last_build_stays(
    own_project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = {path: path.read_bytes() for path in (own_project / "dist").rglob("*") if path.is_file()}
    with (own_project / "function" / "index.py").open("a") as file:
        file.write("\n# changed\n")
    monkeypatch.setattr("heavylift.build.build.MAX_DISK", 4096)
    with pytest.raises(
        BuildError, match=r"most of it is the applib \(0\.\d MB\): ask for fewer packages, or prune more"
    ):
        in_process(own_project)
    assert {path: path.read_bytes() for path in before} == before


def test_a_missing_system_library_is_named_with_what_to_ask_for(tmp_path: Path) -> None:
    (tmp_path / "cv2.py").write_text("raise ImportError('libGL.so.1: cannot open shared object file: No such file')\n")
    with pytest.raises(BuildError, match=r"cannot import cv2: .*libGL\.so\.1.*ask for the headless or cpu variant"):
        record_imports(tmp_path, Path(sys.executable), ["cv2"])


def test_requirements_may_name_other_files_beside_them_and_errors_name_the_users_own(own_project: Path) -> None:
    requirements = own_project / "layers_build" / "applib.txt"
    requirements.write_text("-r more.txt\n")
    (requirements.parent / "more.txt").write_text("not a requirement\n")
    said = run(own_project)
    assert said.returncode == 1
    assert "more.txt" in said.stderr
    assert "locks" not in said.stderr


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    handler = functools.partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[str]:
    """An index of one package that no other one has, with a label in its version, as an index of CPU builds has it."""
    folder = tmp_path / "index"
    (folder / "simple" / "onlyhere").mkdir(parents=True)
    wheel = make_wheel(folder, "onlyhere", {"onlyhere.py": "answer = 42\n"}, version="1+cpu")
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    (folder / "simple" / "onlyhere" / "index.html").write_text(
        f'<a href="/{quote(wheel.name)}#sha256={digest}">{wheel.name}</a>'
    )
    with serving(folder) as url:
        yield f"{url}/simple"


def test_requirements_may_name_an_index_and_its_packages_come_from_there(own_project: Path, index: str) -> None:
    requirements = own_project / "layers_build" / "applib.txt"
    requirements.write_text(f"--extra-index-url {index}  # of CPU builds\nonlyhere==1+cpu\nsix==1.17.0\n")
    (own_project / "function" / "index.py").write_text("import onlyhere\n\ndef handler(event, context): pass\n")
    assert built(own_project, "--model", "weights")["applib"]["versions"] == {"onlyhere": "1+cpu", "six": "1.17.0"}
    (lock,) = (own_project / "layers_build" / "locks").glob(
        f"applib-cp{sys.version_info.major}{sys.version_info.minor}-*.txt"
    )
    assert f"\n--extra-index-url {index}\n" in lock.read_text()


def test_requirements_may_name_a_folder_of_wheels_beside_them(own_project: Path, index: str, tmp_path: Path) -> None:
    requirements = own_project / "layers_build" / "applib.txt"
    shutil.copytree(tmp_path / "index", requirements.parent / "wheels")
    requirements.write_text("-r more.txt\nsix==1.17.0\n")
    (requirements.parent / "more.txt").write_text("--find-links wheels\nonlyhere\n")
    assert built(own_project, "--model", "weights")["applib"]["versions"] == {"onlyhere": "1+cpu", "six": "1.17.0"}
    (lock,) = (own_project / "layers_build" / "locks").glob(
        f"applib-cp{sys.version_info.major}{sys.version_info.minor}-*.txt"
    )
    assert "\n--find-links ../wheels\n" in lock.read_text()  # the same on every machine


PLAN = """
import json, sys
from pathlib import Path
from heavylift.build.options import Options
from heavylift.build.plan import make_plan
from heavylift.build.reporter import Reporter
folder = Path(sys.argv[1])
options = Options(root=folder, model=folder / "weights", work=folder / "work")
print(json.dumps(make_plan(options, Reporter(sys.stderr)).fingerprints))
"""


def test_another_version_of_the_build_makes_every_part_anew_and_another_report_none(
    own_project: Path, tmp_path: Path
) -> None:
    (own_project / "layers_build" / "applib.txt").write_text("")
    shutil.copytree(HEAVYLIFT / "heavylift", tmp_path / "heavylift", ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}

    def plan() -> dict[str, str]:
        command = [sys.executable, "-c", PLAN, str(own_project)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        fingerprints: dict[str, str] = json.loads(done.stdout)
        return fingerprints

    def change(module: str) -> None:
        with (tmp_path / "heavylift" / module).open("a") as file:
            file.write("# changed\n")

    first = plan()
    change("build/reporter.py")
    assert plan() == first
    for module in ("build/order.py", "runtime/pathfiles.py"):
        change(module)
        second = plan()
        assert not set(second.values()) & set(first.values())
        first = second


def test_a_registry_that_does_not_answer_is_told_with_advice(
    own_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = f"http://127.0.0.1:{server.getsockname()[1]}/simple"
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    (own_project / "layers_build" / "applib.txt").write_text(f"--index-url {nobody}\nsix\n")
    done = run(own_project, "--model", "weights")
    assert done.returncode == 1
    assert "layers_build/applib.txt" in done.stderr
    assert "The package registry does not answer: check the network" in done.stderr


@pytest.mark.parametrize("line", ["./own-1-py3-none-any.whl", "own @ file://{folder}/own-1-py3-none-any.whl"])
def test_a_wheel_of_ones_own_that_is_made_anew_is_taken_anew(own_project: Path, line: str) -> None:
    (own_project / "layers_build" / "applib.txt").write_text(line.format(folder=own_project) + "\n")
    (own_project / "function" / "index.py").write_text("import own\n\ndef handler(event, context): pass\n")
    digests = set()
    for answer in (1, 2):
        make_wheel(own_project, "own", {"own.py": f"answer = {answer}\n"})
        done = run(own_project, "--model", "weights")
        assert done.returncode == 0, done.stdout + done.stderr
        assert "import own in a clean process" in done.stdout + done.stderr
        digests.add(json.loads((own_project / "dist" / "manifest.json").read_text())["applib"]["digest"])
    assert len(digests) == 2


def make_source(folder: Path, version: str) -> None:
    """Write a package that has no wheel, and whose code, if it is run, leaves a file beside it."""
    with tarfile.open(folder / f"onlyhere-{version}.tar.gz", "w:gz") as archive:
        for name, text in {
            "PKG-INFO": f"Metadata-Version: 2.1\nName: onlyhere\nVersion: {version}\n",
            "setup.py": f"import sys\nopen({str(folder / 'ran')!r}, 'w').write(sys.version)\n"
            f"from setuptools import setup\nsetup(name='onlyhere', version={version!r}, py_modules=['onlyhere'])\n",
            "onlyhere.py": "answer = 42\n",
        }.items():
            entry = tarfile.TarInfo(f"onlyhere-{version}/{name}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))


def test_a_version_without_wheels_is_passed_over_and_none_of_its_code_runs(own_project: Path) -> None:
    wheels = own_project / "layers_build" / "wheels"
    wheels.mkdir()
    make_wheel(wheels, "onlyhere", {"onlyhere.py": "answer = 42\n"}, version="1")
    make_source(wheels, "2")
    (own_project / "layers_build" / "applib.txt").write_text("--find-links wheels\nonlyhere\nsix==1.17.0\n")
    assert built(own_project, "applib")["applib"]["versions"] == {"onlyhere": "1", "six": "1.17.0"}
    assert not (wheels / "ran").exists()


def test_a_package_without_wheels_is_named_with_its_line_and_no_lock_is_left(own_project: Path) -> None:
    wheels = own_project / "layers_build" / "wheels"
    wheels.mkdir()
    make_source(wheels, "2")
    (own_project / "layers_build" / "applib.txt").write_text("--find-links wheels\nsix==1.17.0\nonlyhere==2\n")
    locks = {path: path.read_text() for path in (own_project / "layers_build" / "locks").iterdir()}
    done = run(own_project, "applib")
    assert done.returncode == 1
    assert "applib.txt, line 3 cannot be resolved" in done.stderr
    assert "no usable wheels" in done.stderr
    assert "name a version that has wheels for" in done.stderr
    assert "which runs its code: by `--no-binary onlyhere` as a line of the requirements" in done.stderr
    assert not (wheels / "ran").exists()
    assert {path: path.read_text() for path in (own_project / "layers_build" / "locks").iterdir()} == locks


@pytest.mark.parametrize("line", ["--no-binary onlyhere  # it is ours", "--no-binary=onlyhere", "-r more.txt"])
def test_a_package_without_wheels_is_built_from_its_sources_where_the_requirements_say_so(
    own_project: Path, line: str
) -> None:
    wheels = own_project / "layers_build" / "wheels"
    wheels.mkdir()
    make_source(wheels, "2")
    (own_project / "layers_build" / "more.txt").write_text("--no-binary onlyhere\n")
    (own_project / "layers_build" / "applib.txt").write_text(f"--find-links wheels\n{line}\nsix==1.17.0\nonlyhere\n")
    (own_project / "function" / "index.py").write_text("import onlyhere\n\ndef handler(event, context): pass\n")
    manifest = built(own_project, "--model", "weights")
    assert manifest["applib"]["versions"] == {"onlyhere": "2", "six": "1.17.0"}
    assert (wheels / "ran").read_text().startswith(f"{LOCAL_PYTHON}.")
    (lock,) = (own_project / "layers_build" / "locks").glob(f"applib-cp{LOCAL_PYTHON.replace('.', '')}-*.txt")
    assert "\n--no-binary onlyhere\n" in lock.read_text()
    assert str(own_project) not in lock.read_text()


def test_of_packages_with_the_same_library_the_one_that_requirements_name_counts_and_the_build_warns(
    own_project: Path,
) -> None:
    wheels = own_project / "layers_build" / "wheels"
    wheels.mkdir()
    library = Path(_ctypes.__file__).read_bytes()
    make_wheel(wheels, "seen_more", {"seen/__init__.py": "more = 1\n", "seen/core.so": library + b"more"})
    make_wheel(wheels, "seen_most", {"seen/__init__.py": "", "seen/core.so": library})
    make_wheel(wheels, "user", {"user.py": "import seen\n"}, requires=["seen-most"])
    (own_project / "layers_build" / "applib.txt").write_text("--find-links wheels\nseen-more\nuser\n")
    (own_project / "function" / "index.py").write_text("from seen import more\n\ndef handler(event, context): pass\n")
    done = run(own_project, "--model", "weights")
    assert done.returncode == 0, done.stderr
    said = " ".join((done.stdout + done.stderr).split())
    assert "seen_most and seen_more each bring a seen/core.so of their own: those of seen_more are taken" in said


def test_what_the_loader_replaces_stays_among_the_requirements_of_a_function(own_project: Path) -> None:
    wheels = own_project / "layers_build" / "wheels"
    wheels.mkdir()
    make_wheel(wheels, "crcmod", {"crcmod/__init__.py": ""}, version="9")
    (own_project / "layers_build" / "applib.txt").write_text("--find-links wheels\ncrcmod==9\n")
    assert built(own_project, "applib")["applib"]["versions"] == {"crcmod": "9"}


def test_a_package_that_is_a_folder_is_refused_with_what_to_do_and_no_lock_is_left(own_project: Path) -> None:
    package = own_project / "mine"
    package.mkdir()
    (package / "pyproject.toml").write_text('[project]\nname = "mine"\nversion = "1"\n')
    (own_project / "layers_build" / "applib.txt").write_text("six==1.17.0\n./mine\n")
    locks = {path: path.read_text() for path in (own_project / "layers_build" / "locks").iterdir()}
    done = run(own_project, "applib")
    assert done.returncode == 1
    assert re.search(r"applib\.txt: .*mine is no wheel, and has no hash that pins it; make a wheel of it", done.stderr)
    assert {path: path.read_text() for path in (own_project / "layers_build" / "locks").iterdir()} == locks


def unshared(*command: str | Path, project: Path) -> subprocess.CompletedProcess[str]:
    line = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", *map(str, command)]
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    done = subprocess.run(line, cwd=project, env=environment, capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip("no namespaces for mounts here")
    return done


BUILD = (sys.executable, "-m", "layers_build", "code")


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(own_project: Path) -> None:
    (own_project / "dist" / "code" / "index.py").unlink()  # so that it is made again
    script = 'mount -t tmpfs -o size=4m none dist && "$@"; code=$?; ls dist > left; exit $code'
    done = unshared(script, "sh", *BUILD, project=own_project)
    assert (done.returncode, (own_project / "left").read_text()) == (1, "")
    assert "Traceback" not in done.stderr
    assert "No space left on device; the last build is as it was: make room" in done.stderr.splitlines()[-1]


def test_a_folder_that_cannot_be_written_is_one_sentence(own_project: Path) -> None:
    (own_project / "function" / "index.py").write_text("def handler(event, context): pass\n")
    script = 'mount --bind . . && mount -o remount,ro,bind . && cd "$PWD" && "$@"'
    done = unshared(script, "sh", *BUILD, project=own_project)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Read-only file system" in done.stderr.splitlines()[-1]
    assert "HEAVYLIFT_CACHE" in done.stderr or "build in a copy of the project" in done.stderr
