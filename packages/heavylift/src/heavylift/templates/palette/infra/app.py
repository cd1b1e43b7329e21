"""`python -m infra.app`: declares the stack. `heavylift` and `ros-cdk` run it; parts that changed are built first."""

from heavylift.cdk import HeavyApp, HeavyFunction, HeavyStack
from ros_cdk_core import RosOutput

with HeavyApp() as app:
    stack = HeavyStack(app)
    function = HeavyFunction(
        stack,
        "Function",
        handler="palette.handler",
        model="layers_build/model",
        environment={"COLOURS": "5", "LOKY_MAX_CPU_COUNT": "1"},
        read_prefixes=["photos/"],
        write_prefixes=["palettes/"],
        memory=1024,
        cpu=1,
        disk=512,
        timeout=60,
    )
    function.on_object_created("photos/")
    RosOutput(stack, "BucketName", value=function.bucket.attr_name)
