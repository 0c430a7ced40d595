"""What a deployment ran before, as far back as the history knows: each release recorded what it found, and who brought
that, so that one leads to the one before."""

from shared.application.release.ports import Ports
from shared.domain.release.dimensions import brought_by
from shared.domain.release.lowering import asset_of
from shared.domain.release.model import DeploymentSpec, Dimension, Kind, Release

#: Going further back than this is somebody going round in circles.
STEPS_MAX = 50

#: Of each circuit that a release changed what ran there before, the latest first.
Known = dict[str, list[DeploymentSpec]]


def recorded(release: Release) -> list[tuple[str, DeploymentSpec]]:
    """The circuits whose production a release changed and what ran there before, where anything did."""
    fleet = [(target.key, target.previous) for target in release.fleet if target.touched]
    single = [(target.key, target.previous) for target in release.targets if target.touched and target.previous]
    return [*fleet, *single]


def dimension_of(release: Release) -> Dimension:
    """What its releases are about."""
    return Dimension.MODEL if release.kind is Kind.MODEL else Dimension.ENVIRONMENT


def version_of(spec: DeploymentSpec, dimension: Dimension) -> str:
    """The version that a deployment runs in this dimension."""
    return asset_of(spec.model if dimension is Dimension.MODEL else spec.environment)[1]


async def known_before(release: Release, ports: Ports) -> Known:
    """What ran before `release`, in its own dimension. Every release on the way is read once."""
    loaded: dict[str, dict[str, DeploymentSpec]] = {}

    async def found_by(release_id: str, key: str) -> DeploymentSpec | None:
        if release_id not in loaded:
            stored = await ports.store.load(release_id)
            loaded[release_id] = dict(recorded(stored.release)) if stored else {}
        return loaded[release_id].get(key)

    known: Known = {}
    for key, previous in recorded(release):
        spec: DeploymentSpec | None = previous
        chain, seen = known.setdefault(key, []), {release.release_id}
        while spec is not None and len(chain) < STEPS_MAX:
            chain.append(spec)
            by = brought_by(spec, dimension_of(release))
            if not by or by in seen:
                break
            seen.add(by)
            spec = await found_by(by, key)
    return known


async def versions_before(release: Release, ports: Ports) -> list[str]:
    """The versions that a rollback of `release` may go back to, the latest first."""
    known, dimension = await known_before(release, ports), dimension_of(release)
    return list(dict.fromkeys(version_of(spec, dimension) for specs in known.values() for spec in specs))
