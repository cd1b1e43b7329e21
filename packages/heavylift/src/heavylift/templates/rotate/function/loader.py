"""The entry points that Function Compute calls: `loader.initializer` once per instance, `loader.handler` for each request."""

from heavylift.runtime.loader import handler, initializer

__all__ = ["handler", "initializer"]
