"""Commands: stale ones are dropped, repeated ones do no harm, and each kind of trouble is told as what it is."""

from datetime import timedelta
from typing import Any

import pytest

from shared.application.effects import carry_out
from shared.application.errors import (
    PlatformErrored,
    PlatformOutcomeUnknown,
    PlatformRefused,
    PortError,
    TransientFault,
)
from shared.application.ports import Place
from shared.domain import commands as c
from shared.domain import events as e
from shared.domain.model import Phase, Release, Verdict
from shared.domain.specs import wanted_spec
from shared.domain.steps import observe_commands, step_commands
from tests.application.bench import MODEL, TRAINER, VERSION, Bench
from tests.builders import NOW, RELEASE_ID, a_release, a_spec
from tests.fakes.platform import FakeDeployment, MemoryModelPlatform

KEY = "P001-C001"
CANDIDATE_TAGS = {"plant_id": "P001", "circuit_id": "C001"}


class TroubledPlatform(MemoryModelPlatform):
    """One method raises."""

    def __init__(self, method: str, trouble: PortError) -> None:
        super().__init__()

        async def raises(*arguments: Any) -> None:
            raise trouble

        setattr(self, method, raises)


def answers(bench: Bench) -> list[e.Event]:
    return [event for _, event, _ in bench.events.sent]


def only_answer(bench: Bench) -> e.Event:
    (event,) = answers(bench)
    return event


def step(release: Release) -> c.Command:
    """The command that carries the release's current phase out."""
    (command,) = step_commands(release)
    return command


async def deploying(bench: Bench, phase: Phase = Phase.DEPLOYING_PRODUCTION) -> Release:
    """A release that is about to deploy, holds its circuit and whose model is in the registry."""
    release = await bench.put(a_release(phase))
    lock = await bench.locks.acquire(KEY, RELEASE_ID, bench.clock.now())
    assert lock.epoch == release.target.epoch
    bench.platform.registry[release.registry_model_id] = "model"
    return release


