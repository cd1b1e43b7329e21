"""Python imports this at its start when this folder is on PYTHONPATH: names under aliyuncs.com then reach the embedded cloud.

Its settings are in the environment: LOCALCLOUD_GATEWAY (`127.0.0.1:PORT`), and the certificate to trust in LOCALCLOUD_AUTHORITY
(a file) or, inside an instance, which does not see that file, LOCALCLOUD_CERTIFICATE (PEM). Standard library only, for Python 3.9
and later. A sitecustomize of the user's own is run after it.
"""

from __future__ import annotations

import os
import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

HERE = Path(__file__).parent


def _redirect() -> None:
    spec = spec_from_file_location("localcloud_redirect", HERE.parent / "redirect.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    address, _, port = os.environ["LOCALCLOUD_GATEWAY"].partition(":")
    authority = os.environ.get("LOCALCLOUD_CERTIFICATE")
    if authority is None:
        authority = Path(os.environ["LOCALCLOUD_AUTHORITY"]).read_text(encoding="ascii")
    module.redirect((address, int(port)), authority)


def _run_next() -> None:
    others = [folder for folder in sys.path if Path(folder or ".").resolve() != HERE.resolve()]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))


if "LOCALCLOUD_GATEWAY" in os.environ:
    _redirect()
_run_next()
