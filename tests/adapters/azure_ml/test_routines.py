"""The jobs of monitoring are those of their definitions in pipelines/."""

from datetime import date
from typing import Any

import pytest

from shared.adapters.azure_ml.routines import monitor_job
from shared.application.routines.ports import MonitorJob
from shared.domain.routines.task import Routine
from tests.support.processes import REPOSITORY

EXAMPLES = {
    "monitoring.yml": ("performance-2025-12-p001-c001-1", Routine.PERFORMANCE, date(2025, 12, 1)),
    "drift.yml": ("drift-2025-q4-p001-c001-1", Routine.DRIFT, date(2025, 10, 1)),
}


def written_out(job: Any) -> dict[str, Any]:
    """What the client would send, but for the tags, which only a routine's job has."""
    sent = job._to_job()._to_rest_object().as_dict()["properties"]
    sent["outputs"]["report"]["uri"] = sent["outputs"]["report"]["uri"].replace("${{name}}", job.name)
    return {"name": job.name, **{name: value for name, value in sent.items() if name != "tags"}}


@pytest.mark.parametrize("file", EXAMPLES)
def test_a_definition_and_the_job_that_is_submitted_are_the_same(file: str) -> None:
    from azure.ai.ml import load_job

    name, routine, first = EXAMPLES[file]
    registry = "azureml://registries/mlregistry-shared"
    job = MonitorJob(
        job_name=name,
        routine=routine,
        plant_id="P001",
        circuit_id="C001",
        model=f"{registry}/models/sensor_model_P001_C001/versions/3",
        environment=f"{registry}/environments/custom-tf-env/versions/1.5.0",
        compute="cpu-cluster",
        table_uri="azureml://datastores/sensor_lake/paths/processed/sensor_data/",
        first=first,
        last=date(2025, 12, 31),
    )
    defined, submitted = load_job(REPOSITORY / "pipelines" / file), monitor_job(job)
    assert written_out(defined) == written_out(submitted)
