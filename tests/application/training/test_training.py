"""The use cases of training on ports in memory."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from shared.application.errors import PlatformRefused, PlatformThrottled, TransientFault
from shared.application.training import people
from shared.application.training.advance import advance, job_changed
from shared.application.training.ending import watch_failures
from shared.application.training.looked_after import nets
from shared.application.training.ports import ModelSeen
from shared.application.training.start import request_trainings, train_by_hand
from shared.application.work.sweep import sweep
from shared.domain.errors import Conflict, InvalidRequest, NotEligible
from shared.domain.training.limits import TrainingLimits
from shared.domain.training.model import MANUAL, TrainingPhase
from tests.fakes.training import FixedTrainingConfig
from tests.support.benches.training import ENGINEER, STRANGER, TrainingBench, a_request


@pytest.fixture
def bench() -> TrainingBench:
    return TrainingBench()


async def test_a_request_becomes_a_model_an_artifact_and_a_fact(bench: TrainingBench) -> None:
    [run_id] = await request_trainings([a_request()], bench.ports)
    await bench.until_quiet()
    run = bench.run(run_id)
    assert (run.phase, run.model_version, run.settled) == (TrainingPhase.SUCCEEDED, "1", True)
    [name] = bench.artifacts.files
    assert name == "model-P001-C001/1/model_artifact_P001_C001.json"
    assert bench.facts.facts[f"{run_id}-succeeded"][0] == "switchyard.training.succeeded"
    assert bench.slots.slots == []


async def test_asking_again_starts_nothing(bench: TrainingBench) -> None:
    """While it runs and after it ended."""
    first = await request_trainings([a_request(), a_request("C002")], bench.ports)
    await bench.deliver()
    assert await request_trainings([a_request(), a_request("C002")], bench.ports) == first
    await bench.until_quiet()
    assert await request_trainings([a_request(), a_request("C002")], bench.ports) == first
    await bench.until_quiet()
    assert len(bench.platform.models) == len(bench.platform.jobs) == 2


async def test_a_run_that_waits_for_a_slot_says_who_has_them_and_until_when_it_waits() -> None:
    circuits = [a_request(), a_request("C002")]
    bench = TrainingBench(config=FixedTrainingConfig(circuits, TrainingLimits(parallel_max=1)))
    first, second = await request_trainings(circuits, bench.ports)
    while await bench.deliver():
        continue
    run = bench.run(second)
    assert run.phase is TrainingPhase.WAITING_FOR_SLOT
    assert first in run.waits_for
    assert run.deadline_at == run.since + timedelta(hours=72)


async def test_a_freed_slot_goes_to_whoever_waits_longest_at_once() -> None:
    circuits = [a_request(f"C00{number}") for number in (1, 2, 3)]
    bench = TrainingBench(config=FixedTrainingConfig(circuits, TrainingLimits(parallel_max=1, look_interval_s=3600)))
    bench.platform.decide = lambda _: (0, "Completed", "")
    run_ids = []
    for circuit in circuits:
        run_ids += await request_trainings([circuit], bench.ports)
        bench.clock.advance(1)
    for run_id in run_ids:
        await advance(run_id, bench.ports)
    assert [bench.run(run_id).phase for run_id in run_ids][1:] == [TrainingPhase.WAITING_FOR_SLOT] * 2
    bench.queue.sent = bench.queue.due(bench.clock.now())
    bench.clock.advance(31)
    await advance(run_ids[0], bench.ports)
    [message_id] = [each for each in bench.queue.ids if each.endswith(f"freed-by-{run_ids[0]}")]
    assert message_id.startswith(run_ids[1])


async def test_a_run_has_one_chain_of_looks_however_many_hints_come(bench: TrainingBench) -> None:
    """Each hint looks at once; the look that was arranged before it is not for this state any more."""
    bench.platform.decide = lambda _: (9000, "Completed", "")
    [run_id] = await request_trainings([a_request()], bench.ports)
    await bench.deliver()
    for number in range(5):
        await job_changed(f"{run_id}-1", f"event-{number}", bench.ports)
        await bench.deliver()
    bench.clock.advance(31)
    before = bench.run(run_id).serial
    assert await bench.deliver() == 6
    assert bench.run(run_id).serial == before + 1
    assert len(bench.queue.sent) == 1


async def test_a_technical_failure_is_tried_once_more_in_the_same_slot(bench: TrainingBench) -> None:
    outcomes = {1: "NotResponding", 2: "Completed"}
    bench.platform.decide = lambda job: (60, outcomes[int(job.job_name[-1])], "")
    [run_id] = await request_trainings([a_request()], bench.ports)
    await bench.until_quiet()
    assert (bench.run(run_id).phase, bench.run(run_id).attempt) == (TrainingPhase.SUCCEEDED, 2)
    assert bench.platform.most_at_once == 1


async def test_what_the_job_explains_is_reported_and_not_tried_again(bench: TrainingBench) -> None:
    bench.platform.decide = lambda _: (60, "Failed", "TooFewRowsError: 3 windows")
    [run_id] = await request_trainings([a_request()], bench.ports)
    await bench.until_quiet()
    assert (bench.run(run_id).phase, bench.run(run_id).attempt) == (TrainingPhase.FAILED, 1)
    kind, _, told = bench.facts.facts[f"{run_id}-failed"]
    assert (kind, told["reason"]) == ("switchyard.training.failed", "TooFewRowsError: 3 windows")


async def test_a_refusal_of_azure_ml_ends_the_run_with_its_words(bench: TrainingBench) -> None:
    bench.platform.assets.clear()
    asset_of_another = a_request(sensor_id="SENSOR_P009_C009")
    await request_trainings([asset_of_another], bench.ports)
    await bench.deliver()
    [run_id] = await request_trainings([a_request()], bench.ports)
    await bench.deliver()
    assert bench.run(run_id).phase is TrainingPhase.FAILED
    assert "is there with the filter" in bench.run(run_id).failure


async def test_a_version_somebody_else_took_is_followed_by_the_next_one(bench: TrainingBench) -> None:
    """Another pipeline registers a model of the same name at the same moment."""
    bench.platform.rivals = {"1"}
    [run_id] = await request_trainings([a_request()], bench.ports)
    await bench.until_quiet()
    assert bench.run(run_id).model_version == "2"
    assert sorted(version for _, version in bench.platform.models) == ["1", "2"]


async def test_a_model_of_this_run_that_is_there_already_is_taken_as_it_is(bench: TrainingBench) -> None:
    """The table was restored from a copy that is older than the registration."""
    [run_id] = await request_trainings([a_request()], bench.ports)
    there = ModelSeen(name="sensor_model_P001_C001", version="7", tags={"training_run": run_id})
    bench.platform.models[there.name, there.version] = there
    await bench.until_quiet()
    assert (bench.run(run_id).model_version, len(bench.platform.models)) == ("7", 1)


async def test_a_slot_is_free_as_soon_as_its_job_has_ended(bench: TrainingBench) -> None:
    """Registering the model needs no node."""
    bench.platform.decide = lambda _: (0, "Completed", "")
    bench.platform.faults["versions"] = TransientFault("Azure ML did not answer")
    [run_id] = await request_trainings([a_request()], bench.ports)
    await bench.deliver()
    bench.clock.advance(31)
    await bench.deliver()
    assert (bench.run(run_id).phase, bench.slots.slots) == (TrainingPhase.REGISTERING_MODEL, [])


async def test_more_than_five_failures_in_a_day_raise_the_alert_once_an_hour(bench: TrainingBench) -> None:
    """R-TRAIN-21: "High Training Failure Rate"."""
    bench.platform.decide = lambda _: (10, "Failed", "NoRowsError: none")
    requests = [a_request(f"C{number:03}") for number in range(1, 8)]
    await request_trainings(requests[:5], bench.ports)
    await bench.until_quiet()
    assert await watch_failures(bench.ports) == 5
    assert not [fact for fact in bench.facts.facts if fact.startswith("training-failures")]
    await request_trainings(requests[5:], bench.ports)
    await bench.until_quiet()
    alerts = {i: f for i, f in bench.facts.facts.items() if i.startswith("training-failures")}
    [(kind, _, told)] = alerts.values()
    assert (kind, told["rule"], told["severity"]) == (
        "switchyard.alert.training-failures",
        "High Training Failure Rate",
        "Sev2",
    )
    bench.clock.advance(90_000)
    assert await watch_failures(bench.ports) == 0


async def test_training_by_hand_takes_the_deployed_configuration_and_a_date(bench: TrainingBench) -> None:
    run, is_new = await train_by_hand("P001", "C001", date(2025, 11, 30), ENGINEER, bench.ports)
    assert is_new
    assert (run.request.cutoff_date, run.request.pr_number) == (date(2025, 11, 30), MANUAL)
    assert run.request.author == "ada@example.com"
    again, is_new = await train_by_hand("P001", "C001", date(2025, 11, 30), replace(ENGINEER, name="Eve"), bench.ports)
    assert (again.run_id, is_new) == (run.run_id, False)


async def test_what_failed_by_hand_can_be_asked_for_again(bench: TrainingBench) -> None:
    bench.platform.decide = lambda _: (10, "Failed", "NoRowsError: none")
    first, _ = await train_by_hand("P001", "C001", None, ENGINEER, bench.ports)
    await bench.until_quiet()
    second, is_new = await train_by_hand("P001", "C001", None, ENGINEER, bench.ports)
    assert is_new
    assert second.run_id != first.run_id


async def test_only_members_train_and_only_circuits_and_days_that_are_there(bench: TrainingBench) -> None:
    with pytest.raises(NotEligible):
        await train_by_hand("P001", "C001", None, STRANGER, bench.ports)
    with pytest.raises(InvalidRequest, match="plants_circuits"):
        await train_by_hand("P009", "C001", None, ENGINEER, bench.ports)
    with pytest.raises(InvalidRequest, match="not over yet"):
        await train_by_hand("P001", "C001", bench.clock.now().date(), ENGINEER, bench.ports)


async def test_an_aborted_run_cancels_its_job_and_frees_its_slot(bench: TrainingBench) -> None:
    bench.platform.decide = lambda _: (9000, "Completed", "")
    [run_id] = await request_trainings([a_request()], bench.ports)
    await bench.deliver()
    with pytest.raises(NotEligible):
        await people.abort_training(run_id, STRANGER, "why not", bench.ports)
    with pytest.raises(InvalidRequest):
        await people.abort_training(run_id, ENGINEER, "  ", bench.ports)
    first = await people.abort_training(run_id, ENGINEER, "wrong date", bench.ports)
    assert await people.abort_training(run_id, ENGINEER, "again", bench.ports) == first
    await bench.until_quiet()
    assert bench.run(run_id).phase is TrainingPhase.ABORTED
    assert "wrong date" in bench.run(run_id).failure
    assert (bench.slots.slots, bench.platform.live(), bench.platform.models) == ([], [], {})


async def test_a_registered_model_is_stopped_in_its_release_and_not_here(bench: TrainingBench) -> None:
    [run_id] = await request_trainings([a_request()], bench.ports)
    await bench.until_quiet()
    with pytest.raises(Conflict, match="reject the model in its release"):
        await people.abort_training(run_id, ENGINEER, "too late", bench.ports)
    with pytest.raises(people.NoSuchTraining):
        await people.abort_training("train-nobody", ENGINEER, "nobody", bench.ports)


async def test_of_a_run_that_failed_nothing_is_left_to_abort(bench: TrainingBench) -> None:
    """It has no model that anybody could reject."""
    bench.platform.decide = lambda _: (1, "Failed", "no rows")
    [run_id] = await request_trainings([a_request()], bench.ports)
    await bench.until_quiet()
    with pytest.raises(Conflict, match="nothing is left to abort"):
        await people.abort_training(run_id, ENGINEER, "too late", bench.ports)


async def test_the_sweep_brings_back_lost_looks_and_slots_of_nobody(bench: TrainingBench) -> None:
    [run_id] = await request_trainings([a_request()], bench.ports)
    bench.queue.sent.clear()
    await bench.slots.claim("train-gone", bench.clock.now(), 5)
    bench.clock.advance(31)
    report = await sweep(nets(bench.ports))
    assert report.made_good == {"trainings": 1, "slots": 1, "failures": 0}
    assert bench.slots.slots == []
    await bench.until_quiet()
    assert bench.run(run_id).phase is TrainingPhase.SUCCEEDED


async def test_the_sweep_frees_the_slot_of_a_run_that_has_ended_and_of_no_other(bench: TrainingBench) -> None:
    """A crash fell between the end and the slot."""
    [ended] = await request_trainings([a_request()], bench.ports)
    await bench.until_quiet()
    bench.platform.decide = lambda _: (9000, "Completed", "")
    [trains] = await request_trainings([a_request("C002")], bench.ports)
    await bench.deliver()
    await bench.slots.claim(ended, bench.clock.now(), 5)
    report = await sweep(nets(bench.ports))
    assert report.made_good["slots"] == 1
    assert [slot.run_id for slot in bench.slots.slots] == [trains]


async def test_a_job_that_changed_has_its_run_looked_at(bench: TrainingBench) -> None:
    [run_id] = await request_trainings([a_request()], bench.ports)
    await bench.deliver()
    assert await job_changed(f"{run_id}-1", "event-7", bench.ports) == run_id
    assert f"{run_id}-event-7" in bench.queue.ids
    assert await job_changed("train-nobody-1", "event-8", bench.ports) is None
    assert await job_changed("some-other-job", "event-9", bench.ports) is None


async def test_a_fault_is_waited_out_with_its_reason_and_a_growing_pause(bench: TrainingBench) -> None:
    bench.platform.faults["register_data"] = TransientFault("Azure ML did not answer")
    [run_id] = await request_trainings([a_request()], bench.ports)
    await advance(run_id, bench.ports)
    first = bench.run(run_id)
    assert "did not answer" in first.waits_for
    bench.clock.advance(6)
    await advance(run_id, bench.ports)
    second = bench.run(run_id)
    assert first.look_at is not None
    assert second.look_at is not None
    assert second.look_at - bench.clock.now() > first.look_at - first.since


async def test_a_service_that_asks_for_patience_gets_it(bench: TrainingBench) -> None:
    bench.platform.faults["register_data"] = PlatformThrottled("too many requests", retry_after_s=120)
    [run_id] = await request_trainings([a_request()], bench.ports)
    await advance(run_id, bench.ports)
    assert bench.run(run_id).look_at == bench.clock.now() + timedelta(seconds=120)


async def test_lineage_leads_from_the_model_to_its_data_and_its_change(bench: TrainingBench) -> None:
    [run_id] = await request_trainings([a_request()], bench.ports)
    await bench.until_quiet()
    by_circuit = await people.lineage_of("P001/C001", "1", bench.ports)
    assert by_circuit == await people.lineage_of("sensor_model_P001_C001", "1", bench.ports)
    assert by_circuit.job_data == "sensor_training_data_P001_C001:2025-12-09"
    assert by_circuit.run is not None
    assert by_circuit.run.run_id == run_id
    assert by_circuit.artifact is not None
    with pytest.raises(people.NoSuchTraining):
        await people.lineage_of("P001/C001", "2", bench.ports)


async def test_a_job_that_is_refused_leaves_no_slot_behind(bench: TrainingBench) -> None:
    bench.platform.faults["submit"] = PlatformRefused("there is no compute cpu-cluster")
    [run_id] = await request_trainings([a_request()], bench.ports)
    await bench.until_quiet()
    assert (bench.run(run_id).phase, bench.slots.slots) == (TrainingPhase.FAILED, [])
    assert "cpu-cluster" in bench.run(run_id).failure
