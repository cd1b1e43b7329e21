"""`python -m infra.app`: what exists in the cloud. `heavylift` and `ros-cdk` run it; what changed is built first."""

from heavylift.cdk import HeavyApp, HeavyFunction, HeavyStack

with HeavyApp() as app:
    stack = HeavyStack(app)
    function = HeavyFunction(
        stack,
        "Function",
        model="layers_build/model.py",
        read_prefixes=["incoming/", "rotated/", "picture"],
        write_prefixes=["rotated/", "picture"],
    )
    function.on_object_created("incoming/")
