"""What a release would lower in production, and what it keeps instead (I29).

A release of a model names the environment of its circuit's configuration, which stays behind when the fleet is brought
to a newer one without new models. Where that one is compatible it is kept; whatever else goes down is told at the gate
and needs a reason.
"""

import re
from collections.abc import Callable, Iterable

from shared.domain.changes.versions import ChangeClass, SemanticVersion, change_class
from shared.domain.errors import InvalidRequest
from shared.domain.release.model import DeploymentPlan, DeploymentSpec, InProduction, Kind, Release, Target

CIRCUITS_TOLD = 5

_Order = Callable[[str], tuple[int, ...] | None]

_ASSET = re.compile(r"(?:^|.*/)(?P<name>[^/:]+)(?:/versions/|:)(?P<version>[^/:]+)")


def found_in(spec: DeploymentSpec | None) -> InProduction | None:
    """What a deployment runs; None when there is none."""
    return InProduction(model=spec.model, environment=spec.environment) if spec else None


def asset_of(reference: str) -> tuple[str, str]:
    """Name and version of a model or an environment by its reference; the version is empty where there is none."""
    found = _ASSET.fullmatch(reference)
    return (found["name"], found["version"]) if found else (reference, "")


def shown(reference: str) -> str:
    """As people say it: `custom-tf-env:1.5.0`."""
    name, version = asset_of(reference)
    return f"{name}:{version}" if version else name


def keeps_environment(plan: DeploymentPlan, found: InProduction | None) -> bool:
    """Whether production runs a newer environment that the model can run in: the same MAJOR."""
    if found is None:
        return False
    name, version = asset_of(found.environment)
    if name != plan.environment_name:
        return False
    try:
        change = change_class(SemanticVersion.parse(plan.environment_version), SemanticVersion.parse(version))
    except InvalidRequest:
        return False
    return change is not ChangeClass.MAJOR


def needs_environment(release: Release, found: InProduction | None) -> bool:
    """Whether a release of a model changes the environment where this runs; where nothing runs, none is changed."""
    if found is None or keeps_environment(release.target.plan, found):
        return False
    return found.environment != release.registry_environment_id


def brought_environment(target: Target) -> str:
    """Name and version of the environment that a release of a model brings or keeps: `custom-tf-env:1.5.0`."""
    if target.found is not None and keeps_environment(target.plan, target.found):
        return shown(target.found.environment)
    return f"{target.plan.environment_name}:{target.plan.environment_version}"


def supersedes(holder: Release, release: Release) -> bool:
    """Whether `release`, which waits behind `holder`, brings an older version of the same: it could only lower what
    that one is about to bring. One that is put back brings nothing, and neither does a rollback."""
    if release.kind is Kind.ROLLBACK:
        return False
    if holder.phase.is_terminal or holder.ending is not None or holder.kind is not release.kind:
        return False
    order = _semantic if release.kind is Kind.ENVIRONMENT else _number
    mine = (release.asset_name, release.asset_version)
    return bool(_lowers((holder.asset_name, holder.asset_version), mine, order))


def lowered(release: Release) -> dict[str, str]:
    """What goes down, by dimension, in words; empty when nothing does, or before it is known what production runs."""
    if release.kind is Kind.ENVIRONMENT:
        return _lowered_in_fleet(release)
    if release.kind is Kind.MODEL and release.targets:
        return lowered_from(release, release.target.found)
    return {}


def lowered_from(release: Release, found: InProduction | None) -> dict[str, str]:
    """What a release of a model would lower where this runs."""
    if found is None:
        return {}
    plan = release.target.plan
    told = {
        "model": _lowers(asset_of(found.model), (plan.registry_model_name, release.asset_version), _number),
        "environment": _lowers(asset_of(found.environment), asset_of(brought_environment(release.target)), _semantic),
    }
    return {dimension: f"lowers {version} that production runs" for dimension, version in told.items() if version}


def _lowered_in_fleet(release: Release) -> dict[str, str]:
    wanted = (release.asset_name, release.asset_version)
    higher = {t.key: _lowers(asset_of(t.previous.environment), wanted, _semantic) for t in release.fleet}
    keys = [key for key, version in higher.items() if version]
    if not keys:
        return {}
    versions = ", ".join(sorted({higher[key] for key in keys}))
    return {"environment": f"lowers {versions} that {_circuits(keys)} run"}


def _circuits(keys: Iterable[str]) -> str:
    names = sorted(keys)
    more = f" and {len(names) - CIRCUITS_TOLD} more" if len(names) > CIRCUITS_TOLD else ""
    return ", ".join(names[:CIRCUITS_TOLD]) + more


def _lowers(running: tuple[str, str], wanted: tuple[str, str], order: _Order) -> str:
    """The version that runs, where it is higher and of the same name; versions without an order are not compared."""
    before, after = order(running[1]), order(wanted[1])
    is_lower = running[0] == wanted[0] and before is not None and after is not None and after < before
    return running[1] if is_lower else ""


def _number(version: str) -> tuple[int, ...] | None:
    return (int(version),) if re.fullmatch(r"[0-9]{1,64}", version) else None


def _semantic(version: str) -> tuple[int, ...] | None:
    try:
        parsed = SemanticVersion.parse(version)
    except InvalidRequest:
        return None
    return parsed.major, parsed.minor, parsed.patch
