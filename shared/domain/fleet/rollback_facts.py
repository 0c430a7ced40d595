"""What people are shown before they decide to go back, and what their decision binds to."""

from shared.domain.model import FleetTarget, Kind, Release


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
