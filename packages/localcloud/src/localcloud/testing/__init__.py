"""The embedded cloud in tests of any project: fixtures of pytest (`localcloud`, `empty_localcloud`), and their context manager."""

from localcloud.cloud import Cloud, run_cloud

__all__ = ["Cloud", "run_cloud"]
