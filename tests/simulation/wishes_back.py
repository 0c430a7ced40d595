"""What people and alerts want of production at random: releases that have ended rolled back, and freezes."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.application.alerts.assess import MONITOR
from shared.application.fleet.earlier_versions import versions_before
from shared.application.fleet.rollback_requests import request_rollback
from shared.application.freezes.freezes import NoSuchFreeze, lift_freeze, read_freezes, set_freeze
from shared.application.release.ports import Ports
from shared.domain.errors import DomainError
from shared.domain.fleet.meter import AlertSeen
from shared.domain.release.model import TERMINAL, Actor, Kind, Phase, Release
from tests.fakes.store import Partition
from tests.simulation.circuits import MANAGER, PEOPLE

#: How long people freeze production; long enough for a release to come by, short enough for the world to end.
FREEZE_MINUTES = (3, 10, 40)
ALERTS = ("alert-1", "alert-2")
_ASKS_FOR_ANYTHING = 0.1


@dataclass(frozen=True)
class Unrest:
    """How often a world's people want to go back, to freeze or to release again, each time somebody acts."""

    rolls_back: float
    freezes: float
    releases_again: float

    @classmethod
    def of(cls, rng: random.Random, *, is_mixed: bool, is_calm: bool) -> "Unrest":
        if is_calm:
            return cls(rng.choice((0.004, 0.02)), freezes=0.0, releases_again=rng.choice((0.0, 0.01)))
        rolls_back = rng.choice((0.0, 0.02, 0.06)) * (1 if is_mixed else 2)
        again = rng.choice((0.0, 0.0, 0.01, 0.05))
        return cls(rolls_back, freezes=rng.choice((0.0, 0.0, 0.02)), releases_again=again)


def may_be_undone(partitions: Mapping[str, Partition], rng: random.Random) -> list[Release]:
    """What ended as released, whatever became of it since; sometimes people ask for what did not."""
    wanted = TERMINAL if rng.random() < _ASKS_FOR_ANYTHING else {Phase.RELEASED}
    releases = (partition.release for partition in partitions.values())
    return [each for each in releases if each.phase in wanted and each.kind is not Kind.ROLLBACK]


async def roll_back(release: Release, rng: random.Random, ports: Ports) -> None:
    """Somebody, or an alert, wants back what ran before; `release` is what it was when it was looked at."""
    critical = rng.random() < 0.4
    actor, alert = _who(rng, ports)
    models = await _models(release, rng, ports)
    to = "" if alert else await _to(release, rng, ports)
    try:
        await request_rollback(
            release.release_id, actor, "scoring errors", ports, critical=critical, alert=alert, models=models, to=to
        )
    except DomainError:
        return


async def _to(release: Release, rng: random.Random, ports: Ports) -> str:
    """Sometimes a person chooses an earlier version, of those that the history knows or not."""
    if rng.random() < 0.5:
        return ""
    known = await versions_before(release, ports)
    return rng.choice((*known, *known[1:], *known[1:], "0"))


async def _models(release: Release, rng: random.Random, ports: Ports) -> list[str]:
    """Sometimes models shall go back with an environment: all that ended, whatever became of them."""
    if release.kind is not Kind.ENVIRONMENT or rng.random() < 0.5:
        return []
    ended = (await ports.store.ended(50)).records
    return [each.release_id for each in ended if each.release_id.startswith("sensor-model")]


def _who(rng: random.Random, ports: Ports) -> tuple[Actor, AlertSeen | None]:
    if rng.random() < 0.5:
        return rng.choice(PEOPLE), None
    now = ports.clock.now()
    return MONITOR, AlertSeen(alert_id=rng.choice(ALERTS), fired_at=now, accepted_at=now)


async def freeze(rng: random.Random, ports: Ports) -> None:
    """A manager freezes all, a plant or a circuit, now or soon; or lifts what stands."""
    if rng.random() < 0.4:
        await _lift(rng, ports)
        return
    circuit = rng.choice(ports.config.fleet().circuits)
    scope = rng.choice(("fleet", circuit.partition("-")[0], circuit))
    starts_at = ports.clock.now() + timedelta(minutes=rng.choice((0, 0, 5)))
    length = timedelta(minutes=rng.choice(FREEZE_MINUTES))
    try:
        await set_freeze(scope, rng.choice(PEOPLE), "stock-taking", ports, until=length, starts_at=starts_at)
    except DomainError:
        return


async def _lift(rng: random.Random, ports: Ports) -> None:
    standing = await read_freezes(ports)
    if not standing.current:
        return
    try:
        await lift_freeze(rng.choice(standing.current).freeze_id, MANAGER, "it is counted", ports)
    except (DomainError, NoSuchFreeze):
        return
