"""What a target of an environment release shall run: the new environment, or *previous* again."""

from collections.abc import Iterable
from dataclasses import replace

from shared.domain.model import DeploymentSpec, FleetTarget, Phase, Release

#: Azure's limit of a tag's value.
TAG_CHARS_MAX = 256

#: What a roll-back leaves on a deployment; it is no part of what ran before.
_MARKS = ("restored_by_release", "rolled_back_at", "rollback_reason")


def changed_spec(release: Release, target: FleetTarget) -> DeploymentSpec:
    """What the current phase brings the target to; the tags are those of environment-management, "Tags"."""
    at = release.phase_since.strftime("%Y-%m-%dT%H:%M:%SZ")
    kept = _without(target.previous.tags, _MARKS)
    if release.phase is Phase.ROLLING_BACK:
        marks = {
            "restored_by_release": release.release_id,
            "rolled_back_at": at,
            "rollback_reason": _cut(release.rollback_reason),
        }
        return replace(target.previous, tags={**kept, **marks})
    return replace(
        target.previous,
        environment=release.registry_environment_id,
        tags={
            **kept,
            "environment_version": release.asset_version,
            "environment_updated_at": at,
            "previous_environment": target.previous.environment,
            "release_id": release.release_id,
        },
    )


def frozen(spec: DeploymentSpec) -> DeploymentSpec:
    """A deployment as it was read back, as *previous*: without the marks of an earlier roll-back."""
    return replace(spec, tags=_without(spec.tags, _MARKS))


def restored_by(spec: DeploymentSpec) -> str:
    """The release that put this deployment back; empty when none did."""
    return spec.tags.get("restored_by_release", "")


def brought_by(spec: DeploymentSpec) -> str:
    """The release that changed this deployment last, forward or back; empty when none did."""
    return restored_by(spec) or spec.tags.get("release_id", "")


def _cut(text: str) -> str:
    return text if len(text) <= TAG_CHARS_MAX else text[: TAG_CHARS_MAX - 1] + "…"


def _without(tags: dict[str, str], names: Iterable[str]) -> dict[str, str]:
    return {name: value for name, value in tags.items() if name not in names}
