"""What crosses our HTTP border about training, version 1. Times are ISO 8601 in UTC."""

from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import Field

from shared.application.ids import release_id_of
from shared.contracts.base import Contract
from shared.contracts.config.circuits import CircuitId, IsoDate, PlantId
from shared.contracts.http.paging import token_of
from shared.contracts.http.unreadable import UnreadableView, unreadable_of
from shared.domain.tags import number_of
from shared.domain.training.model import TrainingPhase, TrainingRun, hyperparameters_hash

if TYPE_CHECKING:
    from shared.application.training.people import Lineage, Trainings


class TrainingWish(Contract):
    """Which circuit to train, by hand."""

    plant_id: PlantId
    circuit_id: CircuitId
    cutoff_date: IsoDate | None = Field(default=None, description="Last day of training data; the configuration's own.")


class TrainingView(Contract):
    """One run. An open one says what it waits for, since when and until when at the latest."""

    run_id: str
    plant_id: str
    circuit_id: str
    cutoff_date: str
    environment_version: str
    pr_number: str
    author: str
    commit: str
    phase: str
    waits_for: str
    since: datetime
    deadline_at: datetime | None
    look_at: datetime | None
    requested_at: datetime
    ended_at: datetime | None
    attempt: int
    job_name: str
    data_asset: str
    model_name: str
    model_version: str = Field(description="Empty until the model is registered.")
    release_id: str = Field(description="The release that the model opens; empty until it is registered.")
    failure: str


class TrainingSlotView(Contract):
    """A run that trains, or a job of it that still has to end."""

    run_id: str
    since: datetime


class TrainingList(Contract):
    """A page: open runs, the oldest first, then ended ones, the latest end first."""

    trainings: list[TrainingView]
    unreadable: list[UnreadableView] = Field(default_factory=list)
    slots: list[TrainingSlotView]
    parallel_max: int
    next: str | None = Field(default=None, description="Give it as `after` for the next page; null on the last one.")


class DataView(Contract):
    """The data asset a model was trained on."""

    name: str
    version: str
    filter: str
    path: str
    tags: dict[str, str]


class LineageView(Contract):
    """From a model back to its data, its job, its commit and its pull request.

    `job_data_asset` is Azure ML's own record of what the job read; `consistent` says that it agrees with the tags.
    """

    model_name: str
    model_version: str
    plant_id: str
    circuit_id: str
    pr_number: str
    author: str
    commit: str
    cutoff_date: str
    environment: str
    hyperparameters_hash: str
    job_name: str
    job_data_asset: str
    data: DataView | None
    run_id: str
    hyperparameters: dict[str, int | float] | None
    metrics: dict[str, float]
    artifact: dict[str, str] | None
    consistent: bool


METRICS = ("mae", "rmse", "mape", "r2")


def training_view_of(run: TrainingRun, dev_workspace: str) -> TrainingView:
    """One run as it is shown."""
    wish = run.request
    registered = run.phase in (TrainingPhase.RECORDING, TrainingPhase.SUCCEEDED)
    version = run.model_version if registered else ""
    return TrainingView(
        run_id=run.run_id,
        plant_id=wish.plant_id,
        circuit_id=wish.circuit_id,
        cutoff_date=wish.cutoff_date.isoformat(),
        environment_version=wish.environment_version,
        pr_number=wish.pr_number,
        author=wish.author,
        commit=wish.commit,
        phase=run.phase.value,
        waits_for=run.waits_for,
        since=run.since,
        deadline_at=run.deadline_at,
        look_at=run.look_at,
        requested_at=run.requested_at,
        ended_at=run.ended_at,
        attempt=run.attempt,
        job_name=run.job_name if run.may_have_job else "",
        data_asset=run.data_asset,
        model_name=run.model_name,
        model_version=version,
        release_id=release_id_of(dev_workspace, run.model_name, version) if version else "",
        failure=run.failure,
    )


TRAININGS = "trainings"
"""The name of the list in the tokens of its pages."""


def training_list_of(trainings: "Trainings", dev_workspace: str) -> TrainingList:
    """The list as it is shown."""
    return TrainingList(
        trainings=[training_view_of(run, dev_workspace) for run in trainings.runs],
        unreadable=unreadable_of(trainings.runs.unreadable),
        slots=[TrainingSlotView(run_id=slot.run_id, since=slot.since) for slot in trainings.slots],
        parallel_max=trainings.parallel_max,
        next=token_of(TRAININGS, trainings.after),
    )


def lineage_view_of(lineage: "Lineage") -> LineageView:
    """A model's origin as it is shown."""
    tags, data, run = lineage.model.tags, lineage.data, lineage.run
    asset = f"{tags.get('data_asset_name', '')}:{tags.get('data_asset_version', '')}"
    hyperparameters = dict(run.request.hyperparameters) if run else None
    named = tags.get("hyperparameters_hash", "")
    return LineageView(
        model_name=lineage.model.name,
        model_version=lineage.model.version,
        plant_id=tags.get("plant_id", ""),
        circuit_id=tags.get("circuit_id", ""),
        pr_number=tags.get("pr_number", ""),
        author=tags.get("pr_author", ""),
        commit=tags.get("git_commit_sha", ""),
        cutoff_date=tags.get("cutoff_date", ""),
        environment=f"{tags.get('environment_name', '')}:{tags.get('environment_version', '')}",
        hyperparameters_hash=named,
        job_name=lineage.model.job_name or tags.get("training_job", ""),
        job_data_asset=lineage.job_data,
        data=DataView(
            name=data.name,
            version=data.version,
            filter=data.tags.get("filter", ""),
            path=data.path,
            tags=dict(data.tags),
        )
        if data
        else None,
        run_id=tags.get("training_run", ""),
        hyperparameters=hyperparameters,
        metrics={name: number for name in METRICS if (number := number_of(tags.get(name, ""))) is not None},
        artifact=lineage.artifact,
        consistent=data is not None
        and lineage.job_data == asset
        and (hyperparameters is None or hyperparameters_hash(hyperparameters) == named),
    )
