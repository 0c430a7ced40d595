"""Gates that wait for people, and many decisions in one request."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.application.listed import Listed
from shared.application.release.gates import DECISIONS_MAX, AnsweredWish, OpenGate, Wish
from shared.contracts.base import Contract
from shared.contracts.http.releases import REASON_MAX, GateView, gate_of
from shared.contracts.http.unreadable import UnreadableView, unreadable_of
from shared.domain.release.policy import Stage

RELEASE_ID_MAX = 128


class OpenGateView(Contract):
    """One gate that waits. `circuit` is `P001/C001` where the release is for one circuit, else empty."""

    release_id: str
    kind: str
    asset: str
    circuit: str
    plant_name: str
    circuit_name: str
    criticality: Literal["high", "normal", "low"]
    group: str = Field(description="rollback, environment, model_with_warnings, model or first_gate.")
    since: datetime
    until: datetime | None = Field(description="When the gate ends undecided.")
    eligible: bool = Field(description="Whether you may decide on it.")
    because: str = Field(description="Why you may not; empty when you may.")
    gate: GateView


class GateList(Contract):
    """Critical plants first, then what ends first. `total` counts those beyond `limit` too."""

    gates: list[OpenGateView]
    total: int
    unreadable: list[UnreadableView] = Field(default_factory=list)


class GateDecision(Contract):
    """A yes or no to one gate. `digest` is the one that it shows: it says what you looked at."""

    release_id: str = Field(min_length=1, max_length=RELEASE_ID_MAX)
    stage: Literal["registry", "production", "rollback"]
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    decision: Literal["approve", "reject"]


class GateDecisions(Contract):
    """Many decisions with one reason. Each is answered by itself: one that is refused stops no other."""

    decisions: list[GateDecision] = Field(min_length=1, max_length=DECISIONS_MAX)
    reason: str = Field(default="", max_length=REASON_MAX, description="Required for a rejection.")


class DecidedBefore(Contract):
    """What somebody else had decided at the gate."""

    name: str
    decision: Literal["approve", "reject"]
    at: datetime


class DecisionAnswer(Contract):
    """What became of one decision.

    `accepted` and `already_done` need nothing more. `stale`: what you looked at has changed, and `digest` is that of
    now. `already_decided`: `by` says who was quicker. `not_allowed`, `needs_reason` and `not_found` say why in
    `detail`. `no_answer`: something did not answer; sending it again does no harm.
    """

    release_id: str
    stage: str
    answer: Literal[
        "accepted", "already_done", "already_decided", "stale", "not_allowed", "needs_reason", "not_found", "no_answer"
    ]
    detail: str = ""
    digest: str | None = None
    by: list[DecidedBefore] = Field(default_factory=list)


class DecisionAnswers(Contract):
    """One answer for each decision, in the order in which they came."""

    answers: list[DecisionAnswer]


def gate_list_of(gates: Listed[OpenGate], total: int) -> GateList:
    """The list as it is shown."""
    views = [(each, gate_of(each.release)) for each in gates]
    return GateList(
        gates=[_view(each, gate) for each, gate in views if gate is not None],
        total=total,
        unreadable=unreadable_of(gates.unreadable),
    )


def _view(each: OpenGate, gate: GateView) -> OpenGateView:
    release, place = each.release, each.place
    return OpenGateView(
        release_id=release.release_id,
        kind=release.kind.value,
        asset=release.asset,
        circuit=each.circuit.replace("-", "/", 1),
        plant_name=place.plant_name if place else "",
        circuit_name=place.circuit_name if place else "",
        criticality=place.criticality.value if place else "normal",
        group=each.group.value,
        since=release.phase_since,
        until=each.until,
        eligible=not each.because,
        because=each.because,
        gate=gate,
    )


def wishes_of(asked: GateDecisions) -> list[Wish]:
    """What is asked for, in the words of the use case."""
    return [
        Wish(
            release_id=each.release_id,
            stage=Stage(each.stage),
            digest=each.digest,
            approved=each.decision == "approve",
        )
        for each in asked.decisions
    ]


def answers_of(items: Sequence[AnsweredWish]) -> DecisionAnswers:
    """The answers as they are shown."""
    return DecisionAnswers(
        answers=[
            DecisionAnswer(
                release_id=each.wish.release_id,
                stage=each.wish.stage.value,
                answer=each.answer.value,
                detail=each.detail,
                digest=each.digest or None,
                by=[
                    DecidedBefore(name=said.actor.name, decision="approve" if said.approved else "reject", at=said.at)
                    for said in each.by
                ],
            )
            for each in items
        ]
    )
