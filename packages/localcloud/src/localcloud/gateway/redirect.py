"""Sends a Python process's connections to names under aliyuncs.com to the embedded cloud.

Standard library only, for Python 3.9 and later. It reaches what Python code connects to, whichever library asks; programs in other
languages use the gateway as a proxy instead. It changes `socket` and `ssl` once they are imported: a process that connects to
nothing starts without them.
"""

from __future__ import annotations

import functools
import sys

TYPE_CHECKING = False  # as type checkers take it; `typing` takes milliseconds
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

DOMAINS = (".aliyuncs.com", ".fcapp.run")


def redirect(gateway: tuple[str, int], authority: str) -> None:
    """Redirect this process from now on.

    Args:
        gateway: address and port of the gateway, which refuses the names that it does not serve.
        authority: the certificate (PEM) of the embedded cloud's authority, which can vouch for names under aliyuncs.com only.
    """
    when_imported("socket", functools.partial(_redirect_sockets, gateway=gateway))
    when_imported("ssl", functools.partial(_extend_trust, authority=authority))


def when_imported(name: str, act: Callable[[ModuleType], object]) -> None:
    """Do something with a module: now if it is imported already, else once it is."""
    if name in sys.modules:
        act(sys.modules[name])
    else:
        sys.meta_path.insert(0, _Awaited(name, act))


class _Awaited:
    """Finds a module by all other finders, and has something done with it after its import.

    Args:
        name: the module's.
        act: does it.
    """

    def __init__(self, name: str, act: Callable[[ModuleType], object]) -> None:
        self._name, self._act = name, act

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """See `importlib.abc.MetaPathFinder`."""
        if name != self._name:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(name, path, target)
            if spec is not None:
                loader: Any = _Acting(spec.loader, self._act)
                spec.loader = loader
                return spec
        return None


class _Acting:
    """Stands in for the loader of a module until it is loaded, and then does something with it.

    Args:
        loader: the module's own one.
        act: does it.
    """

    def __init__(self, loader: Any, act: Callable[[ModuleType], object]) -> None:  # noqa: ANN401 - of any kind
        self._loader, self._act = loader, act

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the loader has
        return getattr(self._loader, name)

    def exec_module(self, module: ModuleType) -> None:
        """See `importlib.abc.Loader`."""
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self._loader
        self._loader.exec_module(module)
        self._act(module)


def _redirect_sockets(socket: Any, gateway: tuple[str, int]) -> None:  # noqa: ANN401 - the module
    resolve, resolve_address = socket.getaddrinfo, socket.gethostbyname

    @functools.wraps(resolve)
    def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as the original
        target = gateway if is_redirected(host) else (host, port)
        return resolve(*target, *args, **options)

    @functools.wraps(resolve_address)
    def gethostbyname(host: str) -> str:
        return gateway[0] if is_redirected(host) else resolve_address(host)

    socket.getaddrinfo, socket.gethostbyname = getaddrinfo, gethostbyname
    for name in ("connect", "connect_ex"):
        setattr(socket.socket, name, _redirected(getattr(socket.socket, name), gateway))


def _extend_trust(ssl: Any, authority: str) -> None:  # noqa: ANN401 - the module
    trust = ssl.SSLContext.load_verify_locations
    for name in ("load_verify_locations", "load_default_certs", "set_default_verify_paths"):
        setattr(ssl.SSLContext, name, _trusting(getattr(ssl.SSLContext, name), trust, authority))


def is_redirected(host: object) -> bool:
    """Return True if a host name is one of the cloud."""
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    return isinstance(name, str) and f".{name.lower().rstrip('.')}".endswith(DOMAINS)


def _redirected(connect: Callable[..., Any], gateway: tuple[str, int]) -> Callable[..., Any]:
    @functools.wraps(connect)
    def call(self: Any, address: Any) -> Any:  # noqa: ANN401 - as the original
        named = isinstance(address, tuple) and bool(address) and is_redirected(address[0])
        return connect(self, gateway if named else address)

    return call


def _trusting(load: Callable[..., Any], trust: Callable[..., Any], authority: str) -> Callable[..., Any]:
    @functools.wraps(load)
    def call(self: Any, *args: Any, **options: Any) -> None:  # noqa: ANN401 - as the original
        load(self, *args, **options)
        trust(self, cadata=authority)

    return call
