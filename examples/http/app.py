"""A function of Function Compute 3.0 behind a URL, which anybody may ask."""

from heavylift.cdk import HeavyApp, HeavyFunction, HeavyStack
from ros_cdk_core import RosOutput

with HeavyApp() as app:
    stack = HeavyStack(app)
    function = HeavyFunction(
        stack,
        "Function",
        requirements="requirements.txt",
        generation="3.0",
        memory=512,
        cpu=0.5,
        disk=512,
    )
    trigger = function.http(methods=["GET"], authentication="anonymous")
    RosOutput(stack, "Url", value=trigger.attr_url_internet)
