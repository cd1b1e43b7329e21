"""`HeavyFunction`: a function whose libraries and model are larger than a code package may be, with all that it needs."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from ros_cdk_core import Construct, RosOutput, Stack
from ros_cdk_oss import Bucket

from heavylift.cdk import triggers
from heavylift.cdk.arguments import (
    check_build,
    check_environment,
    check_loop,
    fail,
    function_environment,
    read_arguments,
    read_name,
)
from heavylift.cdk.building import OUTPUT, make_build
from heavylift.cdk.compute import keep_instances, make_function, set_environment
from heavylift.cdk.errors import InfraError, SettingsError
from heavylift.cdk.facts import read_facts
from heavylift.cdk.identity import (
    FUNCTION_COMPUTE,
    OBJECT_STORAGE,
    LeastRole,
    logstore_resource,
    objects,
    versions_resources,
)
from heavylift.cdk.logs import LOGSTORE, FunctionLogs
from heavylift.cdk.names import PLAIN, function_name, logical_id, region, word
from heavylift.cdk.settings import read_stack_name
from heavylift.cdk.storage import ARCHIVES, ArchiveDeployment, code_asset
from heavylift.cdk.values import environment as read_environment
from heavylift.cdk.values import prefix as read_prefix

_ID = re.compile(r"[A-Za-z][A-Za-z0-9]{0,63}")
_TRIGGER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")


class HeavyFunction(Construct):
    """A function with its archives, role and, where asked for, triggers and logs; any number may stand in a stack.

    It is built when the app runs and its inputs have changed, into `dist/ID`; paths begin at the working folder, that of cdk.json.
    Its bucket and the deployment of its archives are the stack's, shared with its other functions.

    The logical ids of its resources begin with its own, and its ARN is the output `IDArn`. The id `Function` adds nothing to
    them and to the name, and its build is `dist` itself.

    Args:
        scope: the stack, or a construct in it.
        id: its logical id: letters and digits.
        name: of the function, and of what belongs to it; None: the stack's name and the id.
        code: the folder with the user's function.
        requirements: the file that lists the libraries.
        model: a folder, or a Python file whose `export_model(applib, interpreter, target)` writes one; None: there is no model.
        prune_rules: files with prune rules beside those that heavylift has.
        lazy_imports: packages of the libraries whose modules that only name others are executed when they are first used.
        recordings: the folder of the recordings of starts; None: `recordings`, beside the requirements.
        dist: a build made before, which is deployed as it is; None: what changed is built first.
        handler: the user's function, `MODULE.FUNCTION`.
        generation: of Function Compute: 2.0 (service and function) or 3.0 (function alone).
        runtime: python3.10 or python3.12; the build is for its Python.
        memory: MB, 128 to 32768 in steps of 64.
        cpu: vCPU, 0.05 to 16 in steps of 0.05; 1 to 4 GB of memory for each.
        disk: MB, 512 or 10240; must hold what the archives unpack to.
        timeout: seconds a request may take, up to 86400.
        initializer: whether the platform calls the loader before the first request; without, the first request loads.
        initialization_timeout: seconds a start may take, up to 300.
        load_mode: what is there when the initializer returns. `complete`: everything. `working-set`: what the recorded start
            used; the rest follows, and at once when it is executed. `whole`: everything, and no library is used in parts.
        minimum_instances: started ahead and kept, up to 299, at the price of idle instances; 0: requests start them.
        environment: variables for the user's function; all together at most 4 KB.
        endpoint: URL of OSS as the function sees it; empty: the region's internal endpoint.
        bucket: a bucket of one's own for archives and data; None: the stack's.
        read_prefixes: of the objects in its bucket that the function may read, apart from its archives.
        write_prefixes: of the objects in its bucket that it may write.
        logs: whether the function logs to a log project of its own.
        artifacts_bucket: where `heavylift push` put the archives; empty: they are uploaded with each deployment.

    Raises:
        SettingsError: arguments are wrong, or the build does not fit them; all problems at once.
        BuildError: a part cannot be built.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - what every construct calls it
        *,
        name: str | None = None,
        code: str | Path = "function",
        requirements: str | Path = "layers_build/applib.txt",
        model: str | Path | None = None,
        prune_rules: Sequence[str | Path] = (),
        lazy_imports: Sequence[str] = (),
        recordings: str | Path | None = None,
        dist: str | Path | None = None,
        handler: str = "index.handler",
        generation: str = "2.0",
        runtime: str = "python3.10",
        memory: int = 3072,
        cpu: float = 2.0,
        disk: int = 10240,
        timeout: int = 300,
        initializer: bool = True,
        initialization_timeout: int = 300,
        load_mode: str = "complete",
        minimum_instances: int = 0,
        environment: Mapping[str, str] | None = None,
        endpoint: str = "",
        bucket: Bucket | None = None,
        read_prefixes: Sequence[str] = (),
        write_prefixes: Sequence[str] = (),
        logs: bool = False,
        artifacts_bucket: str = "",
    ) -> None:
        super().__init__(scope, id)
        self._id = id
        stack = Stack.of(self)
        with _naming(id):
            settings = read_arguments(
                {
                    "code": code,
                    "requirements": requirements,
                    "model": model or "",
                    "prune_rules": prune_rules,
                    "lazy_imports": lazy_imports,
                    "recordings": recordings or "",
                    "dist": dist or "",
                    "handler": handler,
                    "generation": generation,
                    "runtime": runtime,
                    "memory": memory,
                    "cpu": cpu,
                    "disk": disk,
                    "timeout": timeout,
                    "initializer": initializer,
                    "initialization_timeout": initialization_timeout,
                    "load_mode": load_mode,
                    "minimum_instances": minimum_instances,
                    "environment": environment or {},
                    "endpoint": endpoint,
                    "read_prefixes": read_prefixes,
                    "write_prefixes": write_prefixes,
                    "logs": logs,
                    "artifacts_bucket": artifacts_bucket,
                }
            )
            self.name = _read_names(id, name or function_name(stack.stack_name, id), stack.stack_name)
            facts = read_facts(self.node.try_get_context, os.environ)
            build = make_build(settings, facts, output=OUTPUT if id == PLAIN else OUTPUT / id)
            if facts.deploys:
                fail(check_build(settings, build, local_build=facts.local_build, unchecked=facts.unchecked))
        self.settings, self.build = settings, build
        self._about = f"of the stack {stack.stack_name}" if id == PLAIN else f"of {id} in the stack {stack.stack_name}"
        deployment = ArchiveDeployment.of(stack)
        self.bucket = bucket or deployment.bucket
        bucket_name = str(self.bucket.props.bucket_name)
        code_package = code_asset(self, build)
        archives = deployment.add(
            build, bucket=self.bucket, code=code_package, artifacts_bucket=settings.artifacts_bucket
        )
        made_logs = (
            FunctionLogs(self, id, function=self.name, description=f"Logs {self._about}") if settings.logs else None
        )
        self.role = self._make_role(bucket_name, made_logs)
        self._environment = function_environment(settings, build, bucket=bucket_name, region=region())
        self.function = make_function(
            self,
            id,
            name=self.name,
            settings=settings,
            code=code_package,
            role=self.role,
            environment=self._environment,
            logs=made_logs,
        )
        self.function.add_dependency(archives)
        if settings.minimum_instances:
            keep_instances(self, id, self.function, settings.minimum_instances)
        deployment.sweep(self.bucket, after=self.function)
        self._triggers: set[str] = set()
        self._trigger_role: LeastRole | None = None
        RosOutput(self, f"{id}Arn", value=self.function.attr_arn, description="The function's ARN")

    def _make_role(self, bucket_name: str, logs: FunctionLogs | None) -> LeastRole:
        """Return the role of the function: read its archives, read and write under its prefixes, log."""
        role = LeastRole(
            self,
            f"{self._id}Role",
            owner=self.name,
            purpose="function",
            description=f"The function {self._about}",
            service=FUNCTION_COMPUTE,
        )
        settings = self.settings
        role.allow(["oss:GetObject"], objects(bucket_name, (*ARCHIVES, *settings.read_prefixes)))
        if settings.write_prefixes:
            role.allow(["oss:PutObject"], objects(bucket_name, settings.write_prefixes))
        if logs is not None:
            role.allow(["log:PostLogStoreLogs"], [logstore_resource(logs.project_name, LOGSTORE)])
        return role

    def add_environment(self, name: str, value: str) -> None:
        """Give the user's function one more variable.

        Args:
            name: letters, digits and underscores.
            value: text; what only the cloud knows, such as an attribute of a resource, is filled in when the stack is deployed.

        Raises:
            SettingsError: the name is the platform's or the loader's, or all variables together are too large.
        """
        with _naming(self._id):
            try:
                given = read_environment({**self.settings.environment, name: value})
            except ValueError as error:
                raise SettingsError([f"environment: {error}"]) from error
            settings = replace(self.settings, environment=given)
            fail(check_environment(settings, self.build))
        self.settings = settings
        self._environment = {**self._environment, name: value}
        set_environment(self.function, self._environment)

    def grant(self, actions: str | Sequence[str], resources: str | Sequence[str]) -> None:
        """Allow the function's role some actions on some resources, in a statement of its own.

        Args:
            actions: such as `oss:GetObject`.
            resources: their ARNs, such as `acs:oss:*:*:BUCKET/PREFIX*`.
        """
        self.role.allow(_listed(actions), _listed(resources))

    def on_object_created(self, prefix: str, *, name: str | None = None) -> triggers.Trigger:
        """Invoke the function for each new object of its bucket whose key begins with a prefix.

        Args:
            prefix: of the keys.
            name: of the trigger; None: made of the prefix.

        Raises:
            SettingsError: the prefix is none, or the function writes under it.
        """
        with _naming(self._id):
            try:
                read_prefix(prefix)
            except ValueError as error:
                raise SettingsError([f"on_object_created: {prefix!r} {error}"]) from error
            names = ("write_prefixes", "on_object_created")
            fail(check_loop(self.settings.write_prefixes, prefix, names=names, advice=""))
        if self._trigger_role is None:
            self._trigger_role = LeastRole(
                self,
                logical_id(self._id, "TriggerRole"),
                owner=self.name,
                purpose="trigger",
                description=f"The trigger {self._about}",
                service=OBJECT_STORAGE,
            )
            self._trigger_role.allow(["fc:InvokeFunction"], versions_resources(self.name, self.settings.generation))
            part = "Trigger"
        else:
            part = None
        name = name or f"on-{word(prefix)}"
        return triggers.object_trigger(
            self,
            self._trigger_id(name, part),
            name=name,
            function=self.function,
            bucket=self.bucket,
            prefix=prefix,
            role=self._trigger_role,
        )

    def http(
        self, *, methods: Sequence[str] = ("GET", "POST"), authentication: str = "function", name: str = "http"
    ) -> triggers.Trigger:
        """Invoke the function, one of Function Compute 3.0, for each HTTP request to a URL of its own.

        Args:
            methods: that it answers.
            authentication: `function`, for requests that are signed, or `anonymous`.
            name: of the trigger.

        Raises:
            InfraError: a method or the kind of authentication does not exist, or the function is one of 2.0.
        """
        return triggers.http_trigger(
            self,
            self._trigger_id(name),
            name=name,
            function=self.function,
            methods=methods,
            authentication=authentication,
        )

    def every(self, schedule: str, *, payload: str = "", name: str = "timer") -> triggers.Trigger:
        """Invoke the function by the clock.

        Args:
            schedule: `@every 5m`, or the six fields of cron, seconds first, in UTC unless `CRON_TZ=…` stands before them.
            payload: what the event's `payload` holds.
            name: of the trigger.

        Raises:
            InfraError: it is no such schedule.
        """
        return triggers.timer_trigger(
            self, self._trigger_id(name), name=name, function=self.function, schedule=schedule, payload=payload
        )

    def _trigger_id(self, name: str, part: str | None = None) -> str:
        """Return the logical id of a trigger: for each name another, and the same whichever triggers stand beside it.

        Raises:
            InfraError: the function has a trigger of that name, or it is no name.
        """
        if not _TRIGGER.fullmatch(name):
            raise InfraError(
                f"{self._id}: the trigger name {name!r:.100} is not allowed; set letters, digits and hyphens, beginning with a "
                "letter"
            )
        if name in self._triggers:
            raise InfraError(f"{self._id}: there is a trigger {name} already; give this one another name")
        self._triggers.add(name)
        return logical_id(self._id, part or f"{''.join(each.capitalize() for each in name.split('-'))}Trigger")


def _listed(given: str | Sequence[str]) -> list[str]:
    return [given] if isinstance(given, str) else list(given)


def _read_names(id_: str, name: str, stack_name: str) -> str:
    problems = []
    if not _ID.fullmatch(id_):
        problems.append(f"id: {id_!r:.100} is not allowed; set letters and digits, beginning with a letter")
    for what, value, read in (("name", name, read_name), ("stackName", stack_name, read_stack_name)):
        try:
            read(value)
        except ValueError as error:
            problems.append(f"{what}: {value!r:.100} {error}")
    fail(problems)
    return name


@contextmanager
def _naming(id_: str) -> Iterator[None]:
    """Begin each problem with the function's id, unless it is the one that needs none."""
    try:
        yield
    except SettingsError as error:
        if id_ == PLAIN:
            raise
        raise SettingsError(f"{id_}: {problem}" for problem in error.problems) from error
