"""The Function Compute domain: services, functions, triggers and invocations. No HTTP in here.

ROS calls it in process, `routes` puts it on the wire. It belongs to one event loop; a change is on disk when its method returns.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
import uuid
from collections.abc import Callable, Coroutine, Iterator, Mapping
from dataclasses import dataclass, replace
from operator import itemgetter
from pathlib import Path
from typing import Protocol

from localcloud.fc.errors import FcError
from localcloud.fc.instances.cpu import open_cpu_groups
from localcloud.fc.instances.instance import Answer, Instance
from localcloud.fc.instances.interpreters import check_interpreter, find_interpreter
from localcloud.fc.instances.isolation import choose_isolation
from localcloud.fc.instances.logs import FunctionLog
from localcloud.fc.instances.network import Ports
from localcloud.fc.instances.pool import Pool
from localcloud.fc.instances.sweep import repeat
from localcloud.fc.model import (
    MAX_ASYNC_PAYLOAD,
    MAX_CODE_API,
    MAX_CODE_OSS,
    MAX_SYNC_PAYLOAD,
    Function,
    Service,
    Trigger,
    check_function,
    check_name,
)
from localcloud.fc.operations.oss_triggers import check_oss_trigger, fires, make_event
from localcloud.fc.store.pending import Pending, PendingInvocations
from localcloud.fc.store.resources import FcStore
from localcloud.kernel.errors import ApiError
from localcloud.kernel.identity import Credential
from localcloud.oss.model import ObjectEvent

STS_SECONDS = 36 * 3600  # how long an instance's credentials last
ASYNC_TRIES = 3  # Function Compute, "Asynchronous invocations": two retries after a function's error
ASYNC_BACKOFF = 1.0  # seconds before the first retry, doubled for the next
SWEEP = 1.0  # seconds between two looks for idle instances
KINDS = frozenset({"oss", "http", "timer"})
logger = logging.getLogger(__name__)


class Roles(Protocol):
    """What gives instances their credentials."""

    def assume_role_for_service(self, role_arn: str, *, service: str, session_name: str, duration: int) -> Credential:
        """Return credentials of a role that trusts the service.

        Raises:
            ApiError: there is no such role, or it does not trust the service.
        """


Permit = Callable[[str, str], None]  # from an object's bucket and key; raises FcError to refuse


class Objects(Protocol):
    """Where code packages may lie."""

    def read(self, bucket: str, key: str, *, permit: Callable[[str, str], None]) -> bytes:
        """Return the bytes of an object, or of what a symlink stands for.

        Args:
            bucket: the bucket's name.
            key: the object's key.
            permit: asked with the key and the ACL in effect of each object on the way; raises to refuse.

        Raises:
            Exception: there is no such object, or what `permit` raises.
        """


def anybody(bucket: str, key: str) -> None:
    """Permit everything: for callers whose rights were looked at before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """How the embedded Function Compute behaves."""

    region: str
    account_id: str
    gateway: tuple[str, int]  # where instances reach names under aliyuncs.com
    authority: str  # the certificate (PEM) that they trust for those names
    python: Path | None = None  # runs every runtime; None: the interpreter that a runtime names
    idle: float = 300.0  # seconds after which an idle instance is ended
    max_instances: int = 20  # of one function
    limit_cpu: bool = False  # an instance gets the vCPU that its function asks for, not all of this machine
    unsandboxed: bool = False  # as root, run functions even where there is no sandbox


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """An invocation's answer, and what there is to say about it."""

    request_id: str
    answer: Answer
    instance: Instance
    log_tail: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """Where a function's code package comes from: one of the two."""

    content: bytes | None = None  # a zip file
    bucket: str = ""
    key: str = ""


