"""What a run does next, by phase, job and time."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from shared.domain.job_ends import JobSeen
from shared.domain.training.limits import TrainingLimits
from shared.domain.training.lineage import Trained, artifact_of, data_asset_of, model_tags
from shared.domain.training.model import (
    TrainingPhase,
    TrainingRun,
    job_name_of,
    run_id_of,
    run_of_job,
)
from shared.domain.training.steps import (
    SETTLE_S,
    Step,
    entered,
    given_up,
    needs_job,
    next_step,
    settled,
    waiting,
)
from tests.support.benches.training import HYPERPARAMETERS, a_request
from tests.support.builders import NOW

LIMITS = TrainingLimits()


def a_run(phase: TrainingPhase, **changes: Any) -> TrainingRun:
    request = a_request()
    run = TrainingRun(
        run_id=run_id_of(request),
        request=request,
        model_name="sensor_model_P001_C001",
        requested_at=NOW,
        phase=TrainingPhase.REGISTERING_DATA,
        since=NOW,
        deadline_at=None,
        look_at=NOW,
    )
    return replace(entered(run, phase, NOW, LIMITS), **changes)


def job(status: str, failure: str = "") -> JobSeen:
    return JobSeen(status=status, detail="see the studio", failure=failure)


@pytest.mark.parametrize(
    ("phase", "seen", "step"),
    [
        (TrainingPhase.REGISTERING_DATA, None, Step.REGISTER_DATA),
        (TrainingPhase.WAITING_FOR_SLOT, None, Step.CLAIM_SLOT),
        (TrainingPhase.TRAINING, None, Step.SUBMIT_JOB),
        (TrainingPhase.TRAINING, "Running", Step.WAIT),
        (TrainingPhase.TRAINING, "AWordOfTomorrow", Step.WAIT),
        (TrainingPhase.TRAINING, "Completed", Step.FREE_SLOT),
        (TrainingPhase.TRAINING, "Failed", Step.TRY_AGAIN),
        (TrainingPhase.TRAINING, "NotResponding", Step.TRY_AGAIN),
        (TrainingPhase.REGISTERING_MODEL, None, Step.CHOOSE_VERSION),
        (TrainingPhase.RECORDING, None, Step.STORE_ARTIFACT),
        (TrainingPhase.CANCELING, "Running", Step.CANCEL_JOB),
        (TrainingPhase.SUCCEEDED, None, Step.SETTLE),
        (TrainingPhase.FAILED, None, Step.SETTLE),
    ],
)
def test_the_next_step_follows_from_the_phase_and_the_job(phase: TrainingPhase, seen: str | None, step: Step) -> None:
    run = a_run(phase)
    assert needs_job(run) == (phase in (TrainingPhase.TRAINING, TrainingPhase.CANCELING))
    assert next_step(run, job(seen) if seen else None, NOW, LIMITS).step is step


def test_a_chosen_version_is_registered() -> None:
    assert (
        next_step(a_run(TrainingPhase.REGISTERING_MODEL, model_version="3"), None, NOW, LIMITS).step
        is Step.REGISTER_MODEL
    )


def test_a_settled_run_needs_nothing() -> None:
    assert next_step(settled(a_run(TrainingPhase.FAILED)), None, NOW, LIMITS).step is Step.NOTHING


@pytest.mark.parametrize(
    ("seen", "attempt", "failures"),
    [
        (job("Failed", "NoRowsError: none"), 1, ["NoRowsError: none"]),
        (job("Failed"), 2, ["2 tries failed for technical reasons", "Failed, see the studio"]),
        (job("NotResponding"), 2, ["2 tries failed for technical reasons", "NotResponding, see the studio"]),
        (job("Canceled"), 1, ["was cancelled in Azure ML", "Canceled, see the studio"]),
    ],
)
def test_a_job_that_ended_badly_ends_the_run_with_its_error(seen: JobSeen, attempt: int, failures: list[str]) -> None:
    """A technical failure is tried once more, what the job explains is not."""
    step = next_step(a_run(TrainingPhase.TRAINING, attempt=attempt), seen, NOW, LIMITS)
    assert (step.step, step.phase) == (Step.END, TrainingPhase.FAILED)
    assert all(text in step.failure for text in failures)


@pytest.mark.parametrize(
    "phase",
    [
        TrainingPhase.REGISTERING_DATA,
        TrainingPhase.WAITING_FOR_SLOT,
        TrainingPhase.REGISTERING_MODEL,
        TrainingPhase.RECORDING,
    ],
)
def test_every_wait_ends_at_its_deadline(phase: TrainingPhase) -> None:
    """And says what was waited for, and what went wrong last."""
    run = waiting(a_run(phase), "another try, because of: no answer", NOW, 5, fault=True)
    assert run.deadline_at is not None
    step = next_step(run, None, run.deadline_at, LIMITS)
    assert (step.step, step.phase) == (Step.END, TrainingPhase.FAILED)
    assert "no answer" in step.failure


def test_a_job_that_does_not_end_is_cancelled_before_its_run_ends() -> None:
    """Its slot stays taken until it has ended."""
    run = a_run(TrainingPhase.TRAINING)
    assert run.deadline_at is not None
    step = next_step(run, job("Running"), run.deadline_at, LIMITS)
    assert step.step is Step.GIVE_UP_JOB
    canceling = a_run(TrainingPhase.CANCELING, failure=step.failure)
    assert next_step(canceling, job("Canceled"), NOW, LIMITS).phase is TrainingPhase.FAILED


def test_an_abort_waits_for_a_submission_that_may_be_on_its_way() -> None:
    """A job that appears after its run has ended would train for nobody."""
    run = a_run(TrainingPhase.CANCELING, may_have_job=True, aborted_by="ada", abort_reason="wrong")
    assert next_step(run, None, NOW + timedelta(seconds=SETTLE_S - 1), LIMITS).step is Step.WAIT
    assert next_step(run, None, NOW + timedelta(seconds=SETTLE_S), LIMITS).phase is TrainingPhase.ABORTED
    never = a_run(TrainingPhase.CANCELING, may_have_job=False, aborted_by="ada", abort_reason="wrong")
    assert next_step(never, None, NOW, LIMITS).phase is TrainingPhase.ABORTED


def test_a_wait_is_looked_at_again_at_its_deadline_at_the_latest() -> None:
    run = a_run(TrainingPhase.WAITING_FOR_SLOT)
    assert run.deadline_at is not None
    assert waiting(run, "a slot", NOW, 10**9).look_at == run.deadline_at


@pytest.mark.parametrize("phase", TrainingPhase)
def test_a_run_that_is_given_up_before_its_deadline_says_why_and_waits_on(phase: TrainingPhase) -> None:
    """Also one that has ended and is not settled yet: an end is an end."""
    run = entered(a_run(TrainingPhase.REGISTERING_DATA), phase, NOW, LIMITS)
    held = given_up(run, "nobody could look", NOW, LIMITS, 20)
    assert (held.phase, held.waits_for, held.look_at) == (phase, "nobody could look", NOW + timedelta(seconds=20))
    assert (held.faults, held.failure, held.serial) == (1, run.failure, run.serial + 1)


@pytest.mark.parametrize(
    ("phase", "then"),
    [
        (TrainingPhase.REGISTERING_DATA, TrainingPhase.FAILED),
        (TrainingPhase.WAITING_FOR_SLOT, TrainingPhase.FAILED),
        (TrainingPhase.TRAINING, TrainingPhase.CANCELING),
        (TrainingPhase.REGISTERING_MODEL, TrainingPhase.CANCELING),
        (TrainingPhase.RECORDING, TrainingPhase.CANCELING),
    ],
)
def test_a_run_that_is_given_up_after_its_deadline_fails_and_leaves_no_job(
    phase: TrainingPhase, then: TrainingPhase
) -> None:
    has_job = phase not in (TrainingPhase.REGISTERING_DATA, TrainingPhase.WAITING_FOR_SLOT)
    run = replace(entered(a_run(TrainingPhase.REGISTERING_DATA), phase, NOW, LIMITS), may_have_job=has_job)
    assert run.deadline_at is not None
    ending = given_up(run, "nobody could look", run.deadline_at, LIMITS, 20)
    assert (ending.phase, ending.failure) == (then, "nobody could look")


def test_the_same_request_is_the_same_run_and_any_other_is_another() -> None:
    """Author and pull request are left out: who asks does not change what is trained."""
    first = run_id_of(a_request())
    assert run_id_of(a_request(author="somebody@example.com", pr_number="PR-2")) == first
    others = [
        a_request(commit="9" * 40),
        a_request(cutoff_date=date(2025, 12, 8)),
        a_request(hyperparameters={**HYPERPARAMETERS, "epochs": 2}),
        a_request("C002"),
    ]
    assert len({first, run_id_of(a_request(), 1), *map(run_id_of, others)}) == 6


def test_a_job_leads_to_its_run_by_its_name() -> None:
    run_id = run_id_of(a_request())
    assert run_of_job(job_name_of(run_id, 2)) == run_id
    assert run_of_job("check-p001-1") is None
    assert run_of_job("train-something") is None
    assert len(job_name_of(run_id_of(a_request(plant_id="P999999", circuit_id="C999999")), 5)) <= 63


def test_the_mltable_is_a_view_of_the_one_table() -> None:
    """R-TRAIN-8: filter by date and sensor, newest version of a table whose past never changes."""
    asset = data_asset_of(
        a_run(TrainingPhase.REGISTERING_DATA), "azureml://datastores/lake/paths/processed/sensor_data/", NOW
    )
    assert asset.version == "2025-12-09"
    assert asset.mltable.splitlines() == [
        "type: mltable",
        "paths:",
        "  - folder: azureml://datastores/lake/paths/processed/sensor_data/",
        "transformations:",
        "  - read_delta_lake",
        "  - filter: \"(col('date') <= datetime(2025, 12, 9)) and (col('sensor_id') == 'SENSOR_P001_C001')\"",
    ]
    assert asset.filter == "date <= '2025-12-09' AND sensor_id == 'SENSOR_P001_C001'"


def test_a_model_of_training_code_that_tells_no_range_has_no_tag_for_it() -> None:
    """Then the gate warns that the range is not known."""
    assert "prediction_ranges" not in model_tags(
        a_run(TrainingPhase.RECORDING), "custom-tf-env", Trained(metrics={}, ranges={})
    )


def test_a_model_leads_back_to_everything_it_was_made_of() -> None:
    run = a_run(TrainingPhase.RECORDING, model_version="4", trained_at=NOW)
    trained = Trained(
        metrics={"mae": 0.1}, ranges={"temperature": (40.0, 80.0)}, data={"data_sha256": "0a1b", "data_closed": "true"}
    )
    tags = model_tags(run, "custom-tf-env", trained)
    assert (tags["data_sha256"], tags["data_closed"]) == ("0a1b", "true")
    assert tags["training_job"] == run.job_name
    assert (tags["data_asset_name"], tags["data_asset_version"]) == ("sensor_training_data_P001_C001", "2025-12-09")
    assert {"plant_id", "circuit_id", "pr_number", "pr_author", "git_commit_sha", "cutoff_date"} <= tags.keys()
    assert {"hyperparameters_hash", "environment_name", "environment_version", "mae"} <= tags.keys()
    assert tags["prediction_ranges"] == "temperature=40:80"
    assert artifact_of(run, "dev-ml-workspace") == {
        "plant_id": "P001",
        "circuit_id": "C001",
        "model_name": "sensor_model_P001_C001",
        "model_version": "4",
        "environment_version": "1.5.0",
        "dev_workspace": "dev-ml-workspace",
        "pr_number": "PR-1234",
        "build_id": run.run_id,
        "commit_sha": "4f2a" * 10,
        "trained_at": f"{NOW:%Y-%m-%dT%H:%M:%SZ}",
    }
