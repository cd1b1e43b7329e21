"""The files that have to stay: those that a kept module imports or names, in all the ways in which packages do that."""

from __future__ import annotations

from pathlib import Path

import pytest

from heavylift.build.prune import DEFAULT_RULES, prune, read_rules, survey


def write(folder: Path, files: dict[str, str]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


HELPERS = {
    "p/tests/__init__.py": "",
    "p/tests/helper.py": "x = 1",
    "p/tests/deep/__init__.py": "",
    "p/tests/deep/other.py": "",
    "p/tests/test_unused.py": "",
    "p/kernels.cu": "",
    "p/unused.cu": "",
    "p/include/p/api.h": "",
}


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ("import p.tests.helper", {"p/tests/__init__.py", "p/tests/helper.py"}),
        ("from p.tests import helper", {"p/tests/__init__.py", "p/tests/helper.py"}),
        (
            "match x:\n    case True | None:\n        import p.tests.helper",
            {"p/tests/__init__.py", "p/tests/helper.py"},
        ),
        ("from p.tests.helper import x", {"p/tests/__init__.py", "p/tests/helper.py"}),
        ("def f():\n  from .tests.helper import x", {"p/tests/__init__.py", "p/tests/helper.py"}),
        ("from .tests import (\n  nothing,\n  helper,\n)", {"p/tests/__init__.py", "p/tests/helper.py"}),
        ("import_module('p.tests.helper')", {"p/tests/__init__.py", "p/tests/helper.py"}),
        ("import_module('.tests.helper', __package__)", {"p/tests/__init__.py", "p/tests/helper.py"}),
        ("lazy.attach(__name__, submodules={'tests.helper'})", {"p/tests/__init__.py", "p/tests/helper.py"}),
        ("LOADERS = ['p.tests.helper:x']", {"p/tests/__init__.py", "p/tests/helper.py"}),
        ("import_module(f'{__name__}.tests')", {"p/tests/__init__.py"}),
        (
            "from p.tests.deep.other import *",
            {"p/tests/__init__.py", "p/tests/deep/__init__.py", "p/tests/deep/other.py"},
        ),
        ("open(folder / 'kernels.cu')", {"p/kernels.cu"}),
        ("files('p').joinpath('kernels.cu')", {"p/kernels.cu"}),
        ("read_text('p', b'kernels.cu')", {"p/kernels.cu"}),
        ("open(f'{name}.cu')", {"p/kernels.cu", "p/unused.cu"}),
        ("open(__file__.replace('.py', '.cu'))", {"p/kernels.cu", "p/unused.cu"}),
        ("for path in (here / 'include' / 'p').glob('*.h'): path.read_text()", {"p/include/p/api.h"}),
        ("print 'python 2 opens', 'kernels.cu'", {"p/kernels.cu"}),
        ("'a word about tests and kernels'", set()),
    ],
)
def test_what_a_kept_module_imports_or_names_stays(tmp_path: Path, source: str, kept: set[str]) -> None:
    write(tmp_path, {**HELPERS, "p/__init__.py": source})
    pruning = prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES])))
    assert names(tmp_path) == {"p/__init__.py", *kept}
    assert set(pruning.spared) == kept


FOLDER = {"p/tests/__init__.py", "p/tests/helper.py", "p/tests/test_unused.py"}


@pytest.mark.parametrize(
    "source",
    [
        "import_module('p.tests.%s' % name)",
        "import_module('p.tests.{}'.format(name))",
        "import_module(f'p.tests.{name}')",
        "import_module('p.tests.' + name)",
        "import_module(__name__ + '.tests' + '.helper')",
        "import_module('.'.join([__name__, 'tests', name]))",
        "__import__('p.tests', fromlist=['helper'])",
        "PATTERN = 'p.tests.%s'",
        "open(here + '/tests/%s.py' % name)",
        "open(here + '/tests/{}.py'.format(name))",
        "glob(here + '/tests/*.py')",
        "list((here / 'tests').iterdir())",
        "FOLDER = 'tests'\nfor name in os.listdir(os.path.join(here, FOLDER)): print(name)",
        "def path(name): return os.path.join(os.path.dirname(__file__), 'tests', name)",
    ],
)
def test_a_folder_that_a_kept_module_names_and_looks_into_stays(tmp_path: Path, source: str) -> None:
    write(tmp_path, {**HELPERS, "p/__init__.py": source})
    prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES])))
    assert names(tmp_path) == {"p/__init__.py", *FOLDER}


@pytest.mark.parametrize(
    "source",
    [
        "type X = int\nfrom p.tests import helper",
        "def f[T](x: T) -> T: ...\nfrom .tests import (\n    nothing,\n    helper as h,\n)",
        "class A[T]: ...\nfrom p.tests \\\n  import nothing, \\\n  helper",
        "exec('from p.tests import helper')",
        "exec('if y:\\n  from p.tests.helper import x')",
    ],
)
def test_imports_in_a_newer_pythons_source_and_in_text_that_is_run_count(tmp_path: Path, source: str) -> None:
    write(tmp_path, {**HELPERS, "p/__init__.py": source})
    prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES])))
    assert {"p/tests/__init__.py", "p/tests/helper.py"} <= names(tmp_path)


def test_what_a_kept_stub_imports_stays(tmp_path: Path) -> None:
    lazy = "import lazy_loader\n__getattr__, *_ = lazy_loader.attach_stub(__name__, __file__)\n"
    write(tmp_path, {**HELPERS, "p/__init__.py": lazy, "p/__init__.pyi": "from .tests import helper"})
    prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES])))
    assert names(tmp_path) == {"p/__init__.py", "p/__init__.pyi", "p/tests/__init__.py", "p/tests/helper.py"}


