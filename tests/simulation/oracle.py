"""The independent judge: watches every commit, every lock and every change to production, and the state at the end.

Numbers are those of the invariants (I) and liveness properties (L) the project promises; see docs/architecture.md.
It judges with rules of its own: a mistake in the core's eligibility or bookkeeping must not blind it. What is special
to one kind of release is in `oracle_model.py` and `oracle_fleet.py`.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

from shared.application.ports import Change
from shared.domain.decide import MACHINES
from shared.domain.events import ApprovalSubmitted, Event
from shared.domain.history import broken_at
from shared.domain.model import GATE_OF_PHASE, Actor, DeploymentSpec, Kind, Phase, Release
from shared.domain.policy import ApprovalRule, Stage
from shared.domain.specs import gate_digest
from tests.fakes.clock import FakeClock
from tests.fakes.locks import MemoryCircuitLocks
from tests.fakes.store import MemoryReleaseStore
from tests.simulation import oracle_fleet, oracle_model
from tests.simulation.platform import WatchedPlatform, brought_by
from tests.simulation.violation import Violation as Violation
from tests.simulation.violation import require

_MOVES = {
    kind: {(before, after) for (before, _), afters in table.items() for after in afters}
    for kind, (table, _) in MACHINES.items()
}


#: The stages whose gates guard a change to production; people are also asked before they go back.
_FORWARD = (Stage.REGISTRY, Stage.PRODUCTION)


class WatchedStore(MemoryReleaseStore):
    """Checks every commit. `published` are the events that were put on the queue, `acknowledged` all message ids."""

    def __init__(self, clock: FakeClock, published: Mapping[str, Event], *acknowledged: set[str]) -> None:
        super().__init__()
        self.clock = clock
        self.models = oracle_model.ModelJudge(clock)
        self.fleets = oracle_fleet.FleetJudge(clock)
        self._published = published
        self._acknowledged = acknowledged
        self._passed: dict[tuple[str, Stage], str] = {}

    def judge(self, release: Release) -> "oracle_model.ModelJudge | oracle_fleet.FleetJudge":
        """The judge of releases of this kind."""
        return self.models if release.kind is Kind.MODEL else self.fleets

    async def commit(self, change: Change) -> None:
        before = self.partitions[change.release.release_id].release if change.version else None
        await super().commit(change)
        after = change.release
        self._check_alone(after)
        if before is None:
            return
        self._check_new_approvals(before, after)
        if before.phase is not after.phase:
            self._check_move(before, after, [before.phase, *(entry.phase_after for entry in change.entries)])
            self._check_gate(before, after)
        self.judge(after).check_commit(before, after)

    def _check_move(self, before: Release, after: Release, path: list[Phase]) -> None:
        rid = after.release_id
        require(not before.phase.is_terminal, f"I6: {rid} left {before.phase}")
        steps = [(a, b) for a, b in pairwise(path) if a is not b]
        require(all(step in _MOVES[after.kind] for step in steps), f"I6: {rid} moved along {path}")
        require(path[-1] is after.phase, f"I21: {rid} reached {after.phase} without a history entry")

    def _check_gate(self, before: Release, after: Release) -> None:
        """I2: nobody passes a gate that is not satisfied; what was approved is remembered."""
        stage = GATE_OF_PHASE.get(before.phase)
        if stage in _FORWARD and after.phase is not Phase.HELD and not after.phase.is_terminal:
            check_gate(replace(before, approvals=after.approvals), stage)
            self._passed[after.release_id, stage] = gate_digest(before, stage)

    def check_gates(self, release: Release) -> None:
        """I2, I5: every gate was passed, and what was approved for production is what there is."""
        gates = [stage for stage in release.policy.gates if stage in _FORWARD]
        missing = [stage for stage in gates if (release.release_id, stage) not in self._passed]
        require(not missing, f"I2: {release.release_id} changes production and never passed {missing}")
        approved = self._passed.get((release.release_id, Stage.PRODUCTION))
        same = approved in (None, gate_digest(release, Stage.PRODUCTION))
        require(same, f"I5: {release.release_id} changes production to something else than was approved")

    def _check_new_approvals(self, before: Release, after: Release) -> None:
        """I5: what counts is what a person said, about the digest that person saw."""
        new = after.approvals[len(before.approvals) :]
        said = [event for event in self._published.values() if new and isinstance(event, ApprovalSubmitted)]
        for approval in new:
            heard = any(
                (event.actor, event.stage, event.digest, event.approved)
                == (approval.actor, approval.stage, approval.digest, approval.approved)
                for event in said
            )
            require(heard, f"I5: {after.release_id} counts an approval of {approval.stage} that nobody gave")

    def _check_alone(self, release: Release) -> None:
        """I7: nobody else works on what this release works on."""
        mine = circuits_held(release)
        for partition in self.partitions.values() if mine else ():
            other = partition.release
            if other.release_id != release.release_id:
                shared = mine & circuits_held(other)
                require(not shared, f"I7: {release.release_id} and {other.release_id} both work on {shared}")

    async def mark_sent(self, release_id: str, command_id: str) -> None:
        command = self.partitions[release_id].outbox.get(command_id)
        if command is not None:
            event = getattr(command, "event", None)
            message_id = event.event_id if event else command_id
            sent = any(message_id in ids for ids in self._acknowledged)
            require(sent, f"I22: {command_id} forgotten before its send was acknowledged")
        await super().mark_sent(release_id, command_id)


def circuits_held(release: Release) -> frozenset[str]:
    """The circuits whose locks a live release has."""
    if release.phase.is_terminal:
        return frozenset()
    if release.kind is Kind.MODEL:
        return frozenset(target.key for target in release.targets if target.epoch is not None)
    return frozenset(key for key, epoch in release.epochs.items() if epoch)


class WatchedLocks(MemoryCircuitLocks):
    """Checks every return of a circuit: after a change to production it cools down, because Azure ML cannot fence."""

    def __init__(self, store: WatchedStore) -> None:
        super().__init__()
        self._store = store

    async def free(self, key: str, release_id: str, free_from: datetime) -> None:
        lock = self.locks.get(key)
        if lock and lock.holder == release_id:
            release = self._store.partitions[release_id].release
            require(release.phase.is_terminal, f"I7: {release_id} gave {key} back while it is {release.phase}")
            if release.production_touched:
                least = release.phase_since + timedelta(seconds=release.policy.limits.settle_quiet_s)
                require(free_from >= least, f"I7: {release_id} gave {key} back without its cool-down")
        await super().free(key, release_id, free_from)


class ProductionJudge:
    """Checks every change to production at the moment it lands, however late, and remembers what was read back."""

    def __init__(self, store: WatchedStore, locks: MemoryCircuitLocks, platform: WatchedPlatform) -> None:
        self._store = store
        self._locks = locks
        self._platform = platform
        store.fleets.platform = platform
        platform.judge, platform.was_read = self.check_change, self.was_read

    def was_read(self, spec: DeploymentSpec) -> None:
        """Production was read back as succeeded."""
        rid, restoring = brought_by(spec)
        if rid in self._store.partitions:
            self._store.judge(self._store.partitions[rid].release).seen.add(
                (rid, restoring, oracle_fleet.place_of(spec))
            )

    def check_change(self, spec: DeploymentSpec) -> None:
        """I1, I2, I3, I7, I10 of either kind of release."""
        rid, restoring = brought_by(spec)
        release = self._store.partitions[rid].release
        self._store.check_gates(release)
        key, epoch = self._store.judge(release).check_change(release, spec, restoring=restoring)
        lock = self._locks.locks[key]
        cooling = not lock.holder and lock.free_from is not None and self._store.clock.now() <= lock.free_from
        ours = lock.holder == rid or cooling
        require(ours and lock.epoch == epoch, f"I7: {rid} changed circuit {key}, held by {lock.holder!r}")


def check_gate(release: Release, stage: Stage) -> None:
    """I2, I4, I5: enough distinct people of each group, none of them the requester, on exactly this digest."""
    gate, digest = release.policy.gates[stage], gate_digest(release, stage)
    valid = [a.actor for a in release.approvals if a.stage is stage and a.digest == digest and a.approved]
    groups = {rule.group for rule in gate.approvals}
    require(all(a.is_person and groups & set(a.groups) for a in valid), f"I4: {release.release_id} {stage}")
    require(not any(_asked_for(release, a) for a in valid), f"I4: {release.release_id} {stage} by its requester")
    people = {(a.tenant_id, a.object_id) for a in valid}
    require(len(people) == len(valid), f"I4: somebody counted twice in {release.release_id}")
    require(_enough(gate.approvals, valid), f"I2: {release.release_id} {stage} has only {len(people)} approvals")


def _enough(rules: tuple[ApprovalRule, ...], people: list[Actor]) -> bool:
    """Whether any choice of rules lacks people: then, and only then, not every seat can be taken (Hall's theorem)."""
    seats = [rule.group for rule in rules for _ in range(rule.count)]
    for chosen in range(1, 2 ** len(seats)):
        groups = [group for number, group in enumerate(seats) if chosen >> number & 1]
        if sum(bool(set(groups) & set(person.groups)) for person in people) < len(groups):
            return False
    return True


def _asked_for(release: Release, actor: Actor) -> bool:
    made = release.candidate.requesters if release.candidate else ()
    asked = {name.lower() for name in (*made, *release.requested_by) if name}
    return actor.object_id.lower() in asked or actor.username.lower() in asked


def check_end(store: WatchedStore, locks: MemoryCircuitLocks) -> None:
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
    for lock in locks.locks.values():
        require(not lock.holder, f"L2: circuit {lock.key} is held by ended {lock.holder}")
