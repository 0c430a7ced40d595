"""Gates that wait for people: which one may decide on, with what speaks against a yes, and many decisions at once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.application.errors import TransientFault, Unreadable
from shared.application.listed import AT_ONCE, Listed, all_of
from shared.application.release.lists import open_entries, summaries
from shared.application.release.people import Answer, NoSuchRelease, submit_approval
from shared.application.release.ports import CircuitPlace, Criticality, Ports
from shared.application.release.summary import Summary
from shared.domain.errors import Conflict, InvalidRequest, NotEligible
from shared.domain.people import why_not
from shared.domain.release.model import GATE_OF_PHASE, Actor, Approval, Kind, Release
from shared.domain.release.policy import Stage
from shared.domain.release.specs import gate_digest
from shared.domain.release.warnings import GateWarning, gate_warnings

DECISIONS_MAX = 100
"""Decisions in one request: a few seconds of work, and as many as a person can have looked at."""


class GateGroup(StrEnum):
    """What gates have in common for whoever decides, in the order in which they should be looked at."""

    ROLLBACK = "rollback"
    ENVIRONMENT = "environment"
    MODEL_WITH_WARNINGS = "model_with_warnings"
    MODEL = "model"
    FIRST_GATE = "first_gate"


@dataclass(frozen=True, kw_only=True)
class OpenGate:
    """A gate that waits. `because` says why this person may not decide on it; empty when they may. `place` is the one
    circuit that the release is for, None where it is for several."""

    release: Release
    stage: Stage
    group: GateGroup
    warnings: tuple[GateWarning, ...]
    because: str
    circuit: str
    place: CircuitPlace | None

    @property
    def until(self) -> datetime | None:
        """When the gate ends undecided."""
        return self.release.deadline_at


async def open_gates(actor: Actor, ports: Ports, *, mine: bool, limit: int) -> tuple[Listed[OpenGate], int]:
    """The gates that wait, and how many there are in all: critical plants first, then what ends first. With `mine` only
    those that `actor` may decide on. All releases that rest cost one read; each other, and each gate shown, two."""
    places = ports.config.fleet().places
    found = await summaries([each async for each in open_entries(ports)], ports)
    unreadable = tuple(each for each in found if isinstance(each, Unreadable))
    waiting = [each for each in found if isinstance(each, Summary) and each.phase in GATE_OF_PHASE]
    if mine:
        waiting = [each for each in waiting if each.waits_for(actor)]
    waiting.sort(key=lambda each: (*_urgency(each, places), each.release_id))
    stored = await all_of([each.release_id for each in waiting[:limit]], ports.store.load)
    gates = [_gate(each.release, actor, places) for each in stored if each.release.phase in GATE_OF_PHASE]
    shown = (each for each in gates if not (mine and each.because))
    return Listed(shown, unreadable + stored.unreadable), len(waiting)


def _urgency(summary: Summary, places: Mapping[str, CircuitPlace]) -> tuple[int, float]:
    """By plant, then by deadline; what is for many circuits is as critical as the most critical of them."""
    order = list(Criticality)
    ranks = [order.index(places[each].criticality) for each in summary.circuits if each in places]
    until = summary.waiting.until if summary.waiting else None
    return min(ranks, default=0), until.timestamp() if until else 0.0


def _gate(release: Release, actor: Actor, places: Mapping[str, CircuitPlace]) -> OpenGate:
    stage = GATE_OF_PHASE[release.phase]
    warnings = gate_warnings(release, stage)
    candidate = release.candidate
    circuit = f"{candidate.plant_id}-{candidate.circuit_id}" if candidate and release.kind is Kind.MODEL else ""
    return OpenGate(
        release=release,
        stage=stage,
        group=_group(release, stage, warnings),
        warnings=warnings,
        because=why_not(release, stage, actor),
        circuit=circuit,
        place=places.get(circuit),
    )


def _group(release: Release, stage: Stage, warnings: Sequence[GateWarning]) -> GateGroup:
    if stage is Stage.ROLLBACK:
        return GateGroup.ROLLBACK
    if release.kind is Kind.ENVIRONMENT:
        return GateGroup.ENVIRONMENT
    if stage is Stage.REGISTRY:
        return GateGroup.FIRST_GATE
    return GateGroup.MODEL_WITH_WARNINGS if warnings else GateGroup.MODEL


@dataclass(frozen=True, kw_only=True)
class Wish:
    """One decision of many; `digest` says what the person looked at."""

    release_id: str
    stage: Stage
    digest: str
    approved: bool


class GateAnswer(StrEnum):
    """What became of one decision of many."""

    ACCEPTED = "accepted"
    ALREADY_DONE = "already_done"
    ALREADY_DECIDED = "already_decided"
    STALE = "stale"
    NOT_ALLOWED = "not_allowed"
    NEEDS_REASON = "needs_reason"
    NOT_FOUND = "not_found"
    NO_ANSWER = "no_answer"  # something did not answer: sending it again does no harm


@dataclass(frozen=True, kw_only=True)
class AnsweredWish:
    """The answer to one decision, with why in words. `digest` is what the gate shows now where that is another one,
    `by` who decided before."""

    wish: Wish
    answer: GateAnswer
    detail: str = ""
    digest: str = ""
    by: tuple[Approval, ...] = ()


async def decide_many(wishes: Sequence[Wish], reason: str, actor: Actor, ports: Ports) -> list[AnsweredWish]:
    """Each decision as if it had come alone, in the order given: one that is refused stops no other. Sending the same
    again changes nothing. Raises InvalidRequest for more than DECISIONS_MAX, for none, and for a gate named twice."""
    if not 1 <= len(wishes) <= DECISIONS_MAX:
        raise InvalidRequest(f"decide on 1 to {DECISIONS_MAX} gates at once, not on {len(wishes)}")
    if len({(wish.release_id, wish.stage) for wish in wishes}) < len(wishes):
        raise InvalidRequest("a gate is named twice: decide on each once")
    items: list[AnsweredWish] = []
    for start in range(0, len(wishes), AT_ONCE):
        part = wishes[start : start + AT_ONCE]
        items += await asyncio.gather(*(_decide(wish, reason, actor, ports) for wish in part))
    return items


async def _decide(wish: Wish, reason: str, actor: Actor, ports: Ports) -> AnsweredWish:
    try:
        decided = await submit_approval(
            wish.release_id,
            wish.stage,
            actor,
            approved=wish.approved,
            digest=wish.digest,
            reason=reason,
            ports=ports,
        )
    except NoSuchRelease as error:
        return AnsweredWish(wish=wish, answer=GateAnswer.NOT_FOUND, detail=str(error))
    except NotEligible as error:
        return AnsweredWish(wish=wish, answer=GateAnswer.NOT_ALLOWED, detail=str(error))
    except InvalidRequest as error:
        return AnsweredWish(wish=wish, answer=GateAnswer.NEEDS_REASON, detail=str(error))
    except Conflict as error:
        return await _too_late(wish, str(error), ports)
    except (TransientFault, Unreadable) as error:
        return AnsweredWish(wish=wish, answer=GateAnswer.NO_ANSWER, detail=str(error))
    done = decided.answer is Answer.ALREADY_DONE
    return AnsweredWish(wish=wish, answer=GateAnswer.ALREADY_DONE if done else GateAnswer.ACCEPTED)


async def _too_late(wish: Wish, detail: str, ports: Ports) -> AnsweredWish:
    """Somebody was quicker, or what was looked at has changed: the difference is what the person does next."""
    stored = await ports.store.load(wish.release_id)
    release = stored.release if stored else None
    if release is not None and GATE_OF_PHASE.get(release.phase) is wish.stage:
        digest = gate_digest(release, wish.stage)
        if digest != wish.digest:
            return AnsweredWish(wish=wish, answer=GateAnswer.STALE, detail=detail, digest=digest)
    by = tuple(each for each in release.approvals if each.stage is wish.stage) if release else ()
    return AnsweredWish(wish=wish, answer=GateAnswer.ALREADY_DECIDED, detail=detail, by=by)