def test_a_module_that_an_entry_point_names_stays(tmp_path: Path) -> None:
    entries = {"p-1.dist-info/entry_points.txt": "[plugins]\na = p.tests.helper:x [extra]\n"}
    write(tmp_path, {**HELPERS, **entries, "p/__init__.py": ""})
    prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES])))
    assert names(tmp_path) == {"p/__init__.py", "p/tests/__init__.py", "p/tests/helper.py", *entries}


def test_a_folder_that_stays_in_part_is_not_kept_for_its_name(tmp_path: Path) -> None:
    write(tmp_path, {"p/__init__.py": "os.listdir(os.path.join(here, 'data'))", "p/data/a.json": "", "p/data/a.h": ""})
    prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES])))
    assert names(tmp_path) == {"p/__init__.py", "p/data/a.json"}


def test_of_folders_within_each_other_the_innermost_that_is_named_stays(tmp_path: Path) -> None:
    files = {
        "p/__init__.py": "os.listdir(os.path.join(here, 'tests', 'data'))",
        "p/tests/test_a.py": "",
        "p/tests/data/kept.dat": "",
        "p/tests/data/more/gone.dat": "",
    }
    write(tmp_path, files)
    prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES])))
    assert names(tmp_path) == {"p/__init__.py", "p/tests/data/kept.dat"}


def test_programs_do_not_stay_for_the_name_of_their_folder(tmp_path: Path) -> None:
    files = {"torch/__init__.py": "os.path.join(here, 'test', 'expected')", "torch/test/List_test": ""}
    write(tmp_path, files)
    prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES])))
    assert names(tmp_path) == {"torch/__init__.py"}


def test_a_kept_test_module_keeps_what_it_imports_itself(tmp_path: Path) -> None:
    files = {
        "numpy/testing.py": "from numpy.tests._natype import pd_NA",
        "numpy/tests/__init__.py": "",
        "numpy/tests/_natype.py": "from ._more import y",
        "numpy/tests/_more.py": "open('data.inc')",
        "numpy/tests/data.inc": "",
    }
    write(tmp_path, files | {"numpy/tests/test_a.py": "from . import _only_tested", "numpy/tests/_only_tested.py": ""})
    prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES])))
    assert names(tmp_path) == set(files)


def test_a_module_of_another_package_counts_too(tmp_path: Path) -> None:
    files = {"user.py": "import p.tests.helper", "p/__init__.py": "", "p/tests/helper.py": ""}
    write(tmp_path, files)
    prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES])))
    assert names(tmp_path) == set(files)


def test_a_bare_file_name_means_a_file_of_the_same_distribution(tmp_path: Path) -> None:
    write(tmp_path, {"p/a.py": "open('x.cu')", "q/x.cu": "", "r/x.cu": ""})
    prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES]), {"p/a.py": "one", "q/x.cu": "one", "r/x.cu": "two"}))
    assert names(tmp_path) == {"p/a.py", "q/x.cu"}


def test_the_stub_beside_a_module_that_asks_for_its_own_file_stays(tmp_path: Path) -> None:
    lazy = "import lazy_loader\n__getattr__, *_ = lazy_loader.attach_stub(__name__, __file__)\n"
    write(tmp_path, {"p/__init__.py": lazy, "p/__init__.pyi": "from . import a", "p/a.py": "", "p/a.pyi": ""})
    prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES])))
    assert names(tmp_path) == {"p/__init__.py", "p/__init__.pyi", "p/a.py"}


def test_an_extension_module_names_what_it_imports(tmp_path: Path) -> None:
    write(tmp_path, {**HELPERS, "p/fast.cpython-310-x86_64-linux-gnu.so": "\x7fELF\0p.tests.helper\0"})
    prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES])))
    assert {"p/tests/__init__.py", "p/tests/helper.py"} < names(tmp_path)
    assert "p/tests/test_unused.py" not in names(tmp_path)


def test_a_module_without_source_is_no_cache(tmp_path: Path) -> None:
    write(tmp_path, {"p/__init__.py": "from . import hidden", "p/hidden.pyc": ""})
    prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES])))
    assert names(tmp_path) == {"p/__init__.py", "p/hidden.pyc"}


def test_what_a_start_opened_stays(tmp_path: Path) -> None:
    write(tmp_path, {"p/__init__.py": "", "p/a.tmpl": "", "p/b.tmpl": ""})
    pruning = prune(tmp_path, survey(tmp_path, read_rules([DEFAULT_RULES])), opened=["p/a.tmpl", "p/__init__.py"])
    assert names(tmp_path) == {"p/__init__.py", "p/a.tmpl"}
    assert pruning.removed == {"p/b.tmpl": "sources"}


def test_a_rule_of_the_users_own_is_obeyed_whoever_needs_the_file(tmp_path: Path) -> None:
    rules = tmp_path / "rules.toml"
    rules.write_text('[mine]\nglobs = ["p/big.py"]\n')
    write(tmp_path / "lib", {"p/__init__.py": "from p import big", "p/big.py": ""})
    prune(tmp_path / "lib", survey(tmp_path / "lib", read_rules([DEFAULT_RULES, rules])))
    assert names(tmp_path / "lib") == {"p/__init__.py"}
