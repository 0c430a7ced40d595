"""What must hold of the circuits' locks (I7): one release at a time works on a circuit; a rollback may take it over.

Azure ML cannot fence. A change that left before its release lost the circuit may still land, but only within the quiet
time of that loss, and never after anybody else has changed the circuit.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.application.release.ports import Lock
from shared.domain.release.events import CircuitTaken, Event
from shared.domain.release.model import Kind, Phase, Release
from tests.fakes.clock import FakeClock
from tests.fakes.locks import MemoryCircuitLocks
from tests.fakes.store import Partition
from tests.simulation.violation import require


@dataclass(frozen=True)
class Loss:
    """A release's circuit was taken by a rollback; its changes may land until then, None when none can be in flight."""

    release_id: str
    by: str
    until: datetime | None


@dataclass(frozen=True)
class Beside:
    """`by` took a circuit beside a release that keeps its environment and only watches."""

    keeper: str
    by: str


def epochs_of(release: Release) -> Mapping[str, int]:
    """The circuits whose locks a live release believes to have, with their epochs."""
    if release.phase.is_terminal:
        return {}
    if release.kind is Kind.MODEL:
        return {target.key: target.epoch for target in release.targets if target.epoch is not None}
    return {key: epoch for key, epoch in release.epochs.items() if epoch}


class WatchedLocks(MemoryCircuitLocks):
    """Checks every return of a circuit, and every take-over. `losses` are those by circuit and lost epoch, `besides`
    the seats taken beside a watch, by circuit and the epoch before."""

    def __init__(self, clock: FakeClock, partitions: Mapping[str, Partition], published: Mapping[str, Event]) -> None:
        super().__init__()
        self.losses: dict[tuple[str, int], Loss] = {}
        self.besides: dict[tuple[str, int], Beside] = {}
        self._changed: dict[str, int] = {}
        self._first: dict[tuple[str, str], int] = {}
        self._clock = clock
        self._partitions = partitions
        self._published = published

    async def acquire(self, key: str, release_id: str, now: datetime, beside: str = "") -> Lock:
        """Beside another only where that one watches for long enough, and not to bring an environment."""
        before = self.locks.get(key)
        lock = await super().acquire(key, release_id, now, beside)
        if before is None or lock.holder != release_id or before.holder == release_id or not lock.environment:
            return lock
        keeper, taker = self._partitions[lock.environment].release, self._partitions[release_id].release
        require(before.kept_by == keeper.release_id == beside, f"I30: {release_id} took {key} from {before.kept_by}")
        require(keeper.kind is Kind.ENVIRONMENT, f"I30: {release_id} took {key} beside the {keeper.kind} {beside}")
        require(taker.kind is not Kind.ENVIRONMENT, f"I30: {release_id} took {key} beside the environment {beside}")
        self.besides[key, before.epoch] = Beside(beside, release_id)
        return lock

    async def free(self, key: str, release_id: str, free_from: datetime) -> None:
        """After a change to production the circuit cools down, also after a change of whom it was taken from."""
        lock = self.locks.get(key)
        if lock and lock.holder == release_id:
            release = self._partitions[release_id].release
            require(release.phase.is_terminal, f"I7: {release_id} gave {key} back while it is {release.phase}")
            if release.production_touched:
                least = release.phase_since + timedelta(seconds=release.policy.limits.settle_quiet_s)
                require(free_from >= least, f"I7: {release_id} gave {key} back without its cool-down")
        await super().free(key, release_id, free_from)

    async def preempt(self, key: str, holder: str, release_id: str, quiet_until: datetime | None) -> Lock:
        """Only by a rollback, only what it puts back, and only from a release that brings something new."""
        before = self.locks.get(key)
        after = await super().preempt(key, holder, release_id, quiet_until)
        if before is None or after.holder != release_id or not before.holder:
            return after
        if before.holder == release_id:
            self._quiet(key, after.epoch - 1, quiet_until)
            return after
        taker, holder_kind = self._partitions[release_id].release, self._partitions[before.holder].release.kind
        require(going_back(taker), f"I7: {release_id} took {key} and is not going back")
        wanted = any(target.key == key and not target.superseded_by for target in taker.fleet)
        require(wanted, f"I7: {release_id} took {key}, which it leaves alone")
        require(holder_kind is not Kind.ROLLBACK, f"I7: {release_id} took {key} from the rollback {before.holder}")
        self.losses[key, before.epoch] = Loss(before.holder, release_id, quiet_until)
        return after

    def _quiet(self, key: str, epoch: int, until: datetime | None) -> None:
        """The taker found that nothing can be in flight, or waits anew."""
        loss = self.losses.get((key, epoch))
        if loss is not None:
            self.losses[key, epoch] = Loss(loss.release_id, loss.by, until)

    def lost(self, release_id: str, key: str) -> bool:
        """Whether a rollback took this circuit from the release."""
        return any(loss.release_id == release_id and taken == key for (taken, _), loss in self.losses.items())

    def changed_first(self, release_id: str, key: str) -> int:
        """The epoch under which this release changed the circuit first; later ones are of circuits that it regained."""
        return self._first.get((release_id, key), 0)

    def check_change(self, release_id: str, key: str, epoch: int | None) -> None:
        """By the holder with the current epoch; late only before anybody else could have changed anything."""
        lock, now = self.locks[key], self._clock.now()
        loss = self.losses.get((key, epoch or 0))
        late = (loss is not None and loss.until is not None and now <= loss.until) or (key, epoch) in self.besides
        alone = self._changed.get(key, 0) <= (epoch or 0)
        cooling = not lock.holder and lock.free_from is not None and now <= lock.free_from
        ours = (lock.holder == release_id or cooling) and lock.epoch == epoch
        require(ours or (late and alone), f"I7: {release_id} changed circuit {key}, held by {lock.holder!r}")
        before = self.losses.get((key, lock.epoch - 1))
        untold = before is not None and before.by == release_id and not self._told(before.release_id, key)
        require(not untold, f"I7: {release_id} changed {key}, and whom it was taken from was not told")
        self._changed[key] = epoch or 0
        self._first.setdefault((release_id, key), epoch or 0)

    def _told(self, release_id: str, key: str) -> bool:
        said = (event for event in self._published.values() if isinstance(event, CircuitTaken))
        return any((event.release_id, event.target_key) == (release_id, key) for event in said)

    def check_alone(self, release: Release, others: Collection[Partition]) -> None:
        """Nobody else works on what this release works on, except whoever took it over."""
        mine = epochs_of(release)
        for partition in others if mine else ():
            other = partition.release
            if other.release_id == release.release_id:
                continue
            for key, epoch in epochs_of(other).items():
                lower = min(epoch, mine.get(key, epoch))
                apart = (key, lower) in self.losses or (key, lower) in self.besides
                both = key in mine and (epoch == mine[key] or not apart)
                require(not both, f"I7: {release.release_id} and {other.release_id} both work on {key}")


def going_back(release: Release) -> bool:
    """Whether the release only puts back from here on."""
    back = (Phase.SETTLING, Phase.RESTORING, Phase.ROLLING_BACK, Phase.VERIFYING_ROLLBACK)
    return release.kind is Kind.ROLLBACK or release.phase in back
