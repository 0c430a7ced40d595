"""The watch on the fakes: what the daily inference recorded decides whether an environment stays."""

from datetime import timedelta

import pytest

from shared.application.errors import TransientFault
from shared.application.release.effects.carry_out import carry_out
from shared.application.release.ports import Outcomes
from shared.domain.release.commands import CountBatchJobs
from shared.domain.release.events import BatchJobsCounted
from shared.domain.release.model import Phase
from tests.fakes.outcomes import MemoryBatchOutcomes
from tests.support.benches.release import Bench
from tests.support.benches.road import NEW, OLD, running, up_to

CIRCUITS = [f"{plant}-{circuit}" for plant in ("P001", "P002", "P003") for circuit in ("C001", "C002")]


class SilentOutcomes(MemoryBatchOutcomes):
    """Does not answer."""

    async def since(self, *_: object) -> dict[str, object]:  # type: ignore[override]
        raise TransientFault("the table did not answer")


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
