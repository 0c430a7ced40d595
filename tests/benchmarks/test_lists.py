"""What the benchmark of lists judges; the run itself takes minutes and is not a test."""

import pytest

from benchmarks.lists import PAGE_P95_MS, READS_PER_100, SWEEP_S, report


@pytest.mark.parametrize(
    ("p95_ms", "sweep_s", "reads", "status"),
    [
        (PAGE_P95_MS, SWEEP_S, READS_PER_100, 0),
        (PAGE_P95_MS + 1, SWEEP_S, READS_PER_100, 1),
        (PAGE_P95_MS, SWEEP_S + 0.1, READS_PER_100, 1),
        (PAGE_P95_MS, SWEEP_S, READS_PER_100 + 0.1, 1),
    ],
)
def test_a_broken_limit_is_told(p95_ms: float, sweep_s: float, reads: float, status: int) -> None:
    """What is awake has no limit: it is read as before."""
    assert report({"one": (1, 1), "other": (1, p95_ms)}, 1000, sweep_s, reads) == status
