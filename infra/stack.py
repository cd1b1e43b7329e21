"""The stack: a heavy function, started by new pictures in its bucket."""

from __future__ import annotations

from heavylift.cdk import HeavyFunction, HeavyStack, PrivateBucket
from heavylift.cdk.settings import Settings
from ros_cdk_core import Construct, RosOutput


class FunctionStack(HeavyStack):
    """A function that is larger than a code package may be, with all that it needs.

    Args:
        scope: the app.
        settings: what the user chose.
    """

    def __init__(self, scope: Construct, settings: Settings) -> None:
        super().__init__(
            scope, settings=settings, description="A function that loads its libraries and its model from OSS"
        )
        bucket = PrivateBucket(self, name=settings.bucket_name, retain=settings.retain_bucket)
        function = HeavyFunction(self, "Function", bucket=bucket, **settings.function)
        if settings.trigger:
            function.on_object_created(settings.events_prefix, name="incoming")
        for name, value, description in (
            ("BucketName", bucket.attr_name, "Archives and pictures"),
            ("FunctionName", function.function.attr_function_name, "The function"),
            ("InvokeExample", f"heavylift invoke {settings.stack_name}", "Invokes the function with an empty event"),
        ):
            RosOutput(self, name, value=value, description=description)
