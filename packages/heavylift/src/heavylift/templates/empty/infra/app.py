"""`python -m infra.app`: declares the stack. `heavylift` and `ros-cdk` run it; parts that changed are built first."""

from heavylift.cdk import HeavyApp, HeavyFunction, HeavyStack

with HeavyApp() as app:
    stack = HeavyStack(app)
    HeavyFunction(stack, "Function", memory=512, cpu=0.5, disk=512, timeout=60)
