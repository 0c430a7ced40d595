"""What people want at random: approvals, rejections, aborts, retries, roll-backs; most of them sensible."""

import random

from shared.application.release import people
from shared.application.release.ports import Ports
from shared.domain.errors import DomainError
from shared.domain.release.model import GATE_OF_PHASE, Actor, Kind, Phase, Release
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest
from tests.simulation import wishes_back, wishes_evidence
from tests.simulation.oracle_evidence import EvidenceJudge

#: How likely somebody aborts when acting, before and after production was touched; a fleet takes many more steps.
_IMPATIENCE = {Kind.MODEL: (0.002, 0.03), Kind.ENVIRONMENT: (0.0005, 0.004), Kind.ROLLBACK: (0.005, 0.01)}

#: How likely somebody gives a held release up instead of trying again.
_GIVES_UP = 0.05

#: How likely somebody sees scoring errors and wants the environment back.
_ROLL_BACK = {Phase.UPDATING: 0.005, Phase.WATCHING: 0.02, Phase.HELD: 0.05, Phase.AWAITING_ROLLBACK_APPROVAL: 0.05}


async def wish(
    release: Release, actor: Actor, rng: random.Random, ports: Ports, judge: EvidenceJudge, *, is_calm: bool = False
) -> None:
    """One person acts on what `release` was when it was looked at; what is refused is told to the person. Calm people
    neither lose their patience nor want back what has not ended."""
    rid, dice = release.release_id, rng.random()
    impatience = 0 if is_calm else _IMPATIENCE[release.kind][release.production_touched]
    try:
        if dice < impatience:
            await people.abort(rid, actor, "changed my mind", ports)
        elif _wants_back(release, rng) and not (is_calm and rng.random() < 0.8):
            await wishes_back.roll_back(release, rng, ports)
        elif release.phase is Phase.HELD:
            if rng.random() < _GIVES_UP:
                await people.abort(rid, actor, "tried in vain", ports)
            else:
                await people.retry(rid, actor, "", ports)
        elif _needs_evidence(release, rng):
            await wishes_evidence.hand_in(release, actor, rng, ports, judge)
        elif release.phase in GATE_OF_PHASE:
            await _decide(release, actor, rng, ports)
    except DomainError:
        return


def _wants_back(release: Release, rng: random.Random) -> bool:
    return release.kind is Kind.ENVIRONMENT and rng.random() < _ROLL_BACK.get(release.phase, 0)


def _needs_evidence(release: Release, rng: random.Random) -> bool:
    """Notebooks come before the registry gate is decided on; sometimes a better one follows, or a worse."""
    if release.kind is not Kind.ENVIRONMENT or release.phase not in (Phase.VERIFYING, Phase.AWAITING_REGISTRY_APPROVAL):
        return False
    required = release.policy.gates[Stage.REGISTRY].evidence_required
    return rng.random() < (0.15 if required and release.evidence is None else 0.05)


async def _decide(release: Release, actor: Actor, rng: random.Random, ports: Ports) -> None:
    stage = GATE_OF_PHASE[release.phase]
    digest = gate_digest(release, stage) if rng.random() < 0.95 else "0" * 64
    approved = rng.random() < 0.98
    reason = "looked at it" if rng.random() < 0.8 else ""
    await people.submit_approval(
        release.release_id, stage, actor, approved=approved, digest=digest, reason=reason, ports=ports
    )
