"""Fixtures of all tests."""

pytest_plugins = ["tests.support.cloud", "tests.support.instance"]
