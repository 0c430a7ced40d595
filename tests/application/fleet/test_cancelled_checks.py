"""Compatibility jobs of a release that is aborted: they are stopped, once, and the history says so."""

from collections.abc import Awaitable, Callable

from shared.application.carry_out import carry_out
from shared.application.errors import PlatformErrored
from shared.application.platform_ports import CompatibilityJob, Place
from shared.application.release import people
from shared.domain.release.commands import CancelChecks, CheckTarget
from shared.domain.release.model import Phase, Release
from shared.domain.release.policy import Stage
from tests.fakes.environment_platform import MemoryEnvironmentPlatform
from tests.fakes.platform import MemoryModelPlatform
from tests.support.benches.release import Bench
from tests.support.benches.road import ENGINEER, approved, fleet_in_production, requested, up_to

ENDLESS = 10_000


class StubbornPlatform(MemoryModelPlatform):
    """Does not stop any job."""

    async def cancel_job(self, place: Place, job_name: str) -> None:
        raise PlatformErrored(f"{job_name} is busy")


class EndedMeanwhile(MemoryEnvironmentPlatform):
    """Something else happens while a job is being submitted."""

    def __init__(self, models: MemoryModelPlatform, meanwhile: Callable[[], Awaitable[object]]) -> None:
        super().__init__(models)
        self._meanwhile = meanwhile

    async def submit_check(self, job: CompatibilityJob) -> None:
        await self._meanwhile()
        await super().submit_check(job)


async def checking(fleet: Bench) -> Release:
    """Every model is being checked, and no job ends."""
    fleet.platform.reads_in_progress = ENDLESS
    release_id = await requested(fleet)
    await fleet.run_until(release_id, Phase.AWAITING_REGISTRY_APPROVAL)
    await approved(fleet, release_id, Stage.REGISTRY, ENGINEER)
    return await fleet.run_until(release_id, Phase.CHECKING)


async def aborted(fleet: Bench, release: Release) -> list[str]:
    """The release is aborted; what the history says after that."""
    before = len(fleet.store.partitions[release.release_id].history)
    await people.abort(release.release_id, ENGINEER, "the wrong version", fleet.ports)
    await fleet.deliver()
    assert fleet.release(release.release_id).phase is Phase.ABORTED
    return [entry.note for entry in fleet.store.partitions[release.release_id].history[before:]]


def statuses(fleet: Bench) -> list[str]:
    return [job.status for (place, _), job in fleet.platform.jobs.items() if place is Place.TEST]


async def test_an_abort_stops_the_checks_that_run_and_the_history_counts_them(fleet: Bench) -> None:
    """One baseline of each model was running; the checks behind them had not begun."""
    release = await checking(fleet)
    notes = await aborted(fleet, release)

    assert statuses(fleet) == ["Canceled"] * 6
    assert notes[1:] == ["6 compatibility jobs nobody waits for any more were cancelled"]


async def test_stopping_again_stops_nothing_and_tells_nothing_more(fleet: Bench) -> None:
    """The command may be delivered twice."""
    release = await checking(fleet)
    await aborted(fleet, release)
    command = next(command for _, command, _ in fleet.commands.sent if isinstance(command, CancelChecks))
    told = fleet.release(release.release_id)
    await carry_out(command, fleet.ports)
    await fleet.deliver()

    assert fleet.release(release.release_id) == told
    assert statuses(fleet) == ["Canceled"] * 6


async def test_a_job_that_was_submitted_while_the_release_ended_is_stopped_by_who_submitted_it(fleet: Bench) -> None:
    """The command was under way when the abort was decided, so that the job was not there to be stopped."""
    release = await checking(fleet)
    command = next(command for _, command, _ in fleet.commands.sent if isinstance(command, CheckTarget))
    fleet.platform.jobs.clear()
    fleet.environments = EndedMeanwhile(fleet.platform, lambda: aborted(fleet, release))
    await carry_out(command, fleet.ports)

    assert statuses(fleet) == ["Canceled"]


async def test_what_cannot_be_stopped_is_named_and_the_release_ends_all_the_same() -> None:
    """It harms nobody: the jobs have a time limit of their own."""
    fleet = fleet_in_production(Bench(platform=StubbornPlatform()))
    notes = await aborted(fleet, await checking(fleet))

    assert "0 compatibility jobs" in notes[1]
    assert "6 could not be cancelled and end by themselves" in notes[1]
    assert "is busy" in notes[1]


async def test_an_abort_after_the_checks_has_nothing_to_stop(fleet: Bench) -> None:
    """They have ended, so nothing is asked and nothing is told."""
    release = await up_to(fleet, Phase.AWAITING_PRODUCTION_APPROVAL)
    await aborted(fleet, release)

    assert not [command for _, command, _ in fleet.commands.sent if isinstance(command, CancelChecks)]
    assert set(statuses(fleet)) == {"Completed"}