class FcService:
    """Function Compute of one account in one region.

    Args:
        folder: where its state, code, logs and instances lie.
        settings: how it behaves.
        roles: gives instances their credentials.
        objects: where code packages may lie.
        clock: seconds since the epoch.

    Raises:
        LocalCloudError: its state cannot be read, the Python that it was told to use does not run, or this machine does not let it
            limit the vCPU of instances.
    """

    def __init__(
        self, folder: Path, *, settings: Settings, roles: Roles, objects: Objects, clock: Callable[[], float]
    ) -> None:
        if settings.python is not None:
            check_interpreter(settings.python)
        self._cpu_groups = open_cpu_groups() if settings.limit_cpu else None
        self._isolation = choose_isolation(unsandboxed=settings.unsandboxed)
        self.ports = Ports()  # to be opened once the embedded cloud listens
        self._folder = folder
        self._store = FcStore(folder)
        self._settings = settings
        self._roles = roles
        self._objects = objects
        self._clock = clock
        self._pools: dict[str, Pool] = {}
        self._pending = PendingInvocations(folder / "pending")
        self._retired: list[Pool] = []
        self._changing = asyncio.Lock()  # held while a code package is unpacked that no function names yet
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop: asyncio.AbstractEventLoop | None = None

    # Life

    @property
    def isolation(self) -> str:
        """How instances are kept apart: `bubblewrap`, `unsandboxed`, or `missing` where none is started."""
        return self._isolation.kind

    async def open(self) -> None:
        """Begin to reclaim idle instances, and go on with what was accepted; call it in the event loop that serves requests.

        Raises:
            LocalCloudError: an accepted invocation cannot be read.
        """
        shutil.rmtree(self._folder / "instances", ignore_errors=True)  # what a killed process left
        self._loop = asyncio.get_running_loop()
        self._spawn(repeat(SWEEP, self._sweep))
        for pending in self._pending.all():
            self._spawn(self._invoke_until_done(pending))

    async def close(self) -> None:
        """End all instances. Asynchronous invocations that are not done go on after the next start."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for pool in [*self._pools.values(), *self._retired]:
            pool.close()
        if self._cpu_groups is not None:
            await asyncio.to_thread(self._cpu_groups.close)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logger.error("a task of Function Compute failed", exc_info=error)

    def _sweep(self) -> Iterator[Callable[[], None]]:
        """Yield the steps of one sweep; each is done whether or not those before it failed."""
        for pool in [*self._pools.values(), *self._retired]:
            yield from pool.reclaim(self._settings.idle)
        self._retired = [pool for pool in self._retired if pool.instances]
        if not self._changing.locked():
            keep = {pool.code for pool in [*self._pools.values(), *self._retired]}
            yield lambda: self._store.drop_code(keep=keep)

    # Services

    def create_service(self, service: Service) -> Service:
        """Create a service.

        Raises:
            FcError: ServiceAlreadyExists, InvalidArgument.
        """
        check_name("serviceName", service.name)
        if service.name in self._store.services:
            raise FcError("ServiceAlreadyExists", f"service '{service.name}' already exists")
        return self._put_service(replace(service, created=self._clock()))

    def _put_service(self, service: Service) -> Service:
        service = replace(service, modified=self._clock())
        self._store.services[service.name] = service
        self._store.save()
        return service

    def service(self, name: str) -> Service:
        """Return a service.

        Raises:
            FcError: ServiceNotFound.
        """
        if name not in self._store.services:
            raise FcError("ServiceNotFound", f"service '{name}' does not exist")
        return self._store.services[name]

    def services(self) -> list[Service]:
        """Return all services in order of their names."""
        return sorted(self._store.services.values(), key=lambda each: each.name)

    def update_service(self, service: Service) -> Service:
        """Replace a service's settings; its functions get new instances."""
        self.service(service.name)
        for function in self.functions(service.name):
            self._retire(function.path)
        return self._put_service(service)

    def delete_service(self, name: str) -> None:
        """Delete a service without functions.

        Raises:
            FcError: ServiceNotFound, ServiceNotEmpty.
        """
        self.service(name)
        if self.functions(name):
            raise FcError("ServiceNotEmpty", f"service '{name}' still has functions; delete them first")
        del self._store.services[name]
        self._store.save()

    # Functions

    async def create_function(self, function: Function, code: Code, *, permit: Permit = anybody) -> Function:
        """Create a function (of FC 3.0 when it names no service).

        Args:
            function: the function.
            code: its code package.
            permit: asked for the object that the package is, and for what a symlink stands for, before anything is said of it.

        Raises:
            FcError: ServiceNotFound, FunctionAlreadyExists, InvalidArgument, and what `permit` raises.
        """
        async with self._changing:
            self._check_new(function)
            function = await self._with_code(function, code, permit)
            self._check_new(function)  # its service may be gone by now
            complete = replace(function, function_id=str(uuid.uuid4()), created=self._clock())
            return self._put_function(complete)

    def _check_new(self, function: Function) -> None:
        if function.service:
            self.service(function.service)
        check_function(function)
        if function.path in self._store.functions:
            raise FcError("FunctionAlreadyExists", f"function '{function.name}' already exists")

    async def update_function(self, function: Function, code: Code | None, *, permit: Permit = anybody) -> Function:
        """Replace a function's settings, and its code when there is some; its instances end after their requests.

        `permit` is asked as in `create_function`.
        """
        async with self._changing:
            self.function(function.path)
            check_function(function)
            if code is not None:
                function = await self._with_code(function, code, permit)
                self.function(function.path)  # it may be gone by now
            updated = self._put_function(function)
            self._retire(function.path)
            return updated

    async def _with_code(self, function: Function, code: Code, permit: Permit) -> Function:
        content = await asyncio.to_thread(self._read_code, code, permit)
        name, checksum = await asyncio.to_thread(self._store.add_code, content)
        return replace(function, code=name, code_checksum=checksum, code_size=len(content))

    def _put_function(self, function: Function) -> Function:
        function = replace(function, modified=self._clock())
        self._store.functions[function.path] = function
        self._store.save()
        return function

    def _read_code(self, code: Code, permit: Permit) -> bytes:
        if code.content is not None:
            content, limit, way = code.content, MAX_CODE_API, "through the API"
        elif code.bucket and code.key:
            try:
                content = self._objects.read(code.bucket, code.key, permit=lambda key, acl: permit(code.bucket, key))
            except FcError:  # of `permit`
                raise
            except Exception as error:
                raise FcError(
                    "InvalidArgument", f"code: oss://{code.bucket}/{code.key} cannot be read: {error}"
                ) from error
            limit, way = MAX_CODE_OSS, "through OSS"
        else:
            raise FcError("InvalidArgument", "code: give zipFile, or ossBucketName and ossObjectName")
        if len(content) > limit:
            raise FcError(
                "InvalidArgument", f"code: the package has {len(content)} bytes; at most {limit} are allowed {way}"
            )
        return content

    def function(self, path: str) -> Function:
        """Return a function by its path, `services/S/functions/F` or `functions/F`.

        Raises:
            FcError: FunctionNotFound, ServiceNotFound.
        """
        if path not in self._store.functions:
            parts = path.split("/")
            if parts[0] == "services":
                self.service(parts[1])
            raise FcError("FunctionNotFound", f"function '{parts[-1]}' does not exist")
        return self._store.functions[path]

    def functions(self, service: str) -> list[Function]:
        """Return the functions of a service (empty: those of FC 3.0) in order of their names."""
        found = [each for each in self._store.functions.values() if each.service == service]
        return sorted(found, key=lambda each: each.name)

    def delete_function(self, path: str) -> None:
        """Delete a function with its triggers; its instances end."""
        for trigger in self.triggers(path):
            del self._store.triggers[path, trigger.name]
        del self._store.functions[path]
        self._store.save()
        self._retire(path)

    def log(self, path: str) -> FunctionLog:
        """Return a function's log."""
        return FunctionLog(self._folder / "logs" / f"{path.replace('/', '.')}.log")

    # Triggers

    def create_trigger(self, trigger: Trigger) -> Trigger:
        """Create a trigger.

        Raises:
            FcError: FunctionNotFound, TriggerAlreadyExists, InvalidArgument.
        """
        self.function(trigger.function)
        check_name("triggerName", trigger.name)
        if (trigger.function, trigger.name) in self._store.triggers:
            raise FcError("TriggerAlreadyExists", f"trigger '{trigger.name}' already exists")
        return self._put_trigger(replace(trigger, trigger_id=str(uuid.uuid4()), created=self._clock()))

    def update_trigger(self, trigger: Trigger) -> Trigger:
        """Replace a trigger's settings."""
        self.trigger(trigger.function, trigger.name)
        return self._put_trigger(trigger)

    def _put_trigger(self, trigger: Trigger) -> Trigger:
        if trigger.kind not in KINDS:
            raise FcError("NotImplemented", f"not implemented: triggers of type {trigger.kind!r}")
        if trigger.kind == "oss":
            check_oss_trigger(trigger)
        trigger = replace(trigger, modified=self._clock())
        self._store.triggers[trigger.function, trigger.name] = trigger
        self._store.save()
        return trigger

    def trigger(self, function: str, name: str) -> Trigger:
        """Return a trigger.

        Raises:
            FcError: FunctionNotFound, TriggerNotFound.
        """
        self.function(function)
        if (function, name) not in self._store.triggers:
            raise FcError("TriggerNotFound", f"trigger '{name}' does not exist")
        return self._store.triggers[function, name]

    def triggers(self, function: str) -> list[Trigger]:
        """Return a function's triggers in order of their names."""
        self.function(function)
        return sorted(
            (each for (path, _), each in self._store.triggers.items() if path == function), key=lambda t: t.name
        )

    def delete_trigger(self, function: str, name: str) -> None:
        """Delete a trigger."""
        self.trigger(function, name)
        del self._store.triggers[function, name]
        self._store.save()

    def on_object_event(self, event: ObjectEvent) -> None:
        """Fire the triggers that an object's event fires; may be called from any thread."""
        if self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._fire, event)

    def _fire(self, event: ObjectEvent) -> None:
        for trigger in list(self._store.triggers.values()):
            if fires(trigger, event):
                request_id = new_request_id()
                payload = make_event(
                    event,
                    trigger,
                    region=self._settings.region,
                    account_id=self._settings.account_id,
                    request_id=request_id,
                )
                self._accept(Pending(request_id=request_id, function=trigger.function, payload=payload))

    # Invocations

    async def invoke(self, path: str, payload: bytes, *, request_id: str | None = None) -> Invocation:
        """Invoke a function and wait for its answer.

        Raises:
            FcError: FunctionNotFound, ResourceExhausted, EntityTooLarge, AccessDenied (the role cannot be assumed).
        """
        function = self.function(path)
        if len(payload) > MAX_SYNC_PAYLOAD:
            raise FcError(
                "EntityTooLarge", f"the event has {len(payload)} bytes; at most {MAX_SYNC_PAYLOAD} are allowed"
            )
        request_id = request_id or new_request_id()
        log = self.log(path).open()
        answer, instance = await self._pool(function).run(payload, request_id=request_id, log=log)
        return Invocation(request_id=request_id, answer=answer, instance=instance, log_tail=log.tail)

    def invoke_async(self, path: str, payload: bytes, *, request_id: str) -> None:
        """Invoke a function later; an error of the function is tried again.

        Raises:
            FcError: FunctionNotFound, EntityTooLarge.
        """
        self.function(path)
        if len(payload) > MAX_ASYNC_PAYLOAD:
            raise FcError(
                "EntityTooLarge",
                f"the event has {len(payload)} bytes; at most {MAX_ASYNC_PAYLOAD} are allowed for an asynchronous invocation",
            )
        self._accept(Pending(request_id=request_id, function=path, payload=payload))

    def _accept(self, pending: Pending) -> None:
        self._pending.add(pending)
        self._spawn(self._invoke_until_done(pending))

    async def _invoke_until_done(self, pending: Pending) -> None:
        failures = 0
        while failures < ASYNC_TRIES:
            if failures:
                await asyncio.sleep(ASYNC_BACKOFF * 2 ** (failures - 1))
            try:
                done = await self.invoke(pending.function, pending.payload, request_id=pending.request_id)
            except FcError as error:
                if error.code == "ResourceExhausted":  # the function has not run: this is no try
                    await asyncio.sleep(ASYNC_BACKOFF)
                    continue
                why = str(error)
            else:
                if done.answer.error_type is None:
                    break
                why = f"{done.answer.error_type}: {done.answer.body[:500].decode(errors='replace')}"
            failures += 1
            self.log(pending.function).open().line(
                f"FC Async Attempt {failures} of {ASYNC_TRIES} failed RequestId: {pending.request_id} {why}"
            )
        else:
            logger.warning(
                "asynchronous invocation %s of %s failed %d times", pending.request_id, pending.function, ASYNC_TRIES
            )
        self._pending.remove(pending.request_id)

    def instances(self) -> list[Instance]:
        """Return all instances that run."""
        return [instance for pool in [*self._pools.values(), *self._retired] for instance in pool.instances]

    def _retire(self, path: str) -> None:
        pool = self._pools.pop(path, None)
        if pool:
            pool.retire()
            self._retired.append(pool)

    def _pool(self, function: Function) -> Pool:
        if function.path not in self._pools:
            service = self._store.services.get(function.service)

            async def make_environment() -> Mapping[str, str]:
                return await asyncio.to_thread(self._environment, function, service)

            self._pools[function.path] = Pool(
                function,
                service,
                code=self._store.code_folder(function.code),
                folder=self._folder / "instances",
                isolation=self._isolation,
                cpu_groups=self._cpu_groups,
                ports=self.ports,
                find_interpreter=lambda each: find_interpreter(each.runtime, self._settings.python, each.python),
                make_environment=make_environment,
                gateway=self._settings.gateway,
                authority=self._settings.authority,
                max_instances=self._settings.max_instances,
                make_room=self._make_room,
            )
        return self._pools[function.path]

    def _make_room(self) -> bool:
        """End the instance that has been idle for longest, of whichever function; return whether there was one."""
        idle = [(each.idle_since, pool) for pool in self._pools.values() if (each := pool.longest_idle)]
        if idle:
            min(idle, key=itemgetter(0))[1].end_longest_idle()
        return bool(idle)

    def _environment(self, function: Function, service: Service | None) -> Mapping[str, str]:
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "C.UTF-8",
            "HOME": "/tmp",  # noqa: S108 - the only folder that an instance may write to
            "TZ": "UTC",
            **function.environment,
            "FC_FUNC_CODE_PATH": "/code",
            "FC_ACCOUNT_ID": self._settings.account_id,
            "FC_REGION": self._settings.region,
            "FC_FUNCTION_NAME": function.name,
            "FC_FUNCTION_HANDLER": function.handler,
            "FC_FUNCTION_MEMORY_SIZE": str(function.memory),
        }
        if service:
            environment |= {"FC_SERVICE_NAME": service.name, "FC_QUALIFIER": "LATEST"}
        role = service.role if service else function.role
        if role:
            try:
                credential = self._roles.assume_role_for_service(
                    role, service="fc.aliyuncs.com", session_name=f"fc-{function.name[:60]}", duration=STS_SECONDS
                )
            except ApiError as error:
                raise FcError("AccessDenied", f"the role {role} cannot be assumed: {error.message}") from error
            environment |= {
                "ALIBABA_CLOUD_ACCESS_KEY_ID": credential.access_key_id,
                "ALIBABA_CLOUD_ACCESS_KEY_SECRET": credential.access_key_secret,
                "ALIBABA_CLOUD_SECURITY_TOKEN": credential.security_token or "",
            }
        return environment


def new_request_id() -> str:
    """Return a fresh request id in the platform's form."""
    return f"1-{int(time.time()):x}-{uuid.uuid4().hex[:24]}"
