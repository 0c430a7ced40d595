"""The independent judge: watches every commit and every change to production, and the state at the end.

Numbers are those of the invariants (I) and liveness properties (L) the project promises; see docs/architecture.md.
It judges with rules of its own: a mistake in the core's eligibility or bookkeeping must not blind it.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise

from shared.application.ports import Change, DeploymentState, Place
from shared.domain.events import ApprovalSubmitted, Event
from shared.domain.history import broken_at
from shared.domain.model import Actor, DeploymentSpec, Phase, Release
from shared.domain.specs import gate_digest
from shared.domain.transitions import TRANSITIONS
from tests.fakes.clock import FakeClock
from tests.fakes.locks import MemoryCircuitLocks
from tests.fakes.platform import FakeDeployment, MemoryModelPlatform
from tests.fakes.store import MemoryReleaseStore

_ENDED_WITHOUT_RELEASE = (Phase.REJECTED, Phase.EXPIRED, Phase.ABORTED, Phase.FAILED)
_MOVES = {(before, after) for (before, _), afters in TRANSITIONS.items() for after in afters}
_PUT_BACK_FROM = (Phase.SETTLING, Phase.RESTORING)


class Violation(AssertionError):
    """Something happened that must never happen."""


def require(condition: bool, message: str) -> None:
    """Raises Violation."""
    if not condition:
        raise Violation(message)


class WatchedStore(MemoryReleaseStore):
    """Checks every commit. `published` are the events that were put on the queue, `acknowledged` all message ids.

    `seen_in_production` holds (release id, is it a restore) of what was read back from production as succeeded.
    """

    def __init__(self, clock: FakeClock, published: Mapping[str, Event], *acknowledged: set[str]) -> None:
        super().__init__()
        self.seen_in_production: set[tuple[str, bool]] = set()
        self._clock = clock
        self._published = published
        self._acknowledged = acknowledged

    async def commit(self, change: Change) -> None:
        before = self.partitions[change.release.release_id].release if change.version else None
        await super().commit(change)
        after = change.release
        self._check_alone_on_circuit(after)
        if before is None:
            return
        self._check_new_approvals(before, after)
        if before.phase is not after.phase:
            self._check_move(before, after, [before.phase, *(entry.phase_after for entry in change.entries)])

    def _check_move(self, before: Release, after: Release, path: list[Phase]) -> None:
        rid = after.release_id
        require(not before.phase.is_terminal, f"I6: {rid} left {before.phase}")
        steps = [(a, b) for a, b in pairwise(path) if a is not b]
        require(all(step in _MOVES for step in steps), f"I6: {rid} moved along {path}")
        require(path[-1] is after.phase, f"I21: {rid} reached {after.phase} without a history entry")
        if before.phase is Phase.SETTLING and after.phase is not Phase.HELD:
            quiet = timedelta(seconds=before.policy.limits.settle_quiet_s)
            waited = self._clock.now() - before.phase_since
            require(waited >= quiet, f"I3: {rid} settled after {waited.total_seconds():.0f} s already")
        if after.phase is Phase.RELEASED:
            require((rid, False) in self.seen_in_production, f"{rid} is released and nobody read production back")
        elif after.phase.is_terminal and any(target.touched for target in after.targets):
            require(before.phase in _PUT_BACK_FROM, f"I3: {rid} ended from {before.phase} with production touched")
        if after.phase.is_terminal and before.phase is Phase.RESTORING:
            require((rid, True) in self.seen_in_production, f"I11: {rid} was put back and nobody read production back")

    def _check_new_approvals(self, before: Release, after: Release) -> None:
        """I5: what counts is what a person said, about the digest that person saw."""
        said = [event for event in self._published.values() if isinstance(event, ApprovalSubmitted)]
        for approval in after.approvals[len(before.approvals) :]:
            heard = any(
                (event.actor, event.stage, event.digest, event.approved)
                == (approval.actor, approval.stage, approval.digest, approval.approved)
                for event in said
            )
            require(heard, f"I5: {after.release_id} counts an approval of {approval.stage} that nobody gave")

    def _check_alone_on_circuit(self, release: Release) -> None:
        others = (p.release for p in self.partitions.values() if p.release.release_id != release.release_id)
        if _holds(release):
            rivals = [o.release_id for o in others if _holds(o) and o.target.key == release.target.key]
            require(not rivals, f"I7: {release.release_id} and {rivals} both work on {release.target.key}")

    async def mark_sent(self, release_id: str, command_id: str) -> None:
        command = self.partitions[release_id].outbox.get(command_id)
        if command is not None:
            event = getattr(command, "event", None)
            message_id = event.event_id if event else command_id
            sent = any(message_id in ids for ids in self._acknowledged)
            require(sent, f"I22: {command_id} forgotten before its send was acknowledged")
        await super().mark_sent(release_id, command_id)


def _holds(release: Release) -> bool:
    return bool(release.targets) and release.target.epoch is not None and not release.phase.is_terminal


class WatchedLocks(MemoryCircuitLocks):
    """Checks every return of a circuit: after a change to production it cools down, because Azure ML cannot fence."""

    def __init__(self, store: WatchedStore) -> None:
        super().__init__()
        self._store = store

    async def free(self, key: str, release_id: str, free_from: datetime) -> None:
        lock = self.locks.get(key)
        if lock and lock.holder == release_id:
            release = self._store.partitions[release_id].release
            if any(target.touched for target in release.targets):
                least = release.phase_since + timedelta(seconds=release.policy.limits.settle_quiet_s)
                require(free_from >= least, f"I7: {release_id} gave {key} back without its cool-down")
        await super().free(key, release_id, free_from)


class WatchedPlatform(MemoryModelPlatform):
    """Checks every change to production at the moment it lands, however late."""

    def __init__(self, store: WatchedStore, locks: MemoryCircuitLocks, clock: FakeClock) -> None:
        super().__init__()
        self._store = store
        self._locks = locks
        self._clock = clock

    def apply_put(self, place: Place, spec: DeploymentSpec) -> None:
        if place is Place.PRODUCTION:
            self._check(spec)
        super().apply_put(place, spec)

    async def get_deployment(self, place: Place, endpoint_name: str, deployment_name: str) -> DeploymentState | None:
        state = await super().get_deployment(place, endpoint_name, deployment_name)
        if place is Place.PRODUCTION and state and state.provisioning == "Succeeded":
            self._store.seen_in_production.add(_brought_by(state.spec))
        return state

    def _check(self, spec: DeploymentSpec) -> None:
        rid, restoring = _brought_by(spec)
        release = self._store.partitions[rid].release
        require(release.target.previous_recorded, f"I1: {rid} changed production before previous was durable")
        require(release.target.touched, f"I1: {rid} changed production and does not know it")
        check_gates(release)
        if not restoring:
            require(release.phase not in _ENDED_WITHOUT_RELEASE, f"I3: {rid} changed production after {release.phase}")
            require(release.phase is not Phase.RESTORING, f"I10: {rid} changed production while it was put back")
        lock = self._locks.locks[release.target.key]
        cooling = not lock.holder and lock.free_from is not None and self._clock.now() <= lock.free_from
        ours = lock.holder == rid or cooling
        require(ours and lock.epoch == release.target.epoch, f"I7: {rid} changed a circuit held by {lock.holder!r}")


def _brought_by(spec: DeploymentSpec) -> tuple[str, bool]:
    """Which release brought `spec`, and whether it did so by putting back."""
    restored_by = spec.tags.get("restored_by_release")
    return (restored_by, True) if restored_by else (spec.tags["release_id"], False)


def check_gates(release: Release) -> None:
    """I2, I4, I5: enough distinct people of the group, none of them the requester, on exactly this digest."""
    for stage, gate in release.policy.gates.items():
        digest = gate_digest(release, stage)
        valid = [a.actor for a in release.approvals if a.stage is stage and a.digest == digest and a.approved]
        groups = {rule.group for rule in gate.approvals}
        require(all(a.is_person and groups & set(a.groups) for a in valid), f"I4: {release.release_id} {stage}")
        require(not any(_asked_for(release, a) for a in valid), f"I4: {release.release_id} {stage} by its requester")
        people = {(a.tenant_id, a.object_id) for a in valid}
        require(len(people) == len(valid), f"I4: somebody counted twice in {release.release_id}")
        needed = sum(rule.count for rule in gate.approvals)
        require(len(people) >= needed, f"I2: {release.release_id} {stage} has {len(people)} of {needed} approvals")


def _asked_for(release: Release, actor: Actor) -> bool:
    asked = {name.lower() for name in release.candidate.requesters} if release.candidate else set()
    return actor.object_id.lower() in asked or actor.username.lower() in asked


def check_end(
    store: MemoryReleaseStore,
    locks: MemoryCircuitLocks,
    platform: MemoryModelPlatform,
    at_first: Mapping[tuple[Place, str, str], FakeDeployment],
) -> None:
    """After faults stopped and every deadline passed. `at_first` is what ran before the first release."""
    for rid, partition in store.partitions.items():
        release = partition.release
        require(release.phase.is_terminal, f"L1: {rid} is still {release.phase}")
        require(not partition.outbox, f"L3: {rid} has unsent commands {list(partition.outbox)}")
        require(rid not in store.open, f"L3: {rid} ended and is still listed as open")
        require(broken_at(partition.history) is None, f"I21: the history of {rid} does not verify")
        require(len(partition.history) == release.history_count, f"I21: {rid} lost history")
        events = [entry.event_id for entry in partition.history]
        require(len(events) == len(set(events)), f"I13: an event acted twice in {rid}")
        mine = [s for place, s in platform.puts if place is Place.PRODUCTION and s.tags.get("release_id") == rid]
        require(not mine or release.production_touched, f"I3: {rid} changed production and says it did not")
    for lock in locks.locks.values():
        require(not lock.holder, f"L2: circuit {lock.key} is held by ended {lock.holder}")
    _check_production(store, platform, at_first)


def _check_production(
    store: MemoryReleaseStore,
    platform: MemoryModelPlatform,
    at_first: Mapping[tuple[Place, str, str], FakeDeployment],
) -> None:
    """I1, I3, I11: each circuit runs what its last released release brought; whatever ended otherwise left no trace.

    Only where nothing ran before may the candidate of an ended release still be there: a person is told to delete it.
    """
    touched = [p.release for p in store.partitions.values() if p.release.production_touched]
    running: dict[tuple[Place, str, str], set[str | None]] = {}
    for release in sorted(touched, key=lambda r: r.target.epoch or 0):
        plan, previous = release.target.plan, release.target.previous
        key = (Place.PRODUCTION, plan.endpoint_name, plan.deployment_name)
        before = running.setdefault(key, {at_first[key].spec.model if key in at_first else None})
        recorded = previous.model if previous else None
        require(recorded in before, f"I1: {release.release_id} recorded {recorded} while production ran {before}")
        if release.phase is Phase.RELEASED:
            running[key] = {release.registry_model_id}
        else:
            running[key] = {recorded} if previous else {None, release.registry_model_id}
    for key, expected in running.items():
        current = platform.deployments.get(key)
        actual = current.spec.model if current else None
        require(actual in expected, f"I3: {key[2]} runs {actual}, expected {expected}")
