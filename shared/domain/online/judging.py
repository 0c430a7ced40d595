"""What a comparison and the test of a slot say. What cannot be read is inconclusive, never a pass."""

from collections.abc import Mapping
from math import isfinite
from typing import Any

from shared.domain.online.model import Comparison, Measures, SlotLimits
from shared.domain.release.phases import Verdict

METRICS_MAX = 20


def judged_comparison(report: object, baseline_model: str) -> tuple[Verdict, str, Comparison | None]:
    """What `metrics/comparison.json` says: `{"improved": true, "candidate": {"mae": 1.2}, "baseline": {"mae": 1.5}}`.

    `improved` must be true or false, and there must be metrics of both; the baseline's may be missing only where
    production serves nothing, which `baseline_model` says by being empty.
    """
    if not isinstance(report, Mapping):
        return Verdict.INCONCLUSIVE, "the report is no JSON object", None
    improved = report.get("improved")
    if not isinstance(improved, bool):
        return Verdict.INCONCLUSIVE, "the report does not say improved: true or false", None
    candidate, baseline = _metrics(report.get("candidate")), _metrics(report.get("baseline"))
    if not candidate:
        return Verdict.INCONCLUSIVE, "the report has no metrics of the candidate that can be read", None
    if not baseline and baseline_model:
        return Verdict.INCONCLUSIVE, f"the report has no metrics of {baseline_model}, which production serves", None
    if baseline and not candidate.keys() & baseline.keys():
        return Verdict.INCONCLUSIVE, "the report has no metric of both models", None
    found = Comparison(
        improved=improved,
        candidate=candidate,
        baseline=baseline or {},
        baseline_model=baseline_model if baseline else "",
    )
    return Verdict.PASSED if improved else Verdict.FAILED, told(found), found


def told(comparison: Comparison) -> str:
    """As people read it."""
    what = "improved" if comparison.improved else "not improved"
    against = f", against {_told(comparison.baseline)}" if comparison.baseline else ", and nothing served before"
    return f"{what}: {_told(comparison.candidate)}{against}"


def _told(metrics: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:g}" for name, value in sorted(metrics.items()))


def _metrics(value: Any) -> dict[str, float] | None:
    """Names with finite numbers; None for anything else, also where one of them is none."""
    if not isinstance(value, Mapping) or not 0 < len(value) <= METRICS_MAX:
        return None
    found: dict[str, float] = {}
    for name, number in value.items():
        if not isinstance(name, str) or isinstance(number, bool) or not isinstance(number, int | float):
            return None
        if not isfinite(number):
            return None
        found[name] = float(number)
    return found


def judged_slot(measures: Measures, limits: SlotLimits) -> tuple[Verdict, str]:
    """Whether a slot may go on, and why: failed answers first, then latencies, then the error on the held set."""
    if not measures.asked:
        return Verdict.INCONCLUSIVE, "nothing was asked"
    failed_pct = 100 * measures.failed / measures.asked
    if failed_pct > limits.failures_max_pct:
        first = "; ".join(measures.failures) or "no reason given"
        share = f"{measures.failed} of {measures.asked} requests failed, at most {limits.failures_max_pct:g} % may"
        return Verdict.FAILED, f"{share}: {first}"
    if measures.p50_ms is None or measures.p95_ms is None or measures.p99_ms is None or measures.error is None:
        return Verdict.INCONCLUSIVE, f"none of {measures.asked} answers came from the slot"
    latencies = (
        ("p50", measures.p50_ms, limits.p50_ms),
        ("p95", measures.p95_ms, limits.p95_ms),
        ("p99", measures.p99_ms, limits.p99_ms),
    )
    slow = [f"{name} {found:.0f} ms above {most:g} ms" for name, found, most in latencies if found > most]
    if slow:
        return Verdict.FAILED, f"too slow: {', '.join(slow)}"
    if not measures.error <= limits.error_max:  # not >, so that what is no number does not pass
        return Verdict.FAILED, f"mean absolute error {measures.error:g} on the held set, at most {limits.error_max:g}"
    found = ", ".join(f"{name} {value:.0f} ms" for name, value, _ in latencies)
    return Verdict.PASSED, f"{measures.asked} asked, {measures.failed} failed, {found}, error {measures.error:g}"


def percentile(values: list[float], share: float) -> float:
    """The value that `share` (0 to 1) of the values do not exceed, by nearest rank. `values` is not empty."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, -(-int(share * 1000) * len(ordered) // 1000) - 1))]
