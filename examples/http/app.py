"""A function of Function Compute 3.0 behind a URL, which anybody may ask."""

from heavylift.cdk import HeavyApp, HeavyFunction, HeavyStack

with HeavyApp() as app:
    function = HeavyFunction(
        HeavyStack(app),
        "Function",
        requirements="requirements.txt",
        generation="3.0",
        memory=512,
        cpu=0.5,
        disk=512,
    )
    function.http(methods=["GET"], authentication="anonymous")
