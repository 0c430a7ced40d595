"""What people want at random: approvals, rejections, aborts, retries, roll-backs; most of them sensible."""

import random

from shared.application import people
from shared.application.ports import Ports
from shared.domain.errors import DomainError
from shared.domain.events import RollbackRequested
from shared.domain.model import GATE_OF_PHASE, Actor, Kind, Phase, Release
from shared.domain.specs import gate_digest

#: How likely somebody aborts when acting, before and after production was touched; a fleet takes many more steps.
_IMPATIENCE = {Kind.MODEL: (0.002, 0.03), Kind.ENVIRONMENT: (0.0005, 0.004)}

#: How likely somebody sees scoring errors and wants the environment back.
_ROLL_BACK = {Phase.UPDATING: 0.01, Phase.WATCHING: 0.05, Phase.HELD: 0.1}


async def wish(release: Release, actor: Actor, rng: random.Random, ports: Ports) -> None:
    """One person acts on what `release` was when it was looked at; what is refused is told to the person."""
    rid, dice = release.release_id, rng.random()
    impatience = _IMPATIENCE[release.kind][release.production_touched]
    try:
        if dice < impatience:
            await people.abort(rid, actor, "changed my mind", ports)
        elif _wants_back(release, rng):
            await _roll_back(release, actor, rng, ports)
        elif release.phase is Phase.HELD:
            await people.retry(rid, actor, "", ports)
        elif release.phase in GATE_OF_PHASE:
            await _decide(release, actor, rng, ports)
    except DomainError:
        return


def _wants_back(release: Release, rng: random.Random) -> bool:
    return release.kind is Kind.ENVIRONMENT and rng.random() < _ROLL_BACK.get(release.phase, 0)


async def _roll_back(release: Release, actor: Actor, rng: random.Random, ports: Ports) -> None:
    """Of the release itself; the rollback of one that has ended meanwhile is another release, and not of this world."""
    event = RollbackRequested(
        event_id=f"{release.release_id}-rollback-{release.serial}-{actor.object_id}",
        release_id=release.release_id,
        occurred_at=ports.clock.now(),
        actor=actor,
        reason="scoring errors",
        critical=rng.random() < 0.5,
    )
    await people.submit(event, ports)


async def _decide(release: Release, actor: Actor, rng: random.Random, ports: Ports) -> None:
    stage = GATE_OF_PHASE[release.phase]
    digest = gate_digest(release, stage) if rng.random() < 0.95 else "0" * 64
    approved = rng.random() < 0.95
    await people.submit_approval(
        release.release_id, stage, actor, approved=approved, digest=digest, reason="looked at it", ports=ports
    )
