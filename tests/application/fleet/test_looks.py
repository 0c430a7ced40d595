"""Waiting for changes of a fleet: who looks, how often, and what a throttled request costs."""

from dataclasses import replace
from itertools import pairwise

import pytest

from shared.application.carry_out import carry_out
from shared.application.errors import PlatformThrottled
from shared.application.fleet.effects import LOOK_SHARE
from shared.application.platform_ports import DeploymentState, Place
from shared.application.release.handle_events import handle_events
from shared.application.release.ports import ReleaseCommit
from shared.application.release.try_later import try_later
from shared.domain.fleet.change_times import ChangeTimes
from shared.domain.release.commands import ChangeTarget
from shared.domain.release.events import Outcome, TargetAnswered
from shared.domain.release.model import DeploymentSpec, Phase, Release
from shared.domain.release.policy import Stage
from tests.fakes.platform import MemoryModelPlatform
from tests.support.benches.release import Bench
from tests.support.benches.road import ENGINEER, MANAGER, NEW, decide, running, up_to


class ThrottledPlatform(MemoryModelPlatform):
    """Refuses as many changes as it is told to, or every read of what was changed, and asks to wait 17 seconds."""

    refusals = 0
    reads_after_a_put_fail = False

    async def get_deployment(self, place: Place, endpoint_name: str, deployment_name: str) -> DeploymentState | None:
        if self.reads_after_a_put_fail and self.deployments.get((place, endpoint_name, deployment_name)):
            written = [(at, spec.endpoint_name, spec.deployment_name) for at, spec in self.puts]
            if (place, endpoint_name, deployment_name) in written:
                raise PlatformThrottled("too many reads", retry_after_s=17)
        return await super().get_deployment(place, endpoint_name, deployment_name)

    async def put_deployment(self, place: Place, spec: DeploymentSpec) -> None:
        if self.refusals:
            self.refusals -= 1
            raise PlatformThrottled("too many writes", retry_after_s=17)
        await super().put_deployment(place, spec)


@pytest.fixture
def bench() -> Bench:
    return Bench(platform=ThrottledPlatform())


async def entering_updating(fleet: Bench) -> tuple[Release, list[ChangeTarget]]:
    """The release right after its last approval, and the commands that have left for its first targets."""
    release = await up_to(fleet, Phase.AWAITING_PRODUCTION_APPROVAL)
    for actor in (ENGINEER, MANAGER):
        await decide(fleet, release.release_id, Stage.PRODUCTION, actor)
        await handle_events(release.release_id, [fleet.events.sent[-1][1]], fleet.ports)
    commands = [command for _, command, _ in fleet.commands.sent if isinstance(command, ChangeTarget)]
    return fleet.release(release.release_id), commands


async def test_a_release_hears_of_a_change_when_it_is_accepted_and_when_it_ends(fleet: Bench) -> None:
    """What lies between costs no commit, however often it is looked at."""
    fleet.platform.reads_in_progress = 7
    updating, _ = await entering_updating(fleet)
    release = await fleet.run_until(updating.release_id, Phase.WATCHING)
    assert running(fleet) == [NEW] * 6
    told = [event for _, event, _ in fleet.events.sent if isinstance(event, TargetAnswered)]
    answers = [event for event in told if event.serial == updating.serial]
    assert len({event.target_key for event in answers if event.outcome is Outcome.DONE}) == 6
    assert {event.look for event in answers if event.outcome is Outcome.PENDING} == {0}
    assert all(target.attempt == 1 for target in release.fleet)


async def test_a_change_that_takes_no_time_is_told_once(fleet: Bench) -> None:
    """It is read back right after it was accepted: one answer, one commit, and no look."""
    updating, _ = await entering_updating(fleet)
    await fleet.run_until(updating.release_id, Phase.WATCHING)
    told = [event for _, event, _ in fleet.events.sent if isinstance(event, TargetAnswered)]
    answers = [(event.outcome, event.look, event.at_once) for event in told if event.serial == updating.serial]
    assert answers == [(Outcome.DONE, 0, True)] * 6


