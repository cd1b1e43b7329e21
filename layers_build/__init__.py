"""Packs the function: requirements to an applib archive, a model to a model archive, `function/` to a code package."""
