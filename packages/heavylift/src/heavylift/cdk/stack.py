"""`HeavyApp` and `HeavyStack`: an app that reports errors in a sentence, and a stack that two synths make the same."""

from __future__ import annotations

import os
import re
import sys
from types import TracebackType

from ros_cdk_core import App, Construct, DefaultStackSynthesizer, Stack
from ros_cdk_cxapi import CloudAssembly

from heavylift.cdk.completion import Completion
from heavylift.cdk.errors import InfraError
from heavylift.cdk.facts import read_context
from heavylift.cdk.room import explain_room
from heavylift.cdk.settings import StackSettings, read_stack_settings
from heavylift.contracts.app import OUTPUT
from heavylift.errors import HeavyliftError

DEFAULT_OUTPUT = "cdk.out"
_TWICE = re.compile(r"section '(\w+)' already contains '([^']+)'")  # ros-cdk-core, "stack.js"
ASSET_BUCKET = "cdk-${Qualifier}-assets-${ALIYUN::Region}"  # the vendor's own scheme (default-synthesizer.js)


class HeavyApp(App):
    """An app; as a context manager it synthesizes in the end, or reports an error in a sentence and exits with 1.

    It synthesizes into the folder that ros-cdk and `heavylift` name in CDK_OUTDIR.
    """

    def __init__(self) -> None:
        # Stack traces would put this machine's paths into the assembly.
        super().__init__(outdir=os.environ.get(OUTPUT, DEFAULT_OUTPUT), stack_traces=False)

    def synth(self, *, skip_validation: bool | None = None) -> CloudAssembly:
        """Build what the app's functions need, and synthesize; the argument is the CDK's.

        Raises:
            HeavyliftError: arguments or ids are wrong, or something cannot be built.
        """
        try:
            Completion.of(self).run()
            return super().synth(skip_validation=skip_validation)
        except RuntimeError as error:  # of the CDK, in Node.js
            if twice := _TWICE.search(str(error)):
                raise InfraError(
                    f"{twice[2]}: there are two of this id among the {twice[1]} of a stack: ids count in the whole stack, wherever "
                    "their constructs stand, and a function's id begins those of what it consists of; set another id"
                ) from error
            if told := explain_room(error):
                raise told from error
            raise

    def __enter__(self) -> HeavyApp:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.synth()
            elif isinstance(error, HeavyliftError):
                raise Completion.of(self).all_problems(error)
        except HeavyliftError as told:
            print(f"app: {told}", file=sys.stderr)  # noqa: T201 - an app is a command
            raise SystemExit(1) from told


class HeavyStack(Stack):
    """A stack whose asset bucket has a name that is the account's and its own, and the same at each synth.

    The setting `account`, or `qualifier`, makes that name (docs/reference/settings.md); `heavylift` knows the account by itself.

    Args:
        scope: the app.
        name: of the stack; None: the setting `stackName`.
        description: of the stack.
        settings: those that count, where they are read already.

    Raises:
        SettingsError: a setting is wrong.
        InfraError: the app has a stack of that name.
    """

    def __init__(
        self,
        scope: Construct,
        name: str | None = None,
        *,
        description: str | None = None,
        settings: StackSettings | None = None,
    ) -> None:
        if settings is None:
            context = {**read_context(os.environ), **({"stackName": name} if name else {})}
            settings = read_stack_settings(context)
        if scope.node.try_find_child(settings.stack_name) is not None:
            raise InfraError(
                f"HeavyStack: there is a construct {settings.stack_name} in the app already; give this stack a name of its own: "
                'HeavyStack(app, "NAME")'
            )
        super().__init__(
            scope,
            settings.stack_name,
            stack_name=settings.stack_name,
            description=description,
            # Else each synth would draw the name anew, or take it from the stack.info.json that ros-cdk leaves on one machine.
            synthesizer=DefaultStackSynthesizer(
                qualifier=settings.asset_qualifier, file_assets_bucket_name=ASSET_BUCKET
            ),
        )
