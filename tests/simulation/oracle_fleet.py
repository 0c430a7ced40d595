"""What must hold of releases of an environment to the whole fleet."""

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Set
from dataclasses import replace

from shared.application.platform_ports import CompatibilityJob, Place
from shared.domain.fleet.lanes import progress_of
from shared.domain.release.model import DeploymentSpec, FleetTarget, Phase, Progress, Release, Verdict
from tests.fakes.clock import FakeClock
from tests.fakes.jobs import MemoryTestJobs
from tests.fakes.platform import DeploymentKey, FakeJob
from tests.simulation.oracle_dimensions import ENVIRONMENT, part
from tests.simulation.oracle_locks import WatchedLocks
from tests.simulation.oracle_samples import check_samples
from tests.simulation.outcomes import check_watch
from tests.simulation.platform import WatchedPlatform, place_of
from tests.simulation.violation import require

_ROAD_FROM_APPROVAL = (Phase.AWAITING_PRODUCTION_APPROVAL, Phase.UPDATING, Phase.WATCHING, Phase.RELEASED)
_MAY_CHANGE = (
    Phase.UPDATING,
    Phase.WATCHING,
    Phase.AWAITING_ROLLBACK_APPROVAL,
    Phase.HELD,
    Phase.ROLLING_BACK,
    Phase.RELEASED,
)
_SAYS = {"identical": Verdict.PASSED, "changed": Verdict.INCONCLUSIVE, "failed": Verdict.FAILED}


def _given_up(held: Release) -> list[str]:
    """What a person may leave as it is: the roll-back gave it up and has nothing else left to try."""
    if held.phase is not Phase.HELD or held.held_phase is not Phase.ROLLING_BACK:
        return []
    progress = {target.key: progress_of(held, target) for target in held.fleet}
    if {Progress.WAITING, Progress.CHANGING} & set(progress.values()):
        return []
    return [key for key, how_far in progress.items() if how_far is Progress.FAILED]


