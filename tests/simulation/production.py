"""What production must run in the end: each circuit what its last released release brought, or what ran before.

Releases are taken in the order of the epochs of the circuit's lock, models and environments alike.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.application.ports import Place
from shared.domain.model import DeploymentSpec, Kind, Phase, Progress, Release
from tests.fakes.platform import DeploymentKey, FakeDeployment
from tests.fakes.store import MemoryReleaseStore
from tests.simulation.platform import WatchedPlatform, brought_by
from tests.simulation.violation import require

#: Model and environment of a deployment; None when nothing runs.
Running = tuple[str, str] | None


@dataclass(frozen=True)
class Touch:
    """One release's change of one deployment; `given_up` where it could not be put back and a person left it so."""

    release_id: str
    key: DeploymentKey
    epoch: int
    previous: Running
    brought: Running
    stays: bool
    given_up: bool = False


def check_production(
    store: MemoryReleaseStore, platform: WatchedPlatform, at_first: Mapping[DeploymentKey, FakeDeployment]
) -> None:
    """I1, I3, I11. `at_first` is what ran before the first release.

    Only where nothing ran before may the candidate of an ended release still be there: a person is told to delete it.
    """
    releases = [partition.release for partition in store.partitions.values()]
    for release in releases:
        mine = [s for place, s in platform.puts if place is Place.PRODUCTION and brought_by(s)[0] == release.release_id]
        claims = not mine or release.production_touched
        require(claims, f"I3: {release.release_id} changed production and says it did not")
    running: dict[DeploymentKey, set[Running]] = {}
    for touch in sorted((t for release in releases for t in _touches(release)), key=lambda touch: touch.epoch):
        first = at_first.get(touch.key)
        before = running.setdefault(touch.key, {_of(first.spec if first else None)})
        require(
            touch.previous in before,
            f"I1: {touch.release_id} recorded {touch.previous} while {touch.key[2]} ran {before}",
        )
        running[touch.key] = {touch.brought} if touch.stays else {touch.previous}
        if touch.previous is None or touch.given_up:
            running[touch.key] |= {touch.brought}
    for key, expected in running.items():
        current = platform.deployments.get(key)
        actual = _of(current.spec if current else None)
        require(actual in expected, f"I3: {key[1:]} runs {actual}, expected {expected}")


def _touches(release: Release) -> Iterator[Touch]:
    stays = release.phase is Phase.RELEASED
    if release.kind is Kind.MODEL:
        for target in release.targets:
            if target.touched:
                key = (Place.PRODUCTION, target.plan.endpoint_name, target.plan.deployment_name)
                brought = (release.registry_model_id, release.registry_environment_id)
                yield Touch(release.release_id, key, target.epoch or 0, _of(target.previous), brought, stays)
        return
    for each in release.fleet:
        if each.touched:
            key = (Place.PRODUCTION, each.previous.endpoint_name, each.previous.deployment_name)
            brought = (each.previous.model, release.registry_environment_id)
            left = (
                release.phase is Phase.ABORTED and each.goal is Phase.ROLLING_BACK and each.progress is Progress.FAILED
            )
            epoch, previous = release.epochs[each.key], _of(each.previous)
            yield Touch(release.release_id, key, epoch, previous, brought, stays, given_up=left)


def _of(spec: DeploymentSpec | None) -> Running:
    return (spec.model, spec.environment) if spec else None
