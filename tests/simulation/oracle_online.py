"""What must hold of every commit of a release to online endpoints (I1, I3, I11, I16), judged by rules of its own."""

from shared.domain.online.model import Online, Rollout, Side
from shared.domain.release.model import Phase, Release
from tests.fakes.clock import FakeClock
from tests.simulation.oracle_locks import WatchedLocks
from tests.simulation.violation import require


def online_of(release: Release) -> Online:
    """What only such a release has."""
    assert release.online is not None
    return release.online


class OnlineJudge:
    """Judges every commit."""

    def __init__(self, clock: FakeClock) -> None:
        self.locks: WatchedLocks
        self.seen: set[object] = set()
        self._clock = clock

    def check_commit(self, before: Release, after: Release) -> None:
        """What was recorded stays, and no release ends before what it changed has passed or is back (I1, I3, I11)."""
        rid = after.release_id
        for rollout in online_of(before).rollouts:
            now = online_of(after).rollout(rollout.side)
            same = now is not None and _recorded(now) == _recorded(rollout)
            require(same, f"I1: {rid} forgot what {rollout.side} served before")
        if not after.phase.is_terminal or before.phase.is_terminal:
            return
        rest = online_of(after).under_way
        left = before.phase is Phase.HELD and before.held_phase is Phase.RESTORING
        require(rest is None or left, f"I3: {rid} ended as {after.phase} and {rest and rest.side} is not back")
        quiet = online_of(before).quiet_until
        if before.phase is Phase.RESTORING and rest is None and quiet is not None:
            require(self._clock.now() >= quiet, f"I3: {rid} ended while a change forward may be in flight")
        if after.phase is Phase.RELEASED:
            sides = {each.side for each in online_of(after).rollouts if each.done}
            require(sides == set(Side), f"I16: {rid} is released and served by {sorted(sides)} only")


def _recorded(rollout: Rollout) -> tuple[object, ...]:
    return rollout.slot, rollout.traffic_before, rollout.mirror_before, rollout.slots_before, rollout.steps
