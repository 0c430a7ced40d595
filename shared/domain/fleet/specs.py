"""What a target shall run: the new environment, or *previous* again; and what people are shown before it goes back."""

from shared.domain.records import replace
from shared.domain.release.dimensions import RELEASE_TAGS, kept_tags, unmarked
from shared.domain.release.model import DeploymentSpec, Dimension, FleetTarget, Kind, Phase, Release
from shared.domain.tags import as_tag


def changed_spec(release: Release, target: FleetTarget) -> DeploymentSpec:
    """What the current phase brings the target to; the tags are those of R-ENVREL-15 and R-BACK-18. Of what goes back
    only some dimensions may count (`dimensions_of`)."""
    at = release.phase_since.strftime("%Y-%m-%dT%H:%M:%SZ")
    previous = unmarked(target.previous)
    if release.phase is Phase.ROLLING_BACK:
        marks = {
            "restored_by_release": release.release_id,
            "rolled_back_at": at,
            "rollback_reason": as_tag(release.rollback_reason),
        }
        return replace(previous, tags={**previous.tags, **marks})
    return replace(
        previous,
        environment=release.registry_environment_id,
        tags={
            **kept_tags(previous, Dimension.MODEL),
            "environment_version": release.asset_version,
            "environment_updated_at": at,
            "previous_environment": previous.environment,
            "release_id": release.release_id,
            RELEASE_TAGS[Dimension.ENVIRONMENT]: release.release_id,
        },
    )


def dimensions_of(release: Release, target: FleetTarget) -> tuple[Dimension, ...]:
    """What of the target goes back; empty means all of it, and everything that goes forward is written whole."""
    if release.phase is not Phase.ROLLING_BACK or release.kind is Kind.ROLLBACK:
        return target.dimensions
    models = (Dimension.MODEL,) if target.key in release.undoes_models else ()
    return (Dimension.ENVIRONMENT, *models)


def models_gone_back(release: Release) -> tuple[str, ...]:
    """The releases of models that went back with an environment; of a circuit that stays, none did."""
    back = (each for each in release.fleet if each.touched and not each.superseded_by)
    with_model = (each.key for each in back if release.kind is not Kind.ROLLBACK or Dimension.MODEL in each.dimensions)
    return tuple(release.undoes_models[key] for key in with_model if key in release.undoes_models)


def restored_by(spec: DeploymentSpec) -> str:
    """The release that put this deployment back; empty when none did."""
    return spec.tags.get("restored_by_release", "")


def going_back(release: Release) -> list[FleetTarget]:
    """The targets that would be put back."""
    if release.kind is Kind.ROLLBACK:
        return [target for target in release.fleet if not target.superseded_by]
    return [target for target in release.fleet if target.touched]


def rollback_bound(release: Release) -> dict[str, str]:
    """Everything the decision binds to: what goes back, to what, and why."""
    targets: list[tuple[str, ...]] = []
    for each in going_back(release):
        goes = (Dimension.MODEL, Dimension.ENVIRONMENT) if not each.dimensions else each.dimensions
        parts = [(Dimension.MODEL, each.previous.model), (Dimension.ENVIRONMENT, each.previous.environment)]
        targets.append((each.key, *(part for dimension, part in parts if dimension in goes)))
    bound = {"release": release.release_id, "targets": repr(targets), "reason": release.rollback_reason}
    return bound | ({"models": repr(sorted(release.undoes_models.items()))} if release.undoes_models else {})


def rollback_facts(release: Release) -> dict[str, str]:
    """The facts of the decision."""
    targets = going_back(release)
    stay = [f"{t.key} (changed since by {t.superseded_by})" for t in release.fleet if t.superseded_by]
    models = [target.previous.model for target in targets if _goes_back(release, target, Dimension.MODEL)]
    environments = [t.previous.environment for t in targets if _goes_back(release, t, Dimension.ENVIRONMENT)]
    facts = {
        "undoes": f"{release.asset} ({release.undoes or release.release_id})",
        "asked by": release.rollback_reason,
        **({"goes back to": f"version {release.undoes_to}, which a person chose"} if release.undoes_to else {}),
        "deployments that go back": str(len(targets)),
        "environments they go back to": _versions(environments) or "none: each keeps the one it runs",
        "models they go back to": _versions(models) or "none: each keeps the one it runs",
        "deployments that stay": ", ".join(stay) or "none",
    }
    if pairs := sorted(f"{key} (what ran before {by})" for key, by in release.undoes_models.items()):
        facts["models that go back with them"] = ", ".join(pairs)
    return facts


def _goes_back(release: Release, target: FleetTarget, dimension: Dimension) -> bool:
    """As it was recorded by the undone release; a model that goes back with it is told on its own."""
    if dimension is Dimension.MODEL and target.key in release.undoes_models:
        return False
    if release.kind is Kind.ROLLBACK:
        return not target.dimensions or dimension in target.dimensions
    return dimension is Dimension.ENVIRONMENT


def _versions(asset_ids: list[str], shown: int = 5) -> str:
    """Names and versions, each once: `custom-tf-env:1.5.0`."""
    parts = [asset_id.split("/") for asset_id in dict.fromkeys(asset_ids)]
    names = [f"{each[-3]}:{each[-1]}" if len(each) > 2 else each[-1] for each in parts]
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
