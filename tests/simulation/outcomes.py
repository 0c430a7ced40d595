"""How production's batch jobs go in the simulation: each circuit runs one every so often, and those of some fail."""

import random
from collections.abc import Collection, Mapping
from datetime import datetime

from shared.application.release.ports import Outcomes
from shared.domain.release.model import Phase, Release
from tests.fakes.clock import FakeClock
from tests.simulation.violation import require

EVERY_S = 100
WATCH = "switchyard-watch"


class SimulatedOutcomes:
    """`failing` are the circuits whose jobs fail, mostly none, until things are mended. `silent` are those whose jobs
    complete and predict nothing, or that have no jobs at all: a sensor that is out stays so."""

    def __init__(self, clock: FakeClock, rng: random.Random, circuits: Collection[tuple[str, str]]) -> None:
        keys = [f"{plant}-{circuit}" for plant, circuit in circuits]
        self.failing = set(rng.sample(keys, min(rng.choice((0, 0, 0, 0, 1, 2)), len(keys))))
        self.silent = set(rng.sample(keys, rng.choice((0, 0, 0, 1, len(keys)))))
        self._unclear = rng.random() < 0.5
        self._clock = clock

    async def since(self, circuits: Collection[str], since: datetime) -> Mapping[str, Outcomes]:
        jobs = int((self._clock.now() - since).total_seconds() // EVERY_S)
        well, ill = Outcomes(succeeded=jobs), Outcomes(failed=jobs)
        none = Outcomes(unclear=jobs if self._unclear else 0)
        found = {circuit: ill if circuit in self.failing else well for circuit in circuits}
        return {circuit: none if circuit in self.silent else outcomes for circuit, outcomes in found.items()}


def check_watch(before: Release, after: Release, silent: Collection[str]) -> None:
    """An environment whose batch jobs fail is neither watched on nor released, and one whose jobs succeed stays. None
    is released without predictions of every circuit, unless a person was asked about those that have none (I27)."""
    jobs, policy = after.batch_jobs, after.policy.watch
    failed = sum(jobs.failed.values()) if jobs else 0
    ended = failed + jobs.succeeded if jobs else 0
    is_ill = ended >= policy.jobs_min and failed * 100 > (100 - policy.success_rate_min_pct) * ended
    if after.phase in (Phase.WATCHING, Phase.RELEASED):
        require(not is_ill, f"{after.release_id} is {after.phase}, and {failed} of {ended} batch jobs failed")
    if before.watch_excused != after.watch_excused:
        require(after.phase is Phase.HELD, f"I27: {after.release_id} waits for fewer circuits, and asked nobody")
    if before.phase is Phase.WATCHING and after.phase is Phase.RELEASED:
        own = {target.key for target in after.fleet if not target.superseded_by}
        without = sorted(own.intersection(silent).difference(after.watch_excused))
        require(not without, f"I27: {after.release_id} is released, and {without} predict nothing")
    if before.phase is Phase.WATCHING and after.rollback_by[:1] == (WATCH,):
        against = {*(jobs.broken if jobs else ()), *(jobs.failed if jobs and is_ill else ())}
        said = f"{failed} failed of {ended} batch jobs, {jobs.broken if jobs else ()} broken"
        require(len(against) > 1, f"{after.release_id} goes back for {said}")
