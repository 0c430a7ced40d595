"""The numbers that the app tells, added up: what Azure Monitor would have as metrics."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from shared.adapters.telemetry import MeasuringHandler, Teller


@dataclass
class Total:
    """Of one metric and set of dimensions: as Azure Monitor keeps it for a minute, here since the start of the host."""

    count: int = 0
    sum: float = 0.0
    min: float = float("inf")
    max: float = float("-inf")


@dataclass
class Measures:
    """Every metric, by its name and its dimensions."""

    totals: dict[tuple[str, tuple[tuple[str, str], ...]], Total] = field(default_factory=dict)

    def handler(self) -> logging.Handler:
        """For the root logger."""
        return MeasuringHandler(self._number)

    def _number(self, name: str) -> Teller:
        def add(value: float, dimensions: dict[str, str]) -> None:
            total = self.totals.setdefault((name, tuple(sorted(dimensions.items()))), Total())
            total.count += 1
            total.sum += value
            total.min, total.max = min(total.min, value), max(total.max, value)

        return add

    def as_json(self) -> list[dict[str, object]]:
        """In the order of their names."""
        return [
            {"name": f"switchyard.{name}", "dimensions": dict(dimensions), **vars(total)}
            for (name, dimensions), total in sorted(self.totals.items())
        ]
