"""The watch on the fakes: what the daily inference recorded decides whether an environment stays."""

from datetime import timedelta

import pytest

from shared.application.carry_out import carry_out
from shared.application.errors import PlatformErrored, TransientFault
from shared.application.platform_ports import DeploymentState, Place
from shared.application.release.ports import Outcomes
from shared.domain.release.commands import CountBatchJobs
from shared.domain.release.events import BatchJobsCounted
from shared.domain.release.model import Phase
from tests.fakes.environment_platform import MemoryEnvironmentPlatform
from tests.fakes.outcomes import MemoryBatchOutcomes
from tests.support.benches.release import Bench
from tests.support.benches.road import NEW, OLD, running, up_to

CIRCUITS = [f"{plant}-{circuit}" for plant in ("P001", "P002", "P003") for circuit in ("C001", "C002")]


class SilentOutcomes(MemoryBatchOutcomes):
    """Does not answer."""

    async def since(self, *_: object) -> dict[str, object]:  # type: ignore[override]
        raise TransientFault("the table did not answer")


class SilentEnvironments(MemoryEnvironmentPlatform):
    """Lists no deployments."""

    async def list_deployments(self, place: Place, endpoint_name: str) -> list[DeploymentState]:
        raise PlatformErrored("no answer")


async def test_an_environment_whose_batch_jobs_fail_goes_back_by_itself(fleet: Bench) -> None:
    """Found at the next look; production runs what ran before, verified by sample inferences."""
    release = await up_to(fleet, Phase.WATCHING)
    before = fleet.clock.now() - timedelta(minutes=1)
    fleet.batch_outcomes.end("P001-C001", before, failed=50)
    fleet.clock.advance(1000)
    await fleet.deliver()
    assert fleet.release(release.release_id).phase is Phase.WATCHING

    for circuit in CIRCUITS:
        fleet.batch_outcomes.end(circuit, fleet.clock.now(), succeeded=3, failed=1)
    ended = await fleet.run_until(release.release_id, Phase.ROLLED_BACK)

    assert running(fleet) == [OLD] * 6
    notes = [entry.note for entry in fleet.store.partitions[release.release_id].history]
    asked = next(note for note in notes if note.startswith("the watch asked to roll back"))
    assert "18 of 24 batch jobs succeeded (75.0 %), less than 90 %" in asked
    assert ended.rollback_reason.startswith("the watch: 18 of 24")
    assert ended.meter is not None
    assert ended.meter.verified_at is not None


def broken(fleet: Bench, *circuits: str) -> None:
    """Their deployments in production are Failed."""
    for (place, *_), deployment in fleet.platform.deployments.items():
        if place is Place.PRODUCTION and deployment.spec.circuit in circuits:
            deployment.outcome = "Failed"


async def test_an_environment_whose_deployments_have_failed_goes_back_by_itself(fleet: Bench) -> None:
    """A script broke them behind the app's back, and no batch job can run that would tell."""
    release = await up_to(fleet, Phase.WATCHING)
    broken(fleet, "P001-C001", "P002-C001")
    ended = await fleet.run_until(release.release_id, Phase.ROLLED_BACK)

    assert running(fleet) == [OLD] * 6
    assert "the deployment has failed or is gone of P001-C001, P002-C001" in ended.rollback_reason


async def test_a_deployment_that_is_gone_holds_the_watch(fleet: Bench) -> None:
    """One circuit: people are asked."""
    release = await up_to(fleet, Phase.WATCHING)
    gone = next(key for key, each in fleet.platform.deployments.items() if each.spec.circuit == "P003-C002")
    del fleet.platform.deployments[gone]
    held = await fleet.run_until(release.release_id, Phase.HELD)
    assert "the deployment has failed or is gone of P003-C002" in held.reason
    assert "only P003-C002 fails" in held.reason


