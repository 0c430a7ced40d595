"""What must hold of rollbacks: releases that put back what an ended release changed."""

from collections import defaultdict
from collections.abc import Mapping
from datetime import timedelta

from shared.domain.release.events import Event, RollbackOpened, RollbackRequested
from shared.domain.release.model import DeploymentSpec, FleetTarget, Kind, Phase, Release
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import MemoryTestJobs
from tests.fakes.platform import DeploymentKey
from tests.fakes.store import Partition
from tests.simulation.oracle_dimensions import BOTH, ENVIRONMENT, MODEL, part, version_of
from tests.simulation.oracle_fleet import check_lanes, check_one_list
from tests.simulation.oracle_locks import WatchedLocks
from tests.simulation.oracle_samples import check_samples
from tests.simulation.platform import WatchedPlatform, brought_by, place_of
from tests.simulation.violation import Violation, require

#: A rollback changes production only in these phases; what was sent there may land while it cools down after its end.
_CHANGES = (Phase.ROLLING_BACK, Phase.VERIFYING_ROLLBACK, Phase.HELD)


class RollbackJudge:
    """`seen` holds (release id, is it a roll-back, deployment) of what was read back from production as succeeded.

    `decided` are the rollbacks that people or a critical wish let through, `alerts` the rollbacks by release and alert.
    """

    def __init__(self, clock: FakeClock, partitions: Mapping[str, Partition], published: Mapping[str, Event]) -> None:
        self.seen: set[tuple[str, bool, DeploymentKey]] = set()
        self.platform: WatchedPlatform
        self.locks: WatchedLocks
        self.jobs: MemoryTestJobs
        self.decided: set[str] = set()
        self.alerts: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._clock = clock
        self._partitions = partitions
        self._published = published
        self._frozen: dict[str, list[tuple[str, DeploymentSpec, str]]] = {}

    def check_opened(self, release: Release) -> None:
        """Of a release that ended as released, with an id of its own."""
        undone = self._partitions.get(release.undoes)
        ended = undone is not None and undone.release.phase is Phase.RELEASED
        require(ended, f"I3: {release.release_id} undoes {release.undoes}, which did not end as released")
        self.check_alerts(release)

    def check_alerts(self, release: Release) -> None:
        """I20: one alert leads to one rollback of a release, whatever became of that."""
        alert = release.meter.alert if release.meter else None
        if release.kind is Kind.ROLLBACK and alert is not None:
            led_to = self.alerts[release.undoes, alert.alert_id]
            led_to.add(release.release_id)
            require(len(led_to) == 1, f"I20: {alert.alert_id} led to {sorted(led_to)}")

    def check_commit(self, before: Release, after: Release) -> None:
        """Every commit of a rollback."""
        rid = after.release_id
        self.check_alerts(after)
        check_one_list(before, after)
        check_lanes(after)
        if not after.endpoints_to_list and after.fleet and rid not in self._frozen:
            self._check_list(after)
            self._frozen[rid] = [(t.key, t.previous, t.superseded_by) for t in after.fleet]
        if rid in self._frozen:
            same = self._frozen[rid] == [(t.key, t.previous, t.superseded_by) for t in after.fleet]
            require(same, f"I17: the targets of {rid} changed after they were frozen")
        stay = [t.key for t in after.fleet if t.superseded_by and t.touched]
        require(not stay, f"I12: {rid} touches {stay}, which somebody else changed since")
        if before.phase is not after.phase:
            self._check_move(before, after)

    def _check_list(self, after: Release) -> None:
        """I1, I18: everything the undone release replaced, with what ran there before, by its own record."""
        undone = self._partitions[after.undoes].release
        recorded = replaced(undone)
        listed = {target.key: target.previous for target in after.fleet}
        require(
            listed.keys() == recorded.keys(),
            f"I18: {after.release_id} lists {sorted(listed)}, not {sorted(recorded)}",
        )
        own = MODEL if undone.kind is Kind.MODEL else ENVIRONMENT
        for key, previous in listed.items():
            chosen = bool(after.undoes_to) and version_of(previous, own) == after.undoes_to
            kept = all(part(previous, each) == part(recorded[key], each) for each in BOTH if each != own or not chosen)
            require(kept, f"I18: {after.release_id} does not list what {after.undoes} found on {key}")
        for target in after.fleet:
            if target.superseded_by and not target.superseded_by.startswith("nobody, and never ran"):
                since = [rid for rid in self._history(target) if rid != after.undoes]
                meddled = place_of(target.previous) in self.platform.ever_meddled
                require(
                    bool(since) or meddled, f"I12: {after.release_id} leaves {target.key}, and nobody changed it since"
                )

    def _history(self, target: FleetTarget) -> list[str]:
        """Who changed the deployment in production, oldest first."""
        key = place_of(target.previous)
        return [brought_by(s)[0] for place, s in self.platform.puts if place is key[0] and place_of(s) == key]

    def _check_move(self, before: Release, after: Release) -> None:
        rid = after.release_id
        if after.phase is Phase.WAITING_FOR_FLEET:
            self._check_decided(before, after)
        if after.phase is Phase.ROLLED_BACK:
            require(before.phase is Phase.VERIFYING_ROLLBACK, f"I11: {rid} is {after.phase} from {before.phase}")
            for target in after.fleet:
                if not target.superseded_by:
                    self._check_put_back(rid, target)
            check_samples(after, self.jobs, self.platform)

    def _check_decided(self, before: Release, after: Release) -> None:
        """I2: people decided at the gate, or somebody called it critical and the policy lets that do."""
        rid = after.release_id
        critical = any(
            isinstance(event, RollbackOpened | RollbackRequested) and event.release_id == rid and event.critical
            for event in self._published.values()
        )
        called = critical and after.policy.critical_at_once
        passed = before.phase is Phase.AWAITING_ROLLBACK_APPROVAL
        require(rid in self.decided or called or passed, f"I2: {rid} goes on and nobody decided")
        self.decided.add(rid)

    def _check_put_back(self, rid: str, target: FleetTarget) -> None:
        """I11: exactly what ran before, read back, and nothing of anybody else's on its way any more."""
        key = place_of(target.previous)
        require((rid, True, key) in self.seen, f"I11: {rid} ended and nobody read {target.key} back")
        running = self.platform.deployments.get(key)
        if self.platform.is_meddled(key):
            return
        wanted = self._wanted(self._partitions[rid].release, target)
        same = running is not None and all(part(running.spec, each) == wanted[each] for each in wanted)
        require(same, f"I11: {target.key} does not run its previous after {rid}")
        require(running is not None and running.outcome == "Succeeded", f"I11: {target.key} is broken after {rid}")

    def check_change(self, release: Release, spec: DeploymentSpec, *, restoring: bool) -> tuple[str, int | None]:
        """I1, I2, I3, I11 and I17 of one change that lands; returns the circuit and the epoch of its lock."""
        rid = release.release_id
        target = next((t for t in release.fleet if place_of(t.previous) == place_of(spec)), None)
        if target is None:
            raise Violation(f"I17: {rid} changed {spec.deployment_name}, not a target")
        require(restoring, f"I3: {rid} brings something new to {target.key}")
        require(rid in self.decided, f"I2: {rid} changed {target.key} before anybody decided")
        require(target.touched and not target.superseded_by, f"I1, I12: {rid} changed {target.key}, not its own")
        quiet = timedelta(seconds=release.policy.limits.settle_quiet_s)
        ended_just_now = release.phase.is_terminal and self._clock.now() - release.phase_since <= quiet
        require(release.phase in _CHANGES or ended_just_now, f"I3: {rid} changed {target.key} while {release.phase}")
        wanted = self._wanted(release, target)
        same = all(part(spec, each) == wanted[each] for each in wanted)
        require(same, f"I11: {rid} puts something else back on {target.key}")
        return target.key, release.epochs.get(target.key)

    def _wanted(self, release: Release, target: FleetTarget) -> dict[str, DeploymentSpec]:
        """What goes back by the records of the undone releases; that nothing else does is the dimensions' judge's."""
        wanted = {each.value: part(target.previous, each.value) for each in target.dimensions}
        require(bool(wanted), f"I28: {release.release_id} does not say what of {target.key} goes back")
        paired = release.undoes_models.get(target.key, "")
        previous = self._partitions[paired].release.target.previous if paired else None
        if previous is not None and MODEL in wanted:
            wanted[MODEL] = part(previous, MODEL)
        return wanted

    def check_end(self) -> None:
        """I13: every wish that was accepted became a release."""
        for event in self._published.values():
            if isinstance(event, RollbackOpened):
                require(event.release_id in self._partitions, f"I13: {event.release_id} was asked for and is not there")


def replaced(release: Release) -> dict[str, DeploymentSpec]:
    """What a release found in production where it changed something, by circuit."""
    if release.kind is Kind.MODEL:
        return {t.key: t.previous for t in release.targets if t.touched and t.previous}
    return {target.key: target.previous for target in release.fleet if target.touched}
