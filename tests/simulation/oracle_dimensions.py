"""What must hold of the two dimensions of a deployment (I28, I29), judged at every change of production that lands.

It keeps its own book of who brought what and of what that release had found, and never reads the tags that the
application judges by but to compare them with the book.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shared.domain.release.model import DeploymentSpec, Kind, Phase, Progress, Release
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_facts
from tests.fakes.platform import DeploymentKey
from tests.fakes.store import Partition
from tests.simulation.oracle_locks import WatchedLocks
from tests.simulation.platform import WatchedPlatform, place_of
from tests.simulation.violation import require

MODEL, ENVIRONMENT = "model", "environment"
BOTH = (MODEL, ENVIRONMENT)
_OF_ENVIRONMENT = ("environment_updated_at", "previous_environment")
_OF_NEITHER = (
    "environment_version",
    "release_id",
    "model_release",
    "environment_release",
    "restored_by_release",
    "rolled_back_at",
    "rollback_reason",
)


def part(spec: DeploymentSpec, dimension: str) -> DeploymentSpec:
    """The deployment with nothing but this dimension; who brought it is left out."""
    wanted = dimension == ENVIRONMENT
    tags = {n: v for n, v in spec.tags.items() if n not in _OF_NEITHER and (n in _OF_ENVIRONMENT) is wanted}
    if dimension == MODEL:
        return replace(spec, environment="", tags=tags)
    return DeploymentSpec(
        endpoint_name=spec.endpoint_name,
        deployment_name=spec.deployment_name,
        model="",
        environment=spec.environment,
        compute="",
        code="",
        scoring_script="",
        mini_batch_size=0,
        tags=tags,
    )


def version_of(spec: DeploymentSpec, dimension: str) -> str:
    """The version that it runs in this dimension."""
    return (spec.model if dimension == MODEL else spec.environment).rpartition("/")[2]


@dataclass(frozen=True)
class Found:
    """What a release found in one dimension: the part, and who had brought it."""

    part: DeploymentSpec
    by: str


class DimensionJudge:
    """The book: by deployment and dimension who brought it, by release what it found."""

    def __init__(self, partitions: Mapping[str, Partition], locks: WatchedLocks, platform: WatchedPlatform) -> None:
        self._partitions = partitions
        self._locks = locks
        self._platform = platform
        self._by: dict[tuple[DeploymentKey, str], str] = {}
        self._found: dict[tuple[str, DeploymentKey, str], Found] = {}

    def check_change(self, release: Release, circuit: str, spec: DeploymentSpec, *, restoring: bool) -> None:
        """Before it lands. What somebody changed by hand is nobody's, and not judged."""
        key = place_of(spec)
        running = self._platform.deployments.get(key)
        if key in self._platform.ever_meddled:
            return
        if running is None:
            self._by |= {(key, dimension): release.release_id for dimension in BOTH}
            return
        for dimension in BOTH:
            by = running.spec.tags.get("release_id", "")
            self._by.setdefault((key, dimension), by)
        keeper = self._locks.locks[circuit].environment
        if keeper and keeper != release.release_id:
            kept = part(spec, ENVIRONMENT) == part(running.spec, ENVIRONMENT)
            require(kept, f"I30: {release.release_id} changes the environment of {key[1:]}, which {keeper} watches")
        if restoring:
            self._check_back(release, circuit, running.spec, spec)
        else:
            self._check_forward(release, running.spec, spec)
        for dimension in BOTH:
            told = _told(spec, dimension)
            book = self._by[key, dimension]
            require(told == book, f"I28: the {dimension} of {key[1:]} is from {book!r}, and its tag says {told!r}")

    def _check_forward(self, release: Release, running: DeploymentSpec, spec: DeploymentSpec) -> None:
        """I29: nothing is lowered unless people were told and gave their reason."""
        rid, key = release.release_id, place_of(spec)
        if lowered := [
            what for what in (_lowered(running.model, spec.model), _lowered_environment(running, spec)) if what
        ]:
            reasons = [a.reason for a in release.approvals if a.stage is Stage.PRODUCTION and a.approved]
            require(bool(reasons), f"I29: {rid} lowers {lowered} of {key[1:]}, and nobody was asked")
            require(all(reasons), f"I29: {rid} lowers {lowered} of {key[1:]} without a reason")
            told = " ".join(gate_facts(release, Stage.PRODUCTION).values())
            require(told.count("lowers") == len(lowered), f"I29: {rid} lowers {lowered} of {key[1:]} and tells {told}")
        for dimension in BOTH if release.kind is Kind.MODEL else (ENVIRONMENT,):
            if dimension == ENVIRONMENT and running.environment == spec.environment and release.kind is Kind.MODEL:
                continue
            by = self._by[key, dimension]
            if by != rid:
                self._found[rid, key, dimension] = Found(part(running, dimension), by)
            self._by[key, dimension] = rid
        if release.kind is Kind.ENVIRONMENT:
            same = part(running, MODEL) == part(spec, MODEL)
            require(same, f"I28: {rid} brings an environment and changes the model of {key[1:]}")

    def _check_back(self, release: Release, circuit: str, running: DeploymentSpec, spec: DeploymentSpec) -> None:
        """I28: each dimension runs on as it does, or goes back to what the last to bring it had found there, where that
        release is undone or lost the circuit to this one half-way."""
        rid, key = release.release_id, place_of(spec)
        undone = self._undone(release, circuit)
        for dimension in BOTH:
            by = self._by[key, dimension]
            if part(spec, dimension) == part(running, dimension) and _told(spec, dimension) == by:
                continue
            back = part(running, dimension)
            own = any(t.key == circuit and dimension in t.dimensions for t in release.fleet)
            while by in undone or self._lost(by, circuit, rid, half_way=not own):
                found = self._found.get((by, key, dimension))
                if found is None:
                    break
                back, by = found.part, found.by
                if (back, by) == (part(spec, dimension), _told(spec, dimension)):
                    break
            back, by = self._chosen(release, key, dimension, Found(back, by))
            require(by != self._by[key, dimension], f"I28: {rid} changes the {dimension} of {key[1:]} from {by}")
            require(part(spec, dimension) == back, f"I28: {rid} changes the {dimension} of {key[1:]} to something else")
            self._by[key, dimension] = by

    def _chosen(self, release: Release, key: DeploymentKey, dimension: str, last: Found) -> tuple[DeploymentSpec, str]:
        """Further back, to the version that somebody chose; of the other dimension nothing was chosen."""
        undone = self._partitions[release.undoes].release if release.undoes_to else release
        own = MODEL if undone.kind is Kind.MODEL else ENVIRONMENT
        while release.undoes_to and dimension == own and version_of(last.part, own) != release.undoes_to:
            found = self._found.get((last.by, key, dimension))
            if found is None:
                break
            last = found
        return last.part, last.by

    def _undone(self, release: Release, circuit: str) -> tuple[str, ...]:
        """The releases that go back on this circuit."""
        return (release.undoes or release.release_id, release.undoes_models.get(circuit, ""))

    def _lost(self, loser: str, circuit: str, by: str, *, half_way: bool) -> bool:
        """Whether this rollback took the circuit from it; `half_way` asks whether before it had finished there."""
        taken = any(
            (loss.release_id, loss.by, key) == (loser, by, circuit) for (key, _), loss in self._locks.losses.items()
        )
        if not taken or loser not in self._partitions:
            return False
        fleet = self._partitions[loser].release.fleet
        done = [t for t in fleet if t.key == circuit and (t.goal, t.progress) == (Phase.UPDATING, Progress.DONE)]
        return not (half_way and done)


def _told(spec: DeploymentSpec, dimension: str) -> str:
    """Who brought it, by the tags; what was there before the first release says one name for both."""
    names_none = not any(f"{each}_release" in spec.tags for each in BOTH)
    return spec.tags.get("release_id" if names_none else f"{dimension}_release", "")


def _lowered_environment(running: DeploymentSpec, spec: DeploymentSpec) -> str:
    return _lowered(running.environment, spec.environment)


def _lowered(old: str, new: str) -> str:
    """What is lowered, where both are versions of one thing."""
    (was, before), (now, after) = (each.rsplit("/versions/", 1) for each in (old, new))
    numbers = [[int(number) for number in version.split(".")] for version in (before, after)]
    return f"{old} to {after}" if was == now and numbers[1] < numbers[0] else ""
