"""How far a feature's values moved away from those the model was trained on: the population stability index (PSI).

The baseline is cut into ten bins of equal weight, and values that repeat so often that they fill one have a bin of
their own; PSI is the sum over the bins of (p - q) * ln(p / q), p and q being the shares of the current and of the
baseline's rows. It is 0 for equal shares. For a normal feature whose mean moves by d of its standard deviations it is
about d squared: 0.05 is a move of 0.22, 0.15 one of 0.39, 0.25 one of half a deviation.
Why this statistic: docs/adr/0017-monitoring.md.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from sensor_model.features import Floats

BINS = 10
ROWS_MIN = 200
"""By chance alone PSI is about (BINS - 1) * (1/n + 1/m): with 200 rows on each side 0.09, which says little."""

HALF_A_ROW = 0.5
"""Added to every bin, so that an empty one has a finite share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """One feature's drift; `psi` is None where there are too few values to say anything, and so is `ks`, which stands
    beside it."""

    psi: float | None
    ks: float | None
    baseline_rows: int
    rows: int
    baseline_missing: float
    missing: float

    def to_dict(self) -> dict[str, Any]:
        """For the report."""
        return {
            "psi": None if self.psi is None else round(self.psi, 6),
            "ks": None if self.ks is None else round(self.ks, 6),
            "baseline_rows": self.baseline_rows,
            "rows": self.rows,
            "baseline_missing_share": round(self.baseline_missing, 6),
            "missing_share": round(self.missing, 6),
        }


def drift_of(baseline: Floats, current: Floats) -> Drift:
    """The drift of one feature; values (n,) and (m,) with NaN where nothing was measured."""
    known, now = baseline[np.isfinite(baseline)], current[np.isfinite(current)]
    enough = min(len(known), len(now)) >= ROWS_MIN
    return Drift(
        psi=stability_index(known, now) if enough else None,
        ks=largest_gap(known, now) if enough else None,
        baseline_rows=len(known),
        rows=len(now),
        baseline_missing=_missing(baseline, known),
        missing=_missing(current, now),
    )


def stability_index(baseline: Floats, current: Floats) -> float:
    """PSI of two samples without gaps, at least one value each."""
    edges = _edges(baseline)
    expected, seen = _shares(baseline, edges), _shares(current, edges)
    return float(((seen - expected) * np.log(seen / expected)).sum())


def largest_gap(baseline: Floats, current: Floats) -> float:
    """The distance of Kolmogorov and Smirnov: by how much the share of values up to a point differs at most, 0 to 1.

    It needs no bins, so that it tells where PSI is large only because of its bins, or small because of them. A normal
    feature whose mean moves by d of its standard deviations has about 0.4 d.
    """
    points = np.concatenate([baseline, current])
    before, now = (np.searchsorted(np.sort(each), points, side="right") / len(each) for each in (baseline, current))
    return float(np.abs(before - now).max())


def _edges(baseline: Floats) -> Floats:
    """Inner edges of the bins; a value at an edge belongs to the bin below it.

    A value that fills a bin alone has one of its own, with an edge at it and one just below: wherever it lies, rows
    that leave it to either side are seen. A baseline that never changes has one bin for it and one on either side.
    """
    values, counts = np.unique(baseline, return_counts=True)
    frequent = values[counts * BINS >= len(baseline)]
    quantiles = np.quantile(baseline, np.arange(1, BINS) / BINS)
    return np.unique(np.concatenate([quantiles, frequent, np.nextafter(frequent, -np.inf)]))


def _shares(values: Floats, edges: Floats) -> Floats:
    counts = np.bincount(np.searchsorted(edges, values, side="left"), minlength=len(edges) + 1) + HALF_A_ROW
    shares: Floats = counts / counts.sum()
    return shares


def _missing(values: Floats, known: Floats) -> float:
    return 1 - len(known) / len(values) if len(values) else 1.0