class FleetJudge:
    """`seen` holds (release id, is it a roll-back, deployment) of what was read back from production as succeeded.

    `verdicts` is what the checks of a circuit say in this world, `jobs` and `checks` are Azure ML's, `silent` the
    circuits that have no predictions.
    """

    def __init__(self, clock: FakeClock) -> None:
        self.seen: set[tuple[str, bool, DeploymentKey]] = set()
        self.platform: WatchedPlatform
        self.locks: WatchedLocks
        self.samples: MemoryTestJobs
        self.verdicts: Mapping[str, str] = {}
        self.checks: Mapping[str, CompatibilityJob] = {}
        self.jobs: Mapping[tuple[Place, str], FakeJob] = {}
        self.silent: Set[str] = frozenset()
        self._clock = clock
        self._frozen: dict[str, list[tuple[str, DeploymentSpec]]] = {}
        self._put_back: set[tuple[str, str]] = set()

    def check_commit(self, before: Release, after: Release) -> None:
        """Every commit of an environment release."""
        check_one_list(before, after)
        self._check_frozen(after)
        check_lanes(after)
        check_watch(before, after, self.silent)
        for old, new in zip(before.fleet, after.fleet, strict=False):
            gone = bool(new.superseded_by) and not self.locks.lost(after.release_id, new.key)
            require(not gone, f"I7: {after.release_id} gave {new.key} up, and nobody took it")
            if old.check is not new.check:
                self._check_verdict(before, old, new)
        if before.phase is not after.phase:
            self._check_move(before, after)

    def _check_frozen(self, after: Release) -> None:
        """I1, I17, I18: the list of targets is frozen whole, each of them somewhere."""
        rid = after.release_id
        targets = [(target.key, target.previous) for target in after.fleet]
        if after.endpoints_to_list or not targets:
            return
        frozen = self._frozen.setdefault(rid, targets)
        require(frozen == targets, f"I17: the targets of {rid} changed after they were frozen")

    def _check_verdict(self, before: Release, old: FleetTarget, new: FleetTarget) -> None:
        """I15: once, and what the job of the current try said."""
        rid = before.release_id
        require(old.check is None, f"I15: {rid} judged {new.key} twice")
        require(before.phase is Phase.CHECKING, f"I15: {rid} judged {new.key} while {before.phase}")
        name = f"{rid}-{before.serial}-{new.key.lower()}-{new.attempt}"
        job = self.jobs.get((Place.TEST, f"{name}-new"))
        require(job is not None and f"{name}-new" in self.checks, f"I15: {rid} judged {new.key} without a job")
        said = self.verdicts.get(new.key.replace("-", "/"), "identical")
        expected = Verdict.FAILED if job and job.status == "Failed" else _SAYS[said]
        require(new.check is expected, f"I15: {rid} says {new.check} of {new.key}, its job said {expected}")

    def _check_move(self, before: Release, after: Release) -> None:
        rid = after.release_id
        if after.phase in _ROAD_FROM_APPROVAL:
            _check_judged(after)
        if after.phase in (Phase.WATCHING, Phase.RELEASED):
            own = [target for target in after.fleet if not target.superseded_by]
            unread = [t.key for t in own if (rid, False, place_of(t.previous)) not in self.seen]
            require(not unread, f"{rid} is {after.phase} and nobody read {unread} back")
        if after.phase is Phase.ROLLED_BACK:
            check_samples(after, self.samples, self.platform)
        if not after.phase.is_terminal or after.phase is Phase.RELEASED or not after.production_touched:
            return
        given_up = _given_up(before) if after.phase is Phase.ABORTED else []
        back = before.phase in (Phase.ROLLING_BACK, Phase.VERIFYING_ROLLBACK) or bool(given_up)
        require(back, f"I3: {rid} ended from {before.phase} with production touched")
        require(all(key in after.reason for key in given_up[:1]), f"I11: {rid} does not list {given_up}")
        for target in after.fleet:
            if target.touched and target.key not in given_up and not target.superseded_by:
                self._check_put_back(rid, target)

    def _check_put_back(self, rid: str, target: FleetTarget) -> None:
        """I11: exactly what ran before, read back; what somebody else changed since is not ours."""
        key = place_of(target.previous)
        require((rid, True, key) in self.seen, f"I11: {rid} ended and nobody read {target.key} back")
        self._put_back.add((rid, target.key))
        running = self.platform.deployments.get(key)
        if self.platform.is_meddled(key):
            return
        require(running is not None and running.outcome == "Succeeded", f"I11: {target.key} runs nothing after {rid}")
        back = running is not None and part(running.spec, ENVIRONMENT) == part(target.previous, ENVIRONMENT)
        require(back, f"I11: {target.key} does not run its previous environment after {rid} was put back")

    def check_change(self, release: Release, spec: DeploymentSpec, *, restoring: bool) -> tuple[str, int | None]:
        """I1, I3, I10, I16 and I17 of one change that lands; returns the circuit and the epoch of its lock."""
        rid = release.release_id
        target = next((t for t in release.fleet if place_of(t.previous) == place_of(spec)), None)
        require(target is not None and rid in self._frozen, f"I17: {rid} changed {spec.deployment_name}, not a target")
        if target is None:
            raise AssertionError("unreachable")
        require(target.touched, f"I1: {rid} changed {target.key} and does not know it")
        _check_judged(release)
        if restoring:
            self._put_back.add((rid, target.key))
            back = part(spec, ENVIRONMENT) == part(target.previous, ENVIRONMENT)
            require(back, f"I11: {rid} puts something else back on {target.key}")
        else:
            require(release.phase in _MAY_CHANGE, f"I3: {rid} changed {target.key} after {release.phase}")
            require((rid, target.key) not in self._put_back, f"I10: {rid} changed {target.key} after it was put back")
            require(spec.environment == release.registry_environment_id, f"I2: {rid} brings another environment")
            same = replace(spec, environment=target.previous.environment, tags=target.previous.tags)
            require(same == target.previous, f"I2: {rid} changes more of {target.key} than its environment")
        return target.key, release.epochs.get(target.key)

    def check_jobs(self, releases: Mapping[str, Release]) -> None:
        """I14: at the end, no more tries of a check than the policy allows, each with one job of either sort."""
        tries: dict[tuple[str, str], set[int]] = defaultdict(set)
        for name in self.checks:
            match = re.fullmatch(r"(?P<step>(?P<rid>.+)-\d+-p\d+-c\d+)-(?P<attempt>\d+)-(base|new)", name)
            require(match is not None, f"I14: {name} is no check of a target")
            if match:
                tries[match["rid"], match["step"]].add(int(match["attempt"]))
        for (rid, step), attempts in tries.items():
            most = releases[rid].policy.limits.attempts_max
            require(max(attempts) <= most, f"I14: {step} was tried {max(attempts)} times")


def check_one_list(before: Release, after: Release) -> None:
    """I1, I17, I18: one list of targets that only grows, each once and somewhere; what was touched stays so."""
    rid = after.release_id
    targets = [(target.key, target.previous) for target in after.fleet]
    require(len({key for key, _ in targets}) == len(targets), f"I18: {rid} has a target twice")
    require(targets[: len(before.fleet)] == [(t.key, t.previous) for t in before.fleet], f"I17: {rid} lost targets")
    counted = Counter(progress_of(after, target) for target in after.fleet)
    require(sum(counted[each] for each in Progress) == len(targets), f"I18: {rid} lost count: {counted}")
    for old, new in zip(before.fleet, after.fleet, strict=False):
        require(new.touched or not old.touched, f"I1: {rid} forgot that {new.key} was touched")


def check_lanes(after: Release) -> None:
    """I9: of each endpoint at most one deployment is claimed; no more at once than the policy says."""
    limits = after.policy.limits
    claimed = [
        target.previous.endpoint_name
        for target in after.fleet
        if (target.goal, target.serial, target.progress) == (after.phase, after.serial, Progress.CHANGING)
    ]
    if after.phase is Phase.CHECKING:
        require(len(claimed) <= limits.checks_parallel_max, f"I9: {after.release_id} checks {len(claimed)} at once")
        return
    require(len(claimed) == len(set(claimed)), f"I9: {after.release_id} changes {claimed} at once")
    require(len(claimed) <= limits.updates_parallel_max, f"I9: {after.release_id} changes {len(claimed)} at once")


def _check_judged(release: Release) -> None:
    """I16: every model passed, or people were shown in what it changed."""
    bad = [t.key for t in release.fleet if t.check not in (Verdict.PASSED, Verdict.INCONCLUSIVE)]
    require(bool(release.fleet) and not bad, f"I16: {release.release_id} goes on without checks of {bad}")