async def test_a_deployment_that_another_release_is_changing_is_not_judged(fleet: Bench) -> None:
    """A model that fails in the middle of the watch is that release's business, which puts it back."""
    release = await up_to(fleet, Phase.WATCHING)
    broken(fleet, "P001-C001", "P002-C001")
    for key in ("P001-C001", "P002-C001"):
        await fleet.locks.preempt(key, release.release_id, "another", None)
        await fleet.locks.acquire(key, "another", fleet.clock.now())
    fleet.clock.advance(1000)
    await fleet.deliver()
    assert fleet.release(release.release_id).phase is Phase.WATCHING


async def test_where_azure_ml_does_not_answer_no_deployment_is_judged(fleet: Bench) -> None:
    """The jobs are counted all the same."""
    release = await up_to(fleet, Phase.WATCHING)
    command = next(command for _, command, _ in fleet.commands.sent if isinstance(command, CountBatchJobs))
    broken(fleet, *CIRCUITS)
    fleet.environments = SilentEnvironments(fleet.platform)
    await carry_out(command, fleet.ports)
    (counted,) = [event for _, event, _ in fleet.events.sent if isinstance(event, BatchJobsCounted)]
    assert counted.jobs.broken == ()
    assert fleet.release(release.release_id).phase is Phase.WATCHING


async def test_an_environment_whose_batch_jobs_succeed_is_released_with_the_numbers(fleet: Bench) -> None:
    """A failed job here and there is life."""
    release = await up_to(fleet, Phase.WATCHING)
    for circuit in CIRCUITS:
        fleet.batch_outcomes.end(circuit, fleet.clock.now(), succeeded=4)
    fleet.batch_outcomes.end("P002-C002", fleet.clock.now(), failed=1)
    ended = await fleet.run_until(release.release_id, Phase.RELEASED, within_s=100_000)

    assert running(fleet) == [NEW] * 6
    assert "24 of 25 batch jobs succeeded (96.0 %)" in ended.reason


async def test_a_count_that_cannot_be_read_is_tried_later(fleet: Bench) -> None:
    """Silence is no bad news about production, and costs the release nothing."""
    release = await up_to(fleet, Phase.WATCHING)
    command = next(command for _, command, _ in fleet.commands.sent if isinstance(command, CountBatchJobs))
    fleet.batch_outcomes = SilentOutcomes()
    with pytest.raises(TransientFault):
        await carry_out(command, fleet.ports)

    assert fleet.release(release.release_id) == release


async def test_the_same_count_twice_is_one_event(fleet: Bench) -> None:
    """The message may be delivered again."""
    await up_to(fleet, Phase.WATCHING)
    command = next(command for _, command, _ in fleet.commands.sent if isinstance(command, CountBatchJobs))
    for _ in range(3):
        await carry_out(command, fleet.ports)

    assert sum(isinstance(event, BatchJobsCounted) for _, event, _ in fleet.events.sent) == 1


async def test_a_watch_in_which_no_job_ran_does_not_pass(fleet: Bench) -> None:
    """It is made longer as often as the policy says, and then a person is asked; production stays as it is."""
    fleet.batch_outcomes.others = Outcomes()
    release = await up_to(fleet, Phase.WATCHING)
    policy, limits = release.policy.watch, release.policy.limits
    held = await fleet.run_until(release.release_id, Phase.HELD, within_s=300_000)

    watched_s = (held.phase_since - release.phase_since).total_seconds()
    assert watched_s >= limits.watch_s + policy.extensions_max * policy.extension_s
    assert "ended without predictions of P001-C001, P001-C002" in held.reason
    assert running(fleet) == [NEW] * 6


async def test_jobs_that_completed_and_predicted_nothing_do_not_pass(fleet: Bench) -> None:
    """72 of 72 jobs completed, and of none of them anybody has seen predictions."""
    release = await up_to(fleet, Phase.WATCHING)
    for circuit in CIRCUITS:
        fleet.batch_outcomes.end(circuit, fleet.clock.now(), unclear=12)
    held = await fleet.run_until(release.release_id, Phase.HELD, within_s=300_000)

    assert "of 72 more nobody can tell, they left no predictions" in held.reason
