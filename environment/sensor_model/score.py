"""The batch deployment's script: Azure ML calls `init()` once per process and `run(mini_batch)` per list of files.

Environment variables: AZUREML_MODEL_DIR and AZUREML_BI_OUTPUT_PATH (set by Azure ML), PLANT_ID and CIRCUIT_ID (set by
the deployment), MODEL_VERSION (set by the deployment, written into the predictions).

The input is the folder of the sensor table, so Azure ML hands out its files; which file comes first says nothing. The
table is found above the first one and the circuit's latest days are scored once per process. Several processes of a job
write the same file with the same content.
"""

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sensor_model import __version__, network
from sensor_model.metadata import MODEL_FILE, ModelFolderError, ModelMetadata, read_metadata
from sensor_model.predictions import Scored, score_latest_day

log = logging.getLogger("sensor_model.score")


class DeploymentError(RuntimeError):
    """The deployment is not set up as the script needs it."""


@dataclass(slots=True, kw_only=True)
class Job:
    """What `init` prepared, and the result once the day is scored."""

    model: Any
    metadata: ModelMetadata
    model_version: str
    output: Path
    scored: Scored | None = None


CAUSE_CHARS_MAX = 300

OTHER_FORMS = (".h5", ".hdf5", ".pb")
"""Ends of files in which Keras and TensorFlow save models too, the last one that of a SavedModel folder."""

OTHERS_MAX = 3

_jobs: list[Job] = []
"""The process's job: Azure ML's contract has no other place to keep it between `init` and `run`."""


def init() -> None:
    """Load the model and check that it is the circuit's own."""
    plant_id, circuit_id = _variable("PLANT_ID"), _variable("CIRCUIT_ID")
    folder = _model_folder(Path(_variable("AZUREML_MODEL_DIR")))
    metadata = read_metadata(folder)
    if (metadata.plant_id, metadata.circuit_id) != (plant_id, circuit_id):
        raise DeploymentError(
            f"the deployment is for {plant_id}/{circuit_id} and carries {metadata.name}: deploy the circuit's own model"
        )
    job = Job(
        model=_opened(folder, metadata),
        metadata=metadata,
        model_version=os.environ.get("MODEL_VERSION", "unknown"),
        output=Path(_variable("AZUREML_BI_OUTPUT_PATH")),
    )
    _jobs[:] = [job]
    log.info("loaded %s, version %s, environment %s", metadata.name, job.model_version, __version__)


def run(mini_batch: Sequence[str]) -> list[str]:
    """Score the latest days if that is not done yet; one line of JSON per file, as Azure ML counts files by lines."""
    if not _jobs:
        raise DeploymentError("run was called before init")
    job = _jobs[0]
    if job.scored is None:
        table_dir = _table_above(mini_batch)
        today = datetime.now(UTC).date()
        job.scored = score_latest_day(job.model, job.metadata, job.model_version, table_dir, job.output, today)
        about = job.scored
        log.info("scored %s of table version %d: %d rows to %s", about.day, about.table_version, about.rows, about.path)
    result = {
        "plant_id": job.metadata.plant_id,
        "circuit_id": job.metadata.circuit_id,
        "date": job.scored.day.isoformat(),
        "rows": job.scored.rows,
        "rows_left_out": job.scored.rows_left_out,
        "output": job.scored.path.relative_to(job.output).as_posix(),
        "earlier_days": len(job.scored.earlier),
        "model_version": job.model_version,
        "table_version": job.scored.table_version,
    }
    return [json.dumps({"file": Path(file).name, **result}) for file in mini_batch]


def _variable(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise DeploymentError(f"the environment variable {name} is not set: set it in the deployment")
    return value


def _model_folder(root: Path) -> Path:
    """The one folder below AZUREML_MODEL_DIR that holds the model; how deep depends on how it was registered."""
    found = sorted(root.rglob(MODEL_FILE))
    if len(found) != 1:
        others = sorted(path.name for path in root.rglob("*") if path.suffix in OTHER_FORMS)
        saved = f"; {', '.join(others[:OTHERS_MAX])} cannot be scored: save it as {MODEL_FILE}" if others else ""
        raise ModelFolderError(
            f"{len(found)} files {MODEL_FILE} below {root}, not one: register one model's folder{saved}"
        )
    return found[0].parent


def _opened(folder: Path, metadata: ModelMetadata) -> Any:
    """The network. Keras tells at length what it was given, and last what is wrong with it; it advises to open files
    that carry code, which is no way out here."""
    try:
        return network.load(folder / MODEL_FILE)
    except OSError:
        raise  # storage
    except Exception as error:  # whatever a layer that cannot be made raises
        cause = " ".join(str(error).split())[-CAUSE_CHARS_MAX:]
        raise ModelFolderError(
            f"{metadata.name}, saved by TensorFlow {metadata.tensorflow_version}, cannot be opened by TensorFlow "
            f"{network.tensorflow().__version__}: train it again in this environment. {type(error).__name__}: {cause}"
        ) from error


def _table_above(files: Sequence[str]) -> Path:
    """The table's folder: the nearest one above a file that holds the transaction log."""
    for file in files:
        for folder in Path(file).parents:
            if (folder / "_delta_log").is_dir():
                return folder
    raise DeploymentError(
        f"no folder with _delta_log above {files[0] if files else 'an empty mini-batch'}: "
        "invoke the endpoint with the folder of the sensor table"
    )
