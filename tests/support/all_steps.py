"""Every step of every kind of release in which Azure ML is asked for something."""

from dataclasses import replace

from shared.domain.fleet.lanes import WORK
from shared.domain.release.decide import MACHINES
from shared.domain.release.model import LOOKED_AT, FleetTarget, Kind, Phase, Release
from tests.support.builders import a_fleet_release, a_release, a_rollback
from tests.support.online_releases import an_online_release

#: A watch reads only what the app recorded itself.
WITHOUT_AZURE_ML = {Phase.WATCHING}

STEPS = [
    (kind, phase)
    for kind in Kind
    for phase in sorted({phase for phase, _ in MACHINES[kind]} & LOOKED_AT - WITHOUT_AZURE_ML)
]
ON_TARGETS = [(kind, phase) for kind, phase in STEPS if phase in WORK]
ALONE = [(kind, phase) for kind, phase in STEPS if phase not in WORK]


def in_phase(kind: Kind, phase: Phase) -> Release:
    """A release in the step, whose targets were changed before, as a roll-back finds them."""
    build = {
        Kind.MODEL: a_release,
        Kind.ENVIRONMENT: a_fleet_release,
        Kind.ROLLBACK: a_rollback,
        Kind.ONLINE: an_online_release,
    }
    release = build[kind](phase)
    return replace(release, fleet=tuple(_touched(target) for target in release.fleet))


def _touched(target: FleetTarget) -> FleetTarget:
    return replace(target, touched=True)
