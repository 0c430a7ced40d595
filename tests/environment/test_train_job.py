"""The training job: what it reads from the data asset, what it tells MLflow, and how it says why it failed."""

import argparse
import base64
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from sensor_model import __version__, tracking
from sensor_model.metadata import read_metadata
from sensor_model.table import open_table, read_sensor
from sensor_model.train_job import FAILURE_TAG, circuit_for, main
from sensor_model.training_data import Rows, TrainingDataError, read_mltable

from shared.domain.training.lineage import data_asset_of
from shared.domain.training.model import TrainingPhase, hyperparameters_hash
from tests.domain.training.test_steps import NOW, a_run
from tests.support.benches.training import HYPERPARAMETERS, a_request, config_yaml

RUN = "train-p001-c001-20251209-0a1b2c3d-1"


@dataclass
class Tracking:
    """A tracking server that keeps what it is told; the first answers are `statuses`."""

    address: str = ""
    told: list[dict[str, Any]] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    statuses: list[int] = field(default_factory=list)

    def of(self, kind: str) -> dict[str, Any]:
        return {pair["key"]: pair["value"] for body in self.told for pair in body[kind]}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Tracking]:
    """As a job finds it in its variables."""
    state = Tracking()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            state.tokens.add(self.headers["authorization"])
            status = state.statuses.pop(0) if state.statuses else 200
            if status == 200:
                assert self.path == "/mlflow/v1.0/workspaces/dev/api/2.0/mlflow/runs/log-batch"
                state.told.append(body)
            self.send_response(status)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:
            """Silence."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        state.address = f"http://127.0.0.1:{listening.server_address[1]}/mlflow/v1.0/workspaces/dev"
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", state.address)
        monkeypatch.setenv("MLFLOW_RUN_ID", RUN)
        monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", "secret")
        monkeypatch.setattr(tracking, "PAUSE_S", 0.01)
        yield state
        listening.shutdown()
        thread.join()


@pytest.fixture
def job(tmp_path: Path, table_dir: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The arguments of a job for P001/C001, with the data asset as the app registers it."""
    request = a_request()
    asset = data_asset_of(a_run(TrainingPhase.REGISTERING_DATA), "azureml://datastores/lake/paths/processed/", NOW)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "MLTable").write_text(asset.mltable)
    configured(monkeypatch, config_yaml("P001", "C001", request.cutoff_date, __version__))
    return [
        *("--plant-id", "P001", "--circuit-id", "C001", "--cutoff-date", "2025-12-09"),
        *("--training-data", str(tmp_path / "data"), "--table", str(table_dir), "--output", str(tmp_path / "model")),
    ]


def configured(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("CIRCUIT_CONFIG_BASE64", base64.b64encode(text.encode()).decode())


def test_a_job_trains_on_its_data_asset_and_tells_parameters_and_metrics(
    job: list[str], server: Tracking, table_dir: Path, tmp_path: Path
) -> None:
    """With the run's own token."""
    assert main(job) == 0
    metadata = read_metadata(tmp_path / "model")
    assert metadata.cutoff_date == "2025-12-09"
    assert metadata.hyperparameters_hash == hyperparameters_hash(HYPERPARAMETERS)
    metrics = server.of("metrics")
    rows = len(read_sensor(open_table(table_dir), "SENSOR_P001_C001", metadata.features, last=date(2025, 12, 9)))
    assert {name: metrics[name] for name in metadata.metrics} == metadata.metrics
    assert server.of("params")["lstm_units"] == "2"
    assert (server.of("params")["data_rows"], server.of("params")["data_closed"]) == (str(rows), "False")
    assert server.tokens == {"Bearer secret"}
    assert {body["run_id"] for body in server.told} == {RUN}


def test_a_cutoff_date_by_hand_wins_over_the_files_own(job: list[str]) -> None:
    """The data asset says which rows are read; the file may be older or newer."""
    options = argparse.Namespace(
        plant_id="P001", circuit_id="C001", cutoff_date="2025-12-09", training_data=Path(job[7])
    )
    older = config_yaml("P001", "C001", date(2025, 1, 1), __version__)
    assert circuit_for(options, older).cutoff_date == date(2025, 12, 9)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        (("--cutoff-date", "2025-12-08"), "2025-12-08 was asked for"),
        (("--circuit-id", "C002"), "P001/C002 was asked for"),
        (("--training-data", "nowhere"), "no file MLTable"),
        (("--table", "nowhere"), "no Delta table"),
    ],
)
def test_what_does_not_fit_is_explained_in_the_run(
    job: list[str], server: Tracking, changed: tuple[str, str], why: str
) -> None:
    """Exit code 1 and a tag: the run is not tried again."""
    assert main([*job, *changed]) == 1
    assert why in server.of("tags")[FAILURE_TAG]


