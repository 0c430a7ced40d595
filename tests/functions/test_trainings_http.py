"""The functions of training: HTTP, the queue, its dead letters, the sweep."""

from collections.abc import Iterator
from datetime import timedelta

import pytest

from shared import bootstrap
from shared.application.errors import TransientFault
from shared.application.training.ports import look_of
from shared.application.training.start import request_trainings
from shared.contracts.inbound.event_grid import RUN_COMPLETED
from shared.contracts.looks import encode_look
from shared.contracts.messages import MessageError
from shared.domain.training.model import TrainingPhase
from tests.functions.callers import Signer, answered, function, message, request
from tests.functions.test_messages import event_grid
from tests.support.benches.release import Bench
from tests.support.benches.training import TrainingBench, a_request

train = function("train_circuit")
list_trainings = function("list_trainings")
read_training = function("read_training")
abort_training = function("abort_training")
read_lineage = function("read_lineage")
read_circuit_lineage = function("read_circuit_lineage")
on_look = function("trainings")
on_dead = function("dead_trainings")
on_sweep = function("sweep_trainings")
WISH = {"plant_id": "P001", "circuit_id": "C001", "cutoff_date": "2025-12-09"}


@pytest.fixture
def workshop(bench: Bench) -> Iterator[TrainingBench]:
    """The ports of training beside those of releases."""
    made = TrainingBench()
    bootstrap.training_ports.provide(lambda: made.ports)
    yield made
    bootstrap.training_ports.provide(None)


async def test_training_by_hand_is_accepted_once_and_shown_afterwards(workshop: TrainingBench, signer: Signer) -> None:
    """202, then 200 with the same run; the author comes from the token."""
    run = answered(await train(request(signer.token(), WISH, method="POST")), 202)
    assert answered(await train(request(signer.token(), WISH, method="POST")), 200)["run_id"] == run["run_id"]
    assert (run["phase"], run["author"], run["pr_number"]) == ("registering_data", "person2@example.com", "MANUAL")
    assert run["waits_for"]
    assert run["deadline_at"]
    await workshop.until_quiet()
    shown = answered(await read_training(request(signer.token(), run_id=run["run_id"])), 200)
    assert (shown["phase"], shown["model_version"]) == ("succeeded", "1")
    assert shown["release_id"].startswith("sensor-model-p001-c001-1-")


async def test_the_list_shows_who_has_the_slots(workshop: TrainingBench, signer: Signer) -> None:
    workshop.platform.decide = lambda _: (9000, "Completed", "")
    await request_trainings([a_request()], workshop.ports)
    await workshop.deliver()
    listed = answered(await list_trainings(request(signer.token())), 200)
    assert [run["phase"] for run in listed["trainings"]] == ["training"]
    assert [slot["run_id"] for slot in listed["slots"]] == [listed["trainings"][0]["run_id"]]
    assert listed["parallel_max"] == 5


async def test_the_list_has_pages(workshop: TrainingBench, signer: Signer) -> None:
    """Of each circuit's run on one of them."""
    workshop.platform.decide = lambda _: (9000, "Completed", "")
    await request_trainings([a_request("C001"), a_request("C002")], workshop.ports)
    first = answered(await list_trainings(request(signer.token(), query={"limit": "1"})), 200)
    query = {"limit": "1", "after": first["next"]}
    last = answered(await list_trainings(request(signer.token(), query=query)), 200)
    assert {run["circuit_id"] for run in (*first["trainings"], *last["trainings"])} == {"C001", "C002"}
    assert last["next"] is None
    answered(await list_trainings(request(signer.token(), query={"after": "elsewhere"})), 400)


@pytest.mark.parametrize(
    ("wish", "status"),
    [
        ({**WISH, "plant_id": "P009"}, 400),
        ({**WISH, "plant_id": "../x"}, 400),
        ({**WISH, "cutoff_date": "2025-13-01"}, 400),
        ({**WISH, "cutoff_date": "2026-01-05"}, 400),
        ({**WISH, "author": "somebody else"}, 400),
    ],
    ids=["no such circuit", "no id", "no day", "today", "another author"],
)
async def test_a_wish_that_cannot_be_is_refused(
    workshop: TrainingBench, signer: Signer, wish: dict[str, str], status: int
) -> None:
    answered(await train(request(signer.token(), wish, method="POST")), status)
    assert workshop.runs.runs == {}


async def test_who_is_no_member_may_look_and_not_train(workshop: TrainingBench, signer: Signer) -> None:
    stranger = signer.token(groups=[])
    answered(await train(request(stranger, WISH, method="POST")), 403)
    answered(await list_trainings(request(stranger)), 200)
    answered(await list_trainings(request(None)), 401)


