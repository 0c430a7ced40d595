"""The bounds of training; every wait of a run ends at one of them."""

from dataclasses import dataclass

from shared.domain.training.model import TrainingPhase

HOUR_S = 3600


@dataclass(frozen=True, kw_only=True)
class TrainingLimits:
    """As the policies say. Durations in seconds.

    `parallel_max` trainings run at once in the whole fleet (R-TRAIN-2). A job may run for
    `job_limit_s`; `training_deadline_s` covers its wait for a node as well, and every attempt. More than `failures_max`
    failed runs within `failures_window_s` raise an alert (R-TRAIN-21).
    """

    parallel_max: int = 5
    attempts_max: int = 2
    look_interval_s: int = 30
    register_deadline_s: int = HOUR_S
    slot_deadline_s: int = 72 * HOUR_S
    training_deadline_s: int = 12 * HOUR_S
    job_limit_s: int = 4 * HOUR_S
    cancel_deadline_s: int = HOUR_S // 2
    failures_max: int = 5
    failures_window_s: int = 24 * HOUR_S

    def deadline_s(self, phase: TrainingPhase) -> int:
        """How long a run may be in this phase."""
        return {
            TrainingPhase.WAITING_FOR_SLOT: self.slot_deadline_s,
            TrainingPhase.TRAINING: self.training_deadline_s,
            TrainingPhase.CANCELING: self.cancel_deadline_s,
        }.get(phase, self.register_deadline_s)
