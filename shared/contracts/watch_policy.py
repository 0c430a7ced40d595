"""Section `kinds.environment.watch` of `config/policies.yml`: what production's batch jobs must show during the watch.

Source: environment-only-pipeline.md, stage 4: alerts and batch job success rates are monitored for 24 hours.
"""

from pydantic import Field

from shared.contracts.circuit_config import ConfigModel


class WatchPolicy(ConfigModel):
    """How the batch jobs of the fleet are judged while an environment is watched."""

    success_rate_min_pct: int = Field(
        ge=1, le=100, description="lowest healthy percentage of ended batch jobs that succeeded, 1 to 100"
    )
    jobs_min: int = Field(ge=1, le=100_000, description="ended batch jobs, fewer of which say nothing, 1 to 100000")
    look_interval_s: int = Field(ge=1, le=3600, description="seconds between two counts of the jobs, 1 to 3600")
