"""The embedded cloud in tests of any project: the fixture `localcloud` of pytest, and the context manager under it."""

from localcloud.cloud import Cloud, run_cloud

__all__ = ["Cloud", "run_cloud"]
