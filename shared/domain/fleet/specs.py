"""What a target shall run: the new environment, or *previous* again; and what people are shown before it goes back."""

from collections.abc import Iterable
from dataclasses import replace

from shared.domain.release.model import DeploymentSpec, FleetTarget, Kind, Phase, Release

#: Azure's limit of a tag's value.
TAG_CHARS_MAX = 256

#: What a roll-back leaves on a deployment; it is no part of what ran before.
_MARKS = ("restored_by_release", "rolled_back_at", "rollback_reason")


def changed_spec(release: Release, target: FleetTarget) -> DeploymentSpec:
    """What the current phase brings the target to; the tags are those of R-ENVREL-15 and R-BACK-18."""
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


def going_back(release: Release) -> list[FleetTarget]:
    """The targets that would be put back."""
    if release.kind is Kind.ROLLBACK:
        return [target for target in release.fleet if not target.superseded_by]
    return [target for target in release.fleet if target.touched]


def rollback_bound(release: Release) -> dict[str, str]:
    """Everything the decision binds to: what goes back, to what, and why."""
    targets = [(t.key, t.previous.model, t.previous.environment) for t in going_back(release)]
    return {"release": release.release_id, "targets": repr(targets), "reason": release.rollback_reason}


def rollback_facts(release: Release) -> dict[str, str]:
    """The facts of the decision."""
    targets = going_back(release)
    stay = [f"{t.key} (changed since by {t.superseded_by})" for t in release.fleet if t.superseded_by]
    return {
        "undoes": f"{release.asset} ({release.undoes or release.release_id})",
        "asked by": release.rollback_reason,
        "deployments that go back": str(len(targets)),
        "environments they go back to": _versions([target.previous.environment for target in targets]),
        "models they go back to": _versions([target.previous.model for target in targets]),
        "deployments that stay": ", ".join(stay) or "none",
    }


def _versions(asset_ids: list[str], shown: int = 5) -> str:
    """Names and versions, each once: `custom-tf-env:1.5.0`."""
    parts = [asset_id.split("/") for asset_id in dict.fromkeys(asset_ids)]
    names = [f"{each[-3]}:{each[-1]}" if len(each) > 2 else each[-1] for each in parts]
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
