"""nginx as a peer of the embedded OSS: one worker that serves a folder by sendfile, with connections kept open."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socket import create_server

import psutil

from bench.client import Address, answers

PATIENCE = 10.0  # seconds until it answers
_CONFIGURATION = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    server {{ listen {host}:{port}; root {root}; }}
}}
"""


def find_nginx() -> str | None:
    """Return the program, or None; Debian puts it where a user's PATH does not look."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")


@contextmanager
def running_nginx(program: str, root: Path, folder: Path) -> Iterator[tuple[Address, psutil.Process]]:
    """Run nginx on loopback, and yield its address and its process.

    Args:
        program: see `find_nginx`.
        root: the folder that it serves.
        folder: for its own files; created.

    Raises:
        RuntimeError: it does not answer.
    """
    folder.mkdir()
    with create_server(("127.0.0.1", 0)) as free:
        address: Address = free.getsockname()[:2]
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, root=root, host=address[0], port=address[1]))
    process = subprocess.Popen([program, "-p", str(folder), "-e", f"{folder}/error.log", "-c", str(configuration)])
    try:
        deadline = time.monotonic() + PATIENCE
        while not answers(address):
            if time.monotonic() > deadline or process.poll() is not None:
                raise RuntimeError(f"nginx does not answer: {(folder / 'error.log').read_text()[-500:]}")
            time.sleep(0.01)
        yield address, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()
