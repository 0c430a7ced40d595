"""Section `training` of `config/policies.yml`: who may train, where, how many at once, and the bounds of every wait.

See R-TRAIN-2 (at most 5 at once) and R-TRAIN-21 (more than 5 failures in 24 hours).
"""

from typing import Annotated

from pydantic import Field

from shared.contracts.config.circuits import ConfigModel

_HOURS_MAX = 168
Hours = Annotated[float, Field(gt=0, le=_HOURS_MAX)]


class TrainingPolicy(ConfigModel):
    """How models are trained."""

    groups: tuple[str, ...] = Field(
        default=("ML-Engineers",),
        strict=False,
        min_length=1,
        max_length=50,
        description="groups whose members may train by hand and abort a training",
    )
    compute: str = Field(
        default="cpu-cluster",
        pattern=r"^[A-Za-z][A-Za-z0-9-]{1,31}$",
        description="compute cluster of the dev workspace that trains",
    )
    parallel_max: int = Field(default=5, ge=1, le=100, description="trainings of the fleet at once, 1 to 100")
    attempts_max: int = Field(default=2, ge=1, le=5, description="tries of a job that fails technically, 1 to 5")
    look_interval_s: int = Field(default=30, ge=1, le=3600, description="seconds between two looks, 1 to 3600")
    job_limit_h: Hours = Field(default=4, description="longest run of one job in hours, above 0, at most 168")
    training_deadline_h: Hours = Field(default=12, description="longest training with its queue and tries, in hours")
    slot_deadline_h: Hours = Field(default=72, description="longest wait for a training slot, in hours")
    register_deadline_h: Hours = Field(default=1, description="longest registration of data or of a model, in hours")
    failures_max: int = Field(default=5, ge=1, le=1000, description="failed trainings above which an alert is raised")
    failures_window_h: Hours = Field(default=24, description="within how many hours they are counted")
