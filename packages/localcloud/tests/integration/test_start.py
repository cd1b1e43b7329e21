"""A start of the embedded cloud: what it brings into its process, and what only comes when it is asked for."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from localcloud.gateway.authority import authority_of

# Heavy, and of use to some requests only.
LATER = {"aiohttp.client", "aiohttp.connector", "cryptography", "dns", "importlib.metadata", "PIL", "yaml"}
IMPORTS = """
import sys
sys.argv = ["localcloud", "--help"]
from localcloud.__main__ import main
try:
    main()
except SystemExit:
    print(*sys.modules, sep="\\n")
    from localcloud.ros.model import Stack
    print("made" if "__repr__" in vars(Stack) else "postponed")
"""
POSTPONED = """
from localcloud.kernel.postponed import postpone
postpone("aiohttp")
import sys
import aiohttp
from aiohttp import web
assert "aiohttp.client" not in sys.modules
print(aiohttp.__version__)
print(aiohttp.ClientSession.__name__)
import aiohttp.client
assert aiohttp.ClientSession is aiohttp.client.ClientSession
assert aiohttp.web is web
postpone("aiohttp")
assert aiohttp.ClientSession is aiohttp.client.ClientSession
try:
    aiohttp.nothing
except AttributeError as error:
    print(error)
"""
OPEN = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from localcloud.gateway.tls import open_authority
open_authority(Path("{folder}/gateway"), now=datetime.now(UTC) + timedelta(days={days}))
print(*sys.modules, sep="\\n")
"""


def run(code: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_what_only_some_requests_need_is_not_imported_by_a_start() -> None:
    *imported, methods = run(IMPORTS)
    assert "localcloud.server" in imported
    assert not set(imported) & LATER
    assert methods == "postponed"


def test_a_postponed_package_is_whole_for_whoever_asks_for_it() -> None:
    import aiohttp

    assert run(POSTPONED) == [aiohttp.__version__, "ClientSession", "module aiohttp has no attribute nothing"]


def test_the_authority_is_made_by_another_process_and_kept(tmp_path: Path) -> None:
    made = authority_of(tmp_path / "gateway")
    assert "cryptography" not in run(OPEN.format(folder=tmp_path, days=0))
    pem = made.pem
    run(OPEN.format(folder=tmp_path, days=700))
    assert made.pem == pem
    run(OPEN.format(folder=tmp_path, days=800))
    assert made.pem != pem


def test_an_authority_that_cannot_be_made_is_an_error_that_says_why(tmp_path: Path) -> None:
    (tmp_path / "gateway").write_text("no folder")
    command = [sys.executable, "-c", OPEN.format(folder=tmp_path, days=0)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "FileExistsError" in done.stderr
    assert "authority.pem cannot be made; what stands above says why" in done.stderr