@pytest.mark.parametrize(
    ("trouble", "kind"),
    [
        (PlatformErrored("503"), e.StepErrored),
        (PlatformRefused("403"), e.StepFailed),
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
    assert (event.serial, getattr(event, "reason", None)) == (release.serial, str(trouble))


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


async def test_deploying_submits_and_says_accepted_not_done(bench: Bench) -> None:
    """The outcome is looked up later."""
    release = await deploying(bench)

    await carry_out(step(release), bench.ports)

    assert isinstance(only_answer(bench), e.DeploymentSubmitted)
    assert bench.platform.puts == [(Place.PRODUCTION, wanted_spec(release, release.phase))]


async def test_deploying_what_is_there_already_changes_nothing(bench: Bench) -> None:
    """A repeated command reads and is content."""
    release = await deploying(bench)
    await carry_out(step(release), bench.ports)
    await carry_out(step(release), bench.ports)

    assert len(bench.platform.puts) == 1
    observed = answers(bench)[1]
    assert isinstance(observed, e.DeploymentObserved)
    assert observed.running is e.Running.WANTED


@pytest.mark.parametrize("thief", ["", "another-release"], ids=["nobody", "another release"])
async def test_nothing_is_deployed_without_holding_the_circuit(bench: Bench, thief: str) -> None:
    """A fresh look at the lock right before the change, because Azure ML cannot fence (I7)."""
    release = await deploying(bench)
    await bench.locks.free(KEY, RELEASE_ID, bench.clock.now())
    if thief:
        await bench.locks.acquire(KEY, thief, bench.clock.now())

    await carry_out(step(release), bench.ports)

    assert (bench.platform.puts, bench.events.sent) == ([], [])


async def test_nothing_is_deployed_under_an_old_epoch(bench: Bench) -> None:
    """The lock was lost and taken again: what was decided before is void (I7)."""
    release = await deploying(bench)
    await bench.locks.free(KEY, RELEASE_ID, bench.clock.now())
    await bench.locks.acquire(KEY, RELEASE_ID, bench.clock.now())

    await carry_out(step(release), bench.ports)

    assert bench.platform.puts == []


class ReleaseMovesOn(MemoryModelPlatform):
    """While the deployment is read, somebody ends the step."""

    def __init__(self, bench: Bench) -> None:
        super().__init__()
        self._bench = bench

    async def get_deployment(self, place: Place, endpoint_name: str, deployment_name: str) -> Any:
        partition = self._bench.store.partitions[RELEASE_ID]
        partition.release = a_release(Phase.SETTLING, serial=partition.release.serial + 1)
        return await super().get_deployment(place, endpoint_name, deployment_name)


async def test_nothing_is_deployed_once_the_release_has_moved_on(bench: Bench) -> None:
    """Also when it moves on after the command was found fresh (I3)."""
    bench.platform = ReleaseMovesOn(bench)
    release = await deploying(bench)

    await carry_out(step(release), bench.ports)

    assert bench.platform.puts == []


@pytest.mark.parametrize("phase", [Phase.DEPLOYING_PRODUCTION, Phase.RECORDING_PREVIOUS])
async def test_a_deployment_that_somebody_is_changing_is_a_technical_fault(bench: Bench, phase: Phase) -> None:
    """Neither overwritten nor recorded as previous (I1)."""
    release = await deploying(bench, phase)
    spec = a_spec()
    key = (Place.PRODUCTION, spec.endpoint_name, spec.deployment_name)
    bench.platform.deployments[key] = FakeDeployment(spec=spec, reads_left=5)

    await carry_out(step(release), bench.ports)

    event = only_answer(bench)
    assert isinstance(event, e.StepErrored)
    assert "somebody is changing it" in event.reason
    assert bench.platform.puts == []


async def test_the_circuit_is_taken_once_and_the_next_release_is_told_by_whom(bench: Bench) -> None:
    """One release at a time; asking again gives the same epoch (I7, I8)."""
    release = await bench.put(a_release(Phase.WAITING_FOR_CIRCUIT))
    await bench.locks.acquire(KEY, "another-release", bench.clock.now())
    await carry_out(step(release), bench.ports)
    busy = only_answer(bench)
    assert isinstance(busy, e.CircuitBusy)
    assert busy.holder == "another-release"

    await bench.locks.free(KEY, "another-release", bench.clock.now())
    await carry_out(step(release), bench.ports)
    await carry_out(step(release), bench.ports)

    acquired = answers(bench)[1:]
    assert [event.epoch for event in acquired if isinstance(event, e.CircuitAcquired)] == [2]


async def test_a_circuit_that_cools_down_is_busy(bench: Bench) -> None:
    """A late request of the last holder must not land on this one's work."""
    release = await bench.put(a_release(Phase.WAITING_FOR_CIRCUIT))
    await bench.locks.acquire(KEY, "ended", bench.clock.now())
    free = c.FreeCircuit(command_id="f", release_id="ended", serial=9, target_key=KEY, cool_down_s=180)
    await carry_out(free, bench.ports)
    bench.clock.advance(179)
    await carry_out(step(release), bench.ports)
    bench.clock.advance(1)
    await carry_out(step(release), bench.ports)

    assert [type(event) for event in answers(bench)] == [e.CircuitBusy, e.CircuitAcquired]


@pytest.mark.parametrize(
    ("version", "tags", "said"),
    [
        ("7", {"plant_id": "P001"}, "has no tags plant_id and circuit_id"),
        ("7", {"plant_id": "P999", "circuit_id": "C001"}, "is not in config/plants_circuits.yml"),
        ("8", CANDIDATE_TAGS, "there is no model"),
    ],
)
async def test_a_model_that_is_no_candidate_is_refused_with_what_to_do(
    bench: Bench, version: str, tags: dict[str, str], said: str
) -> None:
    """The event was a hint; Azure ML and the fleet decide."""
    bench.platform.add_model(MODEL, version, tags)
    release = await bench.put(a_release(model_name=MODEL, model_version=VERSION))

    await carry_out(step(release), bench.ports)

    event = only_answer(bench)
    assert isinstance(event, e.StepFailed)
    assert said in event.reason


async def test_whoever_the_service_or_the_tags_name_is_a_requester(bench: Bench) -> None:
    """A false name can only forbid, never allow (I4)."""
    bench.platform.add_model(MODEL, VERSION, {**CANDIDATE_TAGS, "pr_author": "rita"}, created_by=TRAINER)
    release = await bench.put(a_release(model_name=MODEL, model_version=VERSION))

    await carry_out(step(release), bench.ports)

    event = only_answer(bench)
    assert isinstance(event, e.CandidateVerified)
    assert event.candidate.requesters == ("rita", TRAINER)


async def test_a_model_that_changed_after_its_approval_is_not_promoted(bench: Bench) -> None:
    """What was approved is what is shared (I2, I5)."""
    bench.platform.add_model("sensor-model-P001-C001", VERSION, CANDIDATE_TAGS)
    release = await bench.put(a_release(Phase.PROMOTING))

    await carry_out(step(release), bench.ports)

    event = only_answer(bench)
    assert isinstance(event, e.StepFailed)
    assert "changed after it was approved" in event.reason
    assert bench.platform.registry == {}


async def testing(bench: Bench) -> Release:
    """A release whose candidate runs in test."""
    release = await bench.put(a_release(Phase.TESTING))
    bench.platform.apply_put(Place.TEST, wanted_spec(release, Phase.TESTING))
    return release


async def test_one_attempt_starts_one_job_however_often_it_is_told(bench: Bench) -> None:
    """A claim is durable before the job is started (I14)."""
    release = await testing(bench)
    for _ in range(3):
        await carry_out(step(release), bench.ports)

    assert len(bench.platform.jobs) == 1
    assert isinstance(only_answer(bench), e.TestStarted)


async def test_a_start_that_nobody_knows_the_end_of_is_waited_for_and_then_errored(bench: Bench) -> None:
    """It died between claim and job: another attempt gets a claim of its own (I14)."""
    release = await testing(bench)
    await bench.jobs.claim(RELEASE_ID, release.serial, bench.clock.now())
    await carry_out(step(release), bench.ports)
    assert bench.events.sent == []

    bench.clock.advance(release.policy.limits.settle_quiet_s)
    await carry_out(step(release), bench.ports)

    assert isinstance(only_answer(bench), e.StepErrored)
    assert bench.platform.jobs == {}


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        ("Completed", Verdict.PASSED),
        ("Failed", Verdict.FAILED),
        ("Canceled", Verdict.ERRORED),
        ("Not Responding", Verdict.ERRORED),
    ],
)
async def test_an_ended_job_gets_the_verdict_of_its_status(bench: Bench, status: str, verdict: Verdict) -> None:
    """Failed is about the model, errored is not."""
    bench.platform.job_status = status

    event = await observed_after_start(bench)

    assert isinstance(event, e.TestFinished)
    assert event.verdict is verdict


async def test_a_job_that_ran_while_somebody_changed_test_is_inconclusive(bench: Bench) -> None:
    """It did not judge the candidate (I16: unknown is not passed)."""
    event = await observed_after_start(bench, disturb=True)

    assert isinstance(event, e.TestFinished)
    assert event.verdict is Verdict.INCONCLUSIVE


@pytest.mark.parametrize("status", ["Running", "Queued", "AWordOfTomorrow"])
async def test_a_job_with_any_other_status_is_still_running(bench: Bench, status: str) -> None:
    """An unknown word is never a verdict."""
    bench.platform.job_status = status

    assert isinstance(await observed_after_start(bench), e.TestStillRunning)


async def observed_after_start(bench: Bench, *, disturb: bool = False) -> e.Event:
    """Starts the test, lets somebody else deploy to test, and looks."""
    release = await testing(bench)
    await carry_out(step(release), bench.ports)
    await bench.deliver()
    if disturb:
        bench.platform.apply_put(Place.TEST, a_spec())
    await carry_out(observe_commands(bench.release(RELEASE_ID), "-look")[0], bench.ports)
    return answers(bench)[-1]


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
