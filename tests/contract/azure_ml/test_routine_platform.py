"""RoutinePlatform on Azure ML: real jobs of the local service, from a table to published predictions and to reports.

The environment is the one that ships; the scoring script is a stand-in without a network, which predicts what was
measured and half a degree more.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest

from shared.adapters.azure_ml.routines import AzureMlRoutines, monitor_job
from shared.application.errors import PlatformRefused
from shared.application.platform_ports import ModelPlatform, Place
from shared.application.routines.ports import MonitorJob
from shared.domain.job_ends import JobSeen
from shared.domain.release.model import DeploymentSpec
from shared.domain.routines.task import Routine
from tests.environment.conftest import ENVIRONMENT as ENVIRONMENT_CODE
from tests.environment.conftest import days_up_to
from tests.support.platforms import DEV, ENVIRONMENT, INPUT_URI, AzureMlHands, azure_ml, eventually, settled

pytestmark = pytest.mark.azurite

LAST = date(2025, 12, 9)
FEATURES = ("temperature", "pressure", "vibration")
METADATA = {
    "plant_id": "P001",
    "circuit_id": "C001",
    "sensor_id": "SENSOR_P001_C001",
    "features": FEATURES,
    "scaler": {"mean": [60.0, 5.0, 2.5], "std": [2.0, 0.5, 0.25]},
    "step_s": 3600,
    "cutoff_date": "2025-11-25",
}
SCORE = """
import os
from datetime import timedelta
from pathlib import Path
import pyarrow as pa
import pyarrow.parquet as pq
from sensor_model.table import last_day, open_table, read_sensor
FEATURES = ("temperature", "pressure", "vibration")
def init():
    pass
def run(mini_batch):
    folder = next(parent for parent in Path(mini_batch[0]).parents if (parent / "_delta_log").is_dir())
    table = open_table(folder)
    for back in range(8):
        day = last_day(table) - timedelta(days=back)
        readings = read_sensor(table, "SENSOR_P001_C001", FEATURES, first=day, last=day)
        columns = {f"predicted_{name}": readings.values[:, at] for at, name in enumerate(FEATURES)}
        columns["predicted_temperature"] = columns["predicted_temperature"] + 0.5
        times = pa.array(readings.times, pa.timestamp("us")).cast(pa.timestamp("us", tz="UTC"))
        path = Path(os.environ["AZUREML_BI_OUTPUT_PATH"], "P001", "C001", f"{day}.parquet")
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"timestamp": times, **columns}), path)
    return [str(each) for each in mini_batch]
"""


@dataclass
class Scene:
    """A deployed circuit, a table, and the product's platform."""

    routines: AzureMlRoutines
    models: ModelPlatform
    spec: DeploymentSpec
    hands: AzureMlHands

    async def ended(self, job_name: str) -> JobSeen:
        """The job once it ended."""
        state = await eventually(
            lambda: self.models.get_job(Place.PRODUCTION, job_name),
            lambda seen: seen is not None and seen.end is not None,
            deadline_s=60,
        )
        assert state is not None
        return state

    def jobs(self) -> list[str]:
        """Names of all jobs in production."""
        return [str(each.name) for each in self.hands.clients.of(Place.PRODUCTION).jobs.list()]


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AzureMlHands]:
    from sensor_model.data import write_days

    with azure_ml(tmp_path_factory.mktemp("azureml")) as hands:
        (hands.root / "app/pipelines/scoring/score.py").write_text(SCORE)
        write_days(hands.root / "lake/processed/sensor_data", ["SENSOR_P001_C001"], days_up_to(LAST, 26), seed=7)
        yield hands


