"""The independent judge: watches every commit and every change to production, and the state at the end.

Numbers are those of the invariants (I) and liveness properties (L) the project promises; see docs/architecture.md.
"""

from collections.abc import Callable
from itertools import pairwise

from shared.application.ports import Change, Place
from shared.domain.eligibility import gate_satisfied, is_requester
from shared.domain.history import broken_at
from shared.domain.model import DeploymentSpec, Phase, Release
from shared.domain.policy import Stage
from shared.domain.specs import gate_digest
from shared.domain.transitions import TRANSITIONS
from tests.fakes.locks import MemoryCircuitLocks
from tests.fakes.platform import MemoryModelPlatform
from tests.fakes.store import MemoryReleaseStore

_ENDED_WITHOUT_RELEASE = (Phase.REJECTED, Phase.EXPIRED, Phase.ABORTED, Phase.FAILED)
_MOVES = {(before, after) for (before, _), afters in TRANSITIONS.items() for after in afters}


class Violation(AssertionError):
    """Something happened that must never happen."""


def require(condition: bool, message: str) -> None:
    """Raises Violation."""
    if not condition:
        raise Violation(message)


class WatchedStore(MemoryReleaseStore):
    """Checks every commit."""

    def __init__(self, sent: Callable[[str], bool]) -> None:
        super().__init__()
        self._sent = sent

    async def commit(self, change: Change) -> None:
        before = self.partitions[change.release.release_id].release if change.version else None
        await super().commit(change)
        after = change.release
        if before is None or before.phase is after.phase:
            return
        require(not before.phase.is_terminal, f"I6: {after.release_id} left {before.phase}")
        path = [before.phase, *(entry.phase_after for entry in change.entries)]
        steps = [(a, b) for a, b in pairwise(path) if a is not b]
        require(all(step in _MOVES for step in steps), f"I6: {after.release_id} moved along {path}")
        require(path[-1] is after.phase, f"I21: {after.release_id} reached {after.phase} without a history entry")

    async def mark_sent(self, release_id: str, command_id: str) -> None:
        command = self.partitions[release_id].outbox.get(command_id)
        if command is not None:
            event = getattr(command, "event", None)
            message_id = event.event_id if event else command_id
            require(self._sent(message_id), f"I22: {command_id} forgotten before its send was acknowledged")
        await super().mark_sent(release_id, command_id)


class WatchedPlatform(MemoryModelPlatform):
    """Checks every change to production at the moment it lands, however late."""

    def __init__(self, store: MemoryReleaseStore, locks: MemoryCircuitLocks) -> None:
        super().__init__()
        self._store = store
        self._locks = locks

    def apply_put(self, place: Place, spec: DeploymentSpec) -> None:
        if place is Place.PRODUCTION:
            self._check(spec)
        super().apply_put(place, spec)

    def _check(self, spec: DeploymentSpec) -> None:
        restoring = "restored_by_release" in spec.tags
        release = self._store.partitions[spec.tags["restored_by_release" if restoring else "release_id"]].release
        rid = release.release_id
        require(release.target.previous_recorded, f"I1: {rid} changed production before previous was durable")
        check_gates(release)
        if not restoring:
            require(release.phase not in _ENDED_WITHOUT_RELEASE, f"I3: {rid} changed production after {release.phase}")
        lock = self._locks.locks[release.target.key]
        ours = lock.holder == rid or not lock.holder
        require(ours and lock.epoch == release.target.epoch, f"I7: {rid} changed a circuit held by {lock.holder}")


def check_gates(release: Release) -> None:
    """I2, I4, I5: enough distinct people, none of them the requester, on exactly this digest."""
    for stage in (Stage.REGISTRY, Stage.PRODUCTION):
        digest = gate_digest(release, stage)
        valid = [a for a in release.approvals if a.stage is stage and a.digest == digest and a.approved]
        require(gate_satisfied(release.policy.gates[stage].approvals, valid), f"I2: {release.release_id} {stage}")
        require(not any(is_requester(release, a.actor) for a in valid), f"I4: {release.release_id} {stage}")
        people = [a.actor.object_id for a in valid]
        require(len(people) == len(set(people)), f"I4: somebody counted twice in {release.release_id}")


def check_end(store: MemoryReleaseStore, locks: MemoryCircuitLocks, platform: MemoryModelPlatform) -> None:
    """After faults stopped and every deadline passed."""
    for rid, partition in store.partitions.items():
        release = partition.release
        require(release.phase.is_terminal, f"L1: {rid} is still {release.phase}")
        require(not partition.outbox, f"L3: {rid} has unsent commands {list(partition.outbox)}")
        require(rid not in store.open, f"L3: {rid} ended and is still listed as open")
        require(broken_at(partition.history) is None, f"I21: the history of {rid} does not verify")
        require(len(partition.history) == release.history_count, f"I21: {rid} lost history")
        events = [entry.event_id for entry in partition.history]
        require(len(events) == len(set(events)), f"I13: an event acted twice in {rid}")
        _check_production(release, platform)
    for lock in locks.locks.values():
        require(not lock.holder, f"L2: circuit {lock.key} is held by ended {lock.holder}")


def _check_production(release: Release, platform: MemoryModelPlatform) -> None:
    """A release that did not release is not what production runs, unless nothing ran before to be put back."""
    puts = [spec for place, spec in platform.puts if place is Place.PRODUCTION]
    mine = [spec for spec in puts if spec.tags.get("release_id") == release.release_id]
    if release.phase is Phase.RELEASED:
        require(bool(mine), f"{release.release_id} is released and never changed production")
        return
    if not release.production_touched:
        require(not mine, f"I3: {release.release_id} changed production and says it did not")
        return
    plan = release.target.plan
    current = platform.deployments.get((Place.PRODUCTION, plan.endpoint_name, plan.deployment_name))
    runs_mine = current is not None and current.spec.tags.get("release_id") == release.release_id
    require(
        not runs_mine or release.target.previous is None or "restored_by_release" in current.spec.tags,
        f"I3: {release.release_id} ended as {release.phase} and production runs it",
    )
