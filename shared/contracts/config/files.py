"""Everything the configuration files hold, and how a mistake in them is told.

The models live in `circuit_config` (fleet) and `policy_config` (release policy);
`shared.adapters.config.files` reads them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from shared.contracts.config.alerts import AlertsPolicy
from shared.contracts.config.circuits import (
    CircuitConfig,
    CircuitEntry,
    Fleet,
    Hyperparameters,
    MasterList,
    PlantEntry,
    UnknownCircuitError,
)
from shared.contracts.config.policies import (
    Approvals,
    DeploymentPolicy,
    EnvironmentPolicy,
    FleetLimits,
    Gate,
    KindPolicy,
    Limits,
    Policies,
    RollbackPolicy,
    Stage,
)

__all__ = [
    "AlertsPolicy",
    "Approvals",
    "CircuitConfig",
    "CircuitEntry",
    "ConfigError",
    "DeploymentPolicy",
    "EnvironmentPolicy",
    "Fleet",
    "FleetLimits",
    "Gate",
    "Hyperparameters",
    "KindPolicy",
    "Limits",
    "MasterList",
    "PlantEntry",
    "Policies",
    "Problem",
    "RollbackPolicy",
    "Stage",
    "UnknownCircuitError",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake: where it is, what is written there, why that is wrong and what to write instead."""

    file: str
    """File as the caller named it, for example `config/plants/P001/C001.yml`."""

    field: str
    """Field with dots and indexes: `plants[0].circuits[1].circuit_id`; empty for the whole file."""

    value: str
    """The text in the file, shortened; empty when nothing is written there."""

    reason: str
    fix: str
    line: int | None = None
    """Line in the file, counted from 1."""

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        value = f'"{self.value}"' if self.value != self.value.strip() else self.value  # so that blanks are seen
        what = " = ".join(part for part in (self.field, value) if part)
        return f"{place}: {what + ': ' if what else ''}{self.reason}. Fix: {self.fix}"


class ConfigError(Exception):
    """The configuration cannot be used; `problems` lists every mistake found, not only the first."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n".join([f"{count} in the configuration:", *(f"- {each}" for each in self.problems)]))
