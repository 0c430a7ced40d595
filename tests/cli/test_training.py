"""train, trainings, abort-training and lineage."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.contracts.http.training import DataView, LineageView, TrainingList, TrainingSlotView, TrainingView
from tests.cli.conftest import OPENED, App, Run, problem

RUN = "train-p001-c001-20251209-0a1b2c3d"


def training(phase: str = "training", **changes: Any) -> TrainingView:
    """A run as the API shows it."""
    ended = phase in ("succeeded", "failed", "aborted")
    content: dict[str, Any] = {
        "run_id": RUN,
        "plant_id": "P001",
        "circuit_id": "C001",
        "cutoff_date": "2025-12-09",
        "environment_version": "1.5.0",
        "pr_number": "PR-1234",
        "author": "ada@example.com",
        "commit": "4f2a" * 10,
        "phase": phase,
        "waits_for": "" if ended else f"job {RUN}-1, which is Running",
        "since": OPENED,
        "deadline_at": None if ended else datetime.now(UTC) + timedelta(hours=3),
        "look_at": None,
        "requested_at": OPENED,
        "ended_at": OPENED + timedelta(minutes=4) if ended else None,
        "attempt": 1,
        "job_name": f"{RUN}-1",
        "data_asset": "sensor_training_data_P001_C001:2025-12-09",
        "model_name": "sensor_model_P001_C001",
        "model_version": "3" if phase == "succeeded" else "",
        "release_id": "sensor-model-p001-c001-3-0a1b2c" if phase == "succeeded" else "",
        "failure": "NoRowsError: no rows" if phase == "failed" else "",
    }
    return TrainingView(**{**content, **changes})


def origin(**changes: Any) -> LineageView:
    """Where a model comes from."""
    content: dict[str, Any] = {
        "model_name": "sensor_model_P001_C001",
        "model_version": "3",
        "plant_id": "P001",
        "circuit_id": "C001",
        "pr_number": "PR-1234",
        "author": "ada@example.com",
        "commit": "4f2a" * 10,
        "cutoff_date": "2025-12-09",
        "environment": "custom-tf-env:1.5.0",
        "hyperparameters_hash": "4145dfb5",
        "job_name": f"{RUN}-1",
        "job_data_asset": "sensor_training_data_P001_C001:2025-12-09",
        "data": DataView(
            name="sensor_training_data_P001_C001",
            version="2025-12-09",
            filter="date <= '2025-12-09' AND sensor_id == 'SENSOR_P001_C001'",
            path="azureml://datastores/workspaceblobstore/paths/mltables/x/",
            tags={},
        ),
        "run_id": RUN,
        "hyperparameters": {"lstm_units": 16},
        "metrics": {"mae": 0.132561},
        "artifact": None,
        "consistent": True,
    }
    return LineageView(**{**content, **changes})


def test_train_sends_the_circuit_and_the_date_and_says_the_run(server: App, run: Run) -> None:
    server.on("POST /api/trainings", (202, training("registering_data")))
    done = run("train", "--plant", "P001", "--circuit", "C001", "--cutoff-date", "2025-12-09")
    assert done.exit_code == 0, done.output
    assert server.bodies == [
        ("/api/trainings", {"plant_id": "P001", "circuit_id": "C001", "cutoff_date": "2025-12-09"})
    ]
    assert f"switchyard trainings {RUN}" in done.output


@pytest.mark.parametrize(("phase", "status"), [("succeeded", 0), ("failed", 3), ("aborted", 3)])
def test_watching_ends_with_the_run_and_tells_how_it_ended(server: App, run: Run, phase: str, status: int) -> None:
    server.on("POST /api/trainings", (202, training("waiting_for_slot")))
    server.on(f"GET /api/trainings/{RUN}", training("training"), training(phase))
    done = run("train", "--plant", "P001", "--circuit", "C001", "--watch", "--every", "0.1")
    assert done.exit_code == status, done.output
    assert phase in done.output
    assert ("sensor-model-p001-c001-3-0a1b2c" in done.output) == (phase == "succeeded")


def test_a_model_that_is_there_already_is_named(server: App, run: Run) -> None:
    server.on("POST /api/trainings", training("succeeded"))
    assert "sensor_model_P001_C001:3" in run("train", "--plant", "P001", "--circuit", "C001").output


def test_the_list_shows_circuits_what_they_wait_for_and_the_slots(server: App, run: Run) -> None:
    slots = [TrainingSlotView(run_id=RUN, since=OPENED)]
    server.on(
        "GET /api/trainings", TrainingList(trainings=[training(), training("failed")], slots=slots, parallel_max=5)
    )
    told = run("trainings").output
    for part in (RUN, "which is Running", "NoRowsError", "1 of 5"):
        assert part in told


def test_ids_stay_whole_in_a_terminal_of_80_columns(server: App, run: Run) -> None:
    """They are what people copy."""
    taken = ", ".join(f"train-p001-c{number:03}-20251209-0a1b2c3d" for number in range(2, 7))
    waiting = training("waiting_for_slot", waits_for=f"one of the training slots; they are taken by {taken}")
    server.on("GET /api/trainings", TrainingList(trainings=[waiting, training("succeeded")], slots=[], parallel_max=5))
    told = run("trainings", env={"COLUMNS": "80"}).output
    assert told.count(RUN) == 2
    for part in ("waiting_for_slot", "succeeded", "sensor_model_P001_C001:3", "4 min"):
        assert part in told


def test_one_run_is_shown_with_its_deadline_and_its_change(server: App, run: Run) -> None:
    server.on(f"GET /api/trainings/{RUN}", training())
    told = run("trainings", RUN).output
    for part in ("PR-1234", "4f2a4f2a4f2a", "until", "sensor_training_data_P001_C001:2025-12-09"):
        assert part in told


def test_an_abort_sends_its_reason(server: App, run: Run) -> None:
    server.on(f"POST /api/trainings/{RUN}/abort", (202, training("canceling", waits_for=f"the end of job {RUN}-1")))
    done = run("abort-training", RUN, "--reason", "wrong date")
    assert server.bodies == [(f"/api/trainings/{RUN}/abort", {"reason": "wrong date"})]
    assert "the end of job" in done.output


@pytest.mark.parametrize(
    ("options", "path"),
    [
        (("--plant", "P001", "--circuit", "C001"), "/api/circuits/P001/C001/models/3/lineage"),
        (("--model", "sensor_model_P001_C001"), "/api/models/sensor_model_P001_C001/3/lineage"),
    ],
)
def test_lineage_leads_from_model_to_data_filter_commit_and_pull_request(
    server: App, run: Run, options: tuple[str, ...], path: str
) -> None:
    server.on(f"GET {path}", origin())
    done = run("lineage", *options, "--version", "3")
    assert done.exit_code == 0, done.output
    for part in ("sensor_training_data_P001_C001:2025-12-09", "date <= '2025-12-09'", "4f2a" * 10, "PR-1234"):
        assert part in done.output


def test_lineage_that_does_not_agree_ends_with_status_1(server: App, run: Run) -> None:
    server.on("GET /api/models/m/3/lineage", origin(consistent=False))
    assert run("lineage", "--model", "m", "--version", "3").exit_code == 1


def test_a_model_that_no_run_made_is_told_as_one(server: App, run: Run) -> None:
    """Nothing was compared, so nothing disagrees."""
    bare = origin(
        consistent=False, run_id="", job_name="", job_data_asset="", data=None, environment=":1.5.0", commit=""
    )
    server.on("GET /api/models/m/3/lineage", bare)
    done = run("lineage", "--model", "m", "--version", "3")
    assert done.exit_code == 1
    assert "this model was not trained by Switchyard" in done.output
    assert "asked for by hand" not in done.output
    assert ":1.5.0" not in done.output


def test_lineage_needs_a_model_or_a_circuit(run: Run) -> None:
    assert "say which model" in run("lineage", "--version", "3").output


def test_a_refusal_is_told_in_the_apps_words(server: App, run: Run) -> None:
    server.on("POST /api/trainings", problem(400, "circuit P009/C001 is not in config/plants_circuits.yml"))
    done = run("train", "--plant", "P009", "--circuit", "C001")
    assert (done.exit_code, "P009/C001" in done.output) == (1, True)