@pytest.fixture
async def scene(azure: AzureMlHands) -> Scene:
    from azure.ai.ml.entities import BuildContext, Environment, Model

    name, version = ENVIRONMENT[0], "1.6.0"
    azure.trainer.environments.create_or_update(
        Environment(name=name, version=version, build=BuildContext(path=str(ENVIRONMENT_CODE)))
    )
    folder = azure.root / "models" / "sensor" / "model"
    folder.mkdir(parents=True)
    (folder / "metadata.json").write_text(json.dumps(METADATA))
    model = azure.trainer.models.create_or_update(Model(name="sensor_model_P001_C001", path=str(folder)))
    spec = DeploymentSpec(
        endpoint_name="batch-endpoint-plant-P001",
        deployment_name="deployment-circuit-C001",
        model=await azure.platform.promote_model(DEV, str(model.name), str(model.version), str(model.name)),
        environment=await azure.platform.promote_environment(DEV, name, version),
        compute="cpu-cluster",
        code="pipelines/scoring",
        scoring_script="score.py",
        mini_batch_size=100,
        environment_variables={"PLANT_ID": "P001", "CIRCUIT_ID": "C001"},
    )
    await azure.platform.put_deployment(Place.PRODUCTION, spec)
    await settled(azure.platform, Place.PRODUCTION, spec)
    return Scene(AzureMlRoutines(azure.clients), azure.platform, spec, azure)


def job(scene: Scene, routine: Routine, first: date, last: date) -> MonitorJob:
    return MonitorJob(
        job_name=f"{routine.value}-test-p001-c001-1",
        routine=routine,
        plant_id="P001",
        circuit_id="C001",
        model=scene.spec.model,
        environment=scene.spec.environment,
        compute="cpu-cluster",
        table_uri=INPUT_URI,
        first=first,
        last=last,
    )


async def test_from_a_batch_job_to_published_predictions_and_both_reports(scene: Scene) -> None:
    """Every step twice: one job of each name, the same files, the same numbers."""
    routines, name = scene.routines, "inference-2025-12-08-p001-c001-1"
    for _ in range(2):
        await routines.invoke(name, scene.spec.endpoint_name, scene.spec.deployment_name, INPUT_URI)
    assert (await scene.ended(name)).status == "Completed"
    assert scene.jobs().count(name) == 1

    assert await routines.publish(name, "P001", "C001", LAST + timedelta(days=1)) is None
    assert await routines.predicted_days("P001", "C001", date(2025, 1, 1), LAST) == []
    week = [LAST - timedelta(days=back) for back in reversed(range(8))]
    for day in [*week, LAST]:
        assert await routines.publish(name, "P001", "C001", day) == f"predictions/P001/C001/{day}.parquet"
    assert await routines.predicted_days("P001", "C001", week[2], week[5]) == week[2:6]

    checks = [job(scene, Routine.PERFORMANCE, week[0], LAST), job(scene, Routine.DRIFT, date(2025, 10, 1), LAST)]
    for each in [*checks, *checks]:
        await routines.submit(each)
    for each in checks:
        assert (await scene.ended(each.job_name)).status == "Completed"
    performance = await routines.report(checks[0].job_name)
    assert performance["mae"] == pytest.approx(0.25 / 3, abs=1e-6)
    assert (performance["days"], performance["inconclusive"]) == (8, "")
    drift = await routines.report(checks[1].job_name)
    assert (drift["first"], set(drift["features"])) == ("2025-11-26", set(FEATURES))
    assert drift["inconclusive"] == ""

    with pytest.raises(PlatformRefused, match="left no report"):
        await routines.report("performance-nobody-1")
    with pytest.raises(PlatformRefused, match="not be invoked"):
        await routines.invoke("inference-other-1", scene.spec.endpoint_name, "deployment-circuit-C999", INPUT_URI)


@pytest.mark.parametrize(("field", "value"), [("plant_id", "P001/../P002"), ("circuit_id", "C 1"), ("job_name", "A;b")])
def test_what_could_not_be_part_of_a_command_or_path_is_refused(field: str, value: str) -> None:
    values = {
        "job_name": "drift-1",
        "routine": Routine.DRIFT,
        "plant_id": "P001",
        "circuit_id": "C001",
        "model": "azureml://registries/r/models/m/versions/1",
        "environment": "azureml://registries/r/environments/e/versions/1",
        "compute": "cpu-cluster",
        "table_uri": INPUT_URI,
        "first": LAST,
        "last": LAST,
        field: value,
    }
    with pytest.raises(PlatformRefused, match="cannot be a"):
        monitor_job(MonitorJob(**values))


def test_the_environment_that_ships_holds_the_monitor() -> None:
    assert Path(ENVIRONMENT_CODE, "sensor_model", "monitor.py").is_file()
