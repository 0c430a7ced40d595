"""The independent judge: watches every commit, every lock and every change to production, and the state at the end.

Numbers are those of the invariants (I) and liveness properties (L) the project promises; see docs/architecture.md.
It judges with rules of its own: a mistake in the core's eligibility or bookkeeping must not blind it. What is special
to one kind of release is in `oracle_model.py` and `oracle_fleet.py`.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from itertools import pairwise

from shared.application.release.ports import ReleaseCommit, Stored
from shared.application.release.resting import ReleaseRest
from shared.application.release.summary import summary_of
from shared.domain.records import replace
from shared.domain.release.decide import MACHINES
from shared.domain.release.events import ApprovalSubmitted, Event
from shared.domain.release.history import broken_at
from shared.domain.release.model import GATE_OF_PHASE, Actor, DeploymentSpec, Kind, Phase, Release
from shared.domain.release.policy import ApprovalRule, Stage, UnknownMakers
from shared.domain.release.specs import gate_digest
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import MemoryTestJobs
from tests.fakes.store import MemoryReleaseStore
from tests.simulation.memories import Memories
from tests.simulation.oracle_attempts import AttemptJudge
from tests.simulation.oracle_dimensions import DimensionJudge
from tests.simulation.oracle_evidence import EvidenceJudge
from tests.simulation.oracle_fleet import FleetJudge
from tests.simulation.oracle_freeze import WatchedFreezes, check_not_frozen
from tests.simulation.oracle_locks import WatchedLocks
from tests.simulation.oracle_model import ModelJudge
from tests.simulation.oracle_online import OnlineJudge
from tests.simulation.oracle_rollback import RollbackJudge
from tests.simulation.oracle_samples import check_claims, check_tests
from tests.simulation.platform import WatchedPlatform, brought_by, place_of
from tests.simulation.views import check_views
from tests.simulation.violation import Violation as Violation
from tests.simulation.violation import require

_MOVES = {
    kind: {(before, after) for (before, _), answer in machine.items() for after in answer.to}
    for kind, machine in MACHINES.items()
}


#: The stages whose gates guard a change to production; people are also asked before they go back.
_FORWARD = (Stage.REGISTRY, Stage.PRODUCTION)
REST_PAST_DUE_MAX = timedelta(minutes=1)
"""Nobody looks for a lost message earlier than after a look interval, of 30 s here."""
_PAST_ROLLBACK_GATE = (Phase.ROLLING_BACK, Phase.WAITING_FOR_FLEET)


_WAITS = (Phase.WAITING_FOR_CIRCUIT, Phase.WAITING_FOR_FLEET, Phase.WAITING_FOR_ENDPOINT)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in version.split(".")]


class WatchedStore(MemoryReleaseStore):
    """Checks every commit. `published` are the events that were put on the queue, `acknowledged` all message ids."""

    def __init__(
        self, clock: FakeClock, memories: Memories, published: Mapping[str, Event], *acknowledged: set[str]
    ) -> None:
        super().__init__()
        self.clock = clock
        self._memories = memories
        self.locks = WatchedLocks(clock, self.partitions, published)
        self.models = ModelJudge(clock)
        self.fleets = FleetJudge(clock)
        self.rollbacks = RollbackJudge(clock, self.partitions, published)
        self.attempts = AttemptJudge(self.partitions, published)
        self.evidence = EvidenceJudge()
        self._published = published
        self._acknowledged = acknowledged
        self._passed: dict[tuple[str, Stage], str] = {}

        self._judges: dict[Kind, ModelJudge | FleetJudge | RollbackJudge | OnlineJudge] = {
            Kind.MODEL: self.models,
            Kind.ENVIRONMENT: self.fleets,
            Kind.ROLLBACK: self.rollbacks,
            Kind.ONLINE: OnlineJudge(clock),
        }
        for judge in self._judges.values():
            judge.locks = self.locks

    def judge(self, release: Release) -> ModelJudge | FleetJudge | RollbackJudge | OnlineJudge:
        """The judge of releases of this kind."""
        return self._judges[release.kind]

    async def load(self, release_id: str, event_ids: Sequence[str] = ()) -> Stored | None:
        stored = await super().load(release_id, event_ids)
        if stored is not None:
            self._memories.keep(stored)
        return stored

    async def recall(self, release_id: str) -> Stored | None:
        remembered = self._memories.of(release_id)
        return replace(remembered, seen=frozenset()) if remembered else None

    async def commit(self, change: ReleaseCommit) -> int:
        before = self.partitions[change.release.release_id].release if change.version else None
        number = await super().commit(change)
        self._memories.keep(self.partitions[change.release.release_id].stored())
        self._check_commit(before, change)
        return number

    def _check_commit(self, before: Release | None, change: ReleaseCommit) -> None:
        after = change.release
        check_views(after, self.clock.now())
        self._check_rest(after.release_id)
        self.locks.check_alone(after, self.partitions.values())
        if before is None:
            self.attempts.check_opened(after)
            if after.kind is Kind.ROLLBACK:
                self.rollbacks.check_opened(after)
            return
        check_not_frozen(after)
        self._check_new_approvals(before, after)
        self.evidence.check_commit(before, after)
        if before.phase is not after.phase:
            self._check_move(before, after, [before.phase, *(entry.phase_after for entry in change.entries)])
            self._check_gate(before, after)
            if after.phase is Phase.SUPERSEDED:
                self._check_superseded(before, after)
        self.judge(after).check_commit(before, after)

    def _check_move(self, before: Release, after: Release, path: list[Phase]) -> None:
        rid = after.release_id
        require(not before.phase.is_terminal, f"I6: {rid} left {before.phase}")
        steps = [(a, b) for a, b in pairwise(path) if a is not b]
        require(all(step in _MOVES[after.kind] for step in steps), f"I6: {rid} moved along {path}")
        require(path[-1] is after.phase, f"I21: {rid} reached {after.phase} without a history entry")

    def _check_superseded(self, before: Release, after: Release) -> None:
        """Only behind a newer version of the same, and never with production touched."""
        rid, version = after.release_id, _numbers(after.asset_version)
        others = (partition.release for partition in self.partitions.values())
        newer = [each for each in others if each.asset_name == after.asset_name and each.release_id in after.reason]
        higher = any(each.kind is after.kind and _numbers(each.asset_version) > version for each in newer)
        require(higher, f"{rid} is superseded, and nothing newer is under way: {after.reason}")
        require(before.phase in _WAITS and not after.production_touched, f"I3: {rid} superseded from {before.phase}")

    def _check_gate(self, before: Release, after: Release) -> None:
        """I2: nobody passes a gate that is not satisfied; what was approved is remembered."""
        stage = GATE_OF_PHASE.get(before.phase)
        if stage is Stage.ROLLBACK:
            forced = (after.critical and after.policy.critical_at_once) or after.ending not in (
                None,
                Phase.ROLLED_BACK,
            )  # no way back but an abort
            if after.phase in _PAST_ROLLBACK_GATE and not forced:
                check_gate(replace(before, approvals=after.approvals), stage)
        elif stage and after.phase is not Phase.HELD and not after.phase.is_terminal:
            check_gate(replace(before, approvals=after.approvals), stage)
            self._check_askers(after, stage)
            self.evidence.check_gate(before, after, stage)
            self._passed[after.release_id, stage] = gate_digest(before, stage)

    def _check_askers(self, release: Release, stage: Stage) -> None:
        """I4: nobody who asked for an attempt of the version is among those who wave it through."""
        valid = (a for a in release.approvals if a.stage is stage and a.approved)
        asked = [a.actor.name for a in valid if self.attempts.asked_for(release, a.actor)]
        require(not asked, f"I4: {release.release_id} {stage} by {asked}, who asked for it or for an attempt before")

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

    async def rest(self, rest: ReleaseRest) -> None:
        await super().rest(rest)
        self._check_rest(rest.summary.release_id)

    def _check_rest(self, release_id: str) -> None:
        """I31: a release that rests in the index is as the index says, to the letter, and has nothing unsent."""
        entry, partition = self.entries.get(release_id), self.partitions.get(release_id)
        if entry is None or entry.resting is None:
            return
        require(partition is not None, f"I31: {release_id} rests and never opened")
        if partition is not None:
            told, due = entry.resting, (partition.release.look_at, partition.release.deadline_at)
            require(not partition.release.phase.is_terminal, f"I31: {release_id} rests and has ended")
            require(told.summary == summary_of(partition.release), f"I31: {release_id} is not as its summary says")
            require(not partition.outbox, f"I31: {release_id} rests and has unsent commands")
            latest = min(filter(None, due)) + REST_PAST_DUE_MAX
            require(told.until <= latest, f"I31: {release_id} rests until {told.until}, past what is due")

    async def mark_sent(self, release_id: str, command_ids: Sequence[str]) -> None:
        for command_id in command_ids:
            command = self.partitions[release_id].outbox.get(command_id)
            if command is not None:
                event = getattr(command, "event", None)
                message_id = event.event_id if event else command_id
                sent = any(message_id in ids for ids in self._acknowledged)
                require(sent, f"I22: {command_id} forgotten before its send was acknowledged")
        await super().mark_sent(release_id, command_ids)
        self._memories.forget(release_id, command_ids)


class ProductionJudge:
    """Checks every change to production at the moment it lands, however late, and remembers what was read back."""

    def __init__(
        self, store: WatchedStore, freezes: WatchedFreezes, platform: WatchedPlatform, jobs: MemoryTestJobs
    ) -> None:
        self._store = store
        self._freezes = freezes
        store.fleets.platform = store.rollbacks.platform = platform
        store.fleets.samples = store.rollbacks.jobs = jobs
        self._dimensions = DimensionJudge(store.partitions, store.locks, platform)
        platform.judge, platform.was_read = self.check_change, self.was_read

    def was_read(self, spec: DeploymentSpec) -> None:
        """Production was read back as succeeded."""
        rid, restoring = brought_by(spec)
        if rid in self._store.partitions:
            release = self._store.partitions[rid].release
            self._store.judge(release).seen.add((rid, restoring, place_of(spec)))

    def check_change(self, spec: DeploymentSpec) -> None:
        """I1, I2, I3, I7, I10, I12 and I28 of any kind of release, I19 and I29 of what is new."""
        rid, restoring = brought_by(spec)
        release = self._store.partitions[rid].release
        if release.kind is not Kind.ROLLBACK:
            self._store.check_gates(release)
        key, epoch = self._store.judge(release).check_change(release, spec, restoring=restoring)
        self._store.locks.check_change(rid, key, epoch)
        self._dimensions.check_change(release, key, spec, restoring=restoring)
        if not restoring:
            self._freezes.check_change(rid, key)


def check_gate(release: Release, stage: Stage) -> None:
    """I2, I4, I5: enough distinct people of each group, none of them the requester, on exactly this digest."""
    gate, digest = release.policy.gates[stage], gate_digest(release, stage)
    valid = [a.actor for a in release.approvals if a.stage is stage and a.digest == digest and a.approved]
    groups = {rule.group for rule in gate.approvals}
    require(all(a.is_person and groups & set(a.groups) for a in valid), f"I4: {release.release_id} {stage}")
    require(not any(_asked_for(release, a, stage) for a in valid), f"I4: {release.release_id} {stage} by its requester")
    people = {(a.tenant_id, a.object_id) for a in valid}
    require(len(people) == len(valid), f"I4: somebody counted twice in {release.release_id}")
    require(_enough(gate.approvals, valid), f"I2: {release.release_id} {stage} has only {len(people)} approvals")
    _check_unknown(release, stage, len(people))


def _check_unknown(release: Release, stage: Stage, people: int) -> None:
    """I4: where nobody can say who made it, the policy's number of people must have agreed."""
    if release.candidate is None or stage is Stage.ROLLBACK:
        return
    proven = [maker for maker in release.candidate.makers if maker.account.proven and maker.object_id]
    if proven and all(maker.object_id for maker in release.candidate.makers):
        return
    needed = {UnknownMakers.ONE: 1, UnknownMakers.TWO: 2, UnknownMakers.REFUSE: 1_000}[release.policy.unknown_makers]
    require(people >= needed, f"I4: {release.release_id} {stage}: {people} approved what nobody is known to have made")


