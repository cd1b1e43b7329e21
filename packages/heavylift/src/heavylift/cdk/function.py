"""`HeavyFunction`: a function whose libraries and model are larger than a code package may be, with all that it needs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ros_cdk_core import Construct, IResolvable, RosOutput
from ros_cdk_oss import Bucket

from heavylift.cdk import triggers
from heavylift.cdk.arguments import (
    OPTIONAL,
    READERS,
    check_loop,
    check_variables,
    read_arguments,
)
from heavylift.cdk.built import function_environment
from heavylift.cdk.calls import tells_arguments
from heavylift.cdk.completion import Completion
from heavylift.cdk.compute import keep_instances, make_function, set_code
from heavylift.cdk.context import add_settings
from heavylift.cdk.facts import read_context
from heavylift.cdk.identity import (
    FUNCTION_COMPUTE,
    OBJECT_STORAGE,
    LeastRole,
    logstore_resource,
    objects,
    versions_resources,
)
from heavylift.cdk.logs import LOGSTORE, FunctionLogs
from heavylift.cdk.names import PLAIN, logical_id, region, word
from heavylift.cdk.place import find_stack, read_function_name, read_id, read_place
from heavylift.cdk.storage import ARCHIVES, ArchiveDeployment, code_asset
from heavylift.cdk.tokens import as_text
from heavylift.cdk.values import environment as read_environment
from heavylift.cdk.values import prefix as read_prefix
from heavylift.cdk.values import read_texts, shown
from heavylift.contracts.manifest import Build


class HeavyFunction(Construct):
    """A function with its archives, role and, where asked for, triggers and logs; any number may stand in a stack.

    It is built when the app runs and its inputs have changed, into `dist/ID`, or into `dist/STACK/ID` where another stack has that
    id; paths begin at the working folder, that of cdk.json.
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

    Wrong arguments are told when the app synthesizes, those of all its functions at once.

    Raises:
        InfraError: the scope is no construct in a stack.
    """

    @tells_arguments
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
        given = locals()  # by their names
        stack = find_stack(scope)
        self.id, problems = read_id(scope, id)
        self.place = read_place(scope, stack, id)
        super().__init__(scope, self.id)
        self._completion = Completion.of(self)
        arguments = {each: given[each] for each in READERS if given[each] is not None or each not in OPTIONAL}
        if isinstance(environment, Mapping):
            arguments["environment"] = {name: as_text(value) for name, value in environment.items()}
        arguments, contradicted = add_settings(arguments, read_context(os.environ))
        self.settings, wrong = read_arguments(arguments)
        self.name, misnamed = read_function_name(name, stack.stack_name, self.id)
        self._deployment = ArchiveDeployment.of(stack)
        self.bucket, foreign = self._deployment.read_bucket(bucket)
        self._completion.add(self)
        self.tell([*problems, *misnamed, *contradicted, *wrong, *foreign])
        self._make(stack.stack_name)

    def _make(self, stack_name: str) -> None:
        """Make the function, and what it needs, but for its code and its archives."""
        id_, settings = self.id, self.settings
        self._about = f"of the stack {stack_name}" if id_ == PLAIN else f"of {id_} in the stack {stack_name}"
        logs = FunctionLogs(self, id_, function=self.name, description=f"Logs {self._about}") if settings.logs else None
        self.role = self._make_role(str(self.bucket.props.bucket_name), logs)
        self.function = make_function(self, id_, name=self.name, settings=settings, role=self.role, logs=logs)
        if settings.minimum_instances:
            keep_instances(self, id_, self.function, settings.minimum_instances)
        self._triggers: set[str] = set()
        self._trigger_role: LeastRole | None = None
        RosOutput(self, f"{id_}Arn", value=self.function.attr_arn, description="The function's ARN")

    def complete(self, build: Build) -> None:
        """Take code and archives from a build, when the app synthesizes."""
        code, bucket = code_asset(self, build), self.bucket
        archives = self._deployment.add(
            build, bucket=bucket, code=code, artifacts_bucket=self.settings.artifacts_bucket
        )
        bucket_name = str(bucket.props.bucket_name)
        variables = function_environment(self.settings, build, bucket=bucket_name, region=region())
        set_code(self.function, code, variables)
        self.function.add_dependency(archives)
        self._deployment.sweep(bucket, after=self.function)

    def tell(self, problems: Iterable[str]) -> None:
        """Note problems, which are told when the app synthesizes."""
        self._completion.tell(self.place, problems)

    def _prepare(self) -> None:
        """Complete the functions of an app that is none of ours: the CDK calls this when it synthesizes."""
        self._completion.run()

    def _make_role(self, bucket_name: str, logs: FunctionLogs | None) -> LeastRole:
        """Return the role of the function: read its archives, read and write under its prefixes, log."""
        role = LeastRole(
            self,
            f"{self.id}Role",
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

    @tells_arguments
    def add_environment(self, name: str, value: str | IResolvable) -> None:
        """Give the user's function one more variable.

        Args:
            name: letters, digits and underscores.
            value: text; what only the cloud knows, such as an attribute of a resource, is filled in when the stack is deployed.
        """
        try:
            given = read_environment({**self.settings.environment, name: as_text(value)})
        except ValueError as error:
            self.tell([f"environment: {error}"])
        else:
            self.tell(check_variables([name]))
            self.settings = replace(self.settings, environment=given)

    @tells_arguments
    def grant(self, actions: str | Sequence[str], resources: str | IResolvable | Sequence[str | IResolvable]) -> None:
        """Allow the function's role some actions on some resources, in a statement of its own.

        Args:
            actions: such as `oss:GetObject`.
            resources: their ARNs, such as `acs:oss:*:*:BUCKET/PREFIX*`; an attribute of a resource may be one, or stand in it.
        """
        arns = [as_text(each) for each in resources] if isinstance(resources, list | tuple) else as_text(resources)
        given = {"actions": read_texts(actions), "resources": read_texts(arns)}
        self.tell(f"grant: {name}: set a text, or a list of texts" for name, texts in given.items() if not texts)
        if all(given.values()):
            self.role.allow(given["actions"], given["resources"])

    @tells_arguments
    def on_object_created(self, prefix: str, *, name: str | None = None) -> triggers.Trigger:
        """Invoke the function for each new object of its bucket whose key begins with a prefix; it must not write under it.

        Args:
            prefix: of the keys.
            name: of the trigger; None: made of the prefix.
        """
        try:
            read_prefix(prefix)
        except ValueError as error:
            self.tell([f"on_object_created: {shown(prefix)} {error}"])
            prefix = f"wrong-{len(self._triggers)}/"
        names = ("write_prefixes", "on_object_created")
        self.tell(check_loop(self.settings.write_prefixes, prefix, names=names, advice=""))
        first = self._trigger_role is None
        role = self._trigger_role = self._trigger_role or self._make_trigger_role()
        name, id_ = self._name_trigger(f"on-{word(prefix)}" if name is None else name, "Trigger" if first else None)
        return triggers.object_trigger(
            self, id_, name=name, function=self.function, bucket=self.bucket, prefix=prefix, role=role
        )

    def _make_trigger_role(self) -> LeastRole:
        role = LeastRole(
            self,
            logical_id(self.id, "TriggerRole"),
            owner=self.name,
            purpose="trigger",
            description=f"The trigger {self._about}",
            service=OBJECT_STORAGE,
        )
        role.allow(["fc:InvokeFunction"], versions_resources(self.name, self.settings.generation))
        return role

    @tells_arguments
    def http(
        self, *, methods: Sequence[str] = ("GET", "POST"), authentication: str = "function", name: str = "http"
    ) -> triggers.Trigger:
        """Invoke the function, one of Function Compute 3.0, for each HTTP request to a URL of its own.

        Args:
            methods: that it answers.
            authentication: `function`, for requests that are signed, or `anonymous`.
            name: of the trigger.
        """
        if wrong := list(triggers.check_http(self.settings.generation, methods, authentication)):
            self.tell(wrong)
            methods, authentication = triggers.METHODS, triggers.AUTHENTICATIONS[0]
        name, id_ = self._name_trigger(name)
        return triggers.http_trigger(
            self, id_, name=name, function=self.function, methods=methods, authentication=authentication
        )

    @tells_arguments
    def every(self, schedule: str, *, payload: str = "", name: str = "timer") -> triggers.Trigger:
        """Invoke the function by the clock.

        Args:
            schedule: `@every 5m`, or the six fields of cron, seconds first, in UTC unless `CRON_TZ=…` stands before them.
            payload: what the event's `payload` holds.
            name: of the trigger.
        """
        if wrong := list(triggers.check_timer(schedule, payload)):
            self.tell(wrong)
            schedule = payload = ""
        name, id_ = self._name_trigger(name)
        return triggers.timer_trigger(self, id_, name=name, function=self.function, schedule=schedule, payload=payload)

    def _name_trigger(self, name: str, part: str | None = None) -> tuple[str, str]:
        """Return the name and the logical id of a trigger, which are the same whichever triggers stand beside it."""
        problems = triggers.check_name(name, self._triggers)
        self.tell(problems)
        if problems:
            name, part = f"wrong-{len(self._triggers)}", None
        self._triggers.add(name)
        return name, logical_id(self.id, part or f"{''.join(each.capitalize() for each in name.split('-'))}Trigger")
