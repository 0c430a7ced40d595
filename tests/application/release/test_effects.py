"""Commands: stale ones are dropped, and each kind of trouble is told as what it is."""

from datetime import timedelta
from typing import Any

import pytest

from shared.application.carry_out import VERBS, carry_out
from shared.application.errors import (
    PlatformBlocked,
    PlatformBusy,
    PlatformErrored,
    PlatformOutcomeUnknown,
    PlatformRefused,
    PortError,
    TransientFault,
)
from shared.domain.release import commands as c
from shared.domain.release import events as e
from shared.domain.release.model import Phase
from tests.fakes.platform import MemoryModelPlatform
from tests.support.benches.release import TRAINER, VERSION, Bench
from tests.support.benches.steps import CANDIDATE_TAGS, deploying, only_answer, step
from tests.support.builders import NOW, RELEASE_ID, a_candidate, a_release


class TroubledPlatform(MemoryModelPlatform):
    """One method raises."""

    def __init__(self, method: str, trouble: PortError) -> None:
        super().__init__()

        async def raises(*arguments: Any) -> None:
            raise trouble

        setattr(self, method, raises)


def test_every_command_that_leaves_for_the_effects_can_be_carried_out() -> None:
    """A new command needs its line in `VERBS`; the event of a ScheduleEvent goes to its release instead."""
    assert set(VERBS) == set(c.COMMAND_TYPES) - {c.ScheduleEvent}


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (PlatformErrored("503"), e.StepErrored),
        (PlatformBusy("another operation"), e.StepBusy),
        (PlatformRefused("the model is of a wrong type"), e.StepFailed),
        (PlatformBlocked("403"), e.StepBlocked),
        (PlatformOutcomeUnknown("no answer"), e.OutcomeUnknown),
    ],
)
async def test_each_kind_of_trouble_of_azure_ml_is_told_as_what_it_is(
    bench: Bench, trouble: PortError, kind: type[e.StepEvent]
) -> None:
    """Errored, refused and unknown have different next steps; none is mapped to another."""
    bench.platform = TroubledPlatform("put_deployment", trouble)
    release = await deploying(bench)

    await carry_out(step(release), bench.ports)

    event = only_answer(bench)
    assert isinstance(event, kind)
    said = event.detail if isinstance(event, e.StepBusy) else getattr(event, "reason", "")
    assert (event.serial, said) == (release.serial, str(trouble))


async def test_a_store_that_does_not_answer_is_no_fault_of_the_step(bench: Bench) -> None:
    """The message comes back; the core is told nothing."""
    bench.platform = TroubledPlatform("get_deployment", TransientFault("busy"))
    release = await deploying(bench)

    with pytest.raises(TransientFault):
        await carry_out(step(release), bench.ports)

    assert bench.events.sent == []


@pytest.mark.parametrize(
    "phase",
    [
        Phase.VERIFYING,
        Phase.PROMOTING,
        Phase.WAITING_FOR_CIRCUIT,
        Phase.DEPLOYING_TEST,
        Phase.TESTING,
        Phase.RECORDING_PREVIOUS,
        Phase.DEPLOYING_PRODUCTION,
        Phase.RESTORING,
    ],
)
async def test_a_command_of_an_earlier_step_is_dropped(bench: Bench, phase: Phase) -> None:
    """Its release has moved on: it changes nothing, asks nothing and answers nothing (I3)."""
    release = await bench.put(a_release(phase))
    command = step(release)
    bench.store.partitions[RELEASE_ID].release = a_release(phase, serial=release.serial + 1)

    await carry_out(command, bench.ports)

    assert (bench.events.sent, bench.platform.puts, bench.platform.jobs, bench.locks.locks) == ([], [], {}, {})


@pytest.mark.parametrize(
    ("version", "tags", "said", "kind"),
    [
        ("7", {"plant_id": "P001"}, "has no tags plant_id and circuit_id", e.StepFailed),
        ("7", {"plant_id": "P999", "circuit_id": "C001"}, "is not in config/plants_circuits.yml", e.StepBlocked),
        ("8", CANDIDATE_TAGS, "there is no model", e.StepBlocked),
    ],
)
async def test_a_model_that_is_no_candidate_is_refused_with_what_to_do(
    bench: Bench, version: str, tags: dict[str, str], said: str, kind: type[e.StepEvent]
) -> None:
    """The event was a hint; Azure ML and the fleet decide. What can still be registered or configured is waited for."""
    bench.platform.add_model(a_candidate().name, version, tags)
    release = await bench.put(a_release())

    await carry_out(step(release), bench.ports)

    event = only_answer(bench)
    assert isinstance(event, kind)
    assert said in getattr(event, "reason", "")


async def test_whoever_the_service_or_the_tags_name_is_a_requester(bench: Bench) -> None:
    """A false name can only forbid, never allow (I4)."""
    bench.platform.add_model(a_candidate().name, VERSION, {**CANDIDATE_TAGS, "pr_author": "rita"}, created_by=TRAINER)
    release = await bench.put(a_release())

    await carry_out(step(release), bench.ports)

    event = only_answer(bench)
    assert isinstance(event, e.CandidateVerified)
    assert event.candidate.requesters == ("rita", "trainer-id", TRAINER)


async def test_a_model_that_changed_after_its_approval_is_not_promoted(bench: Bench) -> None:
    """What was approved is what is shared (I2, I5)."""
    bench.platform.add_model(a_candidate().name, VERSION, CANDIDATE_TAGS)
    release = await bench.put(a_release(Phase.PROMOTING))

    await carry_out(step(release), bench.ports)

    event = only_answer(bench)
    assert isinstance(event, e.StepFailed)
    assert "changed after it was approved" in event.reason
    assert bench.platform.registry == {}


async def test_that_a_job_cannot_be_cancelled_harms_nothing(bench: Bench) -> None:
    """Nobody waits for it."""
    bench.platform = TroubledPlatform("cancel_job", PlatformErrored("503"))

    await carry_out(c.CancelTest(command_id="x", release_id=RELEASE_ID, serial=1, job_name="job"), bench.ports)

    assert bench.events.sent == []


async def test_a_fact_told_twice_has_one_id(bench: Bench) -> None:
    """Receivers drop duplicates by it."""
    fact = c.PublishFact(
        command_id="f", release_id=RELEASE_ID, serial=1, phase=Phase.HELD, subject="s", reason="why", at=NOW
    )
    await carry_out(fact, bench.ports)
    bench.clock.advance(timedelta(minutes=1).total_seconds())
    await carry_out(fact, bench.ports)

    ((kind, _, data),) = bench.facts.facts.values()
    assert kind == "switchyard.release.held"
    assert data == {"release_id": RELEASE_ID, "phase": "held", "reason": "why", "at": NOW.isoformat()}