@pytest.mark.parametrize("text", ["not: a circuit", "[", "training: 1"])
def test_a_file_that_is_no_circuit_is_explained(
    job: list[str], server: Tracking, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    configured(monkeypatch, text)
    assert main(job) == 1
    assert server.of("tags")[FAILURE_TAG].startswith("CircuitFileError")


def test_another_environment_is_explained(job: list[str], server: Tracking, monkeypatch: pytest.MonkeyPatch) -> None:
    configured(monkeypatch, config_yaml("P001", "C001", a_request().cutoff_date, "0.0.1"))
    assert main(job) == 1
    assert "0.0.1 was asked for" in server.of("tags")[FAILURE_TAG]


def test_a_server_that_stumbles_is_asked_again_and_one_that_refuses_is_not(server: Tracking) -> None:
    """What was told is never lost silently."""
    server.statuses = [503, 503]
    tracking.log(tracking.run_of(), tags={"a": "b"})
    assert server.of("tags") == {"a": "b"}
    server.statuses = [400]
    with pytest.raises(tracking.TrackingError):
        tracking.log(tracking.run_of(), tags={"a": "c"})


def test_outside_a_job_nothing_is_told() -> None:
    assert tracking.run_of({}) is None
    tracking.log(None, tags={"a": "b"})


def test_the_address_of_azure_ml_becomes_https_and_no_other_is_taken() -> None:
    uri = "azureml://westeurope.api.azureml.ms/mlflow/v1.0/subscriptions/s?"
    run = tracking.run_of({"MLFLOW_TRACKING_URI": uri, "MLFLOW_RUN_ID": "r"})
    assert run is not None
    assert run.address == "https://westeurope.api.azureml.ms/mlflow/v1.0/subscriptions/s"
    with pytest.raises(tracking.TrackingError):
        tracking.run_of({"MLFLOW_TRACKING_URI": "file:///tmp/mlruns", "MLFLOW_RUN_ID": "r"})


VALID = "(col('date') <= datetime(2025, 12, 9)) and (col('sensor_id') == 'SENSOR_P001_C001')"
READ = "type: mltable\npaths: [{folder: x}]\ntransformations:\n"


@pytest.mark.parametrize(
    "text",
    [
        f'{READ}  - read_delta_lake\n  - filter: "{VALID}"',
        f'{READ}  - read_delta_lake: {{}}\n  - filter: "{VALID}"',
        f'{READ}  - read_delta_lake: {{timestamp_as_of: "2999-08-26T00:00:00Z"}}\n  - filter: "{VALID}"',
        f"""{READ}  - read_delta_lake
  - filter: 'col("sensor_id") == "SENSOR_P001_C001" and col("date") < datetime(2025, 12, 10)'""",
        f"""{READ}  - read_delta_lake
  - filter: 'col("date") <= datetime(2025, 12, 9)'
  - filter: 'col("sensor_id") == "SENSOR_P001_C001"'""",
        "transformations: [{filter: {expression: \"date <= '2025-12-09' AND sensor_id == 'SENSOR_P001_C001'\"}}]",
    ],
    ids=["as the app writes it", "options", "newest", "other words", "two filters", "as the app wrote it before"],
)
def test_a_filter_of_a_sensor_up_to_a_date_is_taken_in_every_form(tmp_path: Path, text: str) -> None:
    (tmp_path / "MLTable").write_text(text)
    assert read_mltable(tmp_path) == Rows("SENSOR_P001_C001", date(2025, 12, 9))


@pytest.mark.parametrize(
    "text",
    [
        "type: mltable",
        "transformations: [{filter: {expression: \"date <= '2025-12-09' OR 1 == 1\"}}]",
        'transformations: [{filter: {expression: "a"}}, {filter: {expression: "b"}}]',
        "- just a list",
        "transformations: [",
        *(
            f'{READ}  - read_delta_lake\n  - filter: "{condition}"'
            for condition in (
                "(col('date') <= '2025-12-09') and (col('sensor_id') == 'SENSOR_P001_C001')",
                f"{VALID} and (col('date') <= datetime(2025, 12, 8))",
                VALID.replace(" and ", " or "),
                VALID.replace("<=", ">="),
                VALID.replace("2025, 12, 9", "2025, 12, 9, 12"),
                VALID.replace("2025, 12, 9", "2025, 13, 9"),
                VALID.replace("'date'", "'timestamp'"),
                "col('sensor_id') == 'SENSOR_P001_C001'",
                "(" * 200 + VALID,
            )
        ),
        f'{READ}  - read_delta_lake: {{version_as_of: 5}}\n  - filter: "{VALID}"',
        f'{READ}  - read_delta_lake: {{timestamp_as_of: "2025-12-20T00:00:00Z"}}\n  - filter: "{VALID}"',
        f'{READ}  - read_delta_lake: {{timestamp_as_of: "soon"}}\n  - filter: "{VALID}"',
        f'{READ}  - read_delta_lake: [5]\n  - filter: "{VALID}"',
    ],
)
def test_only_the_filter_of_a_sensor_up_to_a_date_is_taken(tmp_path: Path, text: str) -> None:
    """A date as a text is one of them: the engine would load no row, without a word."""
    (tmp_path / "MLTable").write_text(text)
    with pytest.raises(TrainingDataError):
        read_mltable(tmp_path)
