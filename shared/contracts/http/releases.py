"""What crosses our HTTP border, version 1. Times are ISO 8601 in UTC."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from shared.application.paging import Page
from shared.application.release.summary import Summary, summary_of
from shared.contracts.base import Contract
from shared.contracts.http.evidence import EvidenceView, evidence_in_release
from shared.contracts.http.fleet import ProgressView, fleet_progress_of
from shared.contracts.http.online import EndpointLine, endpoint_lines
from shared.contracts.http.paging import token_of
from shared.contracts.http.unreadable import UnreadableView, unreadable_of
from shared.domain.freezes.freeze import Freezes
from shared.domain.release.history import HistoryEntry
from shared.domain.release.makers import people_min
from shared.domain.release.model import GATE_OF_PHASE, Release
from shared.domain.release.specs import gate_digest, gate_facts
from shared.domain.release.warnings import gate_warnings

REASON_MAX = 2000
VERSION_MAX = 64
MODELS_MAX = 500


class DecisionRequest(Contract):
    """A person's yes or no. `digest` is the one the open gate shows: it says what you looked at."""

    decision: Literal["approve", "reject"]
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    reason: str = Field(default="", max_length=REASON_MAX, description="Required for a rejection.")


class ReasonRequest(Contract):
    """Why a release is aborted, a step is tried again, or a version is released again."""

    reason: str = Field(default="", max_length=REASON_MAX, description="Required but for a retry.")


class ModelReleaseRequest(Contract):
    """Which model version of the dev workspace to release, where its event did not come or an attempt has ended."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$", description="As it is registered in dev.")
    version: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", description="As it is registered in dev.")
    reason: str = Field(min_length=1, max_length=REASON_MAX, description="Why; it is kept in the history.")


class RollbackRequest(Contract):
    """Why production goes back, and whether it is critical: then nobody is asked, where the policy allows that."""

    reason: str = Field(min_length=1, max_length=REASON_MAX, description="Written on every deployment.")
    critical: bool = False
    to: str = Field(
        default="", max_length=VERSION_MAX, description="An earlier version to go back to; else what ran before."
    )
    models: list[str] = Field(
        default_factory=list,
        max_length=MODELS_MAX,
        description="With an environment: releases of models that go back in the same rollback.",
    )


class EnvironmentReleaseRequest(Contract):
    """Which environment version to release; name and workspace are those of the fleet."""

    version: str = Field(min_length=1, max_length=VERSION_MAX, description="MAJOR.MINOR.PATCH, registered in dev.")
    reason: str = Field(default="", max_length=REASON_MAX, description="Why; it is kept in the history.")


class WarningView(Contract):
    """What an approver should know first. `is_bad` where it needs a close look, or the policy wants a reason."""

    code: str
    text: str
    is_bad: bool


class GateView(Contract):
    """The open gate: who decides, until when, on which facts."""

    stage: str
    digest: str
    instructions: str
    facts: dict[str, str]
    approvals_needed: list[dict[str, str | int]]
    people_min: int = Field(default=1, description="How many different people must approve at least.")
    approved_by: list[str]
    warnings: list[WarningView] = Field(default_factory=list, description="What speaks against a yes, worst first.")


class WaitingView(Contract):
    """No silent wait."""

    waits_for: str
    since: datetime
    until: datetime | None
    who_can_end_it: list[str]


class CheckRunView(Contract):
    """One test inference."""

    attempt: int
    job_name: str
    verdict: str | None
    detail: str


class EarlierView(Contract):
    """An attempt of the same version that ended before, and what was decided by then, which counts for nothing."""

    release_id: str
    phase: str
    ended_at: datetime
    reason: str
    decisions: list[str]
    rolled_back: str


class ReleaseSummary(Contract):
    """One line of the list. `model` is what is released by name and version, `circuit` whom it is for: `P001/C001`, or
    for an environment `fleet of 120`. `version_attempt` counts the releases of this version, from 1 on."""

    release_id: str
    kind: str
    model: str
    circuit: str
    phase: str
    ended: bool
    reason: str
    waiting: WaitingView | None
    version_attempt: int = 1
    undone_by: str | None = Field(default=None, description="The rollback by which production went back from it.")


class ReleaseView(ReleaseSummary):
    """Everything about one release but its history."""

    opened_at: datetime
    phase_since: datetime
    attempt: int
    gate: GateView | None
    check_runs: list[CheckRunView]
    registry_model_id: str
    previous_model: str | None
    production_touched: bool
    evidence: EvidenceView | None = Field(default=None, description="Of an environment release; null for others.")
    progress: ProgressView | None = Field(description="Of an environment release; null for a model.")
    endpoints: list[EndpointLine] = Field(
        default_factory=list, description="Of a release to online endpoints: what it does to each of them."
    )
    earlier: list[EarlierView] = Field(default_factory=list, description="Attempts of the version before this one.")
    pull_request: str | None = Field(
        default=None, description="The pull request by which the configuration names the released environment."
    )
    again_as: str | None = Field(default=None, description="The attempt that followed this one after it had ended.")


class ReleaseList(Contract):
    """A page: open releases first, then ended ones, the latest end first."""

    releases: list[ReleaseSummary]
    unreadable: list[UnreadableView] = Field(default_factory=list)
    next: str | None = Field(default=None, description="Give it as `after` for the next page; null on the last one.")


class HistoryView(Contract):
    """One entry of the audit trail."""

    number: int
    at: datetime
    event: str
    actor: str
    actor_id: str
    phase_before: str
    phase_after: str
    note: str
    digest: str


class HistoryList(Contract):
    """Oldest first. `verified` says whether the hash chain fits and ends as the release says."""

    release_id: str
    verified: bool
    entries: list[HistoryView]


class Accepted(Contract):
    """The request was accepted (202) or had been carried out already (200)."""

    release_id: str
    answer: Literal["accepted", "already_done"]
    phase: str
    follow: str


class Problem(Contract):
    """RFC 9457 problem details."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str


