"""The limit of a start: the least time to move the same bytes and do the same work on the same hardware.

It is computed from the start's own log line, which tells the work only roughly: where `bench.cpu` measures, this estimates.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

from heavylift.contracts.startlog import Span, Start

# What keeps a core busy. Fetching waits for the network, and is what the bandwidth stands for.
WORK = frozenset({"verify", "inflate", "write", "unpack", "import", "warmup"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit:
    """The least seconds that a start takes, for the wire and for the work. At least one of the two is known."""

    wire: float | None  # seconds to fetch the bytes, with the bandwidth used in full
    work: float | None  # seconds to do the work, with all cores used in full
    fetched: int  # bytes
    bandwidth: float | None  # Gbit/s
    cores: float | None

    @property
    def seconds(self) -> float:
        """The larger of the two: the bytes can arrive while the cores work."""
        return max(self.wire or 0.0, self.work or 0.0)

    def explain(self) -> str:
        """Return the terms of the limit, as one sentence."""
        wire = work = ""
        if self.wire is not None:
            wire = f"the {self.fetched / 1e6:,.0f} MB fetched divided by {self.bandwidth:g} Gbit/s ({self.wire:.2f} s)"
        if self.work is not None:
            cores = f"{self.cores:g} core{'' if self.cores == 1 else 's'}"
            work = (
                f"the CPU seconds divided by {cores} ({self.work:.2f} s), where the CPU seconds are estimated on the high "
                "side from the time that threads were busy to verify, inflate, write, unpack, import and warm up, with "
                "never more than all cores at work"
            )
        both = f"the larger of {wire} and {work}" if wire and work else wire or work
        return f"The limit of this start, {self.seconds:.2f} s, is {both}."


def limit_of(start: Start, *, bandwidth: float | None = None, cores: float | None = None) -> Limit | None:
    """Return the limit of a start; None for one that failed, and where nothing is known to compute it from.

    Args:
        start: the start.
        bandwidth: of the instance, in Gbit/s; without it, only the work counts.
        cores: CPUs of the instance, for a line that does not say how many.
    """
    if start.error is not None:
        return None  # it ended before its work was done
    cores = start.cores or cores
    wire = start.fetched * 8 / (bandwidth * 1e9) if bandwidth else 0.0
    work = _cpu_seconds(start, cores) / cores if cores else 0.0
    if not wire and not work:
        return None
    return Limit(
        wire=wire or None, work=work or None, fetched=start.fetched, bandwidth=bandwidth, cores=cores if work else None
    )


def _cpu_seconds(start: Start, cores: float) -> float:
    """Return an estimate, on the high side, of the CPU seconds that a start took.

    Threads are `busy` also while they wait for a core, a lock or the disk, and there may be more threads than cores:
    the plain sum can be twice what the cores could do in that time, and the limit would lie behind the end of the
    start. So each span's seconds are spread evenly over it, and count at no moment as more than the cores.
    """
    spans = [(span, _busy(span, start)) for span in start.spans if span.phase in WORK and span.end > span.start]
    edges = sorted({edge for span, _ in spans for edge in (span.start, span.end)})
    return sum(
        min(cores, sum(busy / (span.end - span.start) for span, busy in spans if span.start <= begin < span.end))
        * (end - begin)
        for begin, end in pairwise(edges)
    )


def _busy(span: Span, start: Start) -> float:
    if span.phase != "import":
        return span.busy
    # An import that waits for its files does no work meanwhile, whether or not the line counts that as busy.
    waited = sum(
        wait.busy for wait in start.spans if wait.phase == "wait" and wait.start < span.end and span.start < wait.end
    )
    return max(0.0, min(span.busy, max(span.busy, span.end - span.start) - waited))
