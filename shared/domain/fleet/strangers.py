"""Deployments in production that belong to no circuit of the fleet, or to one that has another deployment."""

from collections.abc import Collection, Sequence

from shared.domain.fleet.roster import Roster
from shared.domain.release.model import FleetTarget


def strangers(endpoint_name: str, found: Sequence[FleetTarget], circuits: Collection[str]) -> str:
    """The deployments of the endpoint that belong to none of these circuits, as people are told; empty without any."""
    names = ", ".join(target.previous.deployment_name for target in found if target.key not in circuits)
    return f"{endpoint_name} runs {names}, which belong to no circuit of the fleet" if names else ""


def doubles(endpoint_name: str, found: Sequence[FleetTarget], elsewhere: Roster) -> str:
    """The circuits that the endpoint runs more than once, or that run `elsewhere` as well; empty without any.

    Each would have the other's *previous*, so that what ran there could not be put back.
    """
    keys = [target.key for target in found]
    known = {key: there.previous for key in keys if (there := elsewhere.find(key))}
    told = []
    for key in sorted({key for key in keys if key in known or keys.count(key) > 1}):
        here = ", ".join(target.previous.deployment_name for target in found if target.key == key)
        other = f" beside {known[key].deployment_name} of {known[key].endpoint_name}" if key in known else ""
        told.append(f"{key} ({here}{other})")
    return f"{endpoint_name}: more than one deployment runs circuit {'; '.join(told)}" if told else ""