async def test_where_changes_take_their_time_none_is_read_right_after_it_was_accepted(fleet: Bench) -> None:
    """Reads are scarce. Until one change is known each is read at once, for it may take no time."""
    updating, (first, *_) = await entering_updating(fleet)
    stored = await fleet.store.load(updating.release_id)
    assert stored is not None
    known = replace(stored.release, change_times=ChangeTimes(count=1, total_s=10, quickest_s=10))
    await fleet.store.commit(
        ReleaseCommit(release=known, version=stored.version, event_ids=(), entries=(), commands=())
    )
    await carry_out(first, fleet.ports)
    answer = fleet.events.sent[-1][1]
    assert isinstance(answer, TargetAnswered)
    assert answer.outcome is Outcome.PENDING


async def test_a_read_that_fails_right_after_a_change_was_accepted_says_nothing_about_the_change(fleet: Bench) -> None:
    """It is under way, and the next look reads it."""
    _, (first, *_) = await entering_updating(fleet)
    assert isinstance(fleet.platform, ThrottledPlatform)
    fleet.platform.reads_after_a_put_fail = True
    await carry_out(first, fleet.ports)
    answer = fleet.events.sent[-1][1]
    assert isinstance(answer, TargetAnswered)
    assert (answer.outcome, answer.detail) == (Outcome.PENDING, "accepted by Azure ML")


async def test_a_long_change_is_looked_at_less_and_less_often(fleet: Bench) -> None:
    """Each pause is a tenth of the time it has taken, and never so short that twenty endpoints use up the reads."""
    release, (first, *_) = await entering_updating(fleet)
    await carry_out(first, fleet.ports)
    fleet.platform.deployments[Place.PRODUCTION, first.spec.endpoint_name, first.spec.deployment_name].reads_left = 99
    looking = replace(first, look=1, not_before=fleet.clock.now())
    times = [fleet.clock.now()]
    for _ in range(40):
        await carry_out(looking, fleet.ports)
        at = fleet.commands.sent[-1][2]
        assert at is not None
        times.append(at)
        fleet.clock.advance((at - fleet.clock.now()).total_seconds())
    pauses = [(after - before).total_seconds() for before, after in pairwise(times)]
    assert pauses[0] == release.policy.limits.updates_parallel_max / 20
    assert pauses == sorted(pauses)
    assert pauses[-1] == pytest.approx(LOOK_SHARE * (times[-2] - times[0]).total_seconds())


async def test_several_looks_at_one_target_become_one(fleet: Bench) -> None:
    """The release's own look issues every command again, which must not double the looks for ever."""
    _, (first, *_) = await entering_updating(fleet)
    await carry_out(first, fleet.ports)
    fleet.platform.deployments[Place.PRODUCTION, first.spec.endpoint_name, first.spec.deployment_name].reads_left = 99
    looking = replace(first, look=1, not_before=fleet.clock.now())
    before = len(fleet.commands.sent)
    for command_id in ("a", "a-1", "a-2"):
        await carry_out(replace(looking, command_id=command_id), fleet.ports)
    assert len(fleet.commands.sent) == before + 1


async def test_a_throttled_change_is_sent_when_the_service_allows_and_costs_no_attempt(fleet: Bench) -> None:
    """More refusals than a target has attempts: the message comes back, the release hears nothing."""
    release, (first, *_) = await entering_updating(fleet)
    fleet.platform.refusals = release.policy.limits.attempts_max + 1
    message_id = first.command_id
    while fleet.platform.refusals:
        with pytest.raises(PlatformThrottled) as throttled:
            await carry_out(first, fleet.ports)
        await try_later(first, message_id, throttled.value, fleet.ports)
        message_id, _, at = fleet.commands.sent[-1]
        assert at is not None
        assert (at - fleet.clock.now()).total_seconds() == 17
        fleet.clock.advance(17)
    await fleet.run_until(release.release_id, Phase.WATCHING)
    assert all(target.attempt == 1 for target in fleet.release(release.release_id).fleet)
