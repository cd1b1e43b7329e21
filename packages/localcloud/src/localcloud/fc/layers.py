"""Layers: the nouns. A function sees those that it names below `/opt`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

OFFICIAL = "official"  # in place of the account, in the ARNs of the platform's own layers


@dataclass(frozen=True, kw_only=True, slots=True)
class LayerVersion:
    """A version of a layer."""

    arn: str
    layer: str
    version: int
    code: str  # sha256 of its zipped package
    code_size: int  # bytes, zipped
    code_checksum: str  # CRC-64 of its zipped package
    runtimes: Sequence[str] = ()  # those that it is meant for
    description: str = ""
    license: str = ""
    public: bool = False  # other accounts may use it: there are none here
    deleted: bool = False  # it is kept for the functions that have it
    created: float = 0.0  # seconds since the epoch

    @property
    def name(self) -> str:
        """The layer's name, by which lists are ordered."""
        return self.layer
