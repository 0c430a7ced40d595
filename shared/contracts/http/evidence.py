"""What crosses our HTTP border about the evidence of an environment release, version 1."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from shared.contracts.base import Contract
from shared.domain.evidence.gate import assessed, evidence_required
from shared.domain.release.model import Kind, Release
from shared.domain.release.policy import Stage


class ReasonView(Contract):
    """One rule, whether it holds, and why."""

    rule: str
    holds: bool
    text: str


class EvidenceView(Contract):
    """What the evidence is worth by the approval decision matrix; an advice is no approval.

    Without a notebook the advice is to reject, and hash, size, person and time are null.
    """

    release_id: str
    advice: Literal["approve", "needs a person", "reject"]
    quality: str = Field(description="The matrix's first column: the notebook.")
    tests: str = Field(description="The matrix's second column: the tests of all models, as far as they are now.")
    required: bool = Field(description="Whether the registry gate asks for evidence.")
    reasons: list[ReasonView]
    sha256: str | None = Field(description="Of the file's bytes; approvals bind to it.")
    size_bytes: int | None
    submitted_by: str | None
    submitted_at: datetime | None


class EvidenceAccepted(Contract):
    """The notebook was read and accepted (202), or is the release's evidence already (200)."""

    release_id: str
    answer: Literal["accepted", "already_done"]
    phase: str
    follow: str
    evidence: EvidenceView


def evidence_view_of(release: Release) -> EvidenceView:
    """The view of an environment release's evidence."""
    found, evidence = assessed(release), release.evidence
    return EvidenceView(
        release_id=release.release_id,
        advice=found.advice.value,
        quality=found.quality.value,
        tests=found.fleet.value,
        required=evidence_required(release, Stage.REGISTRY),
        reasons=[ReasonView(rule=reason.rule, holds=reason.holds, text=reason.text) for reason in found.reasons],
        sha256=evidence.sha256 if evidence else None,
        size_bytes=evidence.size_bytes if evidence else None,
        submitted_by=evidence.submitted_by if evidence else None,
        submitted_at=evidence.at if evidence else None,
    )


def evidence_in_release(release: Release) -> EvidenceView | None:
    """The same beside everything else about a release; None for releases of other kinds."""
    return evidence_view_of(release) if release.kind is Kind.ENVIRONMENT else None