def _enough(rules: tuple[ApprovalRule, ...], people: list[Actor]) -> bool:
    """Whether any choice of rules lacks people: then, and only then, not every seat can be taken (Hall's theorem)."""
    seats = [rule.group for rule in rules for _ in range(rule.count)]
    for chosen in range(1, 2 ** len(seats)):
        groups = [group for number, group in enumerate(seats) if chosen >> number & 1]
        if sum(bool(set(groups) & set(person.groups)) for person in people) < len(groups):
            return False
    return True


def _asked_for(release: Release, actor: Actor, stage: Stage) -> bool:
    """Who made or wanted what is new may not wave it through; nor who wants to go back, of going back."""
    candidate = release.candidate
    made = (*candidate.requesters, *(maker.object_id for maker in candidate.makers)) if candidate else ()
    wanted = release.rollback_by if stage is Stage.ROLLBACK else (*made, *release.requested_by)
    asked = {name.lower() for name in wanted if name}
    return actor.object_id.lower() in asked or actor.username.lower() in asked


def check_end(store: WatchedStore, platform: WatchedPlatform, jobs: MemoryTestJobs) -> None:
    """After faults stopped and every deadline passed."""
    for rid, partition in store.partitions.items():
        release = partition.release
        require(release.phase.is_terminal, f"L1: {rid} is still {release.phase}")
        require(not partition.outbox, f"L3: {rid} has unsent commands {list(partition.outbox)}")
        require(store.closed[rid].summary == summary_of(release), f"I31: {rid} is listed as it was before")
        require(rid not in store.entries, f"L3: {rid} ended and is still listed as open")
        require(broken_at(partition.history) is None, f"I21: the history of {rid} does not verify")
        require(len(partition.history) == release.history_count, f"I21: {rid} lost history")
        check_tests(release, platform)
        events = [entry.event_id for entry in partition.history]
        require(len(events) == len(set(events)), f"I13: an event acted twice in {rid}")
    for lock in store.locks.locks.values():
        require(not lock.kept_by, f"L2: circuit {lock.key} is held by ended {lock.kept_by}")
    store.rollbacks.check_end()
    store.attempts.check_end()
    store.fleets.check_jobs({rid: each.release for rid, each in store.partitions.items()})
    check_claims(store.partitions, jobs, platform.invoked)
