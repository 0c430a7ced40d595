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
    """`failing` are the circuits whose jobs fail: mostly none, until things are mended."""

    def __init__(self, clock: FakeClock, rng: random.Random, circuits: Collection[tuple[str, str]]) -> None:
        keys = [f"{plant}-{circuit}" for plant, circuit in circuits]
        self.failing = set(rng.sample(keys, min(rng.choice((0, 0, 0, 0, 1, 2)), len(keys))))
        self._clock = clock

    async def since(self, circuits: Collection[str], since: datetime) -> Mapping[str, Outcomes]:
        jobs = int((self._clock.now() - since).total_seconds() // EVERY_S)
        well, ill = Outcomes(succeeded=jobs), Outcomes(failed=jobs)
        return {circuit: ill if circuit in self.failing else well for circuit in circuits}


def check_watch(before: Release, after: Release) -> None:
    """An environment whose batch jobs fail is neither watched on nor released, and one whose jobs succeed stays."""
    jobs, policy = after.batch_jobs, after.policy.watch
    failed = sum(jobs.failed.values()) if jobs else 0
    ended = failed + jobs.succeeded if jobs else 0
    is_ill = ended >= policy.jobs_min and failed * 100 > (100 - policy.success_rate_min_pct) * ended
    if after.phase in (Phase.WATCHING, Phase.RELEASED):
        require(not is_ill, f"{after.release_id} is {after.phase}, and {failed} of {ended} batch jobs failed")
    if before.phase is Phase.WATCHING and after.rollback_by[:1] == (WATCH,):
        several = jobs is not None and len(jobs.failed) > 1
        require(is_ill and several, f"{after.release_id} goes back for {failed} failed of {ended} batch jobs")
