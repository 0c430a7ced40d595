"""A training run: what was asked for, how far it is, what it waits for.

A run makes one model of one circuit in two stages (R-TRAIN-1): the training data is registered as a data asset,
then a job trains with that asset as its input, so that Azure ML itself knows which data a model comes from.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from shared.domain.makers import Account

MANUAL = "MANUAL"
"""What stands for the pull request of a run that a person asked for (R-TRAIN-19)."""


@dataclass(frozen=True, kw_only=True)
class TrainingRequest:
    """One circuit to train, as its configuration says at one commit.

    `config_yaml` is the text of the circuit's file, `pr_number` is `PR-1234` or MANUAL, `commit` the full git sha,
    empty when asked for by hand without one. `author` is for people to read; `makers` are all who had a part in it.
    """

    plant_id: str
    circuit_id: str
    cutoff_date: date
    environment_version: str
    sensor_id: str
    features: tuple[str, ...]
    hyperparameters: Mapping[str, int | float]
    config_yaml: str
    pr_number: str
    author: str
    commit: str
    makers: tuple[Account, ...] = ()


class TrainingPhase(StrEnum):
    """Where a run is."""

    REGISTERING_DATA = "registering_data"
    WAITING_FOR_SLOT = "waiting_for_slot"
    TRAINING = "training"
    REGISTERING_MODEL = "registering_model"
    RECORDING = "recording"
    CANCELING = "canceling"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    ABORTED = "aborted"

    @property
    def is_terminal(self) -> bool:
        """True when nothing happens any more."""
        return self in (TrainingPhase.SUCCEEDED, TrainingPhase.FAILED, TrainingPhase.ABORTED)


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """One run. It says what it waits for (`waits_for`), since when (`since`) and until when at the latest
    (`deadline_at`, None once it has ended).

    `serial` counts what happened to the run; `faults` counts technical faults in a row; `may_have_job` says that a job
    may have been submitted; `failure` is why it ends or ended without a model; `model_version` is the version that was
    chosen, and the model's own once `phase` is past REGISTERING_MODEL. A run that has ended is `settled` once its slot
    is free and its end is told; until then it counts as open.
    """

    run_id: str
    request: TrainingRequest
    model_name: str
    requested_at: datetime
    phase: TrainingPhase
    since: datetime
    deadline_at: datetime | None
    look_at: datetime | None
    waits_for: str = ""
    serial: int = 0
    attempt: int = 1
    may_have_job: bool = False
    faults: int = 0
    data_asset: str = ""
    model_version: str = ""
    trained_at: datetime | None = None
    abort_reason: str = ""
    aborted_by: str = ""
    failure: str = ""
    ended_at: datetime | None = None
    settled: bool = False

    @property
    def job_name(self) -> str:
        """The job of the current attempt: the same name for everybody who asks, so that one attempt is one job."""
        return job_name_of(self.run_id, self.attempt)


def run_id_of(request: TrainingRequest, repetition: int = 0) -> str:
    """The run of a request: readable, and unique by a digest of everything that was asked for. Who asked for it, and by
    which pull request, is no part of that: a second webhook of one merge may be the first that knows.

    `repetition` tells runs of the same request apart that a person asked for one after the other.
    """
    parts = [*(getattr(request, name) for name in _NAMED), sorted(request.hyperparameters.items()), repetition]
    digest = hashlib.sha256(repr([str(part) for part in parts]).encode()).hexdigest()[:8]
    circuit = re.sub(r"[^a-z0-9]+", "-", f"{request.plant_id}-{request.circuit_id}".lower())[:32].strip("-")
    return f"train-{circuit}-{request.cutoff_date:%Y%m%d}-{digest}"


_NAMED = (
    "plant_id", "circuit_id", "cutoff_date", "environment_version", "sensor_id", "features", "config_yaml", "commit",
)  # fmt: skip


def job_name_of(run_id: str, attempt: int) -> str:
    """The job of one attempt."""
    return f"{run_id}-{attempt}"


def run_of_job(job_name: str) -> str | None:
    """The run that a job belongs to, by its name alone; None for a job that no run could have submitted."""
    run_id, dash, attempt = job_name.rpartition("-")
    return run_id if dash and attempt.isdigit() and run_id.startswith("train-") else None


def data_asset_name(request: TrainingRequest) -> str:
    """The data asset of a circuit; its versions are cutoff dates (R-TRAIN-4)."""
    return f"sensor_training_data_{request.plant_id}_{request.circuit_id}"


def hyperparameters_hash(hyperparameters: Mapping[str, int | float]) -> str:
    """Eight hexadecimal digits that name a set of hyperparameters (R-TRAIN-15)."""
    text = str(sorted(hyperparameters.items()))
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:8]
