"""Everything the configuration files hold, and how a mistake in them is told.

The models live in `circuits` (fleet), `policies` (release policy) and `monitoring`; `shared.adapters.config.files`
reads them.
"""

from collections.abc import Sequence

from shared.contracts.config.alerts import AlertsPolicy
from shared.contracts.config.circuits import (
    CircuitConfig,
    CircuitEntry,
    FleetConfig,
    Hyperparameters,
    MasterList,
    PlantEntry,
    UnknownCircuitError,
)
from shared.contracts.config.makers import PeopleConfig
from shared.contracts.config.policies import (
    Approvals,
    DeploymentPolicy,
    EnvironmentPolicy,
    FleetLimits,
    Gate,
    KindPolicy,
    Kinds,
    LimitsConfig,
    OnlinePolicy,
    Policies,
    RollbackPolicy,
    StageConfig,
)
from shared.domain.changes.circuits import ConfigProblem

__all__ = [
    "AlertsPolicy",
    "Approvals",
    "CircuitConfig",
    "CircuitEntry",
    "ConfigError",
    "DeploymentPolicy",
    "EnvironmentPolicy",
    "FleetConfig",
    "FleetLimits",
    "Gate",
    "Hyperparameters",
    "KindPolicy",
    "Kinds",
    "LimitsConfig",
    "MasterList",
    "OnlinePolicy",
    "PeopleConfig",
    "PlantEntry",
    "Policies",
    "RollbackPolicy",
    "StageConfig",
    "UnknownCircuitError",
]


class ConfigError(ValueError):
    """The configuration cannot be used; `problems` lists every mistake found, not only the first."""

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        super().__init__("\n".join([f"{count} in the configuration:", *(f"- {each}" for each in self.problems)]))
