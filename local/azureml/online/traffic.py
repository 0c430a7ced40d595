"""Which deployment answers a request that names none.

"Safely roll out": live percentages sum to 100, or are all 0; mirrored ones sum to at most 50 and go to one deployment;
a deployment receives live traffic or mirrored traffic, not both.
"""

from __future__ import annotations

from collections.abc import Mapping

from local.azureml.service.errors import ArmError

Traffic = Mapping[str, int]
_MIRRORED_MAX = 50


def check(traffic: Traffic, mirror: Traffic) -> None:
    """Raises `ArmError` 400 for percentages that an endpoint cannot have."""
    for name, share in (*traffic.items(), *mirror.items()):
        if not isinstance(share, int) or not 0 <= share <= 100:
            raise _refused(f"The traffic of deployment {name} must be a whole number from 0 to 100, not {share!r}.")
    if (total := sum(traffic.values())) not in (0, 100):
        raise _refused(f"The traffic of all deployments must sum to 0 or 100, not {total}.")
    mirrored = {name for name, share in mirror.items() if share}
    if sum(mirror.values()) > _MIRRORED_MAX:
        raise _refused(f"At most {_MIRRORED_MAX} percent of the traffic can be mirrored.")
    if len(mirrored) > 1:
        raise _refused(f"Traffic can be mirrored to one deployment only, not to {', '.join(sorted(mirrored))}.")
    if both := mirrored & {name for name, share in traffic.items() if share}:
        raise _refused(f"Deployment {both.pop()} cannot receive live and mirrored traffic at once.")


def choose(traffic: Traffic, draw: float) -> str | None:
    """The deployment at a point of the distribution, 0 <= `draw` < 1; None where no deployment has a share."""
    passed = 0
    for name, share in traffic.items():
        passed += share
        if draw * 100 < passed:
            return name
    return None


def _refused(message: str) -> ArmError:
    return ArmError(400, "BadRequest", message)
