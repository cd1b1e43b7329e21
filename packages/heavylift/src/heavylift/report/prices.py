"""The prices of Function Compute: usage is converted to compute units (CU), which have one price.

From "Pay-as-you-go" of Function Compute's documentation, alibabacloud.com, last updated on 2024-11-19. Prices change; the page that
is cited has those of the day.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Price:
    """The published factors, and the list price of the first tier (up to 100 million CU a month)."""

    source: str = "https://alibabacloud.com/help/en/functioncompute/product-overview/pay-as-you-go-billing-method"
    source_date: str = "2024-11-19"
    cu_per_vcpu_second: float = 1.0
    cu_per_gb_second: float = 0.15
    cu_per_disk_gb_second: float = 0.05
    cu_per_request: float = 75 / 10_000
    usd_per_cu: float = 0.000020

    def record(self) -> dict[str, object]:
        """Return it for a report."""
        return asdict(self)


def cu_per_second(*, cpu: float, memory: int, disk: int) -> float:
    """Return the CU that an instance takes in a second of work.

    The whole disk is counted. The first 512 MB may be free; that would be 1 or 2 hundredths of a CU.

    Args:
        cpu: vCPU.
        memory: MB.
        disk: MB.
    """
    price = Price()
    return (
        cpu * price.cu_per_vcpu_second
        + memory / 1024 * price.cu_per_gb_second
        + disk / 1024 * price.cu_per_disk_gb_second
    )