async def test_an_abort_says_what_it_waits_for(workshop: TrainingBench, signer: Signer) -> None:
    workshop.platform.decide = lambda _: (9000, "Completed", "")
    [run_id] = await request_trainings([a_request()], workshop.ports)
    await workshop.deliver()
    wish = request(signer.token(), {"reason": "wrong date"}, method="POST", run_id=run_id)
    assert "the end of job" in answered(await abort_training(wish), 202)["waits_for"]
    await workshop.until_quiet()
    assert answered(await abort_training(wish), 200)["phase"] == "aborted"
    nobody = request(signer.token(), {"reason": "x"}, method="POST", run_id="train-nobody")
    answered(await abort_training(nobody), 404)


async def test_lineage_is_read_by_name_and_by_circuit(workshop: TrainingBench, signer: Signer) -> None:
    await request_trainings([a_request()], workshop.ports)
    await workshop.until_quiet()
    name = request(signer.token(), name="sensor_model_P001_C001", version="1")
    told = answered(await read_lineage(name), 200)
    circuit = request(signer.token(), plant_id="P001", circuit_id="C001", version="1")
    assert answered(await read_circuit_lineage(circuit), 200) == told
    assert told["consistent"]
    assert (told["pr_number"], told["commit"]) == ("PR-1234", "4f2a" * 10)
    assert told["data"]["filter"] == "date <= '2025-12-09' AND sensor_id == 'SENSOR_P001_C001'"
    assert told["hyperparameters"]["lstm_units"] == 2
    answered(await read_lineage(request(signer.token(), name="nobody", version="1")), 404)


async def test_lineage_that_does_not_agree_says_so(workshop: TrainingBench, signer: Signer) -> None:
    """The job read something else than the tags say."""
    await request_trainings([a_request()], workshop.ports)
    await workshop.until_quiet()
    workshop.platform.jobs.clear()
    circuit = request(signer.token(), plant_id="P001", circuit_id="C001", version="1")
    assert not answered(await read_circuit_lineage(circuit), 200)["consistent"]


async def test_a_message_has_its_run_looked_at_and_any_other_body_fails(workshop: TrainingBench) -> None:
    [run_id] = await request_trainings([a_request()], workshop.ports)
    await on_look(message(encode_look(look_of(run_id))))
    assert workshop.run(run_id).phase is TrainingPhase.TRAINING
    with pytest.raises(MessageError):
        await on_look(message("{}"))


async def test_a_store_that_does_not_answer_costs_no_delivery(workshop: TrainingBench) -> None:
    """The look comes back by itself, a little later."""
    [run_id] = await request_trainings([a_request()], workshop.ports)
    workshop.runs.silent = True
    await on_look(message(encode_look(look_of(run_id)), f"{run_id}-asked"))
    later = workshop.queue.sent[-1]
    assert later.message_id == f"{run_id}-asked-try-1"
    assert later.at == workshop.clock.now() + timedelta(seconds=5)


async def test_a_dead_letter_is_kept_with_its_body(workshop: TrainingBench, bench: Bench) -> None:
    await on_dead(message("no message", "m-9"))
    [(result, subject, reason)] = [(each[0], each[1], each[2]) for each in bench.intake.records.values()]
    assert (result.value, subject, reason) == ("quarantined", "trainings", "no reason was given: no message")


async def test_a_dead_letter_of_a_run_is_recorded_and_the_run_says_why(
    workshop: TrainingBench, bench: Bench, signer: Signer
) -> None:
    """It is looked at again by itself, and goes on."""
    [run_id] = await request_trainings([a_request()], workshop.ports)
    workshop.queue.sent.clear()
    await on_dead(message(encode_look(look_of(run_id)), "m-9", DeadLetterReason="MaxDeliveryCountExceeded"))

    shown = answered(await read_training(request(signer.token(), run_id=run_id)), 200)
    assert shown["phase"] == "registering_data"
    assert "message m-9 of trainings could not be processed" in shown["waits_for"]
    assert [subject for _, subject, _ in bench.intake.records.values()] == ["trainings"]
    await workshop.until_quiet()
    assert workshop.run(run_id).phase is TrainingPhase.SUCCEEDED


async def test_a_dead_letter_while_the_store_is_away_comes_back(workshop: TrainingBench) -> None:
    """A dead letter that is completed is gone."""
    [run_id] = await request_trainings([a_request()], workshop.ports)
    workshop.runs.silent = True
    with pytest.raises(TransientFault):
        await on_dead(message(encode_look(look_of(run_id))))


async def test_the_sweep_looks_at_what_is_late(workshop: TrainingBench) -> None:
    [run_id] = await request_trainings([a_request()], workshop.ports)
    workshop.queue.sent.clear()
    workshop.clock.advance(60)
    await on_sweep(None)
    assert workshop.queue.keys == [run_id]


async def test_a_run_of_azure_ml_that_changed_is_a_hint_to_its_training(workshop: TrainingBench) -> None:
    [run_id] = await request_trainings([a_request()], workshop.ports)
    await function("run_events")(event_grid(RUN_COMPLETED, {"runId": f"{run_id}-1"}))
    assert any(each.startswith(f"{run_id}-") and each != f"{run_id}-asked" for each in workshop.queue.ids)
