"""`python -m infra.app`: declares the stack. `heavylift` and `ros-cdk` run it; parts that changed are built first."""

from heavylift.cdk import HeavyApp, HeavyFunction, HeavyStack

with HeavyApp() as app:
    stack = HeavyStack(app)
    function = HeavyFunction(
        stack,
        "Function",
        model="layers_build/model.py",
        lazy_imports=["keras", "tensorflow"],
        read_prefixes=["incoming/", "rotated/", "picture"],
        write_prefixes=["rotated/", "picture"],
    )
    function.on_object_created("incoming/")
