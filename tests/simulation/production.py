"""What production must run in the end: each circuit what its last released release brought, or what ran before.

Releases are taken in the order of the epochs of the circuit's lock, models and environments alike.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.application.platform_ports import Place
from shared.domain.release.model import DeploymentSpec, Dimension, FleetTarget, Kind, Phase, Progress, Release
from tests.fakes.platform import DeploymentKey, FakeDeployment
from tests.simulation.oracle import WatchedStore
from tests.simulation.platform import WatchedPlatform, brought_by
from tests.simulation.violation import require

#: Model and environment of a deployment; None when nothing runs.
Running = tuple[str, str] | None


#: What each dimension of a deployment became: at most one of them where the other was left alone.
Changed = dict[Dimension, str]


@dataclass(frozen=True)
class Touch:
    """One release's change of one deployment. Where nothing is `sure`, it may also have changed nothing. A rollback may
    find that another one, listed at the same time, `was_first`: then it puts back what is there already."""

    release_id: str
    key: DeploymentKey
    epoch: int
    found: Changed | None
    left: tuple[Changed | None, ...]
    sure: bool = True
    was_first: bool = False


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
        before = running.setdefault(touch.key, frozenset({_pair(first)}))
        there = frozenset(each for each in before if not touch.sure or _may_be_found(each, touch))
        require(bool(there), f"I1: {touch.release_id} found {touch.found} where {touch.key[2]} ran {before}")
        after = frozenset(_with(each, left) for each in there for left in touch.left)
        running[touch.key] = after if touch.sure else before | after
    for key, expected in running.items():
        current = platform.deployments.get(key)
        actual = _pair(current)
        require(actual in expected, f"I3: {key[1:]} runs {actual}, expected {expected}")


def _may_be_found(running: Running, touch: Touch) -> bool:
    """Whether what runs is what was found; dimension by dimension, what another one had put back before."""
    if not touch.was_first or running is None or touch.found is None:
        return _is(running, touch.found)
    (left,) = touch.left
    parts = _parts(*running)
    return all(parts[each] in (found, (left or {}).get(each)) for each, found in touch.found.items())


def _touches(release: Release, store: WatchedStore) -> Iterator[Touch]:
    rid = release.release_id
    for circuit, epoch, plan, found, brought in _targets(release, store):
        key = (Place.PRODUCTION, *plan)
        back = (found, brought)
        first, was_seen = store.locks.changed_first(rid, circuit), (rid, False, key) in store.fleets.seen
        if first < epoch and was_seen and release.kind is Kind.ENVIRONMENT:  # others came between there and back
            yield Touch(rid, key, first, found, (brought,))
            found = brought
        if store.locks.lost(rid, circuit) or _in_vain(release, circuit):
            yield Touch(rid, key, epoch, found, (*back, *_put_back(release, circuit, back[0], store)), sure=False)
        elif release.phase is Phase.RELEASED or release.kind is Kind.ROLLBACK:
            yield Touch(rid, key, epoch, found, (brought,), was_first=release.kind is Kind.ROLLBACK)
        else:
            yield Touch(rid, key, epoch, found, _put_back(release, circuit, back[0], store) or (None, brought))


def _put_back(release: Release, circuit: str, found: Changed | None, store: WatchedStore) -> tuple[Changed | None, ...]:
    """What a release that did not end well found; a model that went back with it, unless a newer one ran there."""
    paired = release.undoes_models.get(circuit, "")
    previous = store.partitions[paired].release.target.previous if paired else None
    if found is None or previous is None:
        return (found,) if found else ()
    return found, {**found, Dimension.MODEL: previous.model}


def _in_vain(release: Release, circuit: str) -> bool:
    """Whether putting the circuit back was begun and given up, and a person or a deadline left it so."""
    if release.phase not in (Phase.ABORTED, Phase.EXPIRED):
        return False
    begun = [target for target in release.fleet if target.goal is Phase.ROLLING_BACK and target.key == circuit]
    return any(target.progress is not Progress.DONE for target in begun)


def _targets(
    release: Release, store: WatchedStore
) -> Iterator[tuple[str, int, tuple[str, str], Changed | None, Changed]]:
    """Of every target that was touched: circuit, epoch, endpoint and deployment, what was found, what was brought; of a
    rollback only the dimensions that it undid."""
    for target in release.targets:
        if target.touched:
            plan = (target.plan.endpoint_name, target.plan.deployment_name)
            brought = _parts(release.registry_model_id, release.registry_environment_id)
            yield target.key, target.epoch or 0, plan, _of(target.previous), brought
    undone = store.partitions[release.undoes].release if release.undoes else release
    for each in release.fleet:
        if each.touched:
            plan = (each.previous.endpoint_name, each.previous.deployment_name)
            environment = {Dimension.ENVIRONMENT: release.registry_environment_id}
            found, brought = {Dimension.ENVIRONMENT: each.previous.environment}, environment
            if release.undoes:
                found, brought = _undone(each, undone, release.undoes_models.get(each.key, ""), store)
            yield each.key, release.epochs[each.key], plan, found, brought


def _undone(target: FleetTarget, undone: Release, paired: str, store: WatchedStore) -> tuple[Changed, Changed]:
    """What a rollback found and what it put back, in the dimensions that went back."""
    model, previous = undone, target.previous
    if paired:
        model = store.partitions[paired].release
        previous = model.target.previous or previous
    new = _parts(model.registry_model_id, undone.registry_environment_id)
    old = _parts(previous.model, target.previous.environment)
    return {each: new[each] for each in target.dimensions}, {each: old[each] for each in target.dimensions}


def _pair(deployment: FakeDeployment | None) -> Running:
    return (deployment.spec.model, deployment.spec.environment) if deployment else None


def _parts(model: str, environment: str) -> Changed:
    return {Dimension.MODEL: model, Dimension.ENVIRONMENT: environment}


def _of(spec: DeploymentSpec | None) -> Changed | None:
    return _parts(spec.model, spec.environment) if spec else None


def _is(running: Running, found: Changed | None) -> bool:
    """Whether what runs is what was found, in the dimensions that were found."""
    if running is None or found is None:
        return running is None and found is None
    return all(_parts(*running)[dimension] == reference for dimension, reference in found.items())


def _with(running: Running, left: Changed | None) -> Running:
    """What runs after a change; where nothing ran before, a change of one dimension changes nothing."""
    if left is None:
        return running
    parts = (_parts(*running) if running else {}) | left
    return (parts[Dimension.MODEL], parts[Dimension.ENVIRONMENT]) if len(parts) == len(Dimension) else running
