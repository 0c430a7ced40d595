"""What production must run in the end: each circuit what its last released release brought, or what ran before.

Releases are taken in the order of the epochs of the circuit's lock, models and environments alike.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.application.platform_ports import Place
from shared.domain.release.model import DeploymentSpec, Kind, Phase, Progress, Release
from tests.fakes.platform import DeploymentKey, FakeDeployment
from tests.simulation.oracle import WatchedStore
from tests.simulation.platform import WatchedPlatform, brought_by
from tests.simulation.violation import require

#: Model and environment of a deployment; None when nothing runs.
Running = tuple[str, str] | None


@dataclass(frozen=True)
class Touch:
    """One release's change of one deployment. Where nothing is `sure`, it may also have changed nothing."""

    release_id: str
    key: DeploymentKey
    epoch: int
    previous: Running
    left: frozenset[Running]
    sure: bool = True


def check_production(
    store: WatchedStore, platform: WatchedPlatform, at_first: Mapping[DeploymentKey, FakeDeployment]
) -> None:
    """I1, I3, I11. `at_first` is what ran before the first release.

    Only where nothing ran before may the candidate of an ended release still be there: a person is told to delete it.
    """
    releases = [partition.release for partition in store.partitions.values()]
    for release in releases:
        mine = [s for place, s in platform.puts if place is Place.PRODUCTION and brought_by(s)[0] == release.release_id]
        claims = not mine or release.production_touched
        require(claims, f"I3: {release.release_id} changed production and says it did not")
    running: dict[DeploymentKey, frozenset[Running]] = {}
    for touch in sorted((t for release in releases for t in _touches(release, store)), key=lambda touch: touch.epoch):
        first = at_first.get(touch.key)
        before = running.setdefault(touch.key, frozenset({_of(first.spec if first else None)}))
        require(
            touch.previous in before or not touch.sure,
            f"I1: {touch.release_id} found {touch.previous} where {touch.key[2]} ran {before}",
        )
        running[touch.key] = touch.left if touch.sure else before | touch.left
    for key, expected in running.items():
        current = platform.deployments.get(key)
        actual = _of(current.spec if current else None)
        require(actual in expected, f"I3: {key[1:]} runs {actual}, expected {expected}")


def _touches(release: Release, store: WatchedStore) -> Iterator[Touch]:
    rid = release.release_id
    for circuit, epoch, plan, previous, brought in _targets(release, store):
        key = (Place.PRODUCTION, *plan)
        if store.locks.lost(rid, circuit) or _in_vain(release, circuit):
            yield Touch(rid, key, epoch, previous, frozenset({previous, brought}), sure=False)
        elif release.phase is Phase.RELEASED or release.kind is Kind.ROLLBACK:
            yield Touch(rid, key, epoch, previous, frozenset({brought}))
        else:
            yield Touch(rid, key, epoch, previous, frozenset({previous} if previous else {None, brought}))


def _in_vain(release: Release, circuit: str) -> bool:
    """Whether putting the circuit back was begun and given up, and a person or a deadline left it so."""
    if release.phase not in (Phase.ABORTED, Phase.EXPIRED):
        return False
    begun = [target for target in release.fleet if target.goal is Phase.ROLLING_BACK and target.key == circuit]
    return any(target.progress is not Progress.DONE for target in begun)


def _targets(release: Release, store: WatchedStore) -> Iterator[tuple[str, int, tuple[str, str], Running, Running]]:
    """Of every target that was touched: circuit, epoch, endpoint and deployment, what was found, what was brought."""
    for target in release.targets:
        if target.touched:
            plan = (target.plan.endpoint_name, target.plan.deployment_name)
            brought = (release.registry_model_id, release.registry_environment_id)
            yield target.key, target.epoch or 0, plan, _of(target.previous), brought
    undone = store.partitions[release.undoes].release if release.undoes else release
    for each in release.fleet:
        if each.touched:
            plan = (each.previous.endpoint_name, each.previous.deployment_name)
            model = undone.registry_model_id if undone.kind is Kind.MODEL else each.previous.model
            new, old = (model, undone.registry_environment_id), _of(each.previous)
            found, brought = (new, old) if release.undoes else (old, new)
            yield each.key, release.epochs[each.key], plan, found, brought


def _of(spec: DeploymentSpec | None) -> Running:
    return (spec.model, spec.environment) if spec else None
