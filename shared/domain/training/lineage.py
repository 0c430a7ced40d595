"""What goes on record about a model: the tags of the data asset and of the model, and the artifact's metadata.

Names of tags: R-TRAIN-7 for the data, R-TRAIN-14 for the model.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from shared.domain.predictions import RANGES_TAG, Range, ranges_text
from shared.domain.training.model import TrainingRun, data_asset_name, hyperparameters_hash

TRAINING_RUN = "training_run"
"""The tag that tells which run a registered model belongs to: what is looked for before anything is registered."""

READS_MLTABLE = "reads_mltable"
"""Tag of environment versions whose training reads an MLTable file in the form of Azure ML's own engine: `true`. Others
read the form of before, in which their data assets are registered."""

DATA_FACTS = ("table_version", "rows", "sha256", "closed")
"""What training tells about the rows it read, tags of the model with `data_` before them."""

REGISTERED_BY = "switchyard"


@dataclass(frozen=True, kw_only=True)
class DataAsset:
    """A version of a circuit's training data: its MLTable file, and where that is kept in the workspace's blob store.

    `filter` says in one line which rows they are; two versions are the same data when their filters are.
    `mltable_before` is the file for environment versions whose training knows no other form, see READS_MLTABLE.
    """

    name: str
    version: str
    folder: str
    mltable: str
    mltable_before: str
    filter: str
    tags: Mapping[str, str]
    description: str


def data_asset_of(run: TrainingRun, table_uri: str, now: datetime) -> DataAsset:
    """The training data of a run: its circuit's rows up to the cutoff date, a view of the one Delta table."""
    wish = run.request
    cutoff = wish.cutoff_date.isoformat()
    rows = f"date <= '{cutoff}' AND sensor_id == '{wish.sensor_id}'"
    return DataAsset(
        name=data_asset_name(wish),
        version=cutoff,
        folder=f"mltables/plant_{wish.plant_id}_circuit_{wish.circuit_id}_cutoff_{cutoff.replace('-', '')}",
        mltable=_mltable(table_uri, wish.sensor_id, wish.cutoff_date),
        mltable_before=_mltable_before(table_uri, rows),
        filter=rows,
        tags={
            "plant_id": wish.plant_id,
            "circuit_id": wish.circuit_id,
            "cutoff_date": cutoff,
            "pr_number": wish.pr_number,
            "pr_author": wish.author,
            "git_commit_sha": wish.commit,
            "sensor_id": wish.sensor_id,
            "hyperparameters_hash": hyperparameters_hash(wish.hyperparameters),
            "delta_path": _delta_path(table_uri),
            "registered_at": now.isoformat(timespec="seconds"),
            "registered_by": REGISTERED_BY,
            "filter": rows,
        },
        description=f"Training data for Plant {wish.plant_id} Circuit {wish.circuit_id} up to {cutoff}",
    )


def _mltable(table_uri: str, sensor_id: str, last: date) -> str:
    """As Azure ML's own engine loads it: the newest version, which is safe as past days never change (R-DATA-4).

    The date must not be a text, which the engine compares with none and says nothing about.
    """
    return (
        "type: mltable\n"
        "paths:\n"
        f"  - folder: {table_uri}\n"
        "transformations:\n"
        "  - read_delta_lake\n"
        f"  - filter: \"(col('date') <= datetime({last.year}, {last.month}, {last.day}))"
        f" and (col('sensor_id') == '{sensor_id}')\"\n"
    )


def _mltable_before(table_uri: str, rows: str) -> str:
    """What nobody but training can load."""
    return (
        "type: mltable\n"
        "paths:\n"
        f"  - folder: {table_uri}\n"
        "transformations:\n"
        "  - read_delta_lake:\n"
        "      delta_table_version: latest\n"
        "  - filter:\n"
        f'      expression: "{rows}"\n'
    )


def _delta_path(table_uri: str) -> str:
    return "/" + table_uri.partition("/paths/")[2].lstrip("/")


@dataclass(frozen=True, kw_only=True)
class Trained:
    """What a completed job says about its model: errors on the rows it held back, the plausible range of each feature
    it predicts, by the rows it learned from, and as tags what these rows were."""

    metrics: Mapping[str, float]
    ranges: Mapping[str, Range]
    data: Mapping[str, str] = field(default_factory=dict)


def model_tags(run: TrainingRun, environment_name: str, trained: Trained) -> dict[str, str]:
    """Everything that leads back from a model to where it comes from, and what its predictions are judged by; it never
    changes once the model is registered."""
    wish, ranges = run.request, ranges_text(trained.ranges)
    return {
        "plant_id": wish.plant_id,
        "circuit_id": wish.circuit_id,
        "pr_number": wish.pr_number,
        "pr_author": wish.author,
        "git_commit_sha": wish.commit,
        "cutoff_date": wish.cutoff_date.isoformat(),
        "data_asset_name": data_asset_name(wish),
        "data_asset_version": wish.cutoff_date.isoformat(),
        "hyperparameters_hash": hyperparameters_hash(wish.hyperparameters),
        "environment_name": environment_name,
        "environment_version": wish.environment_version,
        "training_job": run.job_name,
        TRAINING_RUN: run.run_id,
        **({RANGES_TAG: ranges} if ranges else {}),
        **trained.data,
        **{name: str(value) for name, value in trained.metrics.items()},
    }


def artifact_of(run: TrainingRun, dev_workspace: str) -> dict[str, str]:
    """What a release reads (R-TRAIN-16); the build is the run."""
    wish = run.request
    return {
        "plant_id": wish.plant_id,
        "circuit_id": wish.circuit_id,
        "model_name": run.model_name,
        "model_version": run.model_version,
        "environment_version": wish.environment_version,
        "dev_workspace": dev_workspace,
        "pr_number": wish.pr_number,
        "build_id": run.run_id,
        "commit_sha": wish.commit,
        "trained_at": f"{run.trained_at:%Y-%m-%dT%H:%M:%SZ}" if run.trained_at else "",
    }