RELEASES = "releases"
"""The name of the list in the tokens of its pages."""


def release_list_of(page: Page[Summary], freezes: Freezes) -> ReleaseList:
    """The page as it is shown."""
    return ReleaseList(
        releases=[line_of(summary, freezes) for summary in page.records],
        unreadable=unreadable_of(page.records.unreadable),
        next=token_of(RELEASES, page.after),
    )


def line_of(summary: Summary, freezes: Freezes | None = None) -> ReleaseSummary:
    """The list's view of a release."""
    return ReleaseSummary(**_line(summary, freezes))


def view_of(release: Release, freezes: Freezes | None = None, again_as: str | None = None) -> ReleaseView:
    """The full view of a release."""
    previous = release.targets[0].previous if release.targets else None
    return ReleaseView(
        **_line(summary_of(release), freezes),
        opened_at=release.opened_at,
        phase_since=release.phase_since,
        attempt=release.attempt,
        gate=gate_of(release),
        check_runs=[
            CheckRunView(attempt=r.attempt, job_name=r.job_name, verdict=r.verdict, detail=r.detail)
            for r in release.check_runs
        ],
        registry_model_id=release.registry_model_id,
        previous_model=previous.model if previous else None,
        production_touched=release.production_touched,
        evidence=evidence_in_release(release),
        progress=fleet_progress_of(release),
        endpoints=endpoint_lines(release),
        earlier=[EarlierView(**{**vars(each), "decisions": list(each.decisions)}) for each in release.earlier],
        pull_request=release.pull_request or None,
        again_as=again_as,
    )


def history_of(release_id: str, entries: list[HistoryEntry], *, verified: bool) -> HistoryList:
    """The audit trail as it is shown."""
    views = [
        HistoryView(
            number=entry.number,
            at=entry.at,
            event=entry.event,
            actor=entry.actor,
            actor_id=entry.actor_id,
            phase_before=entry.phase_before,
            phase_after=entry.phase_after,
            note=entry.note,
            digest=entry.digest,
        )
        for entry in entries
    ]
    return HistoryList(release_id=release_id, verified=verified, entries=views)


def _line(summary: Summary, freezes: Freezes | None) -> dict[str, Any]:
    wait = summary.waits(freezes)
    return {
        "release_id": summary.release_id,
        "kind": summary.kind.value,
        "model": summary.asset,
        "circuit": summary.for_whom,
        "phase": summary.phase.value,
        "version_attempt": summary.version_attempt,
        "undone_by": summary.undone_by or None,
        "ended": summary.phase.is_terminal,
        "reason": summary.reason,
        "waiting": WaitingView(
            waits_for=wait.waits_for, since=wait.since, until=wait.until, who_can_end_it=list(wait.who_can_end_it)
        )
        if wait
        else None,
    }


def gate_of(release: Release) -> GateView | None:
    """The open gate as it is shown; None where none is open."""
    stage = GATE_OF_PHASE.get(release.phase)
    if stage is None:
        return None
    policy = release.policy.gates[stage]
    digest = gate_digest(release, stage)
    return GateView(
        stage=stage.value,
        digest=digest,
        instructions=policy.instructions,
        facts=gate_facts(release, stage),
        approvals_needed=[{"group": rule.group, "count": rule.count} for rule in policy.approvals],
        people_min=people_min(release, stage),
        approved_by=[a.actor.name for a in release.approvals if a.stage is stage and a.digest == digest and a.approved],
        warnings=[
            WarningView(code=each.code.value, text=each.text, is_bad=each.is_bad)
            for each in gate_warnings(release, stage)
        ],
    )
