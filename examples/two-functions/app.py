"""Two functions with libraries of their own in one stack: they share its bucket and the deployment of their archives."""

from heavylift.cdk import HeavyApp, HeavyFunction, HeavyStack

with HeavyApp() as app:
    stack = HeavyStack(app)
    for name in ("Mean", "Shrink"):
        folder = name.lower()
        HeavyFunction(
            stack,
            name,
            code=folder,
            requirements=f"{folder}/requirements.txt",
            memory=512,
            cpu=0.5,
            disk=512,
            timeout=60,
        )
